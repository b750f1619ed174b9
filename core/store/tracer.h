// Marks what is reachable: the first half of a vacuum.
#pragma once

#include <cstdint>

#include "core/store/marks.h"
#include "core/store/reference_walk.h"
#include "core/store/store.h"

namespace oocmap {

class Tracer final : public References {
 public:
  explicit Tracer(const Barrier& barrier)
      : marks_(barrier.records, barrier.immutables), walk_(*this) {}

  // Where reachability begins: the root; what stands in the graveyard, for other writes free that
  // with all below; what handles of this process hold. Held records are looked for among all.
  // Then run() until it returns false; then add_others() and run() again.
  void add_root(const Store& store) { walk_.add(store.root()); }
  void add_others(const Store& store, const Transaction& moment);
  // What was stored again since (barrier.h). Returns how many rows there are.
  uint64_t add_touched(const Transaction& transaction);
  // Goes on, for about `steps` containers. Returns whether there is more.
  // Errors: kCorrupt, also where what the root reaches refers to what is not there.
  bool run(const Transaction& transaction, uint64_t steps) { return walk_.run(transaction, steps); }

  const Marks& marks() const noexcept { return marks_; }
  uint64_t containers() const noexcept { return containers_; }  // reached so far
  // Whether something was kept that lacks what it refers to: garbage that a vacuum which was cut
  // off had begun to erase, and a handle of this process holds.
  bool holes() const noexcept { return holes_; }

  bool wanted(Identity identity) override { return !marks_.reached(identity); }
  bool enter(Identity identity, Bytes record) override;
  void immutable(uint64_t id) override { marks_.reach_immutable(id); }
  void missing(Identity identity) override;

 private:
  void add_if_there(const Transaction& transaction, Identity identity);

  Marks marks_;
  ReferenceWalk walk_;
  uint64_t containers_ = 0;
  bool from_root_ = true;
  bool holes_ = false;
};

}  // namespace oocmap
