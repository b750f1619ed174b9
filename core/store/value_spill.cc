// ValueWriter: large containers. The node is a header; the members go to entries and order, or
// chunks.

#include <algorithm>

#include "core/format/corrupt.h"
#include "core/format/entry.h"
#include "core/store/chunks.h"
#include "core/store/immutables.h"
#include "core/store/value_writer.h"

namespace oocmap {

void ValueWriter::spill(TapeNode& node) {
  const bool keyed = has_keys(node.kind);
  const NodeKind kind = node.kind == WordKind::kSet         ? NodeKind::kSpilledSet
                        : node.kind == WordKind::kFrozenset ? NodeKind::kSpilledFrozenset
                                                            : NodeKind::kSpilledDict;
  const Buffer header = keyed ? encode_spilled_dict(node.count, node.count, kind)
                              : encode_spilled_list(NodeKind::kSpilledList, 0, 0, 0, 0);
  RecordDraft& draft = draft_for(node, header.size());
  char* const at = draft.add(header.size());
  header.copy(at, header.size());
  node.identity = draft.last();
  if (keyed) {
    spill_dict(node);
  } else {
    spill_list(node, at);
  }
  // Its rows: two a member of a dict, and a text that goes with them.
  store_.add_credit(has_keys(node.kind) ? 3 * node.count : node.count);
  placed(node, draft);
}

void ValueWriter::spill_list(const TapeNode& node, char* at) {
  ChunkBuilder chunks(transaction_, node.identity);
  for (uint64_t i = 0; i < node.count; ++i) chunks.add(member(node, i));
  const ChunkTree tree = chunks.finish();
  const NodeKind kind =
      node.kind == WordKind::kTuple ? NodeKind::kSpilledTuple : NodeKind::kSpilledList;
  const Buffer header =
      encode_spilled_list(kind, tree.height, tree.count, tree.root_chunk, tree.next_chunk);
  header.copy(at, header.size());
}

void ValueWriter::spill_dict(const TapeNode& node) {
  const std::vector<RunKey> keys = keys_of(node);
  for (uint64_t i = 0; i < node.count; ++i) {
    const Member placed = for_entry(store_, transaction_, member(node, i));
    if (!placed.in_immutables()) continue;
    tape_.tags[node.members + i] = placed.tag;
    tape_.words[node.members + i] = placed.word;
  }
  put_entries(node, keys);
  Buffer row;
  for (uint64_t i = 0; i < node.count; ++i) {
    row.clear();
    append_order_entry(row, keys[i].key(), member(node, i));
    transaction_.append(Database::kOrder, EntryKey(node.identity, i), row);
  }
}

void ValueWriter::put_entries(const TapeNode& node, const std::vector<RunKey>& keys) {
  std::vector<uint64_t> sorted(keys.size());
  for (uint64_t i = 0; i < sorted.size(); ++i) sorted[i] = i;
  std::sort(sorted.begin(), sorted.end(),
            [&](uint64_t a, uint64_t b) { return keys[a].order < keys[b].order; });
  Buffer row;
  for (const uint64_t i : sorted) {
    row.clear();
    append_entry(row, i, keys[i].key(), member(node, i));
    uint8_t probe = 0;
    if (is_long_key(keys[i].order)) {
      // Two long keys of one dict with the same prefix and hash: next probe.
      while (transaction_.get(Database::kEntries, EntryKey(node.identity, keys[i].order, probe))) {
        if (++probe == 0) throw_corrupt("256 keys of one dict have the same hash");
      }
    }
    transaction_.append(Database::kEntries, EntryKey(node.identity, keys[i].order, probe), row);
  }
}

Member ValueWriter::member(const TapeNode& node, uint64_t i) const noexcept {
  Member member{tape_.tags[node.members + i], tape_.words[node.members + i], nullptr, 0};
  if (is_heap(member.tag)) {
    const Bytes text = tape_.payload(member.word);
    member.data = text.data();
    member.size = static_cast<uint32_t>(text.size());
  } else if (is_inline(member.tag)) {
    member.data = reinterpret_cast<const char*>(&tape_.words[node.members + i]);
    member.size = static_cast<uint32_t>(inline_size(member.tag));
  }
  return member;
}

std::vector<RunKey> ValueWriter::keys_of(const TapeNode& node) const {
  std::vector<RunKey> keys(node.count);
  if (node.shape != kNoShape) {
    const ShapeKeys& shape = *tape_.shapes[node.shape];
    for (size_t i = 0; i < keys.size(); ++i) {
      keys[i] = {shape.key(i).order(), shape.key(i).explicit_packed(), shape.key(i).form()};
    }
  } else {
    const char* at = tape_.text.data() + node.keys;
    for (RunKey& key : keys) key = read_run_key(at);
  }
  return keys;
}

}  // namespace oocmap
