// What a vacuum has reached: a bit an id, and for records some of whose containers are reached, a
// bit each. Ids from the limits on were given out later, and count as reached.
//
// Records that are garbage in part are the rule after an alias pinned them, so containers are
// marked one by one; nearly always, though, all of a record's are reached soon after the first, and
// then one bit says so.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/base/bytes.h"
#include "core/format/word.h"

namespace oocmap {

// A set of ids, in blocks that are made when they are first used: ids that are gone for long cost
// nothing.
class IdSet {
 public:
  bool has(uint64_t id) const noexcept {
    const Block* const block = find(id / kBits);
    return block != nullptr && ((*block)[id % kBits / 64] >> (id % 64) & 1) != 0;
  }
  // Returns whether it is new.
  bool add(uint64_t id);

 private:
  static constexpr uint64_t kBits = 4096;
  using Block = std::array<uint64_t, kBits / 64>;
  Block* find(uint64_t number) const noexcept;

  std::unordered_map<uint64_t, std::unique_ptr<Block>> blocks_;
  mutable uint64_t last_number_ = UINT64_MAX;  // the block found last
  mutable Block* last_ = nullptr;
};

class Marks {
 public:
  // Ids below these are marked; the others are new.
  Marks(uint64_t records, uint64_t immutables) : records_(records), immutables_(immutables) {}

  // Returns false where that is known already, or where there is nothing to know.
  bool reach_immutable(uint64_t id) { return id < immutables_ && reached_immutables_.add(id); }
  // `record`: its bytes. Of a record in immutable_index all containers are reached with one.
  bool reach(Identity identity, Bytes record);

  bool reached(Identity identity) const noexcept;
  bool reached_immutable(uint64_t id) const noexcept {
    return id >= immutables_ || reached_immutables_.has(id);
  }
  // Whether all containers of a record are reached, or none was.
  bool whole(uint64_t record) const noexcept { return record >= records_ || whole_.has(record); }
  bool untouched(uint64_t record) const noexcept {
    return !whole(record) && partial_.find(record) == partial_.end();
  }

 private:
  struct Partial {
    std::vector<bool> slots;  // as many as there were then: those behind are new
    size_t missing = 0;       // containers not reached
  };
  uint64_t records_;
  uint64_t immutables_;
  IdSet whole_;
  IdSet reached_immutables_;
  std::unordered_map<uint64_t, Partial> partial_;
};

}  // namespace oocmap
