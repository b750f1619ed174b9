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

class Lookup final : public RowSource {
 public:
  Lookup(Store& store, Identity container, std::vector<Key> keys)
      : store_(store), container_(container), keys_(std::move(keys)) {}
  bool next(const Transaction& transaction, DictEntry& entry) override {
    while (at_ < keys_.size()) {
      entry.key = std::move(keys_[at_++]);
      if (const auto member = find_again(store_, transaction, container_, entry.key)) {
        entry.value = *member;
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
    if (first_ > last_) return false;
    entry.key = Key::integer(descending_ ? last_-- : first_++);
    const auto member = find_again(store_, transaction, list_, entry.key);
    if (!member) return descending_ && next(transaction, entry);  // the list became shorter
    entry.value = *member;
    return true;
  }

 private:
  Store& store_;
  Identity list_;
  int64_t first_;
  int64_t last_;
  bool descending_;
};

// A dict in SQL's key order: region by region, and among long keys with a common prefix, which the
// store keeps by hash, sorted here.
class KeyOrder final : public RowSource {
 public:
  KeyOrder(Store& store, Identity dict, KeyRange range)
      : store_(store), dict_(dict), range_(std::move(range)) {
    first_ = range_.lower ? static_cast<int>(range_.lower->region) : 0;
    last_ = range_.upper ? static_cast<int>(range_.upper->region) : kKeyRegions - 1;
    region_ = range_.descending ? last_ : first_;
  }

  bool next(const Transaction& transaction, DictEntry& entry) override {
    for (;;) {
      if (next_kept(transaction, entry)) return true;
      if (!next_stored(transaction, entry)) return false;
      if (!is_long_key(entry.key.order())) return true;
      collect_run(transaction, entry);
    }
  }

 private:
  // The next of the keys read ahead. They may have been erased since: each is looked up.
  bool next_kept(const Transaction& transaction, DictEntry& entry) {
    while (kept_at_ < kept_.size()) {
      entry.key = std::move(kept_[kept_at_++]);
      if (const auto member = find_again(store_, transaction, dict_, entry.key)) {
        entry.value = *member;
        return true;
      }
    }
    kept_.clear();
    kept_at_ = 0;
    return false;
  }

  bool next_stored(const Transaction& transaction, DictEntry& entry) {
    for (;;) {
      if (region_ < first_ || region_ > last_) return false;
      if (!walk_) walk_.emplace(store_, dict_, bounds(), range_.descending);
      while (walk_->next(transaction, entry)) {
        if (!is_long_key(entry.key.order()) || within(entry.key.order())) return true;
      }
      walk_.reset();
      region_ += range_.descending ? -1 : 1;
    }
  }

  // Reads all keys that share the long key's kept prefix, and the one behind them.
  void collect_run(const Transaction& transaction, DictEntry& entry) {
    const Buffer prefix(entry.key.order().substr(0, kMaxKeyBytes));
    const int region = region_;
    kept_.push_back(std::move(entry.key));
    bool more = next_stored(transaction, entry);
    while (more && region_ == region && is_long_key(entry.key.order()) &&
           entry.key.order().starts_with(prefix)) {
      kept_.push_back(std::move(entry.key));
      more = next_stored(transaction, entry);
    }
    std::sort(kept_.begin(), kept_.end(), [this](const Key& a, const Key& b) {
      return range_.descending ? b.order() < a.order() : a.order() < b.order();
    });
    if (more) kept_.push_back(std::move(entry.key));
  }

  // The walk's bounds in this region. A bound over kMaxKeyBytes is widened to all keys that share
  // what the store keeps of it; within() then decides.
  KeyBounds bounds() const {
    KeyBounds bounds = region_bounds(static_cast<KeyRegion>(region_));
    if (range_.lower && region_ == first_) {
      bounds.lower = range_.lower->order;
      bounds.lower_open = range_.lower_open;
      if (is_long_key(*bounds.lower)) {
        bounds.lower->resize(kMaxKeyBytes);
        bounds.lower_open = false;
      }
    }
    if (range_.upper && region_ == last_) {
      bounds.upper = range_.upper->order;
      bounds.upper_open = range_.upper_open;
      if (is_long_key(*bounds.upper)) {
        bounds.upper->resize(kMaxKeyBytes);
        widen(bounds);
      }
    }
    return bounds;
  }

  // To just behind every key that starts with the upper bound.
  static void widen(KeyBounds& bounds) {
    Buffer& upper = *bounds.upper;
    while (!upper.empty() && upper.back() == '\xff') upper.pop_back();
    if (upper.empty()) {
      bounds.upper.reset();
    } else {
      ++upper.back();
      bounds.upper_open = true;
    }
  }

  bool within(Bytes order) const {
    if (range_.lower && region_ == first_) {
      const int compared = order.compare(range_.lower->order);
      if (compared < 0 || (compared == 0 && range_.lower_open)) return false;
    }
    if (range_.upper && region_ == last_) {
      const int compared = order.compare(range_.upper->order);
      if (compared > 0 || (compared == 0 && range_.upper_open)) return false;
    }
    return true;
  }

  Store& store_;
  Identity dict_;
  KeyRange range_;
  int first_;  // regions
  int last_;
  int region_;
  std::optional<KeyWalk> walk_;
  std::vector<Key> kept_;
  size_t kept_at_ = 0;
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

std::optional<int64_t> integer_of(const Key& key) {
  const auto first = static_cast<uint8_t>(key.order().front());
  if (first < kClassNumberFirst || first > kClassNumberLast) return std::nullopt;
  Bytes order = key.order();
  const OrderNumber number = read_order_number(order, OrderPlace::kKey);
  return number.integral ? std::optional(number.integer) : std::nullopt;
}

}  // namespace oocmap::sql
