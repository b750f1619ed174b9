// The in-memory twin of a map for the model test: containers by number, in a world that is copied
// whole for a savepoint. A member that is a dict or list is a Plain::reference to a number.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/core/store/plain_value.h"

namespace oocmap {

struct TwinEntry {
  Plain key;
  Plain value;
  Buffer order;       // of the key
  uint64_t born = 0;  // tells an entry from a later one with the same key
};

struct TwinBox {
  bool is_dict = true;
  std::vector<TwinEntry> entries;
  std::vector<Plain> items;

  std::vector<TwinEntry>::iterator find(Bytes order) {
    return std::find_if(entries.begin(), entries.end(),
                        [&](const TwinEntry& entry) { return entry.order == order; });
  }
  size_t size() const { return is_dict ? entries.size() : items.size(); }
};

struct TwinWorld {
  static constexpr int kRoot = 0;
  std::map<int, TwinBox> boxes;

  // The containers that `roots` lead to.
  std::set<int> reachable(const std::set<int>& roots) const {
    std::set<int> seen = roots;
    std::vector<int> pending(roots.begin(), roots.end());
    const auto visit = [&](const Plain& value) {
      if (value.kind != Plain::kReference) return;
      const int box = static_cast<int>(value.number);
      if (seen.insert(box).second) pending.push_back(box);
    };
    while (!pending.empty()) {
      const TwinBox& box = boxes.at(pending.back());
      pending.pop_back();
      for (const TwinEntry& entry : box.entries) visit(entry.value);
      for (const Plain& item : box.items) visit(item);
    }
    return seen;
  }
};

inline Plain box_reference(int box, bool is_dict) {
  return Plain::reference(static_cast<Identity>(box), is_dict ? WordKind::kDict : WordKind::kList);
}

// Makes random keys and values. Fresh containers are put into the world.
class TwinMaker {
 public:
  TwinMaker(std::mt19937_64& random, TwinWorld& world) : random_(random), world_(world) {}
  // Of the container references a value may have to what exists already.
  void offer(std::vector<Plain> references) { offered_ = std::move(references); }

  size_t below(size_t n) { return static_cast<size_t>(random_() % n); }
  bool one_in(size_t n) { return below(n) == 0; }
  uint64_t next_birth() { return ++births_; }

  Plain key() {
    const int i = static_cast<int>(below(60));
    switch (below(12)) {
      case 0:
        return static_cast<double>(i);
      case 1:
        return i % 2 == 0;
      case 2:
        return nullptr;
      case 3:
        return Plain::raw(PayloadKind::kBytes, "b" + std::to_string(i));
      case 4:
        return Plain::tuple({i, "in a tuple"});
      case 5:
        return std::string(500, 'k') + std::to_string(i % 6);
      case 6:
        return 0.25 + i;
      case 7:
      case 8:
      case 9:
        return "key " + std::to_string(i);
      default:
        return i - 20;
    }
  }

  Plain scalar() {
    const int i = static_cast<int>(below(100'000));
    switch (below(12)) {
      case 0:
        return nullptr;
      case 1:
        return i % 2 == 0;
      case 2:
        return i * 0.001;
      case 3:
        return "t" + std::to_string(i % 1000);
      case 4:
        return "a text of middling length " + std::to_string(i % 50);
      case 5:
        return std::string(100 + below(120), 'x') + std::to_string(i % 20);
      case 6:
        return Plain::raw(PayloadKind::kBytes, std::string(below(40), 'b'));
      case 7:
        return Plain::raw(PayloadKind::kBigInt, std::string("\1", 1) + std::string(12, '\7'));
      case 8:
        return Plain::tuple({i % 10, "member of a tuple", Plain::tuple({1.5, i % 3})});
      case 9:
        return std::string(one_in(10) ? 20'000 : 300, 'l') + std::to_string(i % 5);
      default:
        return i;
    }
  }

  Plain value(int depth = 0) {
    if (!offered_.empty() && one_in(12)) return offered_[below(offered_.size())];
    if (depth > 2 || !one_in(3)) return scalar();
    return container(depth);
  }

  // A new dict or list, small as a rule, now and then one that spills.
  Plain container(int depth = 0) {
    const bool is_dict = one_in(2);
    const int number = ++boxes_;
    size_t size = below(6);
    const bool large = depth == 0 && one_in(12);
    if (large) size = is_dict ? 60 + below(150) : 500 + below(1500);
    TwinBox box;
    box.is_dict = is_dict;
    for (size_t i = 0; i < size; ++i) {
      Plain member = large ? scalar() : value(depth + 1);
      if (!is_dict) {
        box.items.push_back(std::move(member));
        continue;
      }
      TwinEntry entry{
          large ? Plain(static_cast<int>(i)) : key(), std::move(member), {}, next_birth()};
      entry.order = key_from(entry.key).order();
      if (box.find(entry.order) == box.entries.end()) box.entries.push_back(std::move(entry));
    }
    world_.boxes.emplace(number, std::move(box));
    return box_reference(number, is_dict);
  }

 private:
  std::mt19937_64& random_;
  TwinWorld& world_;
  std::vector<Plain> offered_;
  uint64_t births_ = 0;
  int boxes_ = TwinWorld::kRoot;
};

}  // namespace oocmap
