#include "core/store/encoder.h"

#include <cstring>
#include <unordered_map>
#include <utility>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/store/tape.h"

namespace oocmap {
namespace {

constexpr size_t kKeepBytes = size_t{16} << 20;  // memory an idle encoder may keep
constexpr size_t kShapeSlots = 256;

// An open container. Its members, and the keys of a dict, are the tops of two stacks.
struct Frame {
  uint64_t heap_bytes = 0;
  uint64_t owned_bytes = 0;  // tuples: the nodes of plain immutable tuples inside
  size_t members = 0;        // where its members begin
  size_t keys = 0;           // where its key run begins
  uint32_t key_count = 0;
  uint32_t node = 0;
  uint32_t shape = kNoShape;
  WordKind kind = WordKind::kList;
  bool resolve = false;
  bool immutable = true;
};

[[noreturn]] void misuse(const char* what) { throw Error(ErrorCode::kInvalidArgument, what); }

// Up to 8 bytes as a little-endian word, without a call to memcpy of unknown size.
uint64_t inline_word(Bytes bytes) noexcept {
  const char* const at = bytes.data();
  const size_t size = bytes.size();
  if (size >= 4) {
    const uint64_t low = load_le<uint32_t>(at);
    const uint64_t high = load_le<uint32_t>(at + size - 4);
    return low | high << (8 * (size - 4));
  }
  uint64_t word = 0;
  for (size_t i = 0; i < size; ++i) word |= uint64_t{static_cast<uint8_t>(at[i])} << (8 * i);
  return word;
}

bool fits_word(PayloadKind kind, size_t size) noexcept {
  return size <= kInlineText && (kind == PayloadKind::kStr || kind == PayloadKind::kBytes);
}

Tag inline_tag(PayloadKind kind, size_t size) noexcept {
  return kind == PayloadKind::kStr ? inline_text_tag(size) : inline_bytes_tag(size);
}

void check_payload(PayloadKind kind, Bytes bytes) {
  if (bytes.size() > kMaxValueBytes) {
    throw Error(ErrorCode::kInvalidArgument, "a str, bytes or int of " +
                                                 std::to_string(bytes.size()) +
                                                 " bytes is over the limit of 1 GiB");
  }
  if (kind > PayloadKind::kBigInt) {
    throw Error(ErrorCode::kTypeMismatch, "a value of a type that this version cannot store");
  }
}

}  // namespace

// --- ShapeKeys

std::shared_ptr<const ShapeKeys> ShapeKeys::from(std::vector<Key> keys) {
  if (keys.empty() || keys.size() > kMaxShapeKeys) {
    misuse("a shape has 1 to 64 keys");
  }
  auto shape = std::make_shared<ShapeKeys>();
  append_shape_head(shape->payload_, keys.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (keys[i] == keys[j]) misuse("a shape has two equal keys");
    }
    shape->payload_ += keys[i].pack();
  }
  shape->hash_ = payload_hash(PayloadKind::kShape, shape->payload_);
  shape->keys_ = std::move(keys);
  return shape;
}

// --- EncodedValue

namespace {

// One tape a thread is kept for the next value, so that encoding allocates nothing once warm.
template <typename Parts>
std::unique_ptr<Parts>& spare() {
  thread_local std::unique_ptr<Parts> parts;
  return parts;
}

template <typename Parts>
std::unique_ptr<Parts> take_parts() {
  if (spare<Parts>() == nullptr) return std::make_unique<Parts>();
  return std::move(spare<Parts>());
}

template <typename Parts>
void give_back(std::unique_ptr<Parts> parts) noexcept {
  if (parts == nullptr || spare<Parts>() != nullptr) return;
  if (parts->tape.memory() > kKeepBytes) return;
  parts->tape.clear();
  spare<Parts>() = std::move(parts);
}

}  // namespace

EncodedValue::EncodedValue() = default;
EncodedValue::EncodedValue(EncodedValue&&) noexcept = default;
EncodedValue::~EncodedValue() { give_back(std::move(parts_)); }

EncodedValue& EncodedValue::operator=(EncodedValue&& other) noexcept {
  if (this == &other) return *this;
  give_back(std::move(parts_));
  scalar_ = other.scalar_;
  text_ = std::move(other.text_);
  reference_ = other.reference_;
  parts_ = std::move(other.parts_);
  return *this;
}

EncodedValue EncodedValue::none() { return {}; }

EncodedValue EncodedValue::boolean(bool value) {
  EncodedValue encoded;
  encoded.scalar_.tag = tag_of(value ? WordKind::kTrue : WordKind::kFalse);
  return encoded;
}

EncodedValue EncodedValue::integer(int64_t value) {
  EncodedValue encoded;
  encoded.scalar_.tag = tag_of(WordKind::kInt);
  encoded.scalar_.word = static_cast<uint64_t>(value);
  return encoded;
}

EncodedValue EncodedValue::floating(double value) {
  EncodedValue encoded;
  encoded.scalar_.tag = tag_of(WordKind::kFloat);
  std::memcpy(&encoded.scalar_.word, &value, sizeof value);
  return encoded;
}

EncodedValue EncodedValue::payload(PayloadKind kind, Bytes bytes) {
  check_payload(kind, bytes);
  EncodedValue encoded;
  encoded.text_ = bytes;
  encoded.scalar_.tag = heap_tag(kind);
  if (fits_word(kind, bytes.size())) {
    encoded.scalar_.tag = inline_tag(kind, bytes.size());
    encoded.scalar_.word = inline_word(bytes);
  }
  return encoded;
}

EncodedValue EncodedValue::reference(Identity identity, WordKind kind) {
  EncodedValue encoded;
  encoded.scalar_.tag = tag_of(kind);
  encoded.scalar_.word = identity;
  encoded.reference_ = true;
  return encoded;
}

bool EncodedValue::is_container() const noexcept { return reference_ || parts_ != nullptr; }

// --- ValueEncoder

// The shape of a dict whose keys came one by one, found by its key run.
struct KnownShape {
  uint64_t hash = 0;
  Buffer run;
  std::shared_ptr<const ShapeKeys> shape;
};

struct ValueEncoder::State {
  State() : parts(take_parts<EncodedValue::Parts>()), tape(&parts->tape), known(kShapeSlots) {
    frames.push(Frame{});
  }

  void add(Tag tag, uint64_t word) {
    tags.push(tag);
    words.push(word);
  }
  Frame& top() noexcept { return frames.back(); }
  size_t begin(WordKind kind);
  void end();
  void end_dict(Frame& frame, TapeNode& node);
  void end_tuple(Frame& frame, TapeNode& node);
  void move_members(const Frame& frame, TapeNode& node);
  void drop_duplicate_keys(Frame& frame);
  std::shared_ptr<const ShapeKeys> shape_of_run(Frame& frame);
  uint32_t shape_index(std::shared_ptr<const ShapeKeys> shape);
  void own_inside(const TapeNode& tuple) noexcept;
  void drop_unreachable(uint32_t root);
  EncodedValue finish();
  void reset() noexcept;

  Bytes run(const Frame& frame) const noexcept {
    return {keys.data() + frame.keys, keys.size() - frame.keys};
  }

  std::unique_ptr<EncodedValue::Parts> parts;
  Tape* tape;
  PodVector<Frame> frames;    // the first is no container: the whole value is its one member
  PodVector<uint64_t> words;  // members of open containers
  PodVector<Tag> tags;
  PodVector<char> keys;  // key runs of open dicts
  std::vector<KnownShape> known;
  bool dropped = false;  // a duplicate key replaced a container
};

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
  Frame frame = top();
  TapeNode& node = tape->nodes[frame.node];
  if (frame.kind == WordKind::kDict) {
    end_dict(frame, node);
    keys.shrink(frame.keys);
  }
  move_members(frame, node);
  if (frame.kind == WordKind::kTuple && frame.immutable) end_tuple(frame, node);
  node.position = static_cast<uint32_t>(tape->order.size());
  tape->order.push(frame.node);
  frames.pop();

  Frame& parent = top();
  parent.resolve = true;
  if ((node.flags & TapeNode::kImmutable) == 0) {
    parent.immutable = false;
  } else if ((node.flags & TapeNode::kInterned) == 0) {
    parent.owned_bytes += frame.owned_bytes;
  }
  add(static_cast<Tag>(kChildOfTape | tag_of(frame.kind)), frame.node);
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
  if (count > kMaxShapeKeys) {
    drop_duplicate_keys(frame);
    count = words.size() - frame.members;
  }
  if (count > kMaxShapeKeys) {
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

// Decides whether a deeply immutable tuple is stored once, in a record of its own: where it is long
// enough to be worth an index row, and one record holds it with the short tuples inside.
void ValueEncoder::State::end_tuple(Frame& frame, TapeNode& node) {
  const auto padded = [](size_t size) { return (size + 1) & ~size_t{1}; };
  const bool uniform = is_uniform(tape->tags.data() + node.members, node.count);
  const size_t bytes = padded(node_size(false, node.count, uniform, node.heap_bytes));
  // Long texts become ids, which may end the uniformity.
  const size_t most = padded(node_size(false, node.count, false, node.heap_bytes));
  frame.owned_bytes += most + 2;
  if (node.count > kMaxInlineList || most > kMaxNodeBytes ||
      kRecordHeader + frame.owned_bytes > kMaxRecordBytes) {
    return;
  }
  node.flags |= TapeNode::kImmutable;
  if (bytes + frame.owned_bytes - most - 2 < kIndexedTuple) return;
  node.flags |= TapeNode::kInterned;
  own_inside(node);
}

// Marks the plain tuples inside an interned one. Those of interned tuples inside it are theirs:
// such a subtree is stepped over, so that deep nesting costs no more than its length.
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

ValueEncoder::ValueEncoder() : state_(std::make_unique<State>()) {}
ValueEncoder::~ValueEncoder() = default;

void ValueEncoder::none() { state_->add(tag_of(WordKind::kNone), 0); }

void ValueEncoder::boolean(bool value) {
  state_->add(tag_of(value ? WordKind::kTrue : WordKind::kFalse), 0);
}

void ValueEncoder::integer(int64_t value) {
  state_->add(tag_of(WordKind::kInt), static_cast<uint64_t>(value));
}

void ValueEncoder::floating(double value) {
  uint64_t word;
  std::memcpy(&word, &value, sizeof word);
  state_->add(tag_of(WordKind::kFloat), word);
}

void ValueEncoder::payload(PayloadKind kind, Bytes bytes) {
  State& state = *state_;
  if (fits_word(kind, bytes.size())) {
    state.add(inline_tag(kind, bytes.size()), inline_word(bytes));
    return;
  }
  check_payload(kind, bytes);
  PodVector<char>& text = state.tape->text;
  const uint64_t start = text.size();
  char* const at = text.extend(4 + bytes.size());
  store_le(at, static_cast<uint32_t>(bytes.size()));
  std::memcpy(at + 4, bytes.data(), bytes.size());
  Frame& frame = state.top();
  if (bytes.size() < kIndexedText) frame.heap_bytes += bytes.size();
  if (bytes.size() >= kWindowText) frame.resolve = true;
  state.add(heap_tag(kind), start);
}

void ValueEncoder::reference(Identity identity, WordKind kind) {
  Frame& frame = state_->top();
  frame.resolve = true;
  frame.immutable = false;
  state_->add(tag_of(kind), identity);
}

size_t ValueEncoder::begin_dict(size_t) { return state_->begin(WordKind::kDict); }
size_t ValueEncoder::begin_list(size_t) { return state_->begin(WordKind::kList); }
size_t ValueEncoder::begin_tuple(size_t) { return state_->begin(WordKind::kTuple); }

size_t ValueEncoder::begin_shaped_dict(std::shared_ptr<const ShapeKeys> shape) {
  const size_t number = state_->begin(WordKind::kDict);
  state_->top().shape = state_->shape_index(std::move(shape));
  return number;
}

void ValueEncoder::key(const Key& key) {
  if (key.order().size() > 2 * kMaxValueBytes) misuse("a dict key over the limit of 1 GiB");
  Frame& frame = state_->top();
  if (frame.kind != WordKind::kDict || frame.shape != kNoShape)
    misuse("key() outside a plain dict");
  append_run_key(state_->keys, key);
  ++frame.key_count;
}

void ValueEncoder::end() { state_->end(); }

void ValueEncoder::again(size_t container) {
  State& state = *state_;
  if (container >= state.tape->nodes.size()) misuse("again() of a container that was never begun");
  TapeNode& node = state.tape->nodes[container];
  node.flags |= TapeNode::kAliased;
  if (node.position == kOpen) node.flags |= TapeNode::kAlone;
  Frame& frame = state.top();
  frame.resolve = true;
  // An interned tuple is the same wherever it stands; any other has an identity of its own.
  if ((node.flags & TapeNode::kInterned) == 0) frame.immutable = false;
  state.add(static_cast<Tag>(kChildOfTape | tag_of(node.kind)), container);
}

EncodedValue ValueEncoder::finish() { return state_->finish(); }

void ValueEncoder::reset() noexcept { state_->reset(); }

}  // namespace oocmap
