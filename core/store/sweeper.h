// Erases what the tracer has not reached: the second half of a vacuum.
#pragma once

#include <cstdint>
#include <vector>

#include "core/store/marks.h"
#include "core/store/store.h"

namespace oocmap {

// First all containers, then the rows of those that had spilled, then immutables: so whoever still
// finds a container finds the texts in it, too. What spilled goes through the graveyard, whose rows
// outlive a vacuum that is cut off.
class Sweeper {
 public:
  // `at_once`: rows erased in a step.
  Sweeper(Store& store, const Marks& marks, uint64_t at_once)
      : store_(store), marks_(marks), at_once_(at_once) {}

  // Looks for what the next sweep() is to erase. Without the write lock: most rows are to stay, and
  // what is garbage stays garbage unless it is marked meanwhile.
  void look_ahead(const Transaction& moment);
  // Erases it, but for what has been marked since. Whatever was touched is to be traced before, in
  // the same transaction. Returns whether there is more.
  // Errors: kCorrupt; those of put.
  bool sweep(WriteTransaction& transaction);
  // Garbage that has to stay has holes: that garbage may have some is to be remembered.
  void keep_sweeping() noexcept { holes_ = true; }

  uint64_t looked_at() const noexcept { return looked_at_; }  // rows
  uint64_t containers() const noexcept { return containers_; }
  uint64_t immutables() const noexcept { return immutables_; }

 private:
  enum class Stage { kContainers, kRows, kImmutables };
  bool is_garbage(uint64_t id) const noexcept;
  void erase_record(WriteTransaction& transaction, uint64_t record);
  void erase_some(WriteTransaction& transaction, uint64_t record, Bytes stored);
  void bury_rows(WriteTransaction& transaction, const NodeView& node);
  bool rows_left(const Transaction& transaction);
  void erase_immutable(WriteTransaction& transaction, uint64_t id);

  Store& store_;
  const Marks& marks_;
  uint64_t at_once_;
  Stage stage_ = Stage::kContainers;
  uint64_t position_ = 0;          // of look_ahead(), in this stage
  bool at_end_ = false;            // it has seen all rows of this stage
  std::vector<uint64_t> found_;    // ids to erase
  std::vector<Identity> spilled_;  // buried in the graveyard, their rows to be erased
  bool holes_ = false;
  uint64_t looked_at_ = 0;
  uint64_t containers_ = 0;
  uint64_t immutables_ = 0;
};

}  // namespace oocmap
