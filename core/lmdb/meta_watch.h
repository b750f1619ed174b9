// The newest transaction's id, read where LMDB writes it: on the file's two meta pages, which are
// mapped here a second time. A reader asks so often whether anything was committed that it must
// cost less than beginning a transaction.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace oocmap {

class MetaWatch {
 public:
  // Where a meta page has its transaction, in LMDB 0.9 on a 64-bit machine, behind: page header (16
  // bytes), magic and version (8), address (8), map size (8), two trees (96), last page (8).
  static constexpr size_t kTransactionAt = 144;

  // Maps the meta pages of an open file. Errors: kIo.
  MetaWatch(int fd, size_t page_size, const std::string& path);
  ~MetaWatch();
  MetaWatch(const MetaWatch&) = delete;
  MetaWatch& operator=(const MetaWatch&) = delete;

  // Never less than the id that a transaction begun before this call has seen. Cost: two loads.
  uint64_t newest() const noexcept { return std::max(load(ids_[0]), load(ids_[1])); }

  // Whether a read transaction that has just begun, with this id, has copied the meta page of that
  // id, and whole. LMDB takes the id first, and then the page that such an id is on, which the next
  // but one commit overwrites: a reader that was not running meanwhile has another commit than its
  // id says. False also where the next commit is written already. Cost: a load.
  bool copied(uint64_t id) const noexcept {
    after_the_copy();
    return load(ids_[(id + 1) % 2]) <= id;
  }
  // The same while the next commit is being written, but for what the next but one may be writing
  // just now: its id comes last.
  bool holds(uint64_t id) const noexcept {
    after_the_copy();
    return load(ids_[id % 2]) == id;
  }

 private:
  static void after_the_copy() noexcept {
#ifndef __SANITIZE_THREAD__  // g++ 12's knows no fences; and on x86 loads keep their order
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
  }
  // Another process may be writing it just now: then its commit has not returned.
  static uint64_t load(const uint64_t* id) noexcept {
    return __atomic_load_n(id, __ATOMIC_ACQUIRE);
  }
  void* pages_ = nullptr;
  size_t size_ = 0;
  const uint64_t* ids_[2] = {};
};

}  // namespace oocmap
