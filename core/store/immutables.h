// Values stored once: text, bytes, big ints, shapes by content; docs/format.md, "Immutables".
//   shorter than kWindowText: never shared (it stays in the node's heap)
//   from there to kIndexedText: through RecentTexts: a second sighting makes an immutable
//   from kIndexedText on: through immutable_index
// Content is compared on every hit; a hash alone decides nothing.
//
// The caches here remember ids beside the cache epoch (Store::cache_epoch) in which they were seen
// in the store. While the epoch stands nobody else can have freed them; after it has changed - a
// rollback, another process's commit, a vacuum - the first use looks into the store again.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/format/immutable.h"
#include "core/format/word.h"
#include "core/store/encoder.h"
#include "core/store/store.h"

namespace oocmap {

// This process's bounded memory of strings it wrote lately: seen once, or with its immutable's id
// and content. Used under the write lock only.
class RecentTexts {
 public:
  RecentTexts();
  enum class Sight { kFirst, kSeen, kStored, kStale };
  struct Look {
    Sight sight = Sight::kFirst;
    uint64_t id = 0;  // kStored: in the store, equal; kStale: equal, but to be looked up again
  };
  // Looks for `text` (kWindowText <= size < kIndexedText); a first sighting is remembered.
  Look look(uint64_t hash, PayloadKind kind, Bytes text, uint64_t epoch);
  void set(uint64_t hash, PayloadKind kind, Bytes text, uint64_t id, uint64_t epoch);
  void clear() noexcept;

 private:
  struct Slot {
    uint64_t hash = 0;
    uint64_t id = 0;  // 0: seen, no immutable yet
    uint64_t epoch = 0;
    uint16_t size = 0;  // 0: empty
    PayloadKind kind = PayloadKind::kStr;
  };
  char* content(size_t slot) noexcept { return contents_.get() + slot * kIndexedText; }
  std::vector<Slot> slots_;
  std::unique_ptr<char[]> contents_;  // of the slots with an id; not touched before it is used
};

// Ids of shapes lately written, by ShapeKeys. Used under the write lock only.
class ShapeIds {
 public:
  ShapeIds();
  // Id of the shape, made where there is none. Cost: a look into a small table.
  uint64_t resolve(Store& store, WriteTransaction& transaction,
                   const std::shared_ptr<const ShapeKeys>& keys);

 private:
  struct Slot {
    std::shared_ptr<const ShapeKeys> keys;
    uint64_t id = 0;
    uint64_t epoch = 0;
  };
  std::vector<Slot> slots_;
};

// The member to store for this text: in the word, in the heap (then its payload views `bytes`), or
// in immutables (made, or found and marked shared). Errors: those of put.
Member place_payload(Store& store, WriteTransaction& transaction, PayloadKind kind, Bytes bytes);
// As place_payload, for kWindowText <= size < kIndexedText: the immutable's id, 0 for the heap.
uint64_t place_recent(Store& store, WriteTransaction& transaction, PayloadKind kind, Bytes bytes);
// As place_payload, for texts from kIndexedText on: the immutable's id.
uint64_t place_indexed(Store& store, WriteTransaction& transaction, PayloadKind kind, Bytes bytes);
// An immutable for this text alone, unshared and without an index row. Errors: those of put.
Member place_single(Store& store, WriteTransaction& transaction, const Member& text);
// `placed` as it is to stand in an entry, where text lies twice (entries, order): from kEntryText
// on it is a single immutable. Errors: those of put.
Member for_entry(Store& store, WriteTransaction& transaction, const Member& placed);
// Id of the shape with this payload, made where there is none. Shapes are born shared: nodes come
// and go without counting, and vacuum frees a shape that none refers to.
uint64_t shape_id(Store& store, WriteTransaction& transaction, Bytes payload);
// One referent of an immutable is gone: a single one is freed, a shared one left to vacuum.
void release_immutable(Store& store, WriteTransaction& transaction, uint64_t id);

// A deeply immutable tuple's record, stored once. `record` has flag kRecordImmutable; it is put
// under a new id, unless a record with the same content is there, which gets kRecordShared.
// `add_flags` are set in either. Returns the record's id. Errors: those of put.
uint64_t place_immutable_record(Store& store, WriteTransaction& transaction, Bytes record,
                                uint16_t add_flags);
// Sets flags in a stored record's header. Errors: kStaleHandle where it is gone; those of put.
void add_record_flags(WriteTransaction& transaction, uint64_t record, uint16_t flags);

}  // namespace oocmap
