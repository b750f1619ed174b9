// How many pages a write transaction has changed, estimated. Private to core/lmdb.
//
// LMDB holds 131,071 changed pages. An outermost transaction writes some out when it has more; one
// nested in it may write out its own only, so what its ancestors hold is lost to it: with little
// left every put sorts long lists (27 s for 30,000 puts), and then there is MDB_TXN_FULL. LMDB does
// not tell the number. A put beside the last one most likely changes the same page; any other one
// more.
#pragma once

#include <array>
#include <cstdint>

#include "core/lmdb/transaction.h"

namespace oocmap {

class DirtyPages {
 public:
  explicit DirtyPages(DirtyPages* parent) : parent_(parent) {}

  // An entry of `key` and `size` bytes in all was put or erased.
  void count(Database database, Bytes key, size_t size) noexcept {
    ++writes_;
    if (size > kLargestInPage) {
      own_ += 1 + static_cast<double>(size) / kPageBytes;
    } else if (beside_last(database, key)) {
      own_ += static_cast<double>(size + kEntryOverhead) / kPageBytes;
    } else {
      own_ += 1;
    }
  }

  // This transaction and those it is nested in.
  double total() const noexcept { return own_ + (parent_ == nullptr ? 0 : parent_->total()); }
  // Puts and erases, of those it is nested in too.
  uint64_t writes() const noexcept {
    return writes_ + (parent_ == nullptr ? 0 : parent_->writes());
  }
  // What the writes removed, as their caller counts it; of this transaction alone.
  void count_removed(uint64_t entries) noexcept { removed_ += entries; }
  uint64_t removed() const noexcept { return removed_; }
  // The nested transaction has become part of its parent.
  void merge() noexcept {
    if (parent_ == nullptr) return;
    parent_->own_ += own_;
    parent_->writes_ += writes_;
    parent_->removed_ += removed_;
  }
  void clear() noexcept {
    own_ = 0;
    writes_ = 0;
    removed_ = 0;
  }

 private:
  static constexpr size_t kPageBytes = 4096;
  static constexpr size_t kLargestInPage = 2000;  // a larger entry has pages of its own
  static constexpr size_t kEntryOverhead = 10;
  static constexpr size_t kPrefix = 16;

  struct LastKey {
    size_t size = 0;
    char prefix[kPrefix];
  };

  // Whether `key` is as long as the last one in this database and equal but for two bytes at its
  // end (numbers are little-endian, so: at its front).
  bool beside_last(Database database, Bytes key) noexcept {
    LastKey& last = last_[static_cast<size_t>(database)];
    const bool number = database == Database::kRecords || database == Database::kImmutables;
    const size_t size = key.size() < kPrefix ? key.size() : kPrefix;
    const size_t skip = number && size > 2 ? 2 : 0;
    const size_t end = !number && key.size() <= kPrefix && size > 2 ? size - 2 : size;
    const bool beside = last.size == key.size() &&
                        std::memcmp(last.prefix + skip, key.data() + skip, end - skip) == 0;
    last.size = key.size();
    std::memcpy(last.prefix, key.data(), size);
    return beside;
  }

  DirtyPages* parent_;
  double own_ = 0;
  uint64_t writes_ = 0;
  uint64_t removed_ = 0;
  std::array<LastKey, kDatabaseCount> last_ = {};
};

}  // namespace oocmap
