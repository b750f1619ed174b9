#include "core/store/dict_find.h"

#include "core/base/error.h"
#include "core/format/entry.h"
#include "core/store/dict.h"

namespace oocmap {
namespace {

Bytes key_payload(Store& store, const Transaction& transaction, const Member& key) {
  if (key.has_payload()) return key.payload();
  return key.in_immutables() ? store.payload(transaction, key) : Bytes{};
}

// Compares one wanted key with many stored ones: tag and size before bytes. Text is a str or a
// numpy.str_.
class KeyMatcher {
 public:
  KeyMatcher(Store& store, const Transaction& transaction, const Key& wanted)
      : store_(store), transaction_(transaction), wanted_(wanted) {
    const Bytes order = wanted.order();
    is_text_ = !order.empty() && static_cast<uint8_t>(order.front()) == kClassText;
    if (is_text_) text_ = order.substr(1);
  }

  bool matches(const Member& key) const {
    if (key.has_payload()) {
      const bool text = key.payload_kind() == PayloadKind::kStr;
      if (text) return is_text_ && key.payload() == text_;
      if (is_text_ && !may_equal_text(key)) return false;
      return key_equals(key.tag, key.word, key.payload(), wanted_);
    }
    if (key.in_immutables()) {
      if (is_text_ && key.payload_kind() != PayloadKind::kStr && !may_equal_text(key)) return false;
      return key_equals(key.tag, key.word, store_.payload(transaction_, key), wanted_);
    }
    return !is_text_ && key_equals(key.tag, key.word, {}, wanted_);
  }

 private:
  // An object of a registered class may equal the text that it was stored as, and numpy's str_
  // does.
  static bool may_equal_text(const Member& key) noexcept {
    const PayloadKind kind = key.payload_kind();
    return kind == PayloadKind::kPacked || kind == PayloadKind::kNumpyScalar;
  }

  Store& store_;
  const Transaction& transaction_;
  const Key& wanted_;
  Bytes text_;
  bool is_text_ = false;
};

}  // namespace

void check_kind(const NodeView& node, WordKind kind) {
  if (node.container_kind() == kind) return;
  throw Error(ErrorCode::kTypeMismatch,
              kind == WordKind::kSet ? "the value is not a set" : "the value is not a dict");
}

void check_has_keys(const NodeView& node) {
  if (has_keys(node.container_kind())) return;
  throw Error(ErrorCode::kTypeMismatch, "the value is neither a dict nor a set");
}

std::shared_ptr<const Shape> shape_of(Store& store, const Transaction& transaction,
                                      const NodeView& node) {
  std::shared_ptr<const Shape> shape = store.shape(transaction, node.shape());
  if (shape->size() != node.count()) throw_corrupt("a dict and its shape differ in size");
  return shape;
}

int find_small(Store& store, const Transaction& transaction, const NodeView& node, const Key& key) {
  if (node.kind() == NodeKind::kShapedDict) {
    return shape_of(store, transaction, node)->find(key.order());
  }
  const KeyMatcher matcher(store, transaction, key);
  const size_t count = node.count();
  for (size_t i = 0; i < count; ++i) {
    if (matcher.matches(node.key(i))) return static_cast<int>(i);
  }
  return -1;
}

Key small_key(Store& store, const Transaction& transaction, const NodeView& node,
              const Shape* shape, size_t i) {
  if (shape != nullptr) return shape->key(i);
  const Member key = node.key(i);
  return key_of(key.tag, key.word, key_payload(store, transaction, key));
}

void small_order(Store& store, const Transaction& transaction, const NodeView& node,
                 const Shape* shape, size_t i, Buffer& order) {
  if (shape != nullptr) {
    order.assign(shape->key(i).order());
    return;
  }
  const Member key = node.key(i);
  order.clear();
  if (key.tag == tag_of(WordKind::kInt)) {
    append_order_int(order, key.as_int());
  } else if (key.has_payload() && key.payload_kind() == PayloadKind::kStr) {
    append_order_payload(order, PayloadKind::kStr, key.payload());
  } else {
    order.assign(key_of(key.tag, key.word, key_payload(store, transaction, key)).order());
  }
}

EntryRow find_entry(const Transaction& transaction, Identity dict, Bytes order) {
  if (!is_long_key(order)) return {transaction.get(Database::kEntries, EntryKey(dict, order)), 0};
  // Long keys with one prefix and one hash stand in rows 0, 1, ..., without a gap.
  for (int probe = 0; probe <= UINT8_MAX; ++probe) {
    const EntryKey key(dict, order, static_cast<uint8_t>(probe));
    const std::optional<Bytes> value = transaction.get(Database::kEntries, key);
    if (!value || decode_entry(*value).order == order) {
      return {value, static_cast<uint8_t>(probe)};
    }
  }
  throw Error(ErrorCode::kInvalidArgument, "256 long keys of one dict have the same hash");
}

std::optional<Member> dict_get(Store& store, const Transaction& transaction, const NodeView& node,
                               const Key& key) {
  check_has_keys(node);
  if (node.spilled()) {
    const EntryRow row = find_entry(transaction, node.identity(), key.order());
    if (!row.value) return std::nullopt;
    return decode_entry_member(*row.value);
  }
  const int i = find_small(store, transaction, node, key);
  if (i < 0) return std::nullopt;
  return node.member(static_cast<size_t>(i));
}

std::optional<DictEntry> dict_get_entry(Store& store, const Transaction& transaction,
                                        const NodeView& node, const Key& key) {
  check_has_keys(node);
  if (node.spilled()) {
    const EntryRow row = find_entry(transaction, node.identity(), key.order());
    if (!row.value) return std::nullopt;
    const Entry entry = decode_entry(*row.value);
    return DictEntry{Key::stored(key.order(), entry.form, entry.explicit_packed), entry.member};
  }
  const int i = find_small(store, transaction, node, key);
  if (i < 0) return std::nullopt;
  const bool shaped = node.kind() == NodeKind::kShapedDict;
  const auto shape = shaped ? shape_of(store, transaction, node) : nullptr;
  const auto at = static_cast<size_t>(i);
  return DictEntry{small_key(store, transaction, node, shape.get(), at), node.member(at)};
}

}  // namespace oocmap
