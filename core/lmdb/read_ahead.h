// How the kernel reads a map: with much of what follows, or the pages that are asked for. Private
// to core/lmdb.
#pragma once

#include <cstdint>

struct MDB_env;

namespace oocmap {

// Where one page is wanted the kernel reads some hundred kilobytes around it, or megabytes. That is
// quicker while all of the file finds room in memory. Once it does not, each read of a value throws
// out what others need: 3,000 reads of a file of 400 MiB in 128 MiB of memory took 44 s, and 0.2 s
// with the pages alone.
class ReadAhead {
 public:
  // To be called when a file of `allocated` bytes was mapped, and when it has grown: ends reading
  // ahead once it takes more than half of the memory.
  // Cost: a comparison; up to 100 us now and then, for a file of 64 MiB or more.
  void fit(MDB_env* env, uint64_t allocated) noexcept;
  // Another map has taken its place.
  void mapped() noexcept { *this = {}; }

 private:
  static constexpr uint64_t kFitsAnywhere = uint64_t{64} << 20;
  uint64_t room_ = kFitsAnywhere;  // so many bytes need no look at the memory
  bool ended_ = false;
};

}  // namespace oocmap
