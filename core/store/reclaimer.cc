#include "core/store/reclaimer.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/format/chunk.h"
#include "core/format/entry.h"
#include "core/store/immutables.h"

namespace oocmap {
namespace {

constexpr uint64_t kNowhere = 0;  // no record has this id
// Rows deleted before the members found in them are freed: a leaf chunk has hundreds of members.
constexpr size_t kRowsAtOnce = 32;
constexpr size_t kChunksAtOnce = 1;

}  // namespace

void Reclaimer::run() {
  while (budget_ != 0 && !(waiting_.empty() && rows_.empty())) {
    const size_t known = waiting_.size();
    if (known != 0) {
      take_same_record();
      free_record(record_of(here_.front().identity));
    } else if (!erase_some_rows(rows_.back())) {
      rows_.pop_back();
    }
    if (waiting_.size() > known + 1) {
      std::sort(waiting_.begin() + static_cast<std::ptrdiff_t>(known), waiting_.end(),
                [](const Item& a, const Item& b) { return a.identity < b.identity; });
    }
    release_collected();
  }
  for (const Item& item : waiting_) bury(item, false);
  for (const Item& item : rows_) bury(item, true);
  waiting_.clear();
  rows_.clear();
}

// Moves the last of waiting_, and what stands beside it for the same record, to here_: a record is
// read and put once for all of them.
void Reclaimer::take_same_record() {
  here_.clear();
  do {
    here_.push_back(waiting_.back());
    waiting_.pop_back();
  } while (!waiting_.empty() &&
           record_of(waiting_.back().identity) == record_of(here_.back().identity));
}

void Reclaimer::bury(const Item& item, bool rows_only) {
  const char value[2] = {static_cast<char>(item.tag), 1};
  transaction_.put(Database::kGraveyard, item.identity, {value, rows_only ? 2u : 1u});
}

// Frees the containers of here_, which all are in `record`, and those of their children that are
// too; the others join waiting_. The record is put, or erased, once.
void Reclaimer::free_record(uint64_t record) {
  const auto stored = transaction_.get(Database::kRecords, record);
  if (!stored) return here_.clear();  // freed already
  const uint16_t flags = record_flags(*stored);
  if ((flags & (kRecordPinned | kRecordShared)) != 0) return here_.clear();
  if (store_.held(make_identity(record, 0))) {
    for (const Item& item : here_) bury(item, false);
    return here_.clear();
  }
  record_ = *stored;
  if ((flags & kRecordImmutable) != 0) {
    free_immutable_record(record);
  } else {
    while (!here_.empty() && spend()) {
      const Item item = here_.back();
      here_.pop_back();
      free_node(item);
    }
    close_record(record);
    for (const Item& item : here_) bury(item, false);
  }
  here_.clear();
}

void Reclaimer::free_node(const Item& item) {
  NodeView node;
  try {
    node = NodeView::locate(record_, item.identity);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kStaleHandle) throw;
    return;  // freed already
  }
  const uint16_t slot = slot_of(item.identity);
  if (std::find(dead_.begin(), dead_.end(), slot) != dead_.end()) return;
  dead_.push_back(slot);
  if (node.spilled()) {
    rows_.push_back({item.identity, tag_of(node.container_kind())});
  } else {
    collect(node);
  }
}

void Reclaimer::close_record(uint64_t record) {
  if (dead_.size() >= record_live(record_)) {
    transaction_.erase(Database::kRecords, record);
  } else if (!dead_.empty()) {
    RecordEditor editor(record_);
    for (const uint16_t slot : dead_) editor.kill(slot);
    transaction_.put(Database::kRecords, record, editor.finish());
  }
  dead_.clear();
}

// A tuple or frozenset with a record of its own and one referent: the record goes, with the short
// ones in it.
void Reclaimer::free_immutable_record(uint64_t record) {
  spend();
  for (size_t slot = 0; slot < record_slots(record_); ++slot) {
    const Identity identity = make_identity(record, static_cast<uint16_t>(slot));
    const NodeView node = NodeView::locate(record_, identity);
    // Its count is no number of members that stand here, and may be anything.
    if (node.spilled()) throw_corrupt("an immutable record has a container that has spilled");
    for (uint64_t i = 0; i < node.count(); ++i) {
      const Member member = node.member(i);
      if (!member.container() || record_of(member.word) != record) collect(member, kNowhere);
    }
  }
  const Buffer key = index_key(record_hash(record_), IndexSpace::kRecords, record);
  transaction_.erase(Database::kImmutableIndex, key);
  transaction_.erase(Database::kRecords, record);
}

void Reclaimer::collect(const NodeView& node) {
  const uint64_t record = record_of(node.identity());
  for (uint64_t i = 0; i < node.count(); ++i) {
    collect(node.member(i), record);
    if (node.keyed()) collect(node.key(i), record);
  }
}

void Reclaimer::collect(const Member& member, uint64_t here) {
  if (member.container()) {
    (record_of(member.word) == here ? here_ : waiting_).push_back({member.word, member.tag});
  } else if (member.in_immutables()) {
    released_.push_back(member.word);
  }
}

void Reclaimer::collect_row(Database database, Bytes value, Identity container) {
  if (database == Database::kEntries) {
    collect(decode_entry_member(value), kNowhere);
  } else if (database == Database::kChunks && is_leaf_chunk(value)) {
    const NodeView leaf = leaf_view(value, container);
    for (uint64_t i = 0; i < leaf.count(); ++i) collect(leaf.member(i), kNowhere);
  }
}

// Deletes some rows of a container that is gone. Returns whether there may be more.
bool Reclaimer::erase_some_rows(const Item& item) {
  if (item.tag == tag_of(WordKind::kArray)) {
    return erase_rows(Database::kChunks, item.identity, kRowsAtOnce, false);
  }
  if (!has_keys(static_cast<WordKind>(item.tag))) {
    return erase_rows(Database::kChunks, item.identity, kChunksAtOnce);
  }
  return erase_rows(Database::kEntries, item.identity, kRowsAtOnce) ||
         erase_rows(Database::kOrder, item.identity, kRowsAtOnce);
}

bool Reclaimer::erase_rows(Database database, Identity container, size_t at_once, bool members) {
  const Buffer prefix = entry_prefix(container);
  std::vector<Buffer> keys;
  {
    Cursor cursor(transaction_, database);
    for (bool found = cursor.seek(prefix); found && cursor.key().starts_with(prefix);
         found = cursor.next()) {
      if (keys.size() == at_once || !spend()) break;
      keys.emplace_back(cursor.key());
      if (members) collect_row(database, cursor.value(), container);
    }
  }
  for (const Buffer& key : keys) transaction_.erase(database, key);
  return keys.size() == at_once || budget_ == 0;
}

void Reclaimer::release_collected() {
  for (const uint64_t id : released_) {
    release_immutable(store_, transaction_, id);
    spend();
  }
  released_.clear();
}

}  // namespace oocmap
