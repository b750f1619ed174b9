// The rows of a container that has spilled: `entries` and `order`, or `chunks`.
#include <algorithm>

#include "core/base/error.h"
#include "core/format/array.h"
#include "core/format/chunk.h"
#include "core/format/entry.h"
#include "core/store/check_state.h"
#include "core/store/chunk_edit.h"
#include "core/store/dict_find.h"

namespace oocmap {
namespace {

bool same_member(const Member& a, const Member& b) noexcept {
  return a.tag == b.tag && a.payload() == b.payload() && (is_heap(a.tag) || a.word == b.word);
}

[[noreturn]] void wrong(const std::string& what) { throw Error(ErrorCode::kCorrupt, what); }

void check_count(const char* database, uint64_t found, uint64_t said) {
  if (found == said) return;
  wrong("it has " + std::to_string(found) + " rows in '" + database + "', and says that it has " +
        std::to_string(said) + " members");
}

}  // namespace

uint64_t StoreCheck::count_rows(Database database, Identity container) {
  const Buffer prefix = entry_prefix(container);
  Cursor cursor(transaction_, database);
  uint64_t rows = 0;
  for (bool found = cursor.seek(prefix); found && cursor.key().starts_with(prefix);
       found = cursor.next()) {
    ++rows;
    step();
  }
  return rows;
}

void StoreCheck::check_spilled_dict(const NodeView& node) {
  const std::string place = place_of(node.identity());
  guarded(place, [&] { check_count("entries", check_entries(node), node.count()); });
  guarded(place, [&] { check_count("order", check_order(node), node.count()); });
}

uint64_t StoreCheck::check_entries(const NodeView& node) {
  const std::string place = place_of(node.identity());
  const bool set = is_set(node.container_kind());
  const Buffer prefix = entry_prefix(node.identity());
  Cursor cursor(transaction_, Database::kEntries);
  uint64_t rows = 0;
  for (bool found = cursor.seek(prefix); found && cursor.key().starts_with(prefix);
       found = cursor.next()) {
    ++rows;
    ++report_.entries;
    step();
    guarded(place, [&] {
      const Bytes order = cursor.key().substr(prefix.size());
      const Entry entry = decode_entry(cursor.value());
      const Key key = entry_key_of(order, entry);
      if (Key::packed(key.pack()).order() != key.order())
        wrong("a key is not the one it is found by");
      const auto probe = is_cut(order) ? static_cast<uint8_t>(order.back()) : uint8_t{0};
      if (Bytes(EntryKey(node.identity(), key.order(), probe)) != cursor.key()) {
        wrong("a long key has another hash");
      }
      if (entry.sequence >= node.next_sequence()) wrong("a sequence is not below the next one");
      if (set && entry.member.tag != tag_of(WordKind::kNone))
        wrong("a member of a set has a value");
      check_member(place, entry.member, false);
    });
  }
  return rows;
}

// Each row leads to the one in `entries` that has its sequence: so where there are as many of both,
// each of those has one here.
uint64_t StoreCheck::check_order(const NodeView& node) {
  const std::string place = place_of(node.identity());
  const Buffer prefix = entry_prefix(node.identity());
  Cursor cursor(transaction_, Database::kOrder);
  uint64_t rows = 0;
  for (bool found = cursor.seek(prefix); found && cursor.key().starts_with(prefix);
       found = cursor.next()) {
    ++rows;
    step();
    guarded(place, [&] {
      const uint64_t sequence = read_sequence(cursor.key().substr(prefix.size()));
      const Entry row = decode_order_entry(cursor.value());
      const EntryRow other = find_entry(transaction_, node.identity(), row.order);
      if (!other.value) wrong("a row of 'order' has a key that 'entries' has not");
      const Entry entry = decode_entry(*other.value);
      if (entry.sequence != sequence || entry.form != row.form ||
          entry.explicit_packed != row.explicit_packed || !same_member(entry.member, row.member)) {
        wrong("the row of 'order' with sequence " + std::to_string(sequence) +
              " differs from that of its key in 'entries'");
      }
    });
  }
  return rows;
}

void StoreCheck::check_spilled_list(const NodeView& node) {
  struct Part {
    uint64_t chunk, members;
    uint16_t height;
  };
  const std::string place = place_of(node.identity());
  const uint64_t rows = count_rows(Database::kChunks, node.identity());
  report_.chunks += rows;
  if ((node.root_chunk() == 0) != (node.count() == 0)) wrong("it has members or a root chunk only");
  static_cast<void>(chunk_tree(node));  // that it is not too high
  std::vector<uint64_t> met;
  std::vector<Part> waiting;
  if (node.root_chunk() != 0) waiting.push_back({node.root_chunk(), node.count(), node.height()});
  const auto refuse_too_many = [&] {  // each is a row of its own
    if (met.size() + waiting.size() > rows) wrong("its chunks are used twice, or missing");
  };
  refuse_too_many();
  while (!waiting.empty()) {
    const Part part = waiting.back();
    waiting.pop_back();
    met.push_back(part.chunk);
    const std::string name = "chunk " + std::to_string(part.chunk) + " ";
    if (part.chunk == 0 || part.chunk >= node.next_chunk())
      wrong(name + "has an impossible number");
    const auto row = transaction_.get(Database::kChunks, chunk_key(node.identity(), part.chunk));
    if (!row) wrong(name + "is missing");
    if (part.height == 0) {
      const NodeView leaf = leaf_view(*row, node.identity());
      if (leaf.count() != part.members)
        wrong(name + "has another number of members than it should");
      for (uint64_t i = 0; i < leaf.count(); ++i) check_member(place, leaf.member(i), false);
      continue;
    }
    const InnerView inner(*row);
    uint64_t below = 0;
    for (size_t i = inner.count(); i-- > 0;) {
      below += inner.members(i);
      waiting.push_back({inner.child(i), inner.members(i), static_cast<uint16_t>(part.height - 1)});
    }
    refuse_too_many();
    if (below != part.members)
      wrong(name + "has another number of members below it than it should");
  }
  std::sort(met.begin(), met.end());
  if (std::adjacent_find(met.begin(), met.end()) != met.end()) wrong("a chunk of it is used twice");
  if (met.size() != rows) {
    wrong("it has " + std::to_string(rows) + " chunks, of which " + std::to_string(met.size()) +
          " are in use");
  }
}

void StoreCheck::check_array(const NodeView& node) {
  const ArrayView array(node.bytes());
  if (!array.chunked() && !array.type_apart()) return;
  const Buffer prefix = entry_prefix(node.identity());
  uint64_t next = array.type_apart() ? 0 : 1;
  const uint64_t last =
      array.chunked() ? (array.bytes() + array.chunk_size() - 1) / array.chunk_size() : 0;
  Cursor cursor(transaction_, Database::kChunks);
  for (bool found = cursor.seek(prefix); found && cursor.key().starts_with(prefix);
       found = cursor.next()) {
    step();
    ++report_.chunks;
    const uint64_t number = read_sequence(cursor.key().substr(prefix.size()));
    if (number != next || number > last)
      wrong("chunk " + std::to_string(number) + " is unexpected");
    const uint64_t size =
        number == 0 ? array.type_size()
                    : std::min<uint64_t>(array.chunk_size(),
                                         array.bytes() - (number - 1) * array.chunk_size());
    if (cursor.value().size() != size) {
      wrong("chunk " + std::to_string(number) + " has " + std::to_string(cursor.value().size()) +
            " bytes instead of " + std::to_string(size));
    }
    ++next;
  }
  if (next != last + 1) wrong("chunk " + std::to_string(next) + " is missing");
}

// Of a container whose node is gone: what its rows refer to is not free yet.
void StoreCheck::check_loose_rows(Identity container, Tag tag) {
  const std::string place = "graveyard, " + place_of(container);
  if (tag == tag_of(WordKind::kArray)) return;
  const bool keyed = has_keys(static_cast<WordKind>(tag));
  const Buffer prefix = entry_prefix(container);
  Cursor cursor(transaction_, keyed ? Database::kEntries : Database::kChunks);
  for (bool found = cursor.seek(prefix); found && cursor.key().starts_with(prefix);
       found = cursor.next()) {
    step();
    guarded(place, [&] {
      if (keyed) return check_member(place, decode_entry_member(cursor.value()), false);
      if (!is_leaf_chunk(cursor.value())) return;
      const NodeView leaf = leaf_view(cursor.value(), container);
      for (uint64_t i = 0; i < leaf.count(); ++i) check_member(place, leaf.member(i), false);
    });
  }
}

}  // namespace oocmap
