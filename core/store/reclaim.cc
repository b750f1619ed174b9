#include "core/store/reclaim.h"

#include <algorithm>
#include <vector>

#include "core/store/barrier.h"
#include "core/store/immutables.h"
#include "core/store/reclaimer.h"

namespace oocmap {
namespace {

// Containers a detach frees at once, beyond what writing has paid for.
constexpr size_t kDetachAtOnce = 64;

struct Grave {
  Identity identity;
  Tag tag;
  bool rows_only;
};

// Up to `limit` rows from the position on, once round; the position moves behind them.
std::vector<Grave> next_graves(Store& store, const WriteTransaction& transaction, size_t limit) {
  std::vector<Grave> graves;
  uint64_t& position = store.graveyard_position();
  const size_t most = std::min<uint64_t>(limit, transaction.size(Database::kGraveyard));
  Cursor cursor(transaction, Database::kGraveyard);
  bool found = cursor.seek(position);
  while (graves.size() < most) {
    if (!found) found = cursor.first();
    if (!found) break;
    const Bytes value = cursor.value();
    const Tag tag = value.empty() ? 0 : static_cast<Tag>(value.front());
    graves.push_back({cursor.integer_key(), tag, value.size() > 1});
    position = cursor.integer_key() + 1;
    found = cursor.next();
  }
  return graves;
}

}  // namespace

void detach(Store& store, WriteTransaction& transaction, const Member& member) {
  if (member.in_immutables()) return release_immutable(store, transaction, member.word);
  if (!member.container()) return;
  const uint64_t credit = store.take_credit();
  Reclaimer reclaimer(store, transaction, kDetachAtOnce + credit);
  reclaimer.add(member.word, member.tag);
  reclaimer.run();
  store.add_credit(std::min<uint64_t>(credit, reclaimer.left()));
}

void drain_graveyard(Store& store, WriteTransaction& transaction, size_t limit) {
  if (limit == 0 || transaction.size(Database::kGraveyard) == 0) return;
  Reclaimer reclaimer(store, transaction, limit);
  // Each costs a unit to look at and one to free.
  for (const Grave& grave : next_graves(store, transaction, limit / 2 + 1)) {
    if (!reclaimer.spend()) break;
    if (!grave.rows_only && store.held(grave.identity)) continue;
    transaction.erase(Database::kGraveyard, grave.identity);
    if (grave.rows_only) {
      reclaimer.add_rows(grave.identity, grave.tag);
    } else {
      reclaimer.add(grave.identity, grave.tag);
    }
  }
  reclaimer.run();
}

void pin(Store& store, WriteTransaction& transaction, Identity identity) {
  store.locate(transaction, identity);
  touch_container(store, transaction, identity);
  add_record_flags(transaction, record_of(identity), kRecordPinned);
}

}  // namespace oocmap
