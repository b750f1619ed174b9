// A record being filled with new nodes, in place: what RecordEditor is for editing, without its
// allocations and its second copy of every node.
#pragma once

#include <cstdint>
#include <memory>

#include "core/format/record.h"

namespace oocmap {

class RecordDraft {
 public:
  RecordDraft();
  // Begins an empty record. `id` may be any number the caller later replaces in identities.
  // `limit`: bytes it is to be filled up to. `first_slot`: where the nodes will be added to a
  // record that has that many slots.
  void begin(uint64_t id, size_t limit = kMaxRecordBytes, size_t first_slot = 0) noexcept;
  uint64_t id() const noexcept { return id_; }
  size_t slots() const noexcept { return slots_; }
  bool empty() const noexcept { return slots_ == 0; }
  void add_flags(uint16_t flags) noexcept { flags_ |= flags; }
  uint16_t flags() const noexcept { return flags_; }

  // The limit of the next record where about `expected` bytes of nodes are still to come.
  static size_t limit_for(size_t expected) noexcept;
  // Whether a node of `bytes` still fits the limit, or the pages the record takes anyway. A first
  // node always does.
  bool has_room(size_t bytes) const noexcept {
    const size_t with_it = end_ + padded(bytes) + 2 * (slots_ + 1);
    if (slots_ == 0 || with_it <= limit_) return true;
    const size_t now = end_ + 2 * slots_;
    return now > kLeafValue && with_it <= whole_pages(now);
  }
  // Gives out the next slot with `bytes` (at most kMaxNodeBytes) for its node, to be written at
  // once.
  char* add(size_t bytes) noexcept;
  // Identity of the node added last.
  Identity last() const noexcept {
    return make_identity(id_, static_cast<uint16_t>(first_slot_ + slots_ - 1));
  }
  // The i-th node added, with its padding.
  Bytes node(size_t i) const noexcept;
  // The whole record (first_slot 0). Nothing may be added after it.
  Bytes finish() noexcept;

 private:
  // LMDB, with pages of 4 KB, keeps values up to this size two or more to a leaf page; a larger one
  // gets pages of its own, each value beginning a page. (With other pages it is a matter of space
  // only.)
  static constexpr size_t kLeafValue = 2022;
  static constexpr size_t kPage = 4096;
  static constexpr size_t kPageHeader = 16;
  // The largest value that takes no more pages than one of `size` does.
  static constexpr size_t whole_pages(size_t size) noexcept {
    const size_t pages = (size + kPageHeader + kPage - 1) / kPage;
    const size_t most = pages * kPage - kPageHeader;
    return most < kMaxRecordBytes ? most : kMaxRecordBytes;
  }
  static constexpr size_t padded(size_t size) noexcept { return (size + 1) & ~size_t{1}; }
  static constexpr size_t kMaxDraftSlots = kMaxRecordBytes / (kNodeHeader + 2) + 1;

  std::unique_ptr<char[]> bytes_;
  std::unique_ptr<uint16_t[]> offsets_;
  uint64_t id_ = 0;
  size_t limit_ = kMaxRecordBytes;
  size_t end_ = kRecordHeader;
  size_t slots_ = 0;
  size_t first_slot_ = 0;
  uint16_t flags_ = 0;
};

}  // namespace oocmap
