#include "core/store/encoder_state.h"

#include <algorithm>
#include <unordered_map>

#include "core/base/hash.h"
#include "core/store/key_member.h"

namespace oocmap {
namespace {

constexpr size_t kSetHead = kNodeHeader + 6;  // of a keyed node with a heap

}  // namespace

size_t ValueEncoder::State::begin(WordKind kind) {
  if (frames.size() > size_t{kMaxDepth}) {
    throw Error(ErrorCode::kInvalidArgument,
                "a value nested more than " + std::to_string(kMaxDepth) + " levels deep");
  }
  const size_t number = tape->nodes.size();
  if (number >= kOpen) misuse("a value with more than 4 billion containers");
  TapeNode node;
  node.kind = kind;
  node.first_inside = static_cast<uint32_t>(tape->order.size());
  tape->nodes.push(node);
  Frame frame;
  frame.kind = kind;
  frame.members = words.size();
  frame.keys = keys.size();
  frame.node = static_cast<uint32_t>(number);
  frames.push(frame);
  return number;
}

void ValueEncoder::State::move_members(const Frame& frame, TapeNode& node) {
  node.members = tape->words.size();
  node.count = words.size() - frame.members;
  node.heap_bytes = frame.heap_bytes;
  if (frame.resolve) node.flags |= TapeNode::kResolve;
  tape->words.append(words.data() + frame.members, node.count);
  tape->tags.append(tags.data() + frame.members, node.count);
  words.shrink(frame.members);
  tags.shrink(frame.members);
}

void ValueEncoder::State::end() {
  if (frames.size() < 2) misuse("end() without a container that is open");
  Frame& frame = top();
  TapeNode& node = tape->nodes[frame.node];
  if (frame.kind == WordKind::kDict) {
    end_dict(frame, node);
    keys.shrink(frame.keys);
  }
  if (is_set(frame.kind)) {
    end_set(frame, node);
    keys.shrink(frame.keys);
  }
  move_members(frame, node);
  if (frame.kind == WordKind::kRegistered && node.count != 2) {
    misuse("a registered object without its one value");
  }
  const bool tuple = frame.kind == WordKind::kTuple || frame.kind == WordKind::kRegistered;
  if (tuple && frame.immutable) {
    intern(frame, node, tuple_bytes(node), kMaxInlineList);
  }
  if (frame.kind == WordKind::kFrozenset) {
    intern(frame, node, set_bytes(node), kMaxInlineDict);
  }
  node.position = static_cast<uint32_t>(tape->order.size());
  tape->order.push(frame.node);

  Frame& parent = frames[frames.size() - 2];
  parent.resolve = true;
  if ((node.flags & TapeNode::kImmutable) == 0) {
    parent.immutable = false;
  } else if ((node.flags & TapeNode::kInterned) == 0) {
    parent.owned_bytes += frame.owned_bytes;
  }
  add(static_cast<Tag>(kChildOfTape | tag_of(frame.kind)), frame.node);
  frames.pop();
}

uint32_t ValueEncoder::State::shape_index(std::shared_ptr<const ShapeKeys> shape) {
  auto& shapes = tape->shapes;
  if (shapes.empty() || shapes.back() != shape) shapes.push_back(std::move(shape));
  return static_cast<uint32_t>(shapes.size() - 1);
}

void ValueEncoder::State::end_dict(Frame& frame, TapeNode& node) {
  size_t count = words.size() - frame.members;
  if (frame.shape != kNoShape) {
    if (count != tape->shapes[frame.shape]->size())
      misuse("a shaped dict with too few or many values");
    node.shape = frame.shape;
    return;
  }
  if (count != frame.key_count) misuse("a dict whose keys and values do not pair");
  if (count > kMaxShapeKeys || frame.shapeless) {
    drop_duplicate_keys(frame);
    count = words.size() - frame.members;
  }
  if (count > kMaxShapeKeys || frame.shapeless) {
    node.keys = tape->text.size();
    const Bytes bytes = run(frame);
    tape->text.append(bytes.data(), bytes.size());
  } else if (count > 0) {
    node.shape = shape_index(shape_of_run(frame));
  }
}

std::shared_ptr<const ShapeKeys> ValueEncoder::State::shape_of_run(Frame& frame) {
  const uint64_t hash = hash64(run(frame));
  KnownShape& slot = known[hash % kShapeSlots];
  // What is in the table has been found free of duplicates.
  if (slot.hash == hash && slot.shape != nullptr && Bytes(slot.run) == run(frame))
    return slot.shape;

  drop_duplicate_keys(frame);
  std::vector<Key> all;
  const Bytes bytes = run(frame);
  for (const char* at = bytes.data(); at < bytes.data() + bytes.size();) {
    all.push_back(read_run_key(at).key());
  }
  auto shape = ShapeKeys::from(std::move(all));
  known[hash64(bytes) % kShapeSlots] = {hash64(bytes), Buffer(bytes), shape};
  return shape;
}

// A key given twice keeps its first place and gets the last value, as in Python's dict displays.
void ValueEncoder::State::drop_duplicate_keys(Frame& frame) {
  const Buffer before(run(frame));
  std::unordered_map<Bytes, size_t> places;
  places.reserve(frame.key_count);
  size_t count = frame.members;
  size_t from = frame.members;
  keys.shrink(frame.keys);
  for (const char* at = before.data(); at < before.data() + before.size(); ++from) {
    const char* const start = at;
    const RunKey key = read_run_key(at);
    const auto [place, fresh] = places.try_emplace(key.order, count);
    if (fresh) {
      keys.append(start, static_cast<size_t>(at - start));
      ++count;
    } else if (is_tape_child(tags[place->second])) {
      dropped = true;
    }
    words[place->second] = words[from];
    tags[place->second] = tags[from];
  }
  if (words.size() == count) return;
  words.shrink(count);
  tags.shrink(count);
  frame.key_count = static_cast<uint32_t>(count - frame.members);
  frame.resolve = true;  // heap_bytes counts a replaced text
}

// The members' run goes to the tape, and what their payloads take to heap_bytes: exact, as a set
// has nothing else there, and keys never go to immutables.
void ValueEncoder::State::end_set(Frame& frame, TapeNode& node) {
  if (words.size() - frame.members != frame.key_count) misuse("a set with a value among its keys");
  drop_duplicate_keys(frame);
  frame.resolve = false;  // there is nothing but None to resolve
  if (frame.kind == WordKind::kFrozenset) sort_keys(frame);
  frame.heap_bytes = 0;
  Buffer hold;
  const Bytes bytes = run(frame);
  for (const char* at = bytes.data(); at < bytes.data() + bytes.size();) {
    const Key key = read_run_key(at).key();
    const Member member = key_member(key, hold);
    if (is_heap(member.tag)) frame.heap_bytes += member.size;
  }
  node.keys = tape->text.size();
  tape->text.append(bytes.data(), bytes.size());
}

// Equal frozensets are equal bytes, whatever order their members came in.
void ValueEncoder::State::sort_keys(Frame& frame) {
  const Buffer before(run(frame));
  std::vector<std::pair<Bytes, Bytes>> sorted;  // order bytes, the key's part of the run
  for (const char* at = before.data(); at < before.data() + before.size();) {
    const char* const start = at;
    const RunKey key = read_run_key(at);
    sorted.emplace_back(key.order, Bytes(start, static_cast<size_t>(at - start)));
  }
  std::sort(sorted.begin(), sorted.end());
  keys.shrink(frame.keys);
  for (const auto& [order, part] : sorted) keys.append(part.data(), part.size());
}

// Decides whether a deeply immutable tuple or frozenset is stored once, in a record of its own:
// where it is long enough to be worth an index row, and one record holds it with the short ones
// inside. `bytes`: of its node.
void ValueEncoder::State::intern(Frame& frame, TapeNode& node, size_t bytes, size_t most_members) {
  frame.owned_bytes += bytes + 2;  // and its slot
  if (node.count > most_members || bytes > kMaxNodeBytes ||
      kRecordHeader + frame.owned_bytes > kMaxRecordBytes) {
    return;
  }
  node.flags |= TapeNode::kImmutable;
  if (frame.owned_bytes < kIndexedTuple) return;
  node.flags |= TapeNode::kInterned;
  own_inside(node);
}

// The node of a set as it will stand, or a little more. The same for equal frozensets.
size_t ValueEncoder::State::set_bytes(const TapeNode& node) const noexcept {
  return (kSetHead + 9 * node.count + node.heap_bytes + 1) & ~size_t{1};
}

// The node of an immutable tuple as it will stand in a record of its own, or a little more: whether
// its words will all be alike is left open. The same for equal tuples.
size_t ValueEncoder::State::tuple_bytes(const TapeNode& node) const noexcept {
  size_t bytes = kNodeHeader + 2 + node.count + node.heap_bytes;
  for (uint64_t i = node.members; i < node.members + node.count; ++i) {
    const Tag tag = tape->tags[i];
    if (is_tape_child(tag)) {
      const bool apart = tape->nodes[tape->words[i]].has(TapeNode::kInterned);
      bytes += apart ? sizeof(Identity) : sizeof(uint16_t);
    } else if (is_heap(tag)) {
      const bool stays = tape->payload(tape->words[i]).size() < kIndexedText;
      bytes += stays ? sizeof(uint16_t) : kIdBytes;
    } else {
      bytes += kWordWidths[stored_tag(tag, tape->words[i])];
    }
  }
  return (bytes + 1) & ~size_t{1};
}

// Marks the plain tuples and frozensets inside an interned one. Those of interned ones inside it
// are theirs: such a subtree is stepped over, so that deep nesting costs no more than its length.
void ValueEncoder::State::own_inside(const TapeNode& tuple) noexcept {
  size_t i = tape->order.size();
  while (i > tuple.first_inside) {
    TapeNode& inside = tape->nodes[tape->order[i - 1]];
    if ((inside.flags & TapeNode::kInterned) != 0) {
      i = inside.first_inside;
    } else {
      inside.flags |= TapeNode::kOwned;
      --i;
    }
  }
}

// Leaves out what only a replaced duplicate referred to.
void ValueEncoder::State::drop_unreachable(uint32_t root) {
  for (size_t i = 0; i < tape->nodes.size(); ++i) tape->nodes[i].flags |= TapeNode::kDropped;
  std::vector<uint32_t> pending{root};
  while (!pending.empty()) {
    TapeNode& node = tape->nodes[pending.back()];
    pending.pop_back();
    if ((node.flags & TapeNode::kDropped) == 0) continue;
    node.flags &= static_cast<uint8_t>(~TapeNode::kDropped);
    for (uint64_t i = node.members; i < node.members + node.count; ++i) {
      if (is_tape_child(tape->tags[i])) pending.push_back(static_cast<uint32_t>(tape->words[i]));
    }
  }
}

EncodedValue ValueEncoder::State::finish() {
  if (frames.size() != 1) misuse("finish() with a container still open");
  if (words.size() != 1) misuse("finish() needs exactly one value");
  const Tag tag = tags[0];
  const uint64_t word = words[0];
  EncodedValue value;
  if (is_tape_child(tag)) {
    if (dropped) drop_unreachable(static_cast<uint32_t>(word));
    value.scalar_.tag = tag & static_cast<Tag>(~kChildOfTape);
    value.scalar_.word = word;
    value.parts_ = std::exchange(parts, take_parts<EncodedValue::Parts>());
    tape = &parts->tape;
  } else if (is_container(tag)) {
    value = EncodedValue::reference(word, static_cast<WordKind>(tag));
  } else {
    value.scalar_ = {tag, word, nullptr, 0};
    if (is_heap(tag)) value.text_ = tape->payload(word);
    if (is_inline(tag)) value.text_.assign(reinterpret_cast<const char*>(&word), inline_size(tag));
  }
  reset();
  return value;
}

void ValueEncoder::State::reset() noexcept {
  tape->clear();
  if (tape->memory() > kKeepBytes) *tape = Tape();  // of a value that was given up
  frames.shrink(1);
  frames[0] = Frame{};
  words.clear();
  tags.clear();
  keys.clear();
  dropped = false;
  if (words.capacity() * 9 + keys.capacity() <= kKeepBytes) return;
  words.release();
  tags.release();
  keys.release();
}

}  // namespace oocmap
