// What a check remembers of every container and immutable: a byte each. Used by check.h.
#pragma once

#include <cstdint>
#include <vector>

#include "core/format/word.h"

namespace oocmap {

// A container's byte. 0: its slot is dead.
inline constexpr uint8_t kPlaceKind = 0x07;  // 1 + WordKind - kDict
inline constexpr uint8_t kPlaceReferenced = 0x08;
inline constexpr uint8_t kPlaceShared = 0x10;  // pinned, or an immutable with the flag
inline constexpr uint8_t kPlaceBuried = 0x20;  // in the graveyard
inline constexpr uint8_t kPlaceSpilled = 0x40;
inline constexpr uint8_t kPlaceImmutable = 0x80;

constexpr uint8_t place_kind(Tag container) noexcept {
  return static_cast<uint8_t>(container - tag_of(WordKind::kDict) + 1);
}
constexpr WordKind kind_of_place(uint8_t place) noexcept {
  return static_cast<WordKind>((place & kPlaceKind) - 1 + tag_of(WordKind::kDict));
}

class ContainerPlaces {
 public:
  // Records come with rising ids.
  void add_record(uint64_t id, size_t slots);
  uint8_t* find(Identity identity) noexcept;  // null: no such record or slot
  // Calls `visit(identity, place)` for each slot.
  template <typename Visit>
  void each(const Visit& visit) const {
    for (size_t i = 0; i < records_.size(); ++i) {
      const size_t end = i + 1 < records_.size() ? records_[i + 1].first : places_.size();
      for (size_t at = records_[i].first; at < end; ++at) {
        const auto slot = static_cast<uint16_t>(at - records_[i].first);
        visit(make_identity(records_[i].id, slot), places_[at]);
      }
    }
  }

 private:
  struct Record {
    uint64_t id;
    size_t first;  // its slot 0 in places_
  };
  std::vector<Record> records_;
  std::vector<uint8_t> places_;
};

// An immutable's byte: its kind (6 bits), and these.
inline constexpr uint8_t kTextKind = 0x3f;
inline constexpr uint8_t kTextReferenced = 0x40;
inline constexpr uint8_t kTextShared = 0x80;

class ImmutablePlaces {
 public:
  void add(uint64_t id, uint8_t place) {
    ids_.push_back(id);
    places_.push_back(place);
  }
  uint8_t* find(uint64_t id) noexcept;
  size_t size() const noexcept { return ids_.size(); }
  uint64_t id(size_t i) const noexcept { return ids_[i]; }
  uint8_t place(size_t i) const noexcept { return places_[i]; }

 private:
  std::vector<uint64_t> ids_;  // rising
  std::vector<uint8_t> places_;
};

}  // namespace oocmap
