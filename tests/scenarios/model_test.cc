// Random operations on nested dicts and lists through a session, against a twin in memory: every
// kind of change, shared and cyclic values, held handles, nested savepoints, rollback, reopening,
// and walks kept across all of it.
//   OOCMAP_MODEL_STEPS   operations (default 4000)
//   OOCMAP_MODEL_SEED    repeats a run; the seed is printed

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <numeric>
#include <optional>

#include "core/store/dict.h"
#include "core/store/list.h"
#include "core/store/reclaim.h"
#include "core/store/session.h"
#include "tests/scenarios/twin.h"

namespace oocmap {
namespace {

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = getenv(name);
  return text == nullptr ? otherwise : std::stoull(text);
}

// A walk left open, with what it returned last.
struct OpenWalk {
  int box = 0;
  bool reverse = false;
  std::optional<DictWalk> dict;
  std::optional<KeyWalk> keys;
  std::optional<ListWalk> list;
  bool returned = false;
  Buffer last_order;
  uint64_t last_born = 0;
};

class ModelTest : public testing::Test {
 protected:
  ModelTest()
      : seed_(from_environment("OOCMAP_MODEL_SEED", std::random_device()())),
        random_(seed_),
        make_(random_, world_) {
    std::cout << "OOCMAP_MODEL_SEED=" << seed_ << std::endl;
    std::string folder = (std::filesystem::temp_directory_path() / "oocmap-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) std::abort();
    folder_ = folder;
    world_.boxes[TwinWorld::kRoot];
    open();
  }
  ~ModelTest() override {
    walks_.clear();
    session_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  Store& store() { return session_->store(); }

  void open() {
    OpenOptions options;
    options.path = folder_ + "/map.ooc";
    options.durability = Durability::kOff;
    session_ = Session::create(Store::open(options));
    identities_[TwinWorld::kRoot] = store().root();
  }

  // --- From the twin to the store and back

  Identity identity(int box) { return identities_.at(box); }
  Identity identity(const Plain& reference) { return identity(static_cast<int>(reference.number)); }

  // Feeds a value whose fresh containers are in the world, but not in the store yet.
  void encode_twin(const Plain& value, ValueEncoder& to, std::map<int, size_t>& begun) {
    if (value.kind != Plain::kReference) return encode(value, to);
    const int number = static_cast<int>(value.number);
    const TwinBox& box = world_.boxes.at(number);
    if (const auto known = identities_.find(number); known != identities_.end()) {
      return to.reference(known->second, box.is_dict ? WordKind::kDict : WordKind::kList);
    }
    if (const auto again = begun.find(number); again != begun.end()) {
      return to.again(again->second);
    }
    begun[number] = box.is_dict ? to.begin_dict() : to.begin_list();
    for (const TwinEntry& entry : box.entries) {
      to.key(key_from(entry.key));
      encode_twin(entry.value, to, begun);
    }
    for (const Plain& item : box.items) encode_twin(item, to, begun);
    to.end();
  }
  EncodedValue encode_twin(const Plain& value) {
    ValueEncoder encoder;
    std::map<int, size_t> begun;
    encode_twin(value, encoder, begun);
    return encoder.finish();
  }

  // Compares one member; a container that is met for the first time gets its identity here.
  void check_member(const Transaction& transaction, const Member& member, const Plain& expected,
                    std::vector<int>* met) {
    if (expected.kind != Plain::kReference) {
      ASSERT_EQ(read_member(store(), transaction, member), expected);
      return;
    }
    const int number = static_cast<int>(expected.number);
    ASSERT_TRUE(member.container()) << repr(expected);
    const auto [known, fresh] = identities_.try_emplace(number, member.word);
    ASSERT_EQ(known->second, member.word) << "container " << number;
    if (met != nullptr) met->push_back(number);
  }

  void check_dict_box(const Transaction& transaction, int number, std::vector<int>* met) {
    const TwinBox& box = world_.boxes.at(number);
    const Identity dict = identity(number);
    ASSERT_EQ(store().locate(transaction, dict).count(), box.entries.size());
    DictEntry entry;
    DictWalk walk(store(), dict);
    DictWalk back(store(), dict, true);
    for (size_t i = 0; i < box.entries.size(); ++i) {
      ASSERT_TRUE(walk.next(transaction, entry));
      ASSERT_EQ(plain_key(entry.key), box.entries[i].key);
      check_member(transaction, entry.value, box.entries[i].value, met);
      ASSERT_TRUE(back.next(transaction, entry));
      ASSERT_EQ(entry.key.order(), box.entries[box.entries.size() - 1 - i].order);
    }
    ASSERT_FALSE(walk.next(transaction, entry));
    ASSERT_FALSE(back.next(transaction, entry));
    std::vector<Buffer> sorted;
    for (const TwinEntry& twin : box.entries) sorted.push_back(twin.order);
    std::sort(sorted.begin(), sorted.end());
    KeyWalk by_key(store(), dict, {});
    for (const Buffer& order : sorted) {
      ASSERT_TRUE(by_key.next(transaction, entry));
      ASSERT_EQ(entry.key.order(), order);
    }
    ASSERT_FALSE(by_key.next(transaction, entry));
  }

  void check_list_box(const Transaction& transaction, int number, std::vector<int>* met) {
    const TwinBox& box = world_.boxes.at(number);
    const NodeView node = store().locate(transaction, identity(number));
    ASSERT_EQ(node.count(), box.items.size());
    ListWalk walk(store(), identity(number));
    Member member;
    for (const Plain& item : box.items) {
      ASSERT_TRUE(walk.next(transaction, member));
      check_member(transaction, member, item, met);
    }
    ASSERT_FALSE(walk.next(transaction, member));
    if (box.items.empty()) return;
    const size_t i = make_.below(box.items.size());
    check_member(transaction, list_get(store(), transaction, node, i), box.items[i], met);
  }

  // Compares everything that `from` leads to.
  void check_from(const Transaction& transaction, std::vector<int> pending) {
    std::set<int> seen;
    while (!pending.empty()) {
      const int number = pending.back();
      pending.pop_back();
      if (!seen.insert(number).second) continue;
      if (world_.boxes.at(number).is_dict) {
        check_dict_box(transaction, number, &pending);
      } else {
        check_list_box(transaction, number, &pending);
      }
      ASSERT_FALSE(HasFatalFailure()) << "in container " << number;
    }
  }

  void check_everything() {
    collect_garbage();
    const ReadScope scope(*session_);
    std::vector<int> from(held_.begin(), held_.end());
    from.push_back(TwinWorld::kRoot);
    check_from(scope.transaction(), from);
  }

  std::set<int> roots() const {
    std::set<int> roots = held_;
    roots.insert(TwinWorld::kRoot);
    return roots;
  }

  void collect_garbage() {
    const std::set<int> live = world_.reachable(roots());
    std::erase_if(world_.boxes, [&](const auto& box) { return !live.contains(box.first); });
    std::erase_if(walks_, [&](const OpenWalk& walk) { return !live.contains(walk.box); });
  }

  // --- Choosing

  // A container found by going down from the root or a held one.
  int random_box() {
    int number = TwinWorld::kRoot;
    if (!held_.empty() && make_.one_in(4)) {
      number = *std::next(held_.begin(), static_cast<std::ptrdiff_t>(make_.below(held_.size())));
    }
    for (size_t depth = make_.below(5); depth > 0; --depth) {
      const std::vector<Plain> inside = references_in(world_.boxes.at(number));
      if (inside.empty()) break;
      number = static_cast<int>(inside[make_.below(inside.size())].number);
    }
    return number;
  }
  static std::vector<Plain> references_in(const TwinBox& box) {
    std::vector<Plain> all;
    for (const TwinEntry& entry : box.entries) {
      if (entry.value.kind == Plain::kReference) all.push_back(entry.value);
    }
    for (const Plain& item : box.items) {
      if (item.kind == Plain::kReference) all.push_back(item);
    }
    return all;
  }
  Plain random_value() {
    std::vector<Plain> offered;
    if (sharing_ && make_.one_in(3)) {
      const int box = random_box();
      if (box != TwinWorld::kRoot) offered.push_back(box_reference(box, world_.boxes[box].is_dict));
    }
    make_.offer(offered);
    return make_.value();
  }
  Plain random_key(const TwinBox& box) {
    if (box.entries.empty() || make_.one_in(2)) return make_.key();
    return box.entries[make_.below(box.entries.size())].key;
  }

  // --- Changing

  template <typename Operation>
  void write(Operation operation) {
    WriteScope scope(*session_);
    operation(scope.transaction());
    scope.commit();
  }

  // Gives the containers of a value just stored their identities.
  void bind(const Member& member, const Plain& value) {
    const ReadScope scope(*session_);
    std::vector<int> met;
    check_member(scope.transaction(), member, value, &met);
    if (!met.empty()) check_from(scope.transaction(), met);
  }
  void bind_key(int number, const Plain& key, const Plain& value) {
    if (value.kind != Plain::kReference) return;
    std::optional<Member> member;
    {
      const ReadScope scope(*session_);
      const NodeView node = store().locate(scope.transaction(), identity(number));
      member = dict_get(store(), scope.transaction(), node, key_from(key));
    }
    ASSERT_TRUE(member.has_value());
    bind(*member, value);
  }
  void bind_index(int number, uint64_t i, const Plain& value) {
    if (value.kind != Plain::kReference) return;
    Member member;
    {
      const ReadScope scope(*session_);
      const NodeView node = store().locate(scope.transaction(), identity(number));
      member = list_get(store(), scope.transaction(), node, i);
    }
    bind(member, value);
  }

  void change_dict(int number) {
    TwinBox& box = world_.boxes.at(number);
    switch (make_.below(10)) {
      case 0:
        if (number != TwinWorld::kRoot || make_.one_in(20)) return clear(number);
        [[fallthrough]];
      case 1:
      case 2:
        return erase_key(number, random_key(box));
      case 3:
        return rename_key(number, random_key(box), make_.key());
      case 4: {
        // Grows until it spills.
        for (size_t n = make_.one_in(8) ? 90 : 5; n > 0; --n) {
          set_key(number, static_cast<int>(1000 + make_.below(400)), make_.scalar());
        }
        return;
      }
      default:
        return set_key(number, random_key(box), random_value());
    }
  }

  void set_key(int number, const Plain& key, const Plain& value) {
    bool added = false;
    write([&](WriteTransaction& transaction) {
      added = dict_set(store(), transaction, identity(number), key_from(key), encode_twin(value));
    });
    TwinBox& box = world_.boxes.at(number);
    const Buffer order(key_from(key).order());
    const auto place = box.find(order);
    ASSERT_EQ(added, place == box.entries.end());
    if (added) {
      box.entries.push_back({key, value, order, make_.next_birth()});
    } else {
      place->value = value;
    }
    bind_key(number, key, value);
  }

  void erase_key(int number, const Plain& key) {
    bool found = false;
    write([&](WriteTransaction& transaction) {
      found = dict_erase(store(), transaction, identity(number), key_from(key));
    });
    TwinBox& box = world_.boxes.at(number);
    const auto place = box.find(key_from(key).order());
    ASSERT_EQ(found, place != box.entries.end());
    if (found) box.entries.erase(place);
  }

  void rename_key(int number, const Plain& from, const Plain& to) {
    TwinBox& box = world_.boxes.at(number);
    const Key to_key = key_from(to);
    const bool taken = box.find(to_key.order()) != box.entries.end() && !(key_from(from) == to_key);
    const auto place = box.find(key_from(from).order());
    if (taken) return;  // the error is dict_test's
    bool found = false;
    write([&](WriteTransaction& transaction) {
      found = dict_rename(store(), transaction, identity(number), key_from(from), to_key);
    });
    ASSERT_EQ(found, place != box.entries.end());
    if (!found || place->order == to_key.order()) return;
    place->key = to;
    place->order = to_key.order();
    place->born = make_.next_birth();
  }

  void clear(int number) {
    TwinBox& box = world_.boxes.at(number);
    write([&](WriteTransaction& transaction) {
      if (box.is_dict) {
        dict_clear(store(), transaction, identity(number));
      } else {
        list_clear(store(), transaction, identity(number));
      }
    });
    box.entries.clear();
    box.items.clear();
  }

  void change_list(int number) {
    TwinBox& box = world_.boxes.at(number);
    const size_t size = box.items.size();
    const size_t i = size == 0 ? 0 : make_.below(size);
    switch (make_.below(12)) {
      case 0:
        return make_.one_in(3) ? clear(number) : permute(number);
      case 1:
      case 2:
        return erase_items(number, i, make_.below(make_.one_in(5) ? 400 : 3) + 1);
      case 3:
      case 4:
      case 5:
        return insert_item(number, make_.one_in(3) ? size : i, random_value());
      case 6:
        return extend(number, make_.below(make_.one_in(8) ? 900 : 5));
      default:
        if (size == 0) return extend(number, 3);
        return set_item(number, i, random_value());
    }
  }

  void set_item(int number, uint64_t i, const Plain& value) {
    write([&](WriteTransaction& transaction) {
      list_set(store(), transaction, identity(number), i, encode_twin(value));
    });
    world_.boxes.at(number).items[i] = value;
    bind_index(number, i, value);
  }
  void insert_item(int number, uint64_t i, const Plain& value) {
    write([&](WriteTransaction& transaction) {
      list_insert(store(), transaction, identity(number), i, encode_twin(value));
    });
    auto& items = world_.boxes.at(number).items;
    items.insert(items.begin() + static_cast<std::ptrdiff_t>(i), value);
    bind_index(number, i, value);
  }
  void extend(int number, size_t count) {
    std::vector<Plain> values;
    while (values.size() < count) values.push_back(count > 5 ? make_.scalar() : random_value());
    write([&](WriteTransaction& transaction) {
      std::vector<EncodedValue> encoded;
      for (const Plain& value : values) encoded.push_back(encode_twin(value));
      list_extend(store(), transaction, identity(number), std::move(encoded));
    });
    for (const Plain& value : values) {
      auto& items = world_.boxes.at(number).items;
      items.push_back(value);
    }
    const size_t size = world_.boxes.at(number).items.size();
    for (size_t i = 0; i < count; ++i) bind_index(number, size - count + i, values[i]);
  }
  void erase_items(int number, uint64_t i, uint64_t count) {
    auto& items = world_.boxes.at(number).items;
    if (items.empty()) return;
    count = std::min<uint64_t>(count, items.size() - i);
    write([&](WriteTransaction& transaction) {
      list_erase(store(), transaction, identity(number), i, count);
    });
    const auto from = items.begin() + static_cast<std::ptrdiff_t>(i);
    items.erase(from, from + static_cast<std::ptrdiff_t>(count));
  }
  void permute(int number) {
    auto& items = world_.boxes.at(number).items;
    std::vector<uint64_t> order(items.size());
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random_);
    write([&](WriteTransaction& transaction) {
      list_permute(store(), transaction, identity(number), order);
    });
    std::vector<Plain> shuffled;
    for (const uint64_t i : order) shuffled.push_back(items[i]);
    items = std::move(shuffled);
  }

  // An operation that raises leaves everything as it was, the open transaction too.
  void fail() {
    const int number = random_box();
    const TwinBox& box = world_.boxes.at(number);
    const auto wrong = [&](WriteTransaction& transaction) {
      if (box.is_dict) return list_clear(store(), transaction, identity(number));
      list_set(store(), transaction, identity(number), box.items.size(), EncodedValue::none());
    };
    ASSERT_THROW(write(wrong), Error);
    const ReadScope scope(*session_);
    ASSERT_EQ(store().locate(scope.transaction(), identity(number)).count(), box.size());
  }

  // --- Handles

  void hold_or_release() {
    if (!sharing_) return;
    if (held_.size() > 3 || (!held_.empty() && make_.one_in(2))) {
      store().release(identity(*held_.begin()));
      held_.erase(held_.begin());
      collect_garbage();
      return;
    }
    const int number = random_box();
    if (number != TwinWorld::kRoot && held_.insert(number).second) store().hold(identity(number));
  }

  // --- Transactions

  void change_transaction() {
    if (!session_->in_transaction()) {
      session_->begin(View::kThread);
      levels_.push_back({-1, world_});
      return;
    }
    const size_t choice = make_.below(10);
    if (choice < 4 && levels_.size() < 6) {
      const int level = levels_.back().first + 1 + static_cast<int>(make_.below(3));
      session_->savepoint(level);
      levels_.push_back({level, world_});
    } else if (choice < 6 && levels_.size() > 1) {
      const size_t at = 1 + make_.below(levels_.size() - 1);
      session_->release(levels_[at].first);
      levels_.resize(at);
    } else if (choice < 8 && levels_.size() > 1) {
      const size_t at = 1 + make_.below(levels_.size() - 1);
      session_->rollback_to(levels_[at].first);
      roll_back_world(at);
      levels_.resize(at + 1);
    } else if (choice == 8) {
      session_->rollback();
      roll_back_world(0);
      levels_.clear();
    } else {
      session_->commit();
      session_->end();
      levels_.clear();
    }
  }

  // What was born since is gone, and handles to it with it.
  void roll_back_world(size_t level) {
    const TwinWorld before = levels_[level].second;
    for (auto box = held_.begin(); box != held_.end();) {
      if (before.boxes.contains(*box)) {
        ++box;
      } else {
        store().release(identity(*box));
        box = held_.erase(box);
      }
    }
    std::erase_if(walks_, [&](const OpenWalk& walk) { return !before.boxes.contains(walk.box); });
    std::erase_if(identities_,
                  [&](const auto& pair) { return !before.boxes.contains(pair.first); });
    world_ = before;
    check_everything();
  }

  void reopen() {
    if (session_->in_transaction()) return;
    walks_.clear();
    held_.clear();
    collect_garbage();
    session_.reset();
    open();
    check_everything();
  }

  // --- Walks

  void open_walk() {
    OpenWalk walk;
    walk.box = random_box();
    walk.reverse = make_.one_in(2);
    const Identity container = identity(walk.box);
    if (!world_.boxes.at(walk.box).is_dict) {
      walk.list.emplace(store(), container);
    } else if (make_.one_in(2)) {
      walk.dict.emplace(store(), container, walk.reverse);
    } else {
      walk.keys.emplace(store(), container, KeyBounds{}, walk.reverse);
    }
    walks_.push_back(std::move(walk));
    if (walks_.size() > 12) walks_.erase(walks_.begin());
  }

  void step_walks() {
    for (size_t i = 0; i < walks_.size();) {
      bool more = true;
      for (size_t steps = make_.one_in(4) ? make_.below(200) : make_.below(3); steps > 0 && more;
           --steps) {
        more = step_walk(walks_[i]);
        if (HasFatalFailure()) return;
      }
      if (more) {
        ++i;
      } else {
        walks_.erase(walks_.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
  }

  bool step_walk(OpenWalk& walk) {
    const ReadScope scope(*session_);
    try {
      if (walk.list) return step_list(walk, scope.transaction());
      return step_dict(walk, scope.transaction());
    } catch (const Error& error) {
      // Only where nothing leads to the container any more.
      EXPECT_EQ(error.code(), ErrorCode::kStaleHandle) << error.message();
      EXPECT_FALSE(world_.reachable(roots()).contains(walk.box)) << "container " << walk.box;
      return false;
    }
  }

  bool step_list(OpenWalk& walk, const Transaction& transaction) {
    const TwinBox& box = world_.boxes.at(walk.box);
    const uint64_t i = walk.list->index();
    Member member;
    const bool more = walk.list->next(transaction, member);
    EXPECT_EQ(more, i < box.items.size());
    if (more) check_member(transaction, member, box.items[i], nullptr);
    return more;
  }

  bool step_dict(OpenWalk& walk, const Transaction& transaction) {
    TwinBox& box = world_.boxes.at(walk.box);
    DictEntry entry;
    const bool more =
        walk.dict ? walk.dict->next(transaction, entry) : walk.keys->next(transaction, entry);
    std::optional<const TwinEntry*> expected =
        walk.dict ? next_inserted(walk, box) : next_in_order(walk, box);
    if (expected) {
      EXPECT_EQ(more, *expected != nullptr) << "container " << walk.box;
      if (more && *expected != nullptr) {
        EXPECT_EQ(entry.key.order(), (*expected)->order);
      }
    }
    if (!more) return false;
    const auto place = box.find(entry.key.order());
    EXPECT_NE(place, box.entries.end()) << "a walk returned a key that is not there";
    if (place == box.entries.end()) return false;
    EXPECT_EQ(plain_key(entry.key), place->key);
    check_member(transaction, entry.value, place->value, nullptr);
    walk.returned = true;
    walk.last_order = place->order;
    walk.last_born = place->born;
    return true;
  }

  // The entry behind the last one returned, null at the end; nullopt where that one is gone, and
  // any entry will do.
  static std::optional<const TwinEntry*> next_inserted(const OpenWalk& walk, const TwinBox& box) {
    const auto& all = box.entries;
    if (!walk.returned) {
      if (all.empty()) return nullptr;
      return walk.reverse ? &all.back() : &all.front();
    }
    const auto last = std::find_if(all.begin(), all.end(), [&](const TwinEntry& entry) {
      return entry.born == walk.last_born;
    });
    if (last == all.end()) return std::nullopt;
    if (walk.reverse) return last == all.begin() ? nullptr : &*std::prev(last);
    return std::next(last) == all.end() ? nullptr : &*std::next(last);
  }

  static std::optional<const TwinEntry*> next_in_order(const OpenWalk& walk, const TwinBox& box) {
    const TwinEntry* best = nullptr;
    for (const TwinEntry& entry : box.entries) {
      if (walk.returned &&
          (walk.reverse ? entry.order >= walk.last_order : entry.order <= walk.last_order)) {
        continue;
      }
      if (best == nullptr ||
          (walk.reverse ? entry.order > best->order : entry.order < best->order)) {
        best = &entry;
      }
    }
    return best;
  }

  // --- The run

  void step() {
    switch (make_.below(20)) {
      case 0:
      case 1:
        return change_transaction();
      case 2:
        return open_walk();
      case 3:
      case 4:
        return step_walks();
      case 5:
        return hold_or_release();
      case 6:
        if (make_.one_in(10)) return reopen();
        return fail();
      default: {
        int number = random_box();
        // Under the open walks more often than chance would have it.
        if (!walks_.empty() && make_.one_in(3)) number = walks_[make_.below(walks_.size())].box;
        return world_.boxes.at(number).is_dict ? change_dict(number) : change_list(number);
      }
    }
  }

  void run(uint64_t steps) {
    for (uint64_t i = 0; i < steps; ++i) {
      SCOPED_TRACE("step " + std::to_string(i) + ", seed " + std::to_string(seed_));
      step();
      if (i % 100 == 99) check_everything();
      ASSERT_FALSE(HasFatalFailure() || HasNonfatalFailure());
      keep_small();
    }
    if (session_->in_transaction()) {
      session_->commit();
      session_->end();
      levels_.clear();
    }
    reopen();
  }

  // A world that only grows would make the later steps slow and alike.
  void keep_small() {
    collect_garbage();
    size_t members = 0;
    for (const auto& [number, box] : world_.boxes) members += box.size();
    if (members > 20'000) clear(TwinWorld::kRoot);
  }

  uint64_t seed_;
  std::mt19937_64 random_;
  TwinWorld world_;
  TwinMaker make_;
  bool sharing_ = true;
  std::string folder_;
  std::shared_ptr<Session> session_;
  std::map<int, Identity> identities_;
  std::set<int> held_;
  std::vector<std::pair<int, TwinWorld>> levels_;  // (savepoint level, the world at its start)
  std::vector<OpenWalk> walks_;
};

TEST_F(ModelTest, AgreesWithItsTwin) { run(from_environment("OOCMAP_MODEL_STEPS", 4000)); }

// Without shared values and handles everything that is left behind must be freed.
TEST_F(ModelTest, LeavesNothingBehind) {
  sharing_ = false;
  run(from_environment("OOCMAP_MODEL_STEPS", 4000) / 2);
  clear(TwinWorld::kRoot);
  walks_.clear();
  for (int i = 0; i < 10'000; ++i) {
    uint64_t left = 0;
    write([&](WriteTransaction& transaction) {
      drain_graveyard(store(), transaction, 1000);
      left = transaction.size(Database::kGraveyard);
    });
    if (left == 0) break;
  }
  const ReadScope scope(*session_);
  const Transaction& transaction = scope.transaction();
  EXPECT_EQ(transaction.size(Database::kGraveyard), 0u);
  EXPECT_EQ(transaction.size(Database::kEntries), 0u);
  EXPECT_EQ(transaction.size(Database::kOrder), 0u);
  EXPECT_EQ(transaction.size(Database::kChunks), 0u);
}

}  // namespace
}  // namespace oocmap
