// copy_value: from a store into an encoder, with a stack of its own instead of recursion.

#include <memory>
#include <unordered_map>
#include <vector>

#include "core/format/corrupt.h"
#include "core/store/array.h"
#include "core/store/dict.h"
#include "core/store/encoder.h"
#include "core/store/list.h"
#include "core/store/registered.h"

namespace oocmap {
namespace {

class Copier {
 public:
  Copier(Store& from, const Transaction& transaction, ValueEncoder& to)
      : from_(from), transaction_(transaction), to_(to) {}

  void copy(const Member& value) {
    emit(value);
    while (!open_.empty()) {
      if (!step(open_.back())) {
        open_.pop_back();
        to_.end();
      }
    }
  }

 private:
  // A container whose members are being copied.
  struct Open {
    NodeView node;
    uint64_t next = 0;                  // small ones
    std::unique_ptr<DictWalk> entries;  // spilled ones
    std::unique_ptr<ListWalk> members;
  };

  void emit(const Member& value);
  void emit_word(const Member& value);
  void begin(const Member& value);
  size_t copy_array(const NodeView& node);
  bool step(Open& open);
  void emit_key(const Member& key);
  Bytes payload(const Member& member) const { return from_.payload(transaction_, member); }
  const std::shared_ptr<const ShapeKeys>& shape_keys(uint64_t id);

  Store& from_;
  const Transaction& transaction_;
  ValueEncoder& to_;
  std::vector<Open> open_;
  // Containers that more than one word may refer to: their numbers in the encoder.
  std::unordered_map<Identity, size_t> numbers_;
  Identity first_ = 0;
  std::unordered_map<uint64_t, std::shared_ptr<const ShapeKeys>> shapes_;
};

void Copier::emit(const Member& value) {
  if (value.container()) return begin(value);
  if (value.has_payload() || value.in_immutables()) {
    to_.payload(value.payload_kind(), payload(value));
  } else {
    emit_word(value);
  }
}

void Copier::emit_word(const Member& value) {
  switch (static_cast<WordKind>(value.tag)) {
    case WordKind::kNone:
      return to_.none();
    case WordKind::kFalse:
    case WordKind::kTrue:
      return to_.boolean(value.tag == tag_of(WordKind::kTrue));
    case WordKind::kInt:
      return to_.integer(value.as_int());
    case WordKind::kFloat:
      return to_.floating(value.as_float());
    default:
      throw_corrupt("a member has an unknown tag");
  }
}

void Copier::begin(const Member& value) {
  const auto record = transaction_.get(Database::kRecords, record_of(value.word));
  if (!record) throw_stale();
  // The value itself, too: the one reference there is to it may be within it.
  const bool first = open_.empty();
  const bool shared = first || value.word == first_ ||
                      (record_flags(*record) & (kRecordPinned | kRecordShared)) != 0;
  if (first) first_ = value.word;
  if (shared) {
    const auto known = numbers_.find(value.word);
    if (known != numbers_.end()) return to_.again(known->second);
  }
  Open open;
  open.node = NodeView::locate(*record, value.word);
  if (open.node.is_array()) {
    const size_t array = copy_array(open.node);
    if (shared) numbers_.emplace(value.word, array);
    return;
  }
  size_t number = 0;
  switch (open.node.container_kind()) {
    case WordKind::kDict:
      number = open.node.kind() == NodeKind::kShapedDict
                   ? to_.begin_shaped_dict(shape_keys(open.node.shape()))
                   : to_.begin_dict(open.node.count());
      break;
    case WordKind::kTuple:
      number = to_.begin_tuple(open.node.count());
      break;
    case WordKind::kRegistered:
      number = to_.begin_registered(registered_name(from_, transaction_, open.node));
      open.next = 1;
      break;
    case WordKind::kSet:
      number = to_.begin_set();
      break;
    case WordKind::kFrozenset:
      number = to_.begin_frozenset();
      break;
    default:
      number = to_.begin_list(open.node.count());
  }
  if (shared) numbers_.emplace(value.word, number);
  if (open.node.spilled()) {
    if (has_keys(open.node.container_kind())) {
      open.entries = std::make_unique<DictWalk>(from_, value.word);
    } else {
      open.members = std::make_unique<ListWalk>(from_, value.word);
    }
  }
  open_.push_back(std::move(open));
}

// The views do not outlive the transaction, what is encoded does.
size_t Copier::copy_array(const NodeView& node) {
  ArrayReader reader(transaction_, node);
  auto data = std::make_shared<Buffer>();
  data->resize(reader.view().bytes());
  reader.read(0, data->size(), data->data());
  const Bytes bytes = *data;
  return to_.array(reader.head(), bytes, std::move(data));
}

const std::shared_ptr<const ShapeKeys>& Copier::shape_keys(uint64_t id) {
  std::shared_ptr<const ShapeKeys>& known = shapes_[id];
  if (known == nullptr) {
    const std::shared_ptr<const Shape> shape = from_.shape(transaction_, id);
    std::vector<Key> keys;
    for (size_t i = 0; i < shape->size(); ++i) keys.push_back(shape->key(i));
    known = ShapeKeys::from(std::move(keys));
  }
  return known;
}

void Copier::emit_key(const Member& key) { to_.key(key_of(key.tag, key.word, payload(key))); }

// Copies one member, or begins it. Returns false behind the last. `open` may be gone afterwards.
bool Copier::step(Open& open) {
  if (open.entries != nullptr) {
    DictEntry entry{Key::none(), {}};
    if (!open.entries->next(transaction_, entry)) return false;
    to_.key(entry.key);
    if (!is_set(open.node.container_kind())) emit(entry.value);
    return true;
  }
  if (open.members != nullptr) {
    Member member;
    if (!open.members->next(transaction_, member)) return false;
    emit(member);
    return true;
  }
  if (open.next == open.node.count()) return false;
  const uint64_t i = open.next++;
  if (open.node.keyed()) emit_key(open.node.key(i));
  if (!is_set(open.node.container_kind())) emit(open.node.member(i));
  return true;
}

}  // namespace

void copy_value(Store& from, const Transaction& transaction, const Member& value,
                ValueEncoder& to) {
  Copier(from, transaction, to).copy(value);
}

}  // namespace oocmap
