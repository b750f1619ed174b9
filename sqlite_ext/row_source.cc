#include "sqlite_ext/row_source.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/format/limits.h"
#include "core/format/order_number.h"

namespace oocmap::sql {
namespace {

std::optional<Member> find_again(Store& store, const Transaction& transaction, Identity container,
                                 const Key& key) {
  return member_at(store, transaction, store.locate(transaction, container), key);
}

// A dict in insertion order. A write beside the scan (through another table on the same dict, or
// from Python) appends behind it: the rows there were at the start bound the scan, so it ends.
class DictScan final : public RowSource {
 public:
  DictScan(Store& store, const NodeView& dict)
      : walk_(store, dict.identity()), left_(dict.count()) {}
  bool next(const Transaction& transaction, DictEntry& entry) override {
    if (left_ == 0) return false;
    --left_;
    return walk_.next(transaction, entry);
  }

 private:
  DictWalk walk_;
  uint64_t left_;
};

class ListScan final : public RowSource {
 public:
  ListScan(Store& store, const NodeView& list)
      : walk_(store, list.identity()), left_(list.count()) {}
  bool next(const Transaction& transaction, DictEntry& entry) override {
    if (left_ == 0) return false;
    --left_;
    const uint64_t index = walk_.index();
    if (!walk_.next(transaction, entry.value)) return false;
    entry.key = Key::integer(static_cast<int64_t>(index));
    return true;
  }

 private:
  ListWalk walk_;
  uint64_t left_;
};

// The keys are shown as stored, whatever equal key was asked for: what a row holds may not depend
// on the plan.
class Lookup final : public RowSource {
 public:
  Lookup(Store& store, Identity container, std::vector<Key> keys)
      : store_(store), container_(container), keys_(std::move(keys)) {}
  bool next(const Transaction& transaction, DictEntry& entry) override {
    while (at_ < keys_.size()) {
      const Key& key = keys_[at_++];
      if (auto found = entry_at(store_, transaction, store_.locate(transaction, container_), key)) {
        entry = std::move(*found);
        return true;
      }
    }
    return false;
  }

 private:
  Store& store_;
  Identity container_;
  std::vector<Key> keys_;
  size_t at_ = 0;
};

// Indices of a list, [first, last], up or down.
class IndexRange final : public RowSource {
 public:
  IndexRange(Store& store, Identity list, int64_t first, int64_t last, bool descending)
      : store_(store), list_(list), first_(first), last_(last), descending_(descending) {}
  bool next(const Transaction& transaction, DictEntry& entry) override {
    while (first_ <= last_) {
      entry.key = Key::integer(descending_ ? last_-- : first_++);
      if (const auto member = find_again(store_, transaction, list_, entry.key)) {
        entry.value = *member;
        return true;
      }
      if (!descending_) return false;  // the list became shorter
    }
    return false;
  }

 private:
  Store& store_;
  Identity list_;
  int64_t first_;
  int64_t last_;
  bool descending_;
};

// A dict in SQL's key order, region by region.
class KeyOrder final : public RowSource {
 public:
  KeyOrder(Store& store, Identity dict, KeyRange range)
      : store_(store), dict_(dict), range_(std::move(range)) {
    first_ = range_.lower ? static_cast<int>(range_.lower->region) : 0;
    last_ = range_.upper ? static_cast<int>(range_.upper->region) : kKeyRegions - 1;
    region_ = range_.descending ? last_ : first_;
  }

  bool next(const Transaction& transaction, DictEntry& entry) override {
    while (region_ >= first_ && region_ <= last_) {
      if (!walk_) walk_.emplace(store_, dict_, bounds(), range_.descending);
      if (walk_->next(transaction, entry)) return true;
      walk_.reset();
      region_ += range_.descending ? -1 : 1;
    }
    return false;
  }

 private:
  KeyBounds bounds() const {
    KeyBounds bounds = region_bounds(static_cast<KeyRegion>(region_));
    if (range_.lower && region_ == first_) {
      bounds.lower = range_.lower->order;
      bounds.lower_open = range_.lower_open;
    }
    if (range_.upper && region_ == last_) {
      bounds.upper = range_.upper->order;
      bounds.upper_open = range_.upper_open;
    }
    return bounds;
  }

  Store& store_;
  Identity dict_;
  KeyRange range_;
  int first_;  // regions
  int last_;
  int region_;
  std::optional<KeyWalk> walk_;
};

// The least index a lower bound allows (clamped to [0, count]).
int64_t least_index(const KeyPlace& lower, bool open, int64_t count) {
  const auto first = static_cast<uint8_t>(lower.order.empty() ? 0xff : lower.order.front());
  if (lower.region != KeyRegion::kPlain || first > kClassNumberLast) return count;
  Bytes order = lower.order;
  const OrderNumber number = read_order_number(order, OrderPlace::kKey);
  if (!number.integral) {
    return number.real < 0 ? 0
                           : static_cast<int64_t>(std::min<double>(std::ceil(number.real),
                                                                   static_cast<double>(count)));
  }
  if (number.integer < 0) return 0;
  return std::min(number.integer, count - 1) + (open || number.integer >= count ? 1 : 0);
}

// The greatest index an upper bound allows (clamped to [-1, count - 1]).
int64_t greatest_index(const KeyPlace& upper, bool open, int64_t count) {
  const auto first = static_cast<uint8_t>(upper.order.empty() ? 0xff : upper.order.front());
  if (upper.region != KeyRegion::kPlain || first > kClassNumberLast) return count - 1;
  Bytes order = upper.order;
  const OrderNumber number = read_order_number(order, OrderPlace::kKey);
  if (!number.integral) {
    return number.real < 0 ? -1
                           : static_cast<int64_t>(std::min<double>(std::floor(number.real),
                                                                   static_cast<double>(count - 1)));
  }
  if (number.integer < 0) return -1;
  return std::min(number.integer - (open ? 1 : 0), count - 1);
}

bool is_dict(const NodeView& container) { return container.container_kind() == WordKind::kDict; }

}  // namespace

std::unique_ptr<RowSource> scan_rows(Store& store, const NodeView& container) {
  if (is_dict(container)) return std::make_unique<DictScan>(store, container);
  return std::make_unique<ListScan>(store, container);
}

std::unique_ptr<RowSource> range_rows(Store& store, const NodeView& container, KeyRange range) {
  if (is_dict(container)) {
    return std::make_unique<KeyOrder>(store, container.identity(), std::move(range));
  }
  const auto count = static_cast<int64_t>(container.count());
  const int64_t first = range.lower ? least_index(*range.lower, range.lower_open, count) : 0;
  const int64_t last =
      range.upper ? greatest_index(*range.upper, range.upper_open, count) : count - 1;
  return std::make_unique<IndexRange>(store, container.identity(), first, last, range.descending);
}

std::unique_ptr<RowSource> lookup_rows(Store& store, const NodeView& container,
                                       std::vector<Key> keys) {
  return std::make_unique<Lookup>(store, container.identity(), std::move(keys));
}

std::optional<Member> member_at(Store& store, const Transaction& transaction,
                                const NodeView& container, const Key& key) {
  if (is_dict(container)) return dict_get(store, transaction, container, key);
  const std::optional<int64_t> index = integer_of(key);
  if (!index || *index < 0 || static_cast<uint64_t>(*index) >= container.count()) {
    return std::nullopt;
  }
  return list_get(store, transaction, container, static_cast<uint64_t>(*index));
}

std::optional<DictEntry> entry_at(Store& store, const Transaction& transaction,
                                  const NodeView& container, const Key& key) {
  if (is_dict(container)) return dict_get_entry(store, transaction, container, key);
  const auto member = member_at(store, transaction, container, key);
  if (!member) return std::nullopt;
  return DictEntry{Key::integer(*integer_of(key)), *member};
}

std::optional<int64_t> integer_of(const Key& key) {
  const auto first = static_cast<uint8_t>(key.order().front());
  if (first < kClassNumberFirst || first > kClassNumberLast) return std::nullopt;
  Bytes order = key.order();
  const OrderNumber number = read_order_number(order, OrderPlace::kKey);
  return number.integral ? std::optional(number.integer) : std::nullopt;
}

}  // namespace oocmap::sql
