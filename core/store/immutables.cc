#include "core/store/immutables.h"

#include <algorithm>
#include <cstring>

#include "core/format/corrupt.h"
#include "core/format/record.h"
#include "core/store/barrier.h"

namespace oocmap {
namespace {

constexpr size_t kShapeSlots = 1024;

// Id of the immutable with this content, 0 where there is none. A hit is marked shared.
uint64_t find_indexed(Store& store, WriteTransaction& transaction, uint64_t hash, PayloadKind kind,
                      Bytes payload) {
  const Buffer prefix = index_prefix(hash, IndexSpace::kImmutables);
  Cursor cursor(transaction, Database::kImmutableIndex);
  for (bool more = cursor.seek(prefix); more && cursor.key().starts_with(prefix);
       more = cursor.next()) {
    const uint64_t id = index_id(cursor.key());
    const auto row = transaction.get(Database::kImmutables, id);
    if (!row) throw_corrupt("immutable_index names an immutable that is not there");
    const Immutable found = decode_immutable(*row);
    if (found.kind != kind || found.payload != payload) continue;
    if ((found.flags & kImmutableShared) == 0) {
      const uint8_t flags = found.flags | kImmutableShared;
      transaction.put(Database::kImmutables, id, encode_immutable(flags, kind, payload));
    }
    touch_immutable(store, transaction, id);
    return id;
  }
  return 0;
}

uint64_t make_indexed(Store& store, WriteTransaction& transaction, uint64_t hash, uint8_t flags,
                      PayloadKind kind, Bytes payload) {
  const uint64_t id = store.new_immutable_id();
  transaction.append(Database::kImmutables, id,
                     encode_immutable(flags | kImmutableIndexed, kind, payload));
  transaction.put(Database::kImmutableIndex, index_key(hash, IndexSpace::kImmutables, id), {});
  return id;
}

// Whether immutable `id` still is this text, in the sense of the window: shared.
bool still_stored(const Transaction& transaction, uint64_t id, PayloadKind kind, Bytes text) {
  const auto row = transaction.get(Database::kImmutables, id);
  if (!row) return false;
  const Immutable found = decode_immutable(*row);
  return found.kind == kind && found.payload == text && (found.flags & kImmutableShared) != 0;
}

}  // namespace

// --- RecentTexts

RecentTexts::RecentTexts()
    : slots_(kWindowEntries), contents_(new char[kWindowEntries * kIndexedText]) {}

RecentTexts::Look RecentTexts::look(uint64_t hash, PayloadKind kind, Bytes text, uint64_t epoch) {
  const size_t at = hash % kWindowEntries;
  Slot& slot = slots_[at];
  if (slot.hash != hash || slot.size != text.size() || slot.kind != kind) {
    slot = {hash, 0, 0, static_cast<uint16_t>(text.size()), kind};
    return {Sight::kFirst, 0};
  }
  if (slot.id == 0) return {Sight::kSeen, 0};
  if (std::memcmp(content(at), text.data(), text.size()) != 0) return {Sight::kSeen, 0};
  return {slot.epoch == epoch ? Sight::kStored : Sight::kStale, slot.id};
}

void RecentTexts::set(uint64_t hash, PayloadKind kind, Bytes text, uint64_t id, uint64_t epoch) {
  const size_t at = hash % kWindowEntries;
  slots_[at] = {hash, id, epoch, static_cast<uint16_t>(text.size()), kind};
  std::memcpy(content(at), text.data(), text.size());
}

void RecentTexts::clear() noexcept { std::fill(slots_.begin(), slots_.end(), Slot{}); }

// --- ShapeIds

ShapeIds::ShapeIds() : slots_(kShapeSlots) {}

uint64_t ShapeIds::resolve(Store& store, WriteTransaction& transaction,
                           const std::shared_ptr<const ShapeKeys>& keys) {
  Slot& slot = slots_[keys->hash() % kShapeSlots];
  const bool same =
      slot.keys == keys || (slot.keys != nullptr && slot.keys->payload() == keys->payload());
  if (same && slot.epoch == store.cache_epoch()) {
    touch_immutable(store, transaction, slot.id);
    return slot.id;
  }
  const uint64_t id = shape_id(store, transaction, keys->payload());
  slot = {keys, id, store.cache_epoch()};
  return id;
}

// --- Placing

uint64_t place_recent(Store& store, WriteTransaction& transaction, PayloadKind kind, Bytes bytes) {
  const uint64_t hash = payload_hash(kind, bytes);
  RecentTexts& recent = store.recent_texts();
  const uint64_t epoch = store.cache_epoch();
  const RecentTexts::Look look = recent.look(hash, kind, bytes, epoch);
  if (look.sight == RecentTexts::Sight::kFirst) return 0;
  uint64_t id = look.id;
  if (look.sight == RecentTexts::Sight::kStored) {
    touch_immutable(store, transaction, id);
    return id;
  }
  if (look.sight == RecentTexts::Sight::kSeen || !still_stored(transaction, id, kind, bytes)) {
    id = store.new_immutable_id();
    transaction.append(Database::kImmutables, id, encode_immutable(kImmutableShared, kind, bytes));
  }
  touch_immutable(store, transaction, id);
  recent.set(hash, kind, bytes, id, epoch);
  return id;
}

uint64_t place_indexed(Store& store, WriteTransaction& transaction, PayloadKind kind, Bytes bytes) {
  const uint64_t hash = payload_hash(kind, bytes);
  const uint64_t found = find_indexed(store, transaction, hash, kind, bytes);
  return found != 0 ? found : make_indexed(store, transaction, hash, 0, kind, bytes);
}

Member place_payload(Store& store, WriteTransaction& transaction, PayloadKind kind, Bytes bytes) {
  Member member{heap_tag(kind), 0, bytes.data(), static_cast<uint32_t>(bytes.size())};
  uint64_t id = 0;
  if (bytes.size() >= kIndexedText) {
    id = place_indexed(store, transaction, kind, bytes);
  } else if (bytes.size() >= kWindowText) {
    id = place_recent(store, transaction, kind, bytes);
  } else if (bytes.size() <= kInlineText &&
             (kind == PayloadKind::kStr || kind == PayloadKind::kBytes)) {
    member.tag =
        kind == PayloadKind::kStr ? inline_text_tag(bytes.size()) : inline_bytes_tag(bytes.size());
    std::memcpy(&member.word, bytes.data(), bytes.size());
  }
  return id == 0 ? member : Member{immutable_tag(kind), id, nullptr, 0};
}

Member place_single(Store& store, WriteTransaction& transaction, const Member& text) {
  const uint64_t id = store.new_immutable_id();
  const PayloadKind kind = text.payload_kind();
  transaction.append(Database::kImmutables, id, encode_immutable(0, kind, text.payload()));
  return {immutable_tag(kind), id, nullptr, 0};
}

Member for_entry(Store& store, WriteTransaction& transaction, const Member& placed) {
  if (!is_heap(placed.tag) || placed.size < kEntryText) return placed;
  return place_single(store, transaction, placed);
}

uint64_t shape_id(Store& store, WriteTransaction& transaction, Bytes payload) {
  const uint64_t hash = payload_hash(PayloadKind::kShape, payload);
  const uint64_t found = find_indexed(store, transaction, hash, PayloadKind::kShape, payload);
  if (found != 0) return found;
  return make_indexed(store, transaction, hash, kImmutableShared, PayloadKind::kShape, payload);
}

void release_immutable(Store&, WriteTransaction& transaction, uint64_t id) {
  const auto row = transaction.get(Database::kImmutables, id);
  if (!row) throw_corrupt("a member names an immutable that is not there");
  const Immutable found = decode_immutable(*row);
  if ((found.flags & kImmutableShared) != 0) return;
  if ((found.flags & kImmutableIndexed) != 0) {
    const uint64_t hash = payload_hash(found.kind, found.payload);
    transaction.erase(Database::kImmutableIndex, index_key(hash, IndexSpace::kImmutables, id));
  }
  transaction.erase(Database::kImmutables, id);
}

// --- Immutable records

void add_record_flags(WriteTransaction& transaction, uint64_t record, uint16_t flags) {
  const auto stored = transaction.get(Database::kRecords, record);
  if (!stored) throw_stale();
  const uint16_t before = record_flags(*stored);
  if ((before & flags) == flags) return;
  Buffer changed(*stored);
  store_le(changed.data(), static_cast<uint16_t>(before | flags));
  transaction.put(Database::kRecords, record, changed);
}

uint64_t place_immutable_record(Store& store, WriteTransaction& transaction, Bytes record,
                                uint16_t add_flags) {
  const uint64_t hash = record_hash(record);
  const Buffer prefix = index_prefix(hash, IndexSpace::kRecords);
  {
    Cursor cursor(transaction, Database::kImmutableIndex);
    for (bool more = cursor.seek(prefix); more && cursor.key().starts_with(prefix);
         more = cursor.next()) {
      const uint64_t id = index_id(cursor.key());
      const auto stored = transaction.get(Database::kRecords, id);
      if (!stored) throw_corrupt("immutable_index names a record that is not there");
      if (!same_content(*stored, record)) continue;
      const Identity tuple = make_identity(id, 0);
      // Garbage with holes, which a vacuum is about to erase, is no tuple to share.
      if (!is_whole(store, transaction, tuple)) continue;
      touch_container(store, transaction, tuple);
      add_record_flags(transaction, id, add_flags | kRecordShared);
      return id;
    }
  }
  const uint64_t id = store.new_record_id();
  Buffer made(record);
  store_le(made.data(), static_cast<uint16_t>(record_flags(record) | add_flags));
  transaction.append(Database::kRecords, id, made);
  transaction.put(Database::kImmutableIndex, index_key(hash, IndexSpace::kRecords, id), {});
  return id;
}

}  // namespace oocmap
