#include <algorithm>

#include "core/format/entry.h"
#include "core/store/dict.h"
#include "core/store/dict_find.h"

namespace oocmap {
namespace {

constexpr size_t kMostAhead = 64;

// Sorts behind every row whose key is cut at the same place: hash and probe have 17 bytes.
constexpr size_t kBehindGroup = 18;

}  // namespace

KeyWalk::KeyWalk(Store& store, Identity dict, KeyBounds bounds, bool reverse)
    : store_(&store), dict_(dict), bounds_(std::move(bounds)), reverse_(reverse) {}

void KeyWalk::relocate(const Transaction& transaction) {
  node_ = store_->locate(transaction, dict_);
  check_has_keys(node_);
  shape_ = node_.kind() == NodeKind::kShapedDict ? shape_of(*store_, transaction, node_) : nullptr;
  rows_.clear();
  sorted_.clear();
  position_ = 0;
  last_rows_ = false;
  if (node_.spilled()) {
    prefix_ = entry_prefix(dict_);
  } else {
    sort_small(transaction);
  }
  stamp_ = transaction.stamp();
}

// Whether a key comes before the walk's next one: before the first bound, or walked already.
bool KeyWalk::before_start(Bytes order) const noexcept {
  if (returned_) return reverse_ ? order >= last_key_ : order <= last_key_;
  const std::optional<Buffer>& bound = reverse_ ? bounds_.upper : bounds_.lower;
  if (!bound) return false;
  if (order == *bound) return reverse_ ? bounds_.upper_open : bounds_.lower_open;
  return reverse_ ? order > *bound : order < *bound;
}

bool KeyWalk::behind_end(Bytes order) const noexcept {
  const std::optional<Buffer>& bound = reverse_ ? bounds_.lower : bounds_.upper;
  if (!bound) return false;
  if (order == *bound) return reverse_ ? bounds_.lower_open : bounds_.upper_open;
  return reverse_ ? order < *bound : order > *bound;
}

void KeyWalk::sort_small(const Transaction& transaction) {
  Buffer order;
  for (size_t i = 0; i < node_.count(); ++i) {
    small_order(*store_, transaction, node_, shape_.get(), i, order);
    if (!before_start(order) && !behind_end(order)) sorted_.emplace_back(order, i);
  }
  std::sort(sorted_.begin(), sorted_.end());
  if (reverse_) std::reverse(sorted_.begin(), sorted_.end());
}

// Puts the cursor on the first row that may be walked next.
bool KeyWalk::place(Cursor& cursor) const {
  Buffer key = prefix_;
  const std::optional<Buffer>& bound = reverse_ ? bounds_.upper : bounds_.lower;
  if (!returned_ && !bound) {
    if (!reverse_) return cursor.seek(key);
    key.push_back('\xff');  // no order bytes begin with it
    return cursor.seek_before(key);
  }
  const Bytes from = returned_ ? last_key_ : *bound;
  key.append(from.substr(0, kMaxKeyBytes));
  if (!reverse_) return cursor.seek(key);
  if (is_long_key(from)) {
    key.append(kBehindGroup, '\xff');
  } else {
    key.push_back('\0');
  }
  return cursor.seek_before(key);
}

// Reads the row under the cursor; returns whether it is the dict's.
bool KeyWalk::read_row(const Cursor& cursor, Row& row) const {
  if (!cursor.key().starts_with(prefix_)) return false;
  row = {cursor.key().substr(prefix_.size()), cursor.value()};
  return true;
}

// Reads the rows from the cursor on whose keys are cut at the same place, in the walk's order, and
// moves behind them. Returns whether the cursor stands on a row.
bool KeyWalk::read_group(Cursor& cursor, Row row, std::vector<Row>& group) const {
  const Bytes stem = row.order.substr(0, kMaxKeyBytes);
  bool more = true;
  do {
    row.order = decode_entry(row.value).order;
    group.push_back(row);
    more = reverse_ ? cursor.previous() : cursor.next();
  } while (more && read_row(cursor, row) && is_cut(row.order) && row.order.starts_with(stem));
  std::sort(group.begin(), group.end(), [this](const Row& a, const Row& b) {
    return reverse_ ? a.order > b.order : a.order < b.order;
  });
  return more;
}

// Takes a row into the batch, where it is within the walk. Returns whether the walk goes on.
bool KeyWalk::take(const Row& row) {
  if (before_start(row.order)) return true;
  last_rows_ = behind_end(row.order);
  if (!last_rows_) rows_.push_back(row);
  return !last_rows_;
}

// Reads rows ahead, more each time, so that a short walk stays cheap.
void KeyWalk::fill(const Transaction& transaction) {
  rows_.clear();
  position_ = 0;
  Cursor cursor(transaction, Database::kEntries);
  std::vector<Row> group;
  Row row;
  bool more = place(cursor);
  while (rows_.size() < batch_) {
    if (!more || !read_row(cursor, row)) {
      last_rows_ = true;
      return;
    }
    if (!is_cut(row.order)) {
      if (!take(row)) return;
      more = reverse_ ? cursor.previous() : cursor.next();
      continue;
    }
    group.clear();
    more = read_group(cursor, row, group);
    for (const Row& member : group) {
      if (!take(member)) return;
    }
  }
  batch_ = std::min(batch_ * 4, kMostAhead);
}

bool KeyWalk::next_small(const Transaction& transaction, DictEntry& entry) {
  if (position_ >= sorted_.size()) return false;
  const auto& [order, i] = sorted_[position_++];
  entry.key = small_key(*store_, transaction, node_, shape_.get(), i);
  entry.value = node_.member(i);
  last_key_.assign(order);
  return true;
}

bool KeyWalk::next_spilled(const Transaction& transaction, DictEntry& entry) {
  if (position_ >= rows_.size()) {
    if (last_rows_) return false;
    fill(transaction);
    if (rows_.empty()) return false;
  }
  const Row& row = rows_[position_++];
  const Entry stored = decode_entry(row.value);
  entry.key.set_stored(row.order, stored.form, stored.explicit_packed);
  entry.value = stored.member;
  last_key_.assign(row.order);
  return true;
}

bool KeyWalk::next(const Transaction& transaction, DictEntry& entry) {
  if (done_) return false;
  if (transaction.stamp() != stamp_) relocate(transaction);
  done_ = !(node_.spilled() ? next_spilled(transaction, entry) : next_small(transaction, entry));
  if (done_) return false;
  returned_ = true;
  return true;
}

}  // namespace oocmap
