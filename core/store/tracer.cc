#include "core/store/tracer.h"

#include <string>

#include "core/format/corrupt.h"
#include "core/format/meta.h"

namespace oocmap {

void Tracer::add_others(const Store& store, const Transaction& moment) {
  from_root_ = false;
  Cursor graves(moment, Database::kGraveyard);
  for (bool found = graves.first(); found; found = graves.next()) {
    const Bytes value = graves.value();
    if (value.size() > 1) {
      walk_.add_rows(graves.integer_key(), static_cast<Tag>(value.front()));
    } else {
      add_if_there(moment, graves.integer_key());
    }
  }
  Cursor records(moment, Database::kRecords);
  for (bool found = records.first(); found; found = records.next()) {
    const uint64_t record = records.integer_key();
    if (!store.held(make_identity(record, 0)) || marks_.whole(record)) continue;
    for (size_t slot = 0; slot < record_slots(records.value()); ++slot) {
      const Identity identity = make_identity(record, static_cast<uint16_t>(slot));
      if (slot_live(records.value(), slot) && wanted(identity)) walk_.add(identity);
    }
  }
}

void Tracer::add_if_there(const Transaction& transaction, Identity identity) {
  const auto record = transaction.get(Database::kRecords, record_of(identity));
  if (record && slot_live(*record, slot_of(identity))) walk_.add(identity);
}

uint64_t Tracer::add_touched(const Transaction& transaction) {
  from_root_ = false;
  uint64_t rows = 0;
  Cursor cursor(transaction, Database::kMeta);
  for (bool found = cursor.seek(kMetaVacuumTouched);
       found && cursor.key().starts_with(kMetaVacuumTouched); found = cursor.next()) {
    const Touched touched = decode_touched_key(cursor.key());
    if (touched.container) {
      if (wanted(touched.id)) add_if_there(transaction, touched.id);
    } else {
      marks_.reach_immutable(touched.id);
    }
    ++rows;
  }
  return rows;
}

bool Tracer::enter(Identity identity, Bytes record) {
  const bool fresh = marks_.reach(identity, record);
  if (fresh) ++containers_;
  return fresh;
}

// Where the way to it began at the root the file is damaged, and what seems to be garbage may be
// what is left of the damaged part: it is kept.
void Tracer::missing(Identity identity) {
  holes_ = true;
  if (!from_root_) return;
  throw_corrupt("a member refers to a container that is not there (record " +
                std::to_string(record_of(identity)) + ", slot " +
                std::to_string(slot_of(identity)) + "): nothing was vacuumed");
}

}  // namespace oocmap
