#include "core/store/value_writer.h"

#include <algorithm>

#include "core/store/immutables.h"
#include "core/store/reclaim.h"

namespace oocmap {
namespace {

constexpr size_t kJoinReserve = 64;  // bytes a record keeps for its own nodes when others join it
constexpr size_t kDeadSlots = 64;

// The bytes of a node with its slot, at most: every word whole, every text in its heap.
size_t most_bytes(const TapeNode& node) noexcept {
  constexpr size_t kHeads = 8;  // what a dict has, and the size of the words
  return kNodeHeader + kHeads + 9 * node.count + node.heap_bytes + 1 + sizeof(uint16_t);
}

size_t most_small(const TapeNode& node) noexcept {
  return has_keys(node.kind) ? kMaxInlineDict : kMaxInlineList;
}

// About what a small node takes; a header where it will spill. Real data has words of 4 bytes or
// so.
size_t expected_bytes(const TapeNode& node) noexcept {
  if (node.count > most_small(node)) return 32;
  return 16 + 5 * node.count + node.heap_bytes;
}

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
    if (node.has(TapeNode::kInterned)) {
      write_interned(node);
    } else if (!node.has(TapeNode::kDropped | TapeNode::kOwned)) {
      write(node);
    }
    expected_ -= expected;
  }
  if (join) {
    for (size_t i = 0; i < filling.slots(); ++i) parent->add(filling.node(i));
  } else if (filling_) {
    put_record(filling);
  }
  // What freeing all of it will cost at most: a look at each container in the graveyard, its end,
  // and that of each reference to an immutable.
  store_.add_credit(2 * tape_.order.size() + immutables_);
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
    const NodeKind kind = node.small_kind();
    if (node.has(TapeNode::kAliased)) return false;
    if (kind == NodeKind::kInlineDict && node.count > 0) return false;
    const size_t bytes = most_bytes(node);
    if (bytes > room) return false;
    room -= bytes;
  }
  return true;
}

void ValueWriter::write(TapeNode& node) {
  if (node.kind == WordKind::kArray) return write_array(node);
  if (node.has(TapeNode::kResolve)) resolve(node, Texts::kAsSeen);
  const bool dict = node.kind == WordKind::kDict;
  if (node.count > most_small(node)) return spill(node);
  if (is_set(node.kind)) {
    if (!write_keyed(node)) spill(node);
    return;
  }
  uint64_t shape = 0;
  if (dict && node.shape != kNoShape) {
    shape = store_.shape_ids().resolve(store_, transaction_, tape_.shapes[node.shape]);
  } else if (dict && node.count > 0) {
    if (!write_keyed(node)) spill(node);
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
        ++immutables_;
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
  if (node.has(TapeNode::kAlone)) {
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
  if (node.has(TapeNode::kAliased)) filling.add_flags(kRecordPinned);
  return filling;
}

void ValueWriter::placed(TapeNode& node, RecordDraft& draft) {
  node.identity = draft.last();
  if (&draft == &scratch_.separate) put_record(draft);
}

void ValueWriter::put_record(RecordDraft& draft) {
  transaction_.append(Database::kRecords, draft.id(), draft.finish());
}

}  // namespace oocmap
