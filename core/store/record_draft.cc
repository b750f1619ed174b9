#include "core/store/record_draft.h"

#include <cstring>

namespace oocmap {

// A first node may be added without asking has_room(): one of kMaxNodeBytes fits any record.
static_assert(kRecordHeader + kMaxNodeBytes + 2 <= kMaxRecordBytes);

RecordDraft::RecordDraft()
    : bytes_(new char[kMaxRecordBytes]), offsets_(new uint16_t[kMaxDraftSlots]) {}

void RecordDraft::begin(uint64_t id, size_t first_slot) noexcept {
  id_ = id;
  first_slot_ = first_slot;
  end_ = kRecordHeader;
  slots_ = 0;
  flags_ = 0;
}

char* RecordDraft::add(size_t bytes) noexcept {
  char* const node = bytes_.get() + end_;
  offsets_[slots_++] = static_cast<uint16_t>(end_ / 2);
  end_ += padded(bytes);
  if (bytes % 2 != 0) node[bytes] = 0;
  return node;
}

Bytes RecordDraft::node(size_t i) const noexcept {
  const size_t start = size_t{2} * offsets_[i];
  const size_t end = i + 1 < slots_ ? size_t{2} * offsets_[i + 1] : end_;
  return {bytes_.get() + start, end - start};
}

Bytes RecordDraft::finish() noexcept {
  char* const record = bytes_.get();
  store_le(record, flags_);
  store_le(record + 2, static_cast<uint16_t>(slots_));
  store_le(record + 4, static_cast<uint16_t>(slots_));
  store_le(record + 6, uint16_t{0});
  std::memcpy(record + end_, offsets_.get(), 2 * slots_);
  return {record, end_ + 2 * slots_};
}

}  // namespace oocmap
