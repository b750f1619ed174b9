// Dicts: shaped and inline ones in records, spilled ones in `entries` (key order) with `order`
// (insertion order) beside it. A set is a dict whose values are all None: dict_get and the walks
// read both; set.h has what changes one. `node` is always store.locate(transaction, identity) of
// the same moment.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/export.h"
#include "core/store/encoder.h"
#include "core/store/rows.h"
#include "core/store/store.h"

namespace oocmap {

// Returns nullopt when absent. Cost: a hash (shaped), a scan (inline), one descent (spilled).
OOCMAP_API std::optional<Member> dict_get(Store& store, const Transaction& transaction,
                                          const NodeView& node, const Key& key);

// Stores `value` under `key`; an existing key keeps its place and the form first written; the value
// replaced is detached (reclaim.h). Returns whether the key is new. Cost: one record rewrite, or
// three puts (spilled). Errors: kStaleHandle, those of put.
OOCMAP_API bool dict_set(Store& store, WriteTransaction& transaction, Identity dict, const Key& key,
                         EncodedValue value);
// Returns whether the key was there.
OOCMAP_API bool dict_erase(Store& store, WriteTransaction& transaction, Identity dict,
                           const Key& key);
OOCMAP_API void dict_clear(Store& store, WriteTransaction& transaction, Identity dict);
// Gives an entry another key in the same place (SQL's UPDATE of a key). Returns false where `from`
// is absent; throws kInvalidArgument where `to` exists and differs.
OOCMAP_API bool dict_rename(Store& store, WriteTransaction& transaction, Identity dict,
                            const Key& from, const Key& to);

// One entry. Lifetime of `value`: until the transaction's stamp changes.
struct DictEntry {
  Key key;
  Member value;
};

// dict_get, and the key as it was first written: 1.0 and True find the entry of 1.
// Cost: that of dict_get, and the key's bytes.
OOCMAP_API std::optional<DictEntry> dict_get_entry(Store& store, const Transaction& transaction,
                                                   const NodeView& node, const Key& key);

// Walks a dict in insertion order, forwards or back; survives any change of transaction: each step
// compares the stamp and, where it differs, goes on behind the last key it returned. Where that key
// is gone a small dict's walk goes on at its position, a spilled one's behind its place.
class OOCMAP_API DictWalk {
 public:
  DictWalk(Store& store, Identity dict, bool reverse = false);
  // Returns false at the end, and from then on. Errors: kStaleHandle where the dict is gone. Cost:
  // about 20 ns an entry (spilled), no allocation for short keys.
  bool next(const Transaction& transaction, DictEntry& entry);
  // The values only, without building keys.
  bool next_value(const Transaction& transaction, Member& value);

 private:
  void relocate(const Transaction& transaction);
  void start();
  void keep_last_key();
  void go_on_small(const Transaction& transaction, const NodeView& old);
  void go_on_spilled(const Transaction& transaction, const NodeView& old);
  bool step_small(size_t& i);
  bool step_spilled(const Transaction& transaction, Bytes& value);

  Store* store_;
  Identity dict_;
  bool reverse_;
  bool returned_ = false;  // an entry
  bool done_ = false;
  bool keep_key_ = false;  // spilled: in a transaction that may be rolled back
  Stamp stamp_;
  NodeView node_;
  std::shared_ptr<const Shape> shape_;
  RowBatch rows_;          // spilled: read ahead
  Buffer prefix_;          // spilled: of the dict's rows
  size_t position_ = 0;    // small: next index, in reverse one more than it
  uint64_t sequence_ = 0;  // spilled: next sequence, in reverse one more than it
  Buffer last_key_;        // order bytes last returned, where shape_ does not say them
};

// Bounds of a walk in key order, over order bytes.
struct KeyBounds {
  std::optional<Buffer> lower, upper;
  bool lower_open = false;  // exclusive
  bool upper_open = false;
};

// Walks a dict in key order (numbers < text < bytes < others), forwards or back; survives changes
// as DictWalk does. A small dict is sorted at the start of a walk and after a change. So are, in a
// spilled one, the keys of more than kMaxKeyBytes that are alike up to there: they are read ahead
// together.
class OOCMAP_API KeyWalk {
 public:
  KeyWalk(Store& store, Identity dict, KeyBounds bounds, bool reverse = false);
  // Returns false at the end, and from then on. Errors: kStaleHandle where the dict is gone.
  bool next(const Transaction& transaction, DictEntry& entry);

 private:
  struct Row {
    Bytes order;
    Bytes value;
  };
  void relocate(const Transaction& transaction);
  void sort_small(const Transaction& transaction);
  void fill(const Transaction& transaction);
  bool place(Cursor& cursor) const;
  bool read_row(const Cursor& cursor, Row& row) const;
  bool read_group(Cursor& cursor, Row row, std::vector<Row>& group) const;
  bool take(const Row& row);
  bool before_start(Bytes order) const noexcept;
  bool behind_end(Bytes order) const noexcept;
  bool next_small(const Transaction& transaction, DictEntry& entry);
  bool next_spilled(const Transaction& transaction, DictEntry& entry);

  Store* store_;
  Identity dict_;
  KeyBounds bounds_;
  bool reverse_;
  bool returned_ = false;  // an entry
  bool done_ = false;
  bool last_rows_ = false;  // spilled: nothing follows rows_
  Stamp stamp_;
  NodeView node_;
  std::shared_ptr<const Shape> shape_;
  Buffer prefix_;                                  // spilled: of the dict's rows
  std::vector<Row> rows_;                          // spilled: read ahead
  std::vector<std::pair<Buffer, size_t>> sorted_;  // small: order bytes and index, as they come
  size_t position_ = 0;                            // next in rows_ or sorted_
  size_t batch_ = 4;                               // rows to read ahead
  Buffer last_key_;                                // order bytes last returned
};

}  // namespace oocmap
