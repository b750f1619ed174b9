// Where a key stands in a dict: shared by reading, writing and walking.
#pragma once

#include <optional>

#include "core/store/store.h"

namespace oocmap {

// Errors: kTypeMismatch where `node` is none of a `kind`.
void check_kind(const NodeView& node, WordKind kind);
// Errors: kTypeMismatch where `node` is no dict's or set's.
void check_has_keys(const NodeView& node);
// The shape of a shaped dict. Errors: kCorrupt, also where it has another number of keys.
std::shared_ptr<const Shape> shape_of(Store& store, const Transaction& transaction,
                                      const NodeView& node);

// Small dicts. Index of `key`, -1 where absent.
int find_small(Store& store, const Transaction& transaction, const NodeView& node, const Key& key);
// The key of member `i`; `shape` of a shaped dict, else null.
Key small_key(Store& store, const Transaction& transaction, const NodeView& node,
              const Shape* shape, size_t i);
// Puts the order bytes of that key into `order`, without a Key where it is a text or a number.
void small_order(Store& store, const Transaction& transaction, const NodeView& node,
                 const Shape* shape, size_t i, Buffer& order);

// Spilled dicts. The row in `entries` with these order bytes: its value, or nullopt where absent.
// `probe`: which row of a long key it is, or where a new one goes.
struct EntryRow {
  std::optional<Bytes> value;
  uint8_t probe = 0;
};
EntryRow find_entry(const Transaction& transaction, Identity dict, Bytes order);

}  // namespace oocmap
