#include "core/base/error.h"
#include "core/store/dict.h"
#include "core/store/dict_spilled.h"
#include "core/store/key_member.h"
#include "core/store/reclaim.h"
#include "core/store/set.h"

namespace oocmap {
namespace {

constexpr size_t kDrainAtOnce = 4;
constexpr size_t kNoMember = SIZE_MAX;

// Gives the dict under `edit` keys of its own, where it has those of a shape: its key set changes.
// The shape itself is left to vacuum: which other dicts have it is not counted.
void make_inline(Store& store, const Transaction& transaction, RecordAt& at, SmallEdit& edit) {
  if (edit.node().kind() != NodeKind::kShapedDict) return;
  at.refresh(transaction);
  const std::shared_ptr<const Shape> shape = shape_of(store, transaction, at.node);
  edit.node().set_kind(NodeKind::kInlineDict);
  edit.node().set_shape(0);
  Buffer hold;
  for (size_t i = 0; i < shape->size(); ++i) edit.node().add_key(key_member(shape->key(i), hold));
}

// Puts the edited dict, spilled where it has grown too big with its new or changed member `i`.
void put_settled(Store& store, WriteTransaction& transaction, RecordAt& at, size_t i,
                 SmallEdit& edit) {
  if (edit.settle(i, kMaxInlineDict)) return edit.finish();
  // Overwriting may be what made a shaped dict too big.
  make_inline(store, transaction, at, edit);
  spill_dict(store, transaction, at.container, edit);
}

void add_small(Store& store, WriteTransaction& transaction, RecordAt& at, const Key& key,
               EncodedValue& value) {
  SmallEdit edit(store, transaction, at);
  const Member member = edit.place(value);
  make_inline(store, transaction, at, edit);
  Buffer hold;
  edit.node().add(member);
  edit.node().add_key(key_member(key, hold));
  put_settled(store, transaction, at, edit.node().count() - 1, edit);
}

bool set(Store& store, WriteTransaction& transaction, Identity dict, WordKind kind, const Key& key,
         EncodedValue& value) {
  RecordAt at(transaction, dict);
  check_kind(at.node, kind);
  if (at.node.spilled()) return spilled_set(store, transaction, at.node, key, value);
  const int i = find_small(store, transaction, at.node, key);
  if (i < 0) {
    add_small(store, transaction, at, key, value);
    return true;
  }
  const auto place = static_cast<size_t>(i);
  overwrite_small(store, transaction, at, place, value, kMaxInlineDict,
                  [&](SmallEdit& edit) { put_settled(store, transaction, at, place, edit); });
  return false;
}

bool erase(Store& store, WriteTransaction& transaction, Identity dict, WordKind kind,
           const Key& key) {
  RecordAt at(transaction, dict);
  check_kind(at.node, kind);
  if (at.node.spilled()) return spilled_erase(store, transaction, at.node, key);
  const int i = find_small(store, transaction, at.node, key);
  if (i < 0) return false;
  const auto place = static_cast<size_t>(i);
  const Member old = at.node.member(place);
  SmallEdit edit(store, transaction, at);
  make_inline(store, transaction, at, edit);
  const Member old_key = edit.node().key_at(place);
  edit.node().erase(place);
  put_settled(store, transaction, at, kNoMember, edit);
  if (needs_detach(old_key)) detach(store, transaction, old_key);
  if (needs_detach(old)) detach(store, transaction, old);
  return true;
}

void clear(Store& store, WriteTransaction& transaction, Identity dict, WordKind kind) {
  RecordAt at(transaction, dict);
  check_kind(at.node, kind);
  transaction.count_removed(at.node.count());
  if (at.node.spilled()) return spilled_clear(store, transaction, at.node);
  std::vector<Member> leaving;
  for (size_t i = 0; i < at.node.count(); ++i) {
    leaving.push_back(at.node.member(i));
    if (at.node.keyed()) leaving.push_back(at.node.key(i));
  }
  SmallEdit edit(store, transaction, at);
  edit.node().reset(kind == WordKind::kSet ? NodeKind::kSet : NodeKind::kInlineDict);
  edit.finish();
  for (const Member& member : leaving) {
    if (needs_detach(member)) detach(store, transaction, member);
  }
}

// The inline dict `from` with `key` in the place of its key `i`.
NodeBuilder with_key(const NodeBuilder& from, size_t i, const Key& key) {
  NodeBuilder to;
  Buffer hold;
  to.reset(NodeKind::kInlineDict);
  for (size_t j = 0; j < from.count(); ++j) {
    to.add(from.at(j));
    to.add_key(j == i ? key_member(key, hold) : from.key_at(j));
  }
  return to;
}

bool rename(Store& store, WriteTransaction& transaction, Identity dict, const Key& from,
            const Key& to) {
  RecordAt at(transaction, dict);
  check_kind(at.node, WordKind::kDict);
  if (at.node.spilled()) return spilled_rename(transaction, at.node, from, to);
  const int i = find_small(store, transaction, at.node, from);
  if (i < 0) return false;
  if (from == to) return true;
  if (find_small(store, transaction, at.node, to) >= 0) {
    throw Error(ErrorCode::kInvalidArgument, "the new key exists already");
  }
  const auto place = static_cast<size_t>(i);
  SmallEdit edit(store, transaction, at);
  make_inline(store, transaction, at, edit);
  const Member old_key = edit.node().key_at(place);
  edit.node() = with_key(edit.node(), place, to);
  put_settled(store, transaction, at, kNoMember, edit);
  if (needs_detach(old_key)) detach(store, transaction, old_key);
  return true;
}

}  // namespace

bool dict_set(Store& store, WriteTransaction& transaction, Identity dict, const Key& key,
              EncodedValue value) {
  const bool added = set(store, transaction, dict, WordKind::kDict, key, value);
  drain_graveyard(store, transaction, kDrainAtOnce);
  return added;
}

bool dict_erase(Store& store, WriteTransaction& transaction, Identity dict, const Key& key) {
  const bool found = erase(store, transaction, dict, WordKind::kDict, key);
  if (found) transaction.count_removed(1);
  drain_graveyard(store, transaction, kDrainAtOnce);
  return found;
}

void dict_clear(Store& store, WriteTransaction& transaction, Identity dict) {
  clear(store, transaction, dict, WordKind::kDict);
  drain_graveyard(store, transaction, kDrainAtOnce);
}

bool dict_rename(Store& store, WriteTransaction& transaction, Identity dict, const Key& from,
                 const Key& to) {
  const bool found = rename(store, transaction, dict, from, to);
  drain_graveyard(store, transaction, kDrainAtOnce);
  return found;
}

bool set_add(Store& store, WriteTransaction& transaction, Identity set_identity, const Key& key) {
  EncodedValue none = EncodedValue::none();
  const bool added = set(store, transaction, set_identity, WordKind::kSet, key, none);
  drain_graveyard(store, transaction, kDrainAtOnce);
  return added;
}

bool set_discard(Store& store, WriteTransaction& transaction, Identity set, const Key& key) {
  const bool found = erase(store, transaction, set, WordKind::kSet, key);
  if (found) transaction.count_removed(1);
  drain_graveyard(store, transaction, kDrainAtOnce);
  return found;
}

void set_clear(Store& store, WriteTransaction& transaction, Identity set) {
  clear(store, transaction, set, WordKind::kSet);
  drain_graveyard(store, transaction, kDrainAtOnce);
}

}  // namespace oocmap
