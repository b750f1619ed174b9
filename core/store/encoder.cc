#include "core/store/encoder.h"

#include <cstring>
#include <utility>

#include "core/store/encoder_state.h"

namespace oocmap {

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
  State::Frame& frame = state.top();
  if (bytes.size() < kIndexedText) frame.heap_bytes += bytes.size();
  if (bytes.size() >= kWindowText) frame.resolve = true;
  state.add(heap_tag(kind), start);
}

void ValueEncoder::reference(Identity identity, WordKind kind) {
  State::Frame& frame = state_->top();
  frame.resolve = true;
  frame.immutable = false;
  state_->add(tag_of(kind), identity);
}

size_t ValueEncoder::begin_dict(size_t) { return state_->begin(WordKind::kDict); }
size_t ValueEncoder::begin_list(size_t) { return state_->begin(WordKind::kList); }
size_t ValueEncoder::begin_tuple(size_t) { return state_->begin(WordKind::kTuple); }

size_t ValueEncoder::begin_registered(Bytes name) {
  check_class_name(name);
  const size_t number = state_->begin(WordKind::kRegistered);
  payload(PayloadKind::kStr, name);
  return number;
}

size_t ValueEncoder::begin_set() { return state_->begin(WordKind::kSet); }
size_t ValueEncoder::begin_frozenset() { return state_->begin(WordKind::kFrozenset); }

size_t ValueEncoder::begin_shaped_dict(std::shared_ptr<const ShapeKeys> shape) {
  const size_t number = state_->begin(WordKind::kDict);
  state_->top().shape = state_->shape_index(std::move(shape));
  return number;
}

void ValueEncoder::key(const Key& key) {
  if (key.order().size() > 2 * kMaxValueBytes) misuse("a dict key over the limit of 1 GiB");
  State::Frame& frame = state_->top();
  if (!has_keys(frame.kind) || frame.shape != kNoShape)
    misuse("key() outside a plain dict or a set");
  append_run_key(state_->keys, key);
  if (!key.is_plain()) frame.shapeless = true;
  ++frame.key_count;
  if (is_set(frame.kind)) none();
}

void ValueEncoder::end() { state_->end(); }

void ValueEncoder::again(size_t container) {
  State& state = *state_;
  if (container >= state.tape->nodes.size()) misuse("again() of a container that was never begun");
  TapeNode& node = state.tape->nodes[container];
  node.flags |= TapeNode::kAliased;
  if (node.position == kOpen) node.flags |= TapeNode::kAlone;
  State::Frame& frame = state.top();
  frame.resolve = true;
  // An interned tuple or frozenset is the same wherever it stands; any other has an identity of its
  // own.
  if ((node.flags & TapeNode::kInterned) == 0) frame.immutable = false;
  state.add(static_cast<Tag>(kChildOfTape | tag_of(node.kind)), container);
}

EncodedValue ValueEncoder::finish() { return state_->finish(); }

void ValueEncoder::reset() noexcept { state_->reset(); }

}  // namespace oocmap
