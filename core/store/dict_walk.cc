#include <algorithm>

#include "core/format/entry.h"
#include "core/store/dict.h"
#include "core/store/dict_find.h"

namespace oocmap {

DictWalk::DictWalk(Store& store, Identity dict, bool reverse)
    : store_(&store), dict_(dict), reverse_(reverse) {}

// Brings the walk to the transaction's moment. Of the old node only values are read, no views.
void DictWalk::relocate(const Transaction& transaction) {
  const NodeView node = store_->locate(transaction, dict_);
  check_has_keys(node);
  const NodeView old = node_;
  keep_last_key();
  rows_.clear();
  node_ = node;
  shape_ = node.kind() == NodeKind::kShapedDict ? shape_of(*store_, transaction, node) : nullptr;
  if (!returned_) {
    start();
  } else if (node.spilled()) {
    go_on_spilled(transaction, old);
  } else if (shape_ == nullptr || old.kind() != NodeKind::kShapedDict ||
             old.shape() != node.shape()) {
    go_on_small(transaction, old);
  }
  if (node.spilled()) {
    prefix_ = entry_prefix(dict_);
    // Committed, it stays spilled until it is cleared; only a rollback may bring the key back.
    keep_key_ = transaction.writable();
    if (!keep_key_) last_key_.clear();
  }
  stamp_ = transaction.stamp();
}

void DictWalk::start() {
  position_ = reverse_ ? node_.count() : 0;
  sequence_ = reverse_ && node_.spilled() ? node_.next_sequence() : 0;
}

// A shape outlives the change of its dict, so its keys need no copying at each step.
void DictWalk::keep_last_key() {
  if (!returned_ || shape_ == nullptr) return;
  last_key_.assign(shape_->key(reverse_ ? position_ : position_ - 1).order());
}

void DictWalk::go_on_small(const Transaction& transaction, const NodeView& old) {
  int i = -1;
  if (!last_key_.empty()) {
    const Key last = Key::stored(last_key_, KeyForm::kCanonical, {});
    i = find_small(*store_, transaction, node_, last);
  }
  if (i >= 0) {
    position_ = static_cast<size_t>(reverse_ ? i : i + 1);
  } else if (old.spilled()) {
    // Cleared, or the spilling was rolled back: what is here now was walked, or is new.
    position_ = reverse_ ? 0 : node_.count();
  } else {
    position_ = std::min<size_t>(reverse_ ? position_ : position_ - 1, node_.count());
  }
}

void DictWalk::go_on_spilled(const Transaction& transaction, const NodeView& old) {
  if (old.spilled()) {
    // A rollback may have taken sequences back.
    sequence_ = std::min(sequence_, node_.next_sequence());
    return;
  }
  const EntryRow row = find_entry(transaction, dict_, last_key_);
  if (row.value) {
    const uint64_t last = decode_entry_sequence(*row.value);
    sequence_ = reverse_ ? last : last + 1;
  } else {
    // A dict that spills numbers its members as they stand.
    sequence_ = reverse_ ? position_ : position_ - 1;
  }
}

bool DictWalk::step_small(size_t& i) {
  if (reverse_ ? position_ == 0 : position_ >= node_.count()) return false;
  i = reverse_ ? --position_ : position_++;
  return true;
}

bool DictWalk::step_spilled(const Transaction& transaction, Bytes& value) {
  if (rows_.empty()) {
    if (rows_.last()) return false;
    rows_.fill(transaction, Database::kOrder, prefix_, EntryKey(dict_, sequence_), reverse_);
    if (rows_.empty()) return false;
  }
  const auto& [key, row_value] = rows_.take();
  Bytes rest = key.substr(prefix_.size());
  uint64_t sequence = 0;
  if (!read_varint(rest, sequence)) throw_corrupt("a row of `order` has a malformed key");
  sequence_ = reverse_ ? sequence : sequence + 1;
  value = row_value;
  return true;
}

bool DictWalk::next(const Transaction& transaction, DictEntry& entry) {
  if (done_) return false;
  if (transaction.stamp() != stamp_) relocate(transaction);
  if (node_.spilled()) {
    Bytes value;
    done_ = !step_spilled(transaction, value);
    if (done_) return false;
    const Entry row = decode_order_entry(value);
    entry.key.set_stored(row.order, row.form, row.explicit_packed);
    entry.value = row.member;
    if (keep_key_) last_key_.assign(row.order);
  } else {
    size_t i = 0;
    done_ = !step_small(i);
    if (done_) return false;
    entry.key = small_key(*store_, transaction, node_, shape_.get(), i);
    entry.value = node_.member(i);
    if (shape_ == nullptr) last_key_.assign(entry.key.order());
  }
  returned_ = true;
  return true;
}

bool DictWalk::next_value(const Transaction& transaction, Member& value) {
  if (done_) return false;
  if (transaction.stamp() != stamp_) relocate(transaction);
  if (node_.spilled()) {
    Bytes row_value;
    done_ = !step_spilled(transaction, row_value);
    if (done_) return false;
    if (keep_key_) {
      last_key_.assign(decode_order_entry(row_value).order);
    }
    value = decode_order_entry_member(row_value);
  } else {
    size_t i = 0;
    done_ = !step_small(i);
    if (done_) return false;
    value = node_.member(i);
    if (shape_ == nullptr) small_order(*store_, transaction, node_, nullptr, i, last_key_);
  }
  returned_ = true;
  return true;
}

}  // namespace oocmap
