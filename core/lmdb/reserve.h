// Room on the disk that is kept for removing. LMDB never writes over what a commit has, so that a
// transaction needs new pages before it frees old ones: on a full disk not even a delete would do.
//
// It is a piece of the lock file, far behind its end: allocated without changing st_size, where
// nobody ever reads or writes. (Not of the data file: ext4 drops what is behind the end of a file
// when a write that would make it longer fails.) A commit that removes entries, and vacuum's, give
// it back when the disk is nearly full, and take what is left of it again afterwards. Several
// processes do that without knowing of each other: allocating what is allocated, and freeing what
// is free, does nothing.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/export.h"

namespace oocmap {

// For a data file that takes `allocated` bytes of the disk: an eighth, from 256 KiB up to 4 MiB;
// none below 1 MiB.
OOCMAP_API uint64_t reserve_for(uint64_t allocated) noexcept;

// Threads: called by who holds the file's write lock, except nearly_full(), met_failure() and
// low(). `fd`: the lock file's. No function fails: without a reserve (a file system that has no
// such allocations) all goes on.
class OOCMAP_API Reserve {
 public:
  // Whether less than 8 MiB would be left on the disk by a commit of about `pages` pages, or it was
  // full. Cost: an fstatvfs.
  bool nearly_full(int fd, uint64_t pages) const noexcept;
  // Before such a commit, of one that makes room: gives the reserve back where the disk is nearly
  // full. Cost: as above; an fsync where it is given back.
  void before_removing(int fd, uint64_t pages) noexcept;
  // A write failed. No call tells how much a quota leaves: once one was met, the disk counts as
  // full until a commit has taken more of it.
  void met_failure(int error) noexcept;
  // After each transaction: takes again what was given back, or, after a commit, more where the
  // data file, which takes `allocated` bytes, has grown; never what would make the disk full.
  void ended(int fd, uint64_t allocated, bool committed) noexcept;
  // Whether less than half is left of what there was last: free pages should be given back to the
  // disk, and then fit() be called. LMDB takes those first that have been free for long, which a
  // vacuum may have given back, so that even who only removes needs ever more.
  bool low() const noexcept { return low_.load(std::memory_order_relaxed); }
  // After that, or a vacuum: as much as is due to what is left.
  void fit(int fd, uint64_t allocated) noexcept;

 private:
  void take_again(int fd, uint64_t owed) noexcept;
  void take_more(int fd, uint64_t allocated) noexcept;
  void take(int fd, uint64_t wanted) noexcept;

  std::atomic<uint64_t> held_{0};       // bytes, as far as this process knows
  std::atomic<uint64_t> owed_{0};       // to be taken again after the commit that is under way
  std::atomic<uint64_t> refused_{0};    // not tried again while the data file takes as much as this
  std::atomic<uint64_t> enough_{0};     // not low with that
  std::atomic<uint64_t> allocated_{0};  // by the data file
  std::atomic<bool> was_full_{false};
  std::atomic<bool> low_{false};
};

}  // namespace oocmap
