#include "core/store/barrier.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "core/lmdb/vacuum_lock.h"
#include "core/store/reference_walk.h"

namespace oocmap {
namespace {

// Rows a write deletes of a barrier that nobody needs any more.
constexpr uint64_t kStaleRowsAtOnce = 256;

uint64_t row_or_0(const Transaction& transaction, Bytes key) {
  const auto row = transaction.get(Database::kMeta, key);
  return row ? decode_meta_u64(key, *row) : 0;
}

// Says whether a value has holes. New containers are not looked into: what they refer to was there
// when they were stored.
class HoleFinder final : public References {
 public:
  explicit HoleFinder(uint64_t records) : records_(records) {}
  bool wanted(Identity identity) override {
    return !found_ && record_of(identity) < records_ && seen_.insert(identity).second;
  }
  bool enter(Identity, Bytes) override { return true; }
  void immutable(uint64_t) override {}  // erased after the last container
  void missing(Identity) override { found_ = true; }
  bool found() const noexcept { return found_; }

 private:
  uint64_t records_;
  std::unordered_set<Identity> seen_;
  bool found_ = false;
};

}  // namespace

Barrier load_barrier(WriteTransaction& transaction) {
  const auto load = [&] {
    return Barrier{row_or_0(transaction, kMetaVacuumRecords),
                   row_or_0(transaction, kMetaVacuumImmutables),
                   row_or_0(transaction, kMetaVacuumSweeping)};
  };
  const Barrier barrier = load();
  // Whoever vacuums holds its lock from before the barrier is up, and this one the write lock.
  if (barrier.records == 0 || VacuumLock::held(transaction.environment())) return barrier;
  lower_barrier(transaction, kStaleRowsAtOnce);
  return load();
}

Barrier raise_barrier(Store& store, WriteTransaction& transaction) {
  Barrier barrier = store.barrier();
  barrier.records = store.next_record_id();
  barrier.immutables = store.next_immutable_id();
  transaction.put(Database::kMeta, kMetaVacuumRecords, encode_meta_u64(barrier.records));
  transaction.put(Database::kMeta, kMetaVacuumImmutables, encode_meta_u64(barrier.immutables));
  return barrier;
}

bool erase_touched(WriteTransaction& transaction, uint64_t most) {
  std::vector<Buffer> keys;
  {
    Cursor cursor(transaction, Database::kMeta);
    for (bool found = cursor.seek(kMetaVacuumTouched);
         found && cursor.key().starts_with(kMetaVacuumTouched); found = cursor.next()) {
      if (keys.size() == most) break;
      keys.emplace_back(cursor.key());
    }
  }
  for (const Buffer& key : keys) transaction.erase(Database::kMeta, key);
  return keys.size() < most;
}

bool lower_barrier(WriteTransaction& transaction, uint64_t most) {
  if (!erase_touched(transaction, most)) return false;
  transaction.erase(Database::kMeta, kMetaVacuumRecords);
  transaction.erase(Database::kMeta, kMetaVacuumImmutables);
  return true;
}

void begin_sweeping(WriteTransaction& transaction, Barrier& barrier) {
  barrier.sweeping = std::max(barrier.sweeping, barrier.records);
  transaction.put(Database::kMeta, kMetaVacuumSweeping, encode_meta_u64(barrier.sweeping));
}

void end_sweeping(WriteTransaction& transaction, Barrier& barrier) {
  barrier.sweeping = 0;
  transaction.erase(Database::kMeta, kMetaVacuumSweeping);
}

bool is_whole(const Store& store, const Transaction& transaction, Identity identity) {
  const uint64_t sweeping = store.barrier().sweeping;
  if (record_of(identity) >= sweeping) return true;
  HoleFinder holes(sweeping);
  ReferenceWalk walk(holes);
  walk.add(identity);
  while (walk.run(transaction, UINT64_MAX)) {
  }
  return !holes.found();
}

void put_touched(WriteTransaction& transaction, const Buffer& key) {
  if (!transaction.get(Database::kMeta, key)) transaction.put(Database::kMeta, key, {});
}

void put_touched_container(Store& store, WriteTransaction& transaction, Identity identity) {
  if (!is_whole(store, transaction, identity)) throw_stale();
  if (record_of(identity) < store.barrier().records) {
    put_touched(transaction, touched_container_key(identity));
  }
}

}  // namespace oocmap
