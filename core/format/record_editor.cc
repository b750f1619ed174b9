#include <algorithm>
#include <string>

#include "core/base/error.h"
#include "core/format/record.h"

namespace oocmap {
namespace {

constexpr size_t padded(size_t size) noexcept { return (size + 1) & ~size_t{1}; }

}  // namespace

RecordEditor::RecordEditor() = default;

RecordEditor::RecordEditor(Bytes record) { load(record); }

void RecordEditor::reset() noexcept {
  nodes_.clear();
  offsets_.clear();
  dead_ = 0;
  live_ = 0;
  flags_ = 0;
}

void RecordEditor::load(Bytes record) {
  reset();
  const size_t slots = record_slots(record);
  if (record.size() < kRecordHeader + 2 * slots) throw_corrupt("a record's directory leaves it");
  const size_t end = record.size() - 2 * slots;
  if (end % 2 != 0) throw_corrupt("a record has an odd size");
  flags_ = record_flags(record);
  offsets_.resize(slots);
  size_t used = 0;
  for (size_t slot = 0; slot < slots; ++slot) {
    const size_t start = 2 * size_t{load_le<uint16_t>(record.data() + end + 2 * slot)};
    if (start == 0) continue;
    const NodeView view = NodeView::locate(record, static_cast<uint16_t>(slot));
    const size_t size = padded(view.bytes().size());
    used += size;
    // Overlapping nodes would let a small record unfold into a huge one.
    if (start + size > end || used > end - kRecordHeader) throw_corrupt("nodes overlap");
    offsets_[slot] = {static_cast<uint32_t>(start - kRecordHeader), static_cast<uint32_t>(size),
                      false};
    ++live_;
  }
  nodes_.assign(record.substr(kRecordHeader, end - kRecordHeader));
  dead_ = nodes_.size() - used;
}

size_t RecordEditor::encoded_size() const noexcept {
  return kRecordHeader + nodes_.size() - dead_ + 2 * offsets_.size();
}

size_t RecordEditor::size_with(uint16_t slot, size_t bytes) const noexcept {
  const size_t old = slot < offsets_.size() ? offsets_[slot].size : 0;
  return encoded_size() - old + padded(bytes);
}

bool RecordEditor::has_room(size_t bytes) const noexcept {
  if (offsets_.size() >= kMaxSlots) return false;
  return live_ == 0 || encoded_size() + padded(bytes) + 2 <= kMaxRecordBytes;
}

uint16_t RecordEditor::reserve() {
  if (offsets_.size() >= kMaxSlots) {
    throw Error(ErrorCode::kInvalidArgument, "a record has no slot left");
  }
  offsets_.push_back({0, 0, true});
  return static_cast<uint16_t>(offsets_.size() - 1);
}

uint16_t RecordEditor::add(Bytes node) {
  const uint16_t slot = reserve();
  put(slot, node);
  return slot;
}

void RecordEditor::check_slot(uint16_t slot) const {
  if (slot < offsets_.size() && (offsets_[slot].reserved || offsets_[slot].size != 0)) return;
  throw Error(ErrorCode::kInvalidArgument, "slot " + std::to_string(slot) + " has no node");
}

void RecordEditor::replace(uint16_t slot, Bytes node) {
  check_slot(slot);
  dead_ += offsets_[slot].size;
  if (offsets_[slot].size != 0) --live_;
  put(slot, node);
}

// Appends the node: the one that was there is dead bytes now, and finish() leaves them out.
void RecordEditor::put(uint16_t slot, Bytes node) {
  const size_t start = nodes_.size();
  nodes_.append(node);
  nodes_.resize(padded(nodes_.size()));
  offsets_[slot] = {static_cast<uint32_t>(start), static_cast<uint32_t>(nodes_.size() - start),
                    false};
  ++live_;
}

void RecordEditor::kill(uint16_t slot) {
  check_slot(slot);
  if (offsets_[slot].size != 0) --live_;
  dead_ += offsets_[slot].size;
  offsets_[slot] = Slot{};
}

Bytes RecordEditor::node(uint16_t slot) const {
  if (slot >= offsets_.size()) return {};
  return Bytes(nodes_).substr(offsets_[slot].offset, offsets_[slot].size);
}

Buffer RecordEditor::finish() const {
  Buffer out;
  finish(out);
  return out;
}

// The nodes as they lie where nothing is dead, else one after another in slot order. Past 128 KiB
// the largest goes last, since only where a node starts is bounded.
void RecordEditor::finish(Buffer& to) const {
  for (const Slot& slot : offsets_) {
    if (slot.reserved) throw Error(ErrorCode::kInvalidArgument, "a reserved slot was never filled");
  }
  const size_t size = encoded_size();
  const size_t start = to.size();
  to.resize(start + size);
  char* const record = to.data() + start;
  store_le(record, flags_);
  store_le(record + 2, static_cast<uint16_t>(slots()));
  char* const directory = record + size - 2 * slots();
  if (dead_ == 0 && size <= kMaxNodeStart) {
    std::memcpy(record + kRecordHeader, nodes_.data(), nodes_.size());
    for (size_t i = 0; i < slots(); ++i) {
      const size_t offset = offsets_[i].size == 0 ? 0 : kRecordHeader + offsets_[i].offset;
      store_le(directory + 2 * i, static_cast<uint16_t>(offset / 2));
    }
    return;
  }
  const size_t last = size > kMaxNodeStart ? largest() : slots();
  size_t next = kRecordHeader;
  for (size_t i = 0; i < slots(); ++i) {
    if (i != last) next = place(i, record, directory, next);
  }
  if (last < slots()) place(last, record, directory, next);
}

// Copies a slot's node to `offset` of the record; returns where the next one goes.
size_t RecordEditor::place(size_t slot, char* record, char* directory, size_t offset) const {
  const Slot& from = offsets_[slot];
  if (from.size == 0) return offset;
  if (offset > kMaxNodeStart) {
    throw Error(ErrorCode::kTransactionTooBig, "a record would have a node past 128 KiB");
  }
  std::memcpy(record + offset, nodes_.data() + from.offset, from.size);
  store_le(directory + 2 * slot, static_cast<uint16_t>(offset / 2));
  return offset + from.size;
}

size_t RecordEditor::largest() const noexcept {
  const auto by_size = [](const Slot& a, const Slot& b) { return a.size < b.size; };
  return static_cast<size_t>(std::max_element(offsets_.begin(), offsets_.end(), by_size) -
                             offsets_.begin());
}

}  // namespace oocmap
