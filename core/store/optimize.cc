#include "core/store/optimize.h"

#include "core/store/reclaim.h"

namespace oocmap {

void free_garbage(Store& store, WriteTransaction& transaction) {
  constexpr int kRounds = 16;
  constexpr size_t kUnits = 65'536;  // a round
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t before = transaction.writes();
    drain_graveyard(store, transaction, kUnits);
    if (transaction.writes() == before) return;  // all of what is there is held, or nothing is
  }
}

}  // namespace oocmap
