#include "core/store/list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "core/store/chunk_edit.h"
#include "tests/core/store/container_fixture.h"

namespace oocmap {
namespace {

using testing::ElementsAre;
using Items = std::vector<Plain>;

class ListTest : public ContainerTest {
 protected:
  static Items numbers(int count) {
    Items items;
    for (int i = 0; i < count; ++i) items.emplace_back(i);
    return items;
  }
  uint64_t count(Identity list) { return node(list).count(); }
  void put_at(Identity list, uint64_t i, const Plain& value) {
    list_set(store(), txn(), list, i, encode(value));
  }
  void insert(Identity list, uint64_t i, const Plain& value) {
    list_insert(store(), txn(), list, i, encode(value));
  }
  void take_out(Identity list, uint64_t i, uint64_t n = 1) {
    list_erase(store(), txn(), list, i, n);
  }
  void extend(Identity list, const Items& items) {
    std::vector<EncodedValue> values;
    for (const Plain& item : items) values.push_back(encode(item));
    list_extend(store(), txn(), list, std::move(values));
  }
  void permute(Identity list, const std::vector<uint64_t>& order) {
    list_permute(store(), txn(), list, order);
  }
  template <typename Operation>
  static bool out_of_range(Operation operation) {
    try {
      operation();
    } catch (const Error& error) {
      return error.code() == ErrorCode::kInvalidArgument;
    }
    return false;
  }

  // Every chunk belongs to the tree, the counts add up, all leaves are equally deep.
  void check_tree(Identity list) {
    const NodeView view = node(list);
    if (!view.spilled()) return;
    chunks_seen_ = 0;
    EXPECT_EQ(check_below(list, view.root_chunk(), view.height()), view.count());
    uint64_t stored = 0;
    const Buffer prefix = entry_prefix(list);
    Cursor cursor(txn(), Database::kChunks);
    for (bool on = cursor.seek(prefix); on && cursor.key().starts_with(prefix);
         on = cursor.next()) {
      ++stored;
    }
    EXPECT_EQ(stored, chunks_seen_);
    if (view.height() > 0) {
      EXPECT_GT(
          InnerView(*txn().get(Database::kChunks, chunk_key(list, view.root_chunk()))).count(), 1u);
    }
  }

 private:
  uint64_t check_below(Identity list, uint64_t chunk, int height) {
    ++chunks_seen_;
    const auto bytes = txn().get(Database::kChunks, chunk_key(list, chunk));
    if (!bytes) {
      ADD_FAILURE() << "chunk " << chunk << " is missing";
      return 0;
    }
    EXPECT_LE(bytes->size(), kMaxLeafBytes + 256);
    if (height == 0) {
      EXPECT_GT(leaf_view(*bytes, list).count(), 0u);
      EXPECT_LE(leaf_view(*bytes, list).count(), kChunkMembers);
      return leaf_view(*bytes, list).count();
    }
    uint64_t members = 0;
    const InnerChunk inner = decode_inner(*bytes);
    EXPECT_LE(inner.children.size(), kChunkFanOut);
    for (const auto& [child, below] : inner.children) {
      EXPECT_EQ(check_below(list, child, height - 1), below);
      members += below;
    }
    return members;
  }
  uint64_t chunks_seen_ = 0;
};

class ListSizeTest : public ListTest, public testing::WithParamInterface<int> {
 protected:
  Identity filled() {
    const Identity list = make(Plain::list(numbers(GetParam())));
    EXPECT_EQ(kind(list), GetParam() <= 900 ? NodeKind::kList : NodeKind::kSpilledList);
    return list;
  }
  uint64_t size() const { return static_cast<uint64_t>(GetParam()); }
};

// A node, the largest node, one leaf more than a node, one inner level, two inner levels.
INSTANTIATE_TEST_SUITE_P(Sizes, ListSizeTest, testing::Values(3, 900, 901, 5000, 60'000));

TEST_P(ListSizeTest, GetsEveryMember) {
  const Identity list = filled();
  const NodeView view = node(list);
  for (uint64_t i = 0; i < size(); i += 1 + size() / 1000) {
    EXPECT_EQ(list_get(store(), txn(), view, i).as_int(), static_cast<int64_t>(i));
  }
  EXPECT_TRUE(out_of_range([&] { at(list, size()); }));
  EXPECT_TRUE(out_of_range([&] { at(list, ~uint64_t{0}); }));
  check_tree(list);
}

TEST_P(ListSizeTest, SetsInPlace) {
  const Identity list = filled();
  for (const uint64_t i : {uint64_t{0}, size() / 2, size() - 1}) {
    put_at(list, i, "a text in the heap");
    EXPECT_EQ(at(list, i), Plain("a text in the heap"));
    put_at(list, i, Plain::list({1, "two"}));
    EXPECT_EQ(at(list, i), Plain::list({1, "two"}));
    put_at(list, i, -1);
    EXPECT_EQ(at(list, i), Plain(-1));
  }
  EXPECT_EQ(at(list, 1), size() / 2 == 1 ? Plain(-1) : Plain(1));
  EXPECT_TRUE(out_of_range([&] { put_at(list, size(), 1); }));
  EXPECT_EQ(count(list), size());
  check_tree(list);
}

TEST_P(ListSizeTest, InsertsAtBothEndsAndInTheMiddle) {
  const Identity list = filled();
  Items expected = numbers(GetParam());
  for (const uint64_t i : {uint64_t{0}, size() / 2, size() + 2, uint64_t{1}}) {
    insert(list, i, "new");
    expected.insert(expected.begin() + static_cast<std::ptrdiff_t>(i), "new");
  }
  EXPECT_TRUE(out_of_range([&] { insert(list, size() + 5, 1); }));
  EXPECT_EQ(read(list), Plain::list(expected));
  check_tree(list);
}

TEST_P(ListSizeTest, ErasesRanges) {
  const Identity list = filled();
  Items expected = numbers(GetParam());
  const auto erase_both = [&](uint64_t i, uint64_t n) {
    take_out(list, i, n);
    const auto from = expected.begin() + static_cast<std::ptrdiff_t>(i);
    expected.erase(from, from + static_cast<std::ptrdiff_t>(n));
  };
  erase_both(1, 1);
  erase_both(0, 1);
  EXPECT_TRUE(out_of_range([&] { take_out(list, 0, expected.size() + 1); }));
  EXPECT_TRUE(out_of_range([&] { take_out(list, ~uint64_t{0}, 2); }));
  take_out(list, 0, 0);
  EXPECT_EQ(read(list), Plain::list(expected));
  if (size() > 100) erase_both(size() / 3, size() / 3);
  EXPECT_EQ(read(list), Plain::list(expected));
  check_tree(list);
  erase_both(0, expected.size());
  EXPECT_EQ(count(list), 0u);
  EXPECT_EQ(kind(list), NodeKind::kList);
  EXPECT_EQ(rows(Database::kChunks), 0u);
  extend(list, {1, 2});
  EXPECT_EQ(read(list), Plain::list({1, 2}));
}

TEST_P(ListSizeTest, ClearingFreesEverything) {
  const Identity list = filled();
  const uint64_t records = rows(Database::kRecords);
  put_at(list, 0, Plain::list(numbers(2000)));
  put_at(list, 1, std::string(300, 'x'));
  list_clear(store(), txn(), list);
  EXPECT_EQ(count(list), 0u);
  for (int i = 0; i < 100; ++i) drain_some();
  EXPECT_EQ(rows(Database::kChunks), 0u);
  EXPECT_EQ(rows(Database::kRecords), records);
  EXPECT_EQ(rows(Database::kImmutables), 0u);
  extend(list, numbers(1000));
  EXPECT_EQ(read(list), Plain::list(numbers(1000)));
  check_tree(list);
}

TEST_P(ListSizeTest, ExtendsAtTheEnd) {
  const Identity list = filled();
  Items expected = numbers(GetParam());
  for (const int more : {1, 0, 5, 2000}) {
    Items items = numbers(more);
    if (more == 5) items = {"text beyond a word", Plain::list({1}), nullptr, 2.5, Plain::dict()};
    extend(list, items);
    expected.insert(expected.end(), items.begin(), items.end());
    EXPECT_EQ(read(list), Plain::list(expected));
    check_tree(list);
  }
}

TEST_P(ListSizeTest, PermutesWordsOnly) {
  const Identity list = filled();
  put_at(list, 0, Plain::list({"nested"}));
  put_at(list, 1, "a text in the heap");
  const Identity nested = list_get(store(), txn(), node(list), 0).word;
  const uint64_t records = rows(Database::kRecords);
  Items expected = read(list).items;

  std::vector<uint64_t> order(size());
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937(5));
  permute(list, order);
  Items shuffled;
  for (const uint64_t i : order) shuffled.push_back(expected[i]);
  EXPECT_EQ(read(list), Plain::list(shuffled));
  const auto at = static_cast<uint64_t>(std::find(order.begin(), order.end(), 0) - order.begin());
  EXPECT_EQ(list_get(store(), txn(), node(list), at).word, nested);
  EXPECT_EQ(rows(Database::kRecords), records);
  EXPECT_EQ(record_flags(*txn().get(Database::kRecords, record_of(nested))) & kRecordPinned, 0);
  check_tree(list);
}

TEST_P(ListSizeTest, RefusesWhatIsNoPermutation) {
  const Identity list = filled();
  std::vector<uint64_t> order(size());
  EXPECT_TRUE(out_of_range([&] { permute(list, order); }));
  order.pop_back();
  EXPECT_TRUE(out_of_range([&] { permute(list, order); }));
  std::iota(order.begin(), order.end(), 1);
  order.push_back(size());
  EXPECT_TRUE(out_of_range([&] { permute(list, order); }));
  EXPECT_EQ(at(list, 2), Plain(2));
}

TEST_P(ListSizeTest, WalksFromAnyIndex) {
  const Identity list = filled();
  for (const uint64_t start : {uint64_t{0}, size() / 2, size() - 1, size(), size() + 7}) {
    ListWalk walk(store(), list, start);
    uint64_t i = start;
    for (Member member; walk.next(txn(), member); ++i) {
      ASSERT_EQ(walk.index(), i + 1);
      ASSERT_EQ(member.as_int(), static_cast<int64_t>(i));
    }
    EXPECT_EQ(i, std::max(start, size()));
  }
}

TEST_P(ListSizeTest, AWalkGoesOnAtItsIndex) {
  const Identity list = filled();
  ListWalk walk(store(), list);
  Member member;
  ASSERT_TRUE(walk.next(txn(), member));
  take_out(list, 0);  // as Python: the member that moves up is skipped
  ASSERT_TRUE(walk.next(txn(), member));
  EXPECT_EQ(member.as_int(), 2);
  for (int i = 0; i < 3; ++i) insert(list, 0, -1);
  commit();
  ASSERT_TRUE(walk.next(txn(), member));
  EXPECT_EQ(member.as_int(), -1);
  extend(list, {99});
  int64_t last = 0;
  while (walk.next(txn(), member)) last = member.as_int();
  EXPECT_EQ(last, 99);
  extend(list, {100});
  EXPECT_FALSE(walk.next(txn(), member));  // an exhausted iterator stays so
}

TEST_P(ListSizeTest, AppendingWhileWalkingReachesTheNewMembers) {
  const Identity list = filled();
  ListWalk walk(store(), list);
  Member member;
  int added = 0;
  while (walk.next(txn(), member)) {
    if (member.as_int() < 5 && added < 1000) {
      extend(list, {1});
      ++added;
    }
  }
  EXPECT_EQ(added, 1000);
  EXPECT_EQ(walk.index(), size() + 1000);
  check_tree(list);
}

TEST_P(ListSizeTest, SurvivesReopen) {
  const Identity list = filled();
  put_at(list, 1, Plain::dict({{"a", Plain::list({1})}}));
  const Plain before = read(list);
  reopen();
  EXPECT_EQ(read(list), before);
  extend(list, {7});
  EXPECT_EQ(at(list, size()), Plain(7));
}

TEST_P(ListSizeTest, StoringWhatStandsThereChangesNothing) {
  const Identity list = filled();
  put_at(list, 2, Plain::list({1}));
  const Identity child = list_get(store(), txn(), node(list), 2).word;
  const Stamp before = txn().stamp();
  put_at(list, 2, Plain::reference(child, WordKind::kList));
  EXPECT_EQ(txn().stamp(), before);
  EXPECT_EQ(at(list, 2), Plain::list({1}));
}

TEST_P(ListSizeTest, ATupleIsReadTheSameWay) {
  const Identity list = make(Plain::list({Plain::tuple(numbers(GetParam())), Plain::tuple()}));
  const Member tuple = list_get(store(), txn(), node(list), 0);
  EXPECT_EQ(tuple.tag, tag_of(WordKind::kTuple));
  EXPECT_EQ(read(tuple.word), Plain::tuple(numbers(GetParam())));
  EXPECT_EQ(at(tuple.word, size() - 1), Plain(GetParam() - 1));
  EXPECT_THROW(put_at(tuple.word, 0, 1), Error);
  EXPECT_THROW(extend(tuple.word, {1}), Error);
  EXPECT_THROW(take_out(tuple.word, 0), Error);
  EXPECT_THROW(permute(tuple.word, {}), Error);
  EXPECT_EQ(at(list, 1), Plain::tuple());
}

TEST_F(ListTest, AnEmptyListHasNothing) {
  const Identity list = make(Plain::list());
  EXPECT_EQ(count(list), 0u);
  EXPECT_EQ(read(list), Plain::list());
  EXPECT_TRUE(out_of_range([&] { at(list, 0); }));
  EXPECT_TRUE(out_of_range([&] { take_out(list, 0); }));
  list_clear(store(), txn(), list);
  permute(list, {});
  insert(list, 0, "first");
  EXPECT_EQ(read(list), Plain::list({"first"}));
}

TEST_F(ListTest, SpillsWithTheMemberThatIsOneTooMany) {
  const Identity list = make(Plain::list(numbers(899)));
  extend(list, {Plain::list({"child"})});
  EXPECT_EQ(kind(list), NodeKind::kList);
  const Identity child = list_get(store(), txn(), node(list), 899).word;
  insert(list, 1, 0);
  EXPECT_EQ(kind(list), NodeKind::kSpilledList);
  EXPECT_EQ(count(list), 901u);
  EXPECT_EQ(list_get(store(), txn(), node(list), 900).word, child);
  EXPECT_EQ(at(list, 900), Plain::list({"child"}));
  check_tree(list);
}

TEST_F(ListTest, SpillsWhenTextsOutgrowTheNode) {
  const Identity list = make(Plain::list());
  Items expected;
  for (int i = 0; i < 300; ++i) {
    const Plain text = std::string(100, 't') + std::to_string(i);
    extend(list, {text});
    expected.push_back(text);
  }
  EXPECT_EQ(kind(list), NodeKind::kSpilledList);
  EXPECT_EQ(read(list), Plain::list(expected));
  check_tree(list);
}

TEST_F(ListTest, MembersAppendedInOrderStandInFullLeaves) {
  const Identity list = make(Plain::list());
  for (int i = 0; i < 4000; ++i) extend(list, {i});
  EXPECT_EQ(rows(Database::kChunks), 11u);  // 10 full leaves and the root
  EXPECT_EQ(read(list), Plain::list(numbers(4000)));
  check_tree(list);
}

TEST_F(ListTest, InsertingAtTheFrontBuildsABalancedTree) {
  const Identity list = make(Plain::list(numbers(901)));
  for (int i = 0; i < 60'000; ++i) list_insert(store(), txn(), list, 0, EncodedValue::integer(i));
  EXPECT_EQ(count(list), 60'901u);
  EXPECT_EQ(node(list).height(), 2);
  EXPECT_EQ(at(list, 0), Plain(59'999));
  EXPECT_EQ(at(list, 59'999), Plain(0));
  EXPECT_EQ(at(list, 60'900), Plain(900));
  check_tree(list);
  while (count(list) > 0) {
    const uint64_t n = count(list);
    take_out(list, n / 2, std::min<uint64_t>(n - n / 2, 97));
  }
  EXPECT_EQ(rows(Database::kChunks), 0u);
}

TEST_F(ListTest, LongTextsInALeafSplitItBySize) {
  const Identity list = make(Plain::list(numbers(1000)));
  for (int i = 0; i < 1000; ++i)
    put_at(list, static_cast<uint64_t>(i), std::string(170, 'x') + std::to_string(i));
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(at(list, static_cast<uint64_t>(i)), Plain(std::string(170, 'x') + std::to_string(i)));
  }
  check_tree(list);
}

TEST_F(ListTest, ChildrenJoinTheRecordWhileThereIsRoom) {
  const Identity list = make(Plain::list());
  const uint64_t records = rows(Database::kRecords);
  for (int i = 0; i < 30; ++i) extend(list, {Plain::dict({{"i", i}})});
  EXPECT_EQ(rows(Database::kRecords), records);
  for (int i = 0; i < 30; ++i)
    EXPECT_EQ(at(list, static_cast<uint64_t>(i)), Plain::dict({{"i", i}}));
}

TEST_F(ListTest, ErasedChildrenAreFreed) {
  const Identity list = make(Plain::list(numbers(2000)));
  const uint64_t records = rows(Database::kRecords);
  for (uint64_t i = 0; i < 500; ++i) put_at(list, i, Plain::list({1.5}));
  take_out(list, 0, 500);
  for (int i = 0; i < 1000 && rows(Database::kGraveyard) > 0; ++i) drain_some();
  EXPECT_EQ(rows(Database::kRecords), records);
  EXPECT_EQ(count(list), 1500u);
}

TEST_F(ListTest, ALostChunkIsSaidToBeCorrupt) {
  const Identity list = make(Plain::list(numbers(2000)));
  const NodeView view = node(list);
  const InnerChunk root =
      decode_inner(*txn().get(Database::kChunks, chunk_key(list, view.root_chunk())));
  txn().erase(Database::kChunks, chunk_key(list, root.children[1].first));
  const auto corrupt = [&](auto operation) {
    try {
      operation();
    } catch (const Error& error) {
      return error.code() == ErrorCode::kCorrupt;
    }
    return false;
  };
  EXPECT_EQ(at(list, 0), Plain(0));
  EXPECT_TRUE(corrupt([&] { at(list, 500); }));
  EXPECT_TRUE(corrupt([&] { read(list); }));
  EXPECT_TRUE(corrupt([&] { put_at(list, 500, 1); }));
}

// --- Against std::vector

class ListModelTest : public ListTest, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(StartSizes, ListModelTest, testing::Values(0, 850, 20'000));

TEST_P(ListModelTest, RandomOperationsAgreeWithAVector) {
  std::mt19937 random(static_cast<unsigned>(GetParam()) + 11);
  Items model = numbers(GetParam());
  const Identity list = make(Plain::list(model));
  const auto value = [&]() -> Plain {
    const int i = static_cast<int>(random());
    switch (random() % 6) {
      case 0:
        return "a text of some length " + std::to_string(i);
      case 1:
        return Plain::list({i});
      case 2:
        return 0.5 * i;
      default:
        return i;
    }
  };
  const auto place = [&](uint64_t i) { return model.begin() + static_cast<std::ptrdiff_t>(i); };
  for (int step = 0; step < 3000; ++step) {
    const uint64_t i = model.empty() ? 0 : random() % model.size();
    switch (random() % 8) {
      case 0:
      case 1: {
        const Plain item = value();
        insert(list, i, item);
        model.insert(place(i), item);
        break;
      }
      case 2:
      case 3: {
        if (model.empty()) break;
        const Plain item = value();
        put_at(list, i, item);
        model[i] = item;
        break;
      }
      case 4: {
        const uint64_t most = random() % 10 == 0 ? 700 : 3;
        const uint64_t n = std::min<uint64_t>(random() % (most + 1), model.size() - i);
        take_out(list, i, n);
        model.erase(place(i), place(i + n));
        break;
      }
      case 5: {
        Items items;
        for (uint64_t n = random() % (random() % 10 == 0 ? 600 : 4); n > 0; --n)
          items.push_back(value());
        extend(list, items);
        model.insert(model.end(), items.begin(), items.end());
        break;
      }
      case 6:
        if (!model.empty()) {
          ASSERT_EQ(at(list, i), model[i]);
        }
        break;
      default: {
        if (random() % 100 != 0) break;
        std::vector<uint64_t> order(model.size());
        std::iota(order.begin(), order.end(), 0);
        std::shuffle(order.begin(), order.end(), random);
        permute(list, order);
        Items shuffled;
        for (const uint64_t from : order) shuffled.push_back(model[from]);
        model = std::move(shuffled);
      }
    }
    ASSERT_EQ(count(list), model.size());
    if (step % 300 == 299) {
      ASSERT_EQ(read(list), Plain::list(model)) << step;
      check_tree(list);
    }
  }
}

}  // namespace
}  // namespace oocmap
