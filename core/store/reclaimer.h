// Frees containers and what only they refer to, a bounded number at a time. Used by reclaim.h.
#pragma once

#include <vector>

#include "core/format/record.h"
#include "core/store/store.h"

namespace oocmap {

// One step of reclaiming, with a budget of units. What is left when it is spent goes to the
// graveyard.
class Reclaimer {
 public:
  Reclaimer(Store& store, WriteTransaction& transaction, size_t budget)
      : store_(store), transaction_(transaction), budget_(budget) {}

  // A container to be freed with everything below it.
  void add(Identity identity, Tag tag) { waiting_.push_back({identity, tag}); }
  // A container to be freed whose node is gone already.
  void add_rows(Identity identity, Tag tag) { rows_.push_back({identity, tag}); }
  // Frees what was added, as far as the budget goes.
  void run();
  // One unit for something else. Returns false where none is left.
  bool spend() noexcept { return budget_ != 0 && (--budget_, true); }
  size_t left() const noexcept { return budget_; }

 private:
  struct Item {
    Identity identity;
    Tag tag;
  };

  void take_same_record();
  void free_record(uint64_t record);
  void free_immutable_record(uint64_t record);
  void free_node(const Item& item);
  void close_record(uint64_t record);
  void collect(const NodeView& node);
  void collect(const Member& member, uint64_t here);
  void collect_row(Database database, Bytes value, Identity container);
  bool erase_some_rows(const Item& item);
  // `members`: whether the rows hold words that are to be freed (an array's hold none).
  bool erase_rows(Database database, Identity container, size_t at_once, bool members = true);
  void release_collected();
  void bury(const Item& item, bool rows_only);

  Store& store_;
  WriteTransaction& transaction_;
  size_t budget_;
  std::vector<Item> waiting_;       // to be freed, in any record
  std::vector<Item> here_;          // ... in the record being freed
  std::vector<Item> rows_;          // spilled containers whose node is gone
  std::vector<uint64_t> released_;  // immutables that lost a referent
  std::vector<uint16_t> dead_;      // slots killed in the record being freed
  Buffer record_;                   // its bytes as they were stored
};

}  // namespace oocmap
