#include "core/store/check_places.h"

#include <algorithm>

namespace oocmap {

void ContainerPlaces::add_record(uint64_t id, size_t slots) {
  records_.push_back({id, places_.size()});
  places_.resize(places_.size() + slots);
}

uint8_t* ContainerPlaces::find(Identity identity) noexcept {
  const uint64_t id = record_of(identity);
  const auto found =
      std::lower_bound(records_.begin(), records_.end(), id,
                       [](const Record& record, uint64_t wanted) { return record.id < wanted; });
  if (found == records_.end() || found->id != id) return nullptr;
  const size_t end = found + 1 != records_.end() ? (found + 1)->first : places_.size();
  const size_t at = found->first + slot_of(identity);
  return at < end ? &places_[at] : nullptr;
}

uint8_t* ImmutablePlaces::find(uint64_t id) noexcept {
  const auto found = std::lower_bound(ids_.begin(), ids_.end(), id);
  if (found == ids_.end() || *found != id) return nullptr;
  return &places_[static_cast<size_t>(found - ids_.begin())];
}

}  // namespace oocmap
