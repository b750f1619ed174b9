#include "core/store/value_writer.h"

#include <algorithm>

#include "core/format/corrupt.h"
#include "core/format/entry.h"
#include "core/store/chunks.h"
#include "core/store/immutables.h"
#include "core/store/key_member.h"
#include "core/store/reclaim.h"

namespace oocmap {
namespace {

// Stands for the record id of an interned tuple until it is known. No store gets this far.
constexpr uint64_t kProvisionalRecord = uint64_t{1} << 47;

constexpr uint8_t kHasHeap = 0x80;
constexpr size_t kJoinReserve = 64;  // bytes a record keeps for its own nodes when others join it
constexpr size_t kDeadSlots = 64;

NodeKind small_kind(const TapeNode& node) noexcept {
  if (node.kind == WordKind::kList) return NodeKind::kList;
  if (node.kind == WordKind::kTuple) return NodeKind::kTuple;
  return node.shape == kNoShape ? NodeKind::kInlineDict : NodeKind::kShapedDict;
}

// About what a small node takes; a header where it will spill. Real data has words of 4 bytes or
// so.
size_t expected_bytes(const TapeNode& node) noexcept {
  const bool dict = node.kind == WordKind::kDict;
  if (node.count > (dict ? kMaxInlineDict : kMaxInlineList)) return 32;
  return 16 + 5 * node.count + node.heap_bytes;
}

bool has(const TapeNode& node, uint8_t flag) noexcept { return (node.flags & flag) != 0; }

}  // namespace

ValueWriter::ValueWriter(Store& store, WriteTransaction& transaction, Tape& tape)
    : store_(store), transaction_(transaction), tape_(tape), scratch_([]() -> Scratch& {
        thread_local const auto scratch = std::make_unique<Scratch>();
        return *scratch;
      }()) {}

Member ValueWriter::store(Store& store, WriteTransaction& transaction, EncodedValue& value,
                          RecordEditor* parent, uint64_t parent_record) {
  const Member& scalar = value.scalar_;
  if (value.parts_ != nullptr) {
    Tape& tape = value.parts_->tape;
    ValueWriter(store, transaction, tape).write_all(parent, parent_record);
    return {scalar.tag, tape.nodes[scalar.word].identity, nullptr, 0};
  }
  if (value.reference_) {
    pin(store, transaction, scalar.word);
  } else if (is_heap(scalar.tag)) {
    return place_payload(store, transaction, scalar.payload_kind(), value.text_);
  } else if (is_inline(scalar.tag)) {
    return {scalar.tag, scalar.word, value.text_.data(), static_cast<uint32_t>(value.text_.size())};
  }
  return scalar;
}

Member store_value(Store& store, WriteTransaction& transaction, EncodedValue& value,
                   RecordEditor* parent, uint64_t parent_record) {
  return ValueWriter::store(store, transaction, value, parent, parent_record);
}

void ValueWriter::write_all(RecordEditor* parent, uint64_t parent_record) {
  RecordDraft& filling = scratch_.filling;
  const bool join = parent != nullptr && may_join(*parent);
  if (join) {
    filling.begin(parent_record, kMaxRecordBytes, parent->slots());
    filling_ = true;
  }
  for (size_t i = 0; i < tape_.order.size(); ++i) {
    expected_ += expected_bytes(tape_.nodes[tape_.order[i]]);
  }
  for (size_t i = 0; i < tape_.order.size(); ++i) {
    TapeNode& node = tape_.nodes[tape_.order[i]];
    const size_t expected = expected_bytes(node);
    if (has(node, TapeNode::kInterned)) {
      write_interned(node);
    } else if (!has(node, TapeNode::kDropped | TapeNode::kOwned)) {
      write(node);
    }
    expected_ -= expected;
  }
  if (join) {
    for (size_t i = 0; i < filling.slots(); ++i) parent->add(filling.node(i));
  } else if (filling_) {
    put_record(filling);
  }
  store_.add_credit(tape_.order.size());
}

// Whether all nodes fit the parent's record, by an upper bound: what they are is not known before
// texts are placed, and their words depend on where they go. Not into a pinned record, where
// nothing is ever freed, nor with nodes that would pin it; nor into one that has become mostly dead
// slots.
bool ValueWriter::may_join(const RecordEditor& parent) const noexcept {
  if (parent.flags() != 0 || parent.slots() > kDeadSlots + 2 * parent.live()) return false;
  const size_t used = parent.encoded_size() + kJoinReserve;
  if (used > kMaxRecordBytes) return false;
  size_t room = kMaxRecordBytes - used;
  for (size_t i = 0; i < tape_.order.size(); ++i) {
    const TapeNode& node = tape_.nodes[tape_.order[i]];
    const NodeKind kind = small_kind(node);
    if (has(node, TapeNode::kAliased)) return false;
    if (kind == NodeKind::kInlineDict && node.count > 0) return false;
    const size_t bytes =
        node_size(kind == NodeKind::kShapedDict, node.count, false, node.heap_bytes) + 3;
    if (bytes > room) return false;
    room -= bytes;
  }
  return true;
}

void ValueWriter::write(TapeNode& node) {
  if (has(node, TapeNode::kResolve)) resolve(node, Texts::kAsSeen);
  const bool dict = node.kind == WordKind::kDict;
  if (node.count > (dict ? kMaxInlineDict : kMaxInlineList)) return spill(node);
  uint64_t shape = 0;
  if (dict && node.shape != kNoShape) {
    shape = store_.shape_ids().resolve(store_, transaction_, tape_.shapes[node.shape]);
  } else if (dict && node.count > 0) {
    if (!write_inline_dict(node)) spill(node);
    return;
  }
  plan(node, filling_ ? scratch_.filling.id() : 0);
  if (small_size(node) > kMaxNodeBytes) return spill(node);
  RecordDraft& draft = draft_for(node, small_size(node));
  // In another record than was planned for, children are no longer local.
  if (draft.id() != scratch_.planned_for) plan(node, draft.id());
  write_small(draft, node, shape);
  placed(node, draft);
}

// --- Resolving

void ValueWriter::resolve(TapeNode& node, Texts texts) {
  uint64_t heap = 0;
  for (uint64_t i = node.members; i < node.members + node.count; ++i) {
    Tag& tag = tape_.tags[i];
    uint64_t& word = tape_.words[i];
    if (is_heap(tag)) {
      const Bytes text = tape_.payload(word);
      const auto kind = static_cast<PayloadKind>(tag & ~kLocationMask);
      const uint64_t id = immutable_of(kind, text, texts);
      if (id == 0) {
        heap += text.size();
      } else {
        tag = immutable_tag(kind);
        word = id;
      }
    } else if (is_tape_child(tag)) {
      tag &= static_cast<Tag>(~kChildOfTape);
      word = identity_of_child(static_cast<uint32_t>(word));
    } else if (is_container(tag)) {
      pin(store_, transaction_, word);
    }
  }
  node.heap_bytes = heap;
}

// 0: it stays in the node's heap.
uint64_t ValueWriter::immutable_of(PayloadKind kind, Bytes text, Texts texts) {
  if (text.size() < kWindowText) return 0;
  if (text.size() >= kIndexedText) return place_indexed(store_, transaction_, kind, text);
  return texts == Texts::kAsSeen ? place_recent(store_, transaction_, kind, text) : 0;
}

// Children come first, so an unplaced one is an ancestor that again() named while it was open. It
// gets its record's id now and its node when its turn comes.
Identity ValueWriter::identity_of_child(uint32_t number) {
  TapeNode& child = tape_.nodes[number];
  if (child.identity == 0) child.identity = make_identity(store_.new_record_id(), 0);
  return child.identity;
}

// --- Records

RecordDraft& ValueWriter::draft_for(TapeNode& node, size_t bytes) {
  if (has(node, TapeNode::kAlone)) {
    RecordDraft& separate = scratch_.separate;
    separate.begin(node.identity != 0 ? record_of(node.identity) : store_.new_record_id());
    separate.add_flags(kRecordPinned);
    return separate;
  }
  RecordDraft& filling = scratch_.filling;
  if (filling_ && !filling.has_room(bytes)) {
    put_record(filling);
    filling_ = false;
  }
  if (!filling_) filling.begin(store_.new_record_id(), RecordDraft::limit_for(expected_));
  filling_ = true;
  if (has(node, TapeNode::kAliased)) filling.add_flags(kRecordPinned);
  return filling;
}

void ValueWriter::placed(TapeNode& node, RecordDraft& draft) {
  node.identity = draft.last();
  if (&draft == &scratch_.separate) put_record(draft);
}

void ValueWriter::put_record(RecordDraft& draft) {
  transaction_.append(Database::kRecords, draft.id(), draft.finish());
}

// --- Small nodes

// Decides how the members are stored in a node of `record`: each in the fewest bytes, or all alike
// where that takes no more.
void ValueWriter::plan(const TapeNode& node, uint64_t record) {
  scratch_.planned_for = record;
  scratch_.stored.resize(node.count);
  Tag* const stored = scratch_.stored.data();
  Tag common = kMixedTags;
  size_t words = 0;
  for (uint64_t i = 0; i < node.count; ++i) {
    stored[i] = stored_tag(tags(node)[i], local_word(node, i, record));
    common = i == 0 ? stored[i] : common == kMixedTags ? kMixedTags : common_tag(common, stored[i]);
    words += kWordWidths[stored[i]];
  }
  const size_t same = size_t{kWordWidths[common]} * node.count;
  const bool uniform = common != kMixedTags && same <= words + node.count;
  scratch_.uniform = uniform ? common : kMixedTags;
  scratch_.words = uniform ? same : words;
}

// A reference into the record that is being filled is written as record 0, so that a record's bytes
// do not depend on its id.
uint64_t ValueWriter::local_word(const TapeNode& node, uint64_t i, uint64_t record) const noexcept {
  const uint64_t word = tape_.words[node.members + i];
  return is_container(tags(node)[i]) && record_of(word) == record ? slot_of(word) : word;
}

// Of a node that was planned.
size_t ValueWriter::small_size(const TapeNode& node) const noexcept {
  const bool shaped = small_kind(node) == NodeKind::kShapedDict;
  return kNodeHeader + (shaped ? kIdBytes : 0) + (node.heap_bytes == 0 ? 0 : 2) +
         (small_kind(node) == NodeKind::kInlineDict ? 4 : 0) +
         (scratch_.uniform == kMixedTags ? node.count : 0) + scratch_.words + node.heap_bytes;
}

void ValueWriter::write_small(RecordDraft& draft, const TapeNode& node, uint64_t shape) {
  const NodeKind kind = small_kind(node);
  char* at = draft.add(small_size(node));
  at[0] = static_cast<char>(static_cast<uint8_t>(kind) | (node.heap_bytes == 0 ? 0 : kHasHeap));
  at[1] = static_cast<char>(scratch_.uniform);
  store_le(at + 2, static_cast<uint16_t>(node.count));
  at += kNodeHeader;
  if (kind == NodeKind::kShapedDict) {
    std::memcpy(at, &shape, kIdBytes);
    at += kIdBytes;
  } else if (kind == NodeKind::kInlineDict) {  // an empty dict: no key words, no keys' heap
    store_le(at, uint32_t{0});
    at += 4;
  }
  if (node.heap_bytes != 0) {
    store_le(at, static_cast<uint16_t>(scratch_.words));
    at += 2;
  }
  if (scratch_.uniform == kMixedTags && node.count != 0) {
    std::memcpy(at, scratch_.stored.data(), node.count);
    at += node.count;
  }
  write_members(node, at, at + scratch_.words);
}

void ValueWriter::write_members(const TapeNode& node, char* words, char* heap) const noexcept {
  const bool mixed = scratch_.uniform == kMixedTags;
  for (uint64_t i = 0; i < node.count; ++i) {
    const Tag stored = mixed ? scratch_.stored[i] : scratch_.uniform;
    if (is_heap(stored)) {
      const Bytes text = tape_.payload(tape_.words[node.members + i]);
      store_le(words, static_cast<uint16_t>(text.size()));
      std::memcpy(heap, text.data(), text.size());
      heap += text.size();
    } else {
      write_stored(words, stored, local_word(node, i, scratch_.planned_for));
    }
    words += kWordWidths[stored];
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

// Dicts of more keys than a shape has: rare enough to take the builder's way.
bool ValueWriter::write_inline_dict(TapeNode& node) {
  NodeBuilder& builder = scratch_.builder;
  builder.reset(NodeKind::kInlineDict);
  size_t most = kNodeHeader + 6 + 18 * node.count + node.heap_bytes;
  Buffer hold;
  for (const RunKey& run_key : keys_of(node)) {
    const Key key = run_key.key();
    const Member as_member = key_member(key, hold);
    if (is_heap(as_member.tag)) most += as_member.size;
    if (most > kMaxNodeBytes) return false;
    builder.add_key(as_member);
  }
  RecordDraft& draft = draft_for(node, most);
  for (uint64_t i = 0; i < node.count; ++i) {
    Member value = member(node, i);
    if (value.container() && record_of(value.word) == draft.id()) value.word = slot_of(value.word);
    builder.add(value);
  }
  scratch_.node.clear();
  builder.encode(scratch_.node);
  std::memcpy(draft.add(scratch_.node.size()), scratch_.node.data(), scratch_.node.size());
  placed(node, draft);
  return true;
}

// --- Interned tuples

void ValueWriter::collect_owned(const TapeNode& tuple) {
  scratch_.owned.clear();
  size_t i = tuple.position;
  while (i > tuple.first_inside) {
    const uint32_t number = tape_.order[i - 1];
    const TapeNode& inside = tape_.nodes[number];
    if (has(inside, TapeNode::kInterned)) {
      i = inside.first_inside;
    } else {
      scratch_.owned.push_back(number);
      --i;
    }
  }
  std::reverse(scratch_.owned.begin(), scratch_.owned.end());
}

void ValueWriter::add_interned(TapeNode& node) {
  RecordDraft& draft = scratch_.separate;
  if (has(node, TapeNode::kResolve)) resolve(node, Texts::kSameAlways);
  plan(node, draft.id());
  write_small(draft, node, 0);
  node.identity = draft.last();
}

void ValueWriter::write_interned(TapeNode& tuple) {
  RecordDraft& draft = scratch_.separate;
  draft.begin(kProvisionalRecord);
  draft.add_flags(kRecordImmutable);
  collect_owned(tuple);
  uint16_t flags = has(tuple, TapeNode::kAliased) ? kRecordShared : 0;
  for (const uint32_t number : scratch_.owned) {
    add_interned(tape_.nodes[number]);
    if (has(tape_.nodes[number], TapeNode::kAliased)) flags |= kRecordPinned;
  }
  add_interned(tuple);
  const uint64_t id = place_immutable_record(store_, transaction_, draft.finish(), flags);
  for (const uint32_t number : scratch_.owned) {
    tape_.nodes[number].identity = make_identity(id, slot_of(tape_.nodes[number].identity));
  }
  tuple.identity = make_identity(id, slot_of(tuple.identity));
}

// --- Spilled containers

void ValueWriter::spill(TapeNode& node) {
  const bool dict = node.kind == WordKind::kDict;
  const Buffer header = dict ? encode_spilled_dict(node.count, node.count)
                             : encode_spilled_list(NodeKind::kSpilledList, 0, 0, 0, 0);
  RecordDraft& draft = draft_for(node, header.size());
  char* const at = draft.add(header.size());
  std::memcpy(at, header.data(), header.size());
  node.identity = draft.last();
  if (dict) {
    spill_dict(node);
  } else {
    spill_list(node, at);
  }
  store_.add_credit(node.count);
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
  std::memcpy(at, header.data(), header.size());
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

}  // namespace oocmap
