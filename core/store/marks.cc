#include "core/store/marks.h"

#include "core/format/record.h"

namespace oocmap {

IdSet::Block* IdSet::find(uint64_t number) const noexcept {
  if (number == last_number_) return last_;
  const auto found = blocks_.find(number);
  if (found == blocks_.end()) return nullptr;
  last_number_ = number;
  return last_ = found->second.get();
}

bool IdSet::add(uint64_t id) {
  const uint64_t number = id / kBits;
  Block* block = find(number);
  if (block == nullptr) {
    std::unique_ptr<Block>& made = blocks_[number];
    made = std::make_unique<Block>();
    block = made.get();
  }
  uint64_t& bits = (*block)[id % kBits / 64];
  const uint64_t bit = uint64_t{1} << (id % 64);
  const bool fresh = (bits & bit) == 0;
  bits |= bit;
  return fresh;
}

bool Marks::reach(Identity identity, Bytes record) {
  const uint64_t id = record_of(identity);
  if (whole(id)) return false;
  if ((record_flags(record) & kRecordImmutable) != 0) return whole_.add(id);
  const auto [place, fresh] = partial_.try_emplace(id);
  Partial& partial = place->second;
  if (fresh) {
    partial.slots.resize(record_slots(record));
    partial.missing = record_live(record);
  }
  const uint16_t slot = slot_of(identity);
  if (slot >= partial.slots.size() || partial.slots[slot]) return false;
  partial.slots[slot] = true;
  if (--partial.missing == 0) {
    partial_.erase(place);
    whole_.add(id);
  }
  return true;
}

bool Marks::reached(Identity identity) const noexcept {
  const uint64_t id = record_of(identity);
  if (whole(id)) return true;
  const auto found = partial_.find(id);
  if (found == partial_.end()) return false;
  const std::vector<bool>& slots = found->second.slots;
  const uint16_t slot = slot_of(identity);
  return slot >= slots.size() || slots[slot];
}

}  // namespace oocmap
