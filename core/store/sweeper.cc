#include "core/store/sweeper.h"

#include "core/format/immutable.h"
#include "core/store/barrier.h"
#include "core/store/reclaim.h"

namespace oocmap {
namespace {

constexpr uint64_t kLookAtOnce = 100'000;

}  // namespace

bool Sweeper::is_garbage(uint64_t id) const noexcept {
  return stage_ == Stage::kContainers ? !marks_.whole(id) : !marks_.reached_immutable(id);
}

void Sweeper::look_ahead(const Transaction& moment) {
  if (stage_ == Stage::kRows || at_end_ || !found_.empty()) return;
  const bool containers = stage_ == Stage::kContainers;
  Cursor cursor(moment, containers ? Database::kRecords : Database::kImmutables);
  bool found = cursor.seek(position_);
  for (uint64_t i = 0; found && i < kLookAtOnce && found_.size() < at_once_; ++i) {
    const uint64_t id = cursor.integer_key();
    if (is_garbage(id)) found_.push_back(id);
    position_ = id + 1;
    ++looked_at_;
    found = cursor.next();
  }
  at_end_ = !found;
}

bool Sweeper::sweep(WriteTransaction& transaction) {
  Barrier barrier = store_.barrier();
  if (stage_ == Stage::kRows) {
    drain_graveyard(store_, transaction, at_once_);
  } else if (stage_ == Stage::kContainers) {
    if (!found_.empty()) begin_sweeping(transaction, barrier);
    for (const uint64_t record : found_) erase_record(transaction, record);
  } else {
    for (const uint64_t id : found_) erase_immutable(transaction, id);
  }
  found_.clear();
  // What this process remembers of texts and shapes may be among it.
  store_.bump_cache_epoch();
  if (stage_ == Stage::kContainers && at_end_) stage_ = Stage::kRows;
  if (stage_ == Stage::kRows && !rows_left(transaction)) {
    if (barrier.sweeping != 0 && !holes_) end_sweeping(transaction, barrier);
    stage_ = Stage::kImmutables;
    position_ = 0;
    at_end_ = false;
  }
  store_.set_barrier(barrier);
  return stage_ != Stage::kImmutables || !at_end_;
}

void Sweeper::erase_record(WriteTransaction& transaction, uint64_t record) {
  const auto row = transaction.get(Database::kRecords, record);
  if (!row || marks_.whole(record)) return;
  const Buffer stored(*row);
  if (!marks_.untouched(record)) return erase_some(transaction, record, stored);
  if ((record_flags(stored) & kRecordImmutable) != 0) {
    const Buffer key = index_key(record_hash(stored), IndexSpace::kRecords, record);
    transaction.erase(Database::kImmutableIndex, key);
  }
  for (size_t slot = 0; slot < record_slots(stored); ++slot) {
    if (!slot_live(stored, slot)) continue;
    ++containers_;
    bury_rows(transaction,
              NodeView::locate(stored, make_identity(record, static_cast<uint16_t>(slot))));
  }
  transaction.erase(Database::kRecords, record);
}

// Of a record in which something is reached.
void Sweeper::erase_some(WriteTransaction& transaction, uint64_t record, Bytes stored) {
  RecordEditor editor(stored);
  for (size_t slot = 0; slot < record_slots(stored); ++slot) {
    const Identity identity = make_identity(record, static_cast<uint16_t>(slot));
    if (!slot_live(stored, slot) || marks_.reached(identity)) continue;
    ++containers_;
    bury_rows(transaction, NodeView::locate(stored, identity));
    editor.kill(slot_of(identity));
  }
  if (editor.live() == 0) {  // what was reached has been removed since
    transaction.erase(Database::kRecords, record);
  } else {
    transaction.put(Database::kRecords, record, editor.finish());
  }
}

void Sweeper::bury_rows(WriteTransaction& transaction, const NodeView& node) {
  if (!node.spilled()) return;
  const char value[2] = {static_cast<char>(tag_of(node.container_kind())), 1};
  transaction.put(Database::kGraveyard, node.identity(), {value, 2});
  spilled_.push_back(node.identity());
}

bool Sweeper::rows_left(const Transaction& transaction) {
  while (!spilled_.empty() && !transaction.get(Database::kGraveyard, spilled_.back())) {
    spilled_.pop_back();
  }
  return !spilled_.empty();
}

void Sweeper::erase_immutable(WriteTransaction& transaction, uint64_t id) {
  const auto row = transaction.get(Database::kImmutables, id);
  if (!row || marks_.reached_immutable(id)) return;
  const Immutable found = decode_immutable(*row);
  if ((found.flags & kImmutableIndexed) != 0) {
    const uint64_t hash = payload_hash(found.kind, found.payload);
    transaction.erase(Database::kImmutableIndex, index_key(hash, IndexSpace::kImmutables, id));
  }
  transaction.erase(Database::kImmutables, id);
  ++immutables_;
}

}  // namespace oocmap
