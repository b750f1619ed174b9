// Where a cursor's rows come from: the members of one dict, list or tuple, in the order and range a
// plan asks for. A list's members have their index as key.
//
// Every source outlives commits and rollbacks: each step is given the transaction of its moment,
// and goes on behind the last key it returned.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/store/dict.h"
#include "core/store/list.h"
#include "sqlite_ext/keys.h"

namespace oocmap::sql {

class RowSource {
 public:
  virtual ~RowSource() = default;
  // Returns false at the end. The member views the transaction's moment.
  virtual bool next(const Transaction& transaction, DictEntry& entry) = 0;

  // Of the rows of a table with each= (each_rows.h): where the member lies besides its key.
  struct Place {
    Key parent;     // of the root's member it lies in
    Buffer packed;  // a set's member, which stands there as a key and not as a value
  };
  virtual const Place* place() const noexcept { return nullptr; }
};

// A range of keys in SQL's order.
struct KeyRange {
  std::optional<KeyPlace> lower, upper;
  bool lower_open = false;
  bool upper_open = false;
  bool descending = false;
};

// All members as they lie: insertion order, or by index.
std::unique_ptr<RowSource> scan_rows(Store& store, const NodeView& container);
// The members in `range`, in SQL's key order.
std::unique_ptr<RowSource> range_rows(Store& store, const NodeView& container, KeyRange range);
// The members under `keys`, in that order; a key that is absent gives no row.
std::unique_ptr<RowSource> lookup_rows(Store& store, const NodeView& container,
                                       std::vector<Key> keys);

// The member under `key` of a dict, list or tuple. Cost: one dict_get or list_get.
std::optional<Member> member_at(Store& store, const Transaction& transaction,
                                const NodeView& container, const Key& key);
// The same with the key as it is stored; of a list or tuple the index.
std::optional<DictEntry> entry_at(Store& store, const Transaction& transaction,
                                  const NodeView& container, const Key& key);
// The int64 a number key equals.
std::optional<int64_t> integer_of(const Key& key);

}  // namespace oocmap::sql
