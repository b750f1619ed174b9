// Lists and tuples: small ones in records, spilled ones as a counted B+tree of chunks. `node` is
// always store.locate(transaction, identity) of the same moment; indices are 0 <= i < node.count().
#pragma once

#include <vector>

#include "core/base/export.h"
#include "core/store/encoder.h"
#include "core/store/store.h"

namespace oocmap {

// Errors: kInvalidArgument for an index out of range. Cost: nothing, or O(log n) descents
// (spilled).
OOCMAP_API Member list_get(Store& store, const Transaction& transaction, const NodeView& node,
                           uint64_t i);

// Each changes a list in place. Errors: kInvalidArgument (index), kStaleHandle, those of put.
OOCMAP_API void list_set(Store& store, WriteTransaction& transaction, Identity list, uint64_t i,
                         EncodedValue value);
OOCMAP_API void list_insert(Store& store, WriteTransaction& transaction, Identity list, uint64_t i,
                            EncodedValue value);
OOCMAP_API void list_extend(Store& store, WriteTransaction& transaction, Identity list,
                            std::vector<EncodedValue> values);
OOCMAP_API void list_erase(Store& store, WriteTransaction& transaction, Identity list, uint64_t i,
                           uint64_t count = 1);
OOCMAP_API void list_clear(Store& store, WriteTransaction& transaction, Identity list);
// Puts the members in a new order: member i becomes the old member order[i] (sort, reverse,
// shuffle).
OOCMAP_API void list_permute(Store& store, WriteTransaction& transaction, Identity list,
                             const std::vector<uint64_t>& order);

// Walks a list or tuple by index, as Python's list iterator does: after a change it goes on at the
// same index; once past the end it stays there.
class OOCMAP_API ListWalk {
 public:
  ListWalk(Store& store, Identity list, uint64_t start = 0);
  // Returns false at the end. Errors: kStaleHandle where the list is gone. Lifetime of `value`:
  // until the transaction's stamp changes.
  bool next(const Transaction& transaction, Member& value);
  uint64_t index() const noexcept { return index_; }  // of the member next() returns next

 private:
  Store* store_;
  Identity list_;
  uint64_t index_;
  Stamp stamp_;
  NodeView node_;
  NodeView leaf_;            // spilled: the chunk `index_` lies in
  uint64_t leaf_start_ = 0;  // index of its first member
  bool done_ = false;
};

}  // namespace oocmap
