#include "core/store/dict_spilled.h"

#include "core/base/error.h"
#include "core/format/entry.h"
#include "core/store/immutables.h"
#include "core/store/reclaim.h"
#include "core/store/rows.h"

namespace oocmap {
namespace {

// The bytes of a row while it is put. Kept, unless a key was large.
class RowBytes {
 public:
  RowBytes() : bytes_(kept()) { bytes_.clear(); }
  ~RowBytes() {
    if (bytes_.capacity() > kMostKept) Buffer().swap(bytes_);
  }
  RowBytes(const RowBytes&) = delete;
  RowBytes& operator=(const RowBytes&) = delete;
  Buffer& get() noexcept { return bytes_; }

 private:
  static constexpr size_t kMostKept = size_t{64} << 10;
  static Buffer& kept() {
    thread_local Buffer bytes;
    return bytes;
  }
  Buffer& bytes_;
};

// Puts one entry into both databases. A new one likely comes last in them: loads often come in key
// order, and sequences always rise.
void put_entry(WriteTransaction& transaction, Identity dict, uint8_t probe, uint64_t sequence,
               const Key& key, const Member& member, bool is_new) {
  RowBytes row;
  const auto put = [&](Database database, const EntryKey& at) {
    if (is_new) {
      transaction.append(database, at, row.get());
    } else {
      transaction.put(database, at, row.get());
    }
    row.get().clear();
  };
  append_entry(row.get(), sequence, key, member);
  put(Database::kEntries, EntryKey(dict, key.order(), probe));
  append_order_entry(row.get(), key, member);
  put(Database::kOrder, EntryKey(dict, sequence));
}

// Removes a row of `entries`. Rows of long keys with one hash stand without a gap, so the last of
// them takes the place.
void erase_entry_row(WriteTransaction& transaction, Identity dict, Bytes order, uint8_t probe) {
  const EntryKey key(dict, order, probe);
  if (!is_long_key(order)) {
    transaction.erase(Database::kEntries, key);
    return;
  }
  int last = probe;
  while (
      last < UINT8_MAX &&
      transaction.get(Database::kEntries, EntryKey(dict, order, static_cast<uint8_t>(last + 1)))) {
    ++last;
  }
  const EntryKey last_key(dict, order, static_cast<uint8_t>(last));
  if (last != probe) {
    const Buffer value(transaction.get(Database::kEntries, last_key).value_or(Bytes{}));
    transaction.put(Database::kEntries, key, value);
  }
  transaction.erase(Database::kEntries, last_key);
}

// The key as first written.
Key stored_key(const Key& wanted, const Entry& entry) {
  return Key::stored(wanted.order(), entry.form, entry.explicit_packed);
}

void overwrite(Store& store, WriteTransaction& transaction, Identity dict, const Key& key,
               const EntryRow& row, EncodedValue& value) {
  const Entry entry = decode_entry(*row.value);
  const Member old = entry.member;
  if (value.refers_to(old)) return;
  const Key stored = stored_key(key, entry);
  const Member member = for_entry(store, transaction, store_value(store, transaction, value));
  if (same_scalar(old, member)) return;
  put_entry(transaction, dict, row.probe, entry.sequence, stored, member, /*is_new=*/false);
  if (needs_detach(old)) detach(store, transaction, old);
}

void collect_entry(Bytes value, Identity /*container*/, std::vector<Member>& members) {
  const Member member = decode_entry_member(value);
  if (needs_detach(member)) members.push_back(member);
}

}  // namespace

void spill_dict(Store& store, WriteTransaction& transaction, Identity dict, SmallEdit& edit) {
  NodeBuilder& node = edit.node();
  node.make_absolute(edit.record());
  for (size_t i = 0; i < node.count(); ++i) {
    const Member member = node.key_at(i);
    const Bytes payload =
        member.in_immutables() ? store.payload(transaction, member) : member.payload();
    const Key key = key_of(member.tag, member.word, payload);
    const EntryRow row = find_entry(transaction, dict, key.order());
    if (row.value) throw_corrupt("a dict has one key twice, or rows of another");
    put_entry(transaction, dict, row.probe, i, key, for_entry(store, transaction, node.at(i)),
              /*is_new=*/true);
  }
  const NodeKind kind =
      node.kind() == NodeKind::kSet ? NodeKind::kSpilledSet : NodeKind::kSpilledDict;
  edit.replace(encode_spilled_dict(node.count(), node.count(), kind));
}

bool spilled_set(Store& store, WriteTransaction& transaction, const NodeView& node, const Key& key,
                 EncodedValue& value) {
  const Identity dict = node.identity();
  const uint64_t count = node.count();
  const uint64_t sequence = node.next_sequence();
  const NodeKind kind = node.kind();
  const EntryRow row = find_entry(transaction, dict, key.order());
  if (row.value) {
    overwrite(store, transaction, dict, key, row, value);
    return false;
  }
  const Member member = for_entry(store, transaction, store_value(store, transaction, value));
  put_entry(transaction, dict, row.probe, sequence, key, member, /*is_new=*/true);
  put_header(transaction, dict, encode_spilled_dict(count + 1, sequence + 1, kind));
  return true;
}

bool spilled_erase(Store& store, WriteTransaction& transaction, const NodeView& node,
                   const Key& key) {
  const Identity dict = node.identity();
  const uint64_t count = node.count();
  const uint64_t next_sequence = node.next_sequence();
  const NodeKind kind = node.kind();
  const EntryRow row = find_entry(transaction, dict, key.order());
  if (!row.value) return false;
  if (count == 0) throw_corrupt("a dict has more entries than its count");
  const Entry entry = decode_entry(*row.value);
  erase_entry_row(transaction, dict, key.order(), row.probe);
  transaction.erase(Database::kOrder, EntryKey(dict, entry.sequence));
  put_header(transaction, dict, encode_spilled_dict(count - 1, next_sequence, kind));
  if (needs_detach(entry.member)) detach(store, transaction, entry.member);
  return true;
}

void spilled_clear(Store& store, WriteTransaction& transaction, const NodeView& node) {
  const Identity dict = node.identity();
  if (dict == store.root()) {
    // The root stays spilled, and its sequence goes on.
    put_header(transaction, dict, encode_spilled_dict(0, node.next_sequence()));
  } else {
    RecordAt at(transaction, dict);
    const bool set = at.node.kind() == NodeKind::kSpilledSet;
    SmallEdit edit(store, transaction, at);
    edit.node().reset(set ? NodeKind::kSet : NodeKind::kInlineDict);
    edit.finish();
  }
  erase_all_rows(store, transaction, Database::kOrder, dict, nullptr);
  erase_all_rows(store, transaction, Database::kEntries, dict, collect_entry);
}

bool spilled_rename(WriteTransaction& transaction, const NodeView& node, const Key& from,
                    const Key& to) {
  const Identity dict = node.identity();
  const EntryRow row = find_entry(transaction, dict, from.order());
  if (!row.value) return false;
  if (from == to) return true;
  const EntryRow target = find_entry(transaction, dict, to.order());
  if (target.value) throw Error(ErrorCode::kInvalidArgument, "the new key exists already");
  const Buffer value(*row.value);  // outlives the erase
  const Entry entry = decode_entry(value);
  put_entry(transaction, dict, target.probe, entry.sequence, to, entry.member, /*is_new=*/false);
  erase_entry_row(transaction, dict, from.order(), row.probe);
  return true;
}

}  // namespace oocmap
