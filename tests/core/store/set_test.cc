#include "core/store/set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/core/store/container_fixture.h"

namespace oocmap {
namespace {

class SetTest : public ContainerTest {
 protected:
  bool add(Identity set, const Plain& member) {
    return set_add(store(), txn(), set, key_from(member));
  }
  bool discard(Identity set, const Plain& member) {
    return set_discard(store(), txn(), set, key_from(member));
  }
  bool has(Identity set, const Plain& value) { return member(set, value).has_value(); }
  static std::vector<Plain> numbers(int count) {
    std::vector<Plain> all;
    for (int i = 0; i < count; ++i) all.emplace_back(i);
    return all;
  }
  uint64_t record_flags_of(Identity identity) {
    return record_flags(*txn().get(Database::kRecords, record_of(identity)));
  }
};

// --- Both, in each form

class SetFormTest : public SetTest, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(EmptySmallSpilled, SetFormTest, testing::Values(0, 1, 100, 128, 129, 900));

TEST_P(SetFormTest, ReadsBackWhatWasStored) {
  const std::vector<Plain> members = numbers(GetParam());
  const bool small = GetParam() <= 128;
  const Identity set = make(Plain::set(members));
  const Identity frozenset = make(Plain::frozenset(members));
  EXPECT_EQ(kind(set), small ? NodeKind::kSet : NodeKind::kSpilledSet);
  EXPECT_EQ(kind(frozenset), small ? NodeKind::kFrozenset : NodeKind::kSpilledFrozenset);
  EXPECT_EQ(node(set).container_kind(), WordKind::kSet);
  EXPECT_EQ(node(frozenset).container_kind(), WordKind::kFrozenset);
  reopen();
  EXPECT_EQ(read(set), Plain::set(members));
  EXPECT_EQ(read(frozenset), Plain::frozenset(members));
  EXPECT_EQ(node(set).count(), members.size());
  EXPECT_EQ(keys(set, true), std::vector<Plain>(members.rbegin(), members.rend()));
  EXPECT_EQ(key_order(frozenset), members);
  EXPECT_FALSE(has(set, GetParam()));
  EXPECT_FALSE(has(frozenset, "0"));
  for (const Plain& member : members) EXPECT_TRUE(has(set, member) && has(frozenset, member));
}

TEST_P(SetFormTest, AddsAndDiscards) {
  std::vector<Plain> members = numbers(GetParam());
  const Identity set = make(Plain::set(members));
  EXPECT_TRUE(add(set, "new"));
  EXPECT_FALSE(add(set, "new"));
  EXPECT_TRUE(add(set, Plain::tuple({1, Plain::frozenset({"x"})})));
  EXPECT_FALSE(discard(set, "absent"));
  if (!members.empty()) {
    EXPECT_FALSE(add(set, 0.0));  // equals 0, which stays
    EXPECT_TRUE(discard(set, 0.0));
    members.erase(members.begin());
  }
  members.emplace_back("new");
  members.push_back(Plain::tuple({1, Plain::frozenset({"x"})}));
  EXPECT_EQ(read(set), Plain::set(members));
  set_clear(store(), txn(), set);
  EXPECT_EQ(read(set), Plain::set());
  EXPECT_EQ(kind(set), NodeKind::kSet);
  EXPECT_TRUE(add(set, 1));
  EXPECT_EQ(read(set), Plain::set({1}));
}

TEST_P(SetFormTest, EveryRowIsFreedWithItsSet) {
  const auto counted = {Database::kRecords, Database::kEntries, Database::kOrder,
                        Database::kImmutableIndex};
  const Identity holder = make(Plain::dict({{"k", 1}}));
  std::vector<uint64_t> before;
  for (const Database database : counted) before.push_back(rows(database));
  const std::vector<Plain> members = numbers(GetParam());
  set(holder, "k", Plain::list({Plain::set(members), Plain::frozenset(members)}));
  set(holder, "k", 1);
  while (rows(Database::kGraveyard) != 0) drain_some();
  size_t i = 0;
  for (const Database database : counted) EXPECT_EQ(rows(database), before[i++]);
}

// --- Growing

TEST_F(SetTest, GrowsFromNothingToSpilledAndBack) {
  const Identity set = make(Plain::set());
  for (int i = 0; i < 300; ++i) {
    EXPECT_TRUE(add(set, i));
    EXPECT_EQ(kind(set), i < 128 ? NodeKind::kSet : NodeKind::kSpilledSet) << i;
  }
  EXPECT_EQ(read(set), Plain::set(numbers(300)));
  for (int i = 0; i < 300; ++i) EXPECT_TRUE(discard(set, i));
  EXPECT_EQ(read(set), Plain::set());
}

TEST_F(SetTest, AMemberOfAnySizeHasRoom) {
  const Identity set = make(Plain::set());
  std::vector<Plain> members;
  for (const size_t size : {5, 500, 5'000, 9'000, 70'000, 1'000'000}) {
    members.emplace_back(std::string(size, 'x'));
    EXPECT_TRUE(add(set, members.back()));
  }
  EXPECT_EQ(read(set), Plain::set(members));
  EXPECT_EQ(read(make(Plain::set(members))), Plain::set(members));
  EXPECT_EQ(read(make(Plain::frozenset(members))), Plain::frozenset(members));
}

// --- What a set is not

TEST_F(SetTest, OnlySetsAreChanged) {
  const auto refused = [](const auto& change) {
    try {
      change();
    } catch (const Error& error) {
      return error.code() == ErrorCode::kTypeMismatch;
    }
    return false;
  };
  for (const Plain& other : {Plain::frozenset({1}), Plain::frozenset(numbers(200)),
                             Plain::dict({{1, 2}}), Plain::dict(), Plain::list({1})}) {
    const Identity identity = make(other);
    EXPECT_TRUE(refused([&] { add(identity, 5); }));
    EXPECT_TRUE(refused([&] { discard(identity, 1); }));
    EXPECT_TRUE(refused([&] { set_clear(store(), txn(), identity); }));
    EXPECT_EQ(read(identity), other);
  }
  for (const Plain& value : {Plain::set({1}), Plain::frozenset({1}), Plain::set(numbers(200))}) {
    const Identity identity = make(value);
    EXPECT_TRUE(refused([&] { set(identity, 1, "value"); }));
    EXPECT_TRUE(refused([&] { erase(identity, 1); }));
    EXPECT_TRUE(refused([&] { dict_clear(store(), txn(), identity); }));
    EXPECT_TRUE(refused([&] { dict_rename(store(), txn(), identity, key_from(1), key_from(2)); }));
    EXPECT_EQ(read(identity), value);
  }
}

TEST_F(SetTest, AValueAmongTheMembersIsMisuse) {
  ValueEncoder encoder;
  encoder.begin_set();
  encoder.key(Key::integer(1));
  encoder.integer(2);
  EXPECT_THROW(encoder.end(), Error);
}

// --- Immutable ones are stored once

TEST_F(SetTest, EqualFrozensetsShareARecord) {
  std::vector<Plain> members = {
      "some text", "other text", Plain::tuple({1, 2}),
      3.5,         1 << 20,      "more text that makes it worth an index row",
      nullptr};
  const Identity first = make(Plain::frozenset(members));
  EXPECT_TRUE(record_flags_of(first) & kRecordImmutable);
  EXPECT_EQ(rows(Database::kImmutableIndex), 1u);
  std::mt19937 random(11);
  for (int i = 0; i < 10; ++i) {
    std::shuffle(members.begin(), members.end(), random);
    EXPECT_EQ(make(Plain::frozenset(members)), first);
  }
  members[0] = Plain("another member");
  EXPECT_NE(make(Plain::frozenset(members)), first);
  // Sets are not shared: each may change.
  EXPECT_NE(make(Plain::set(members)), make(Plain::set(members)));
}

TEST_F(SetTest, ATupleThatHoldsAFrozensetStaysImmutable) {
  const auto value = [](std::vector<Plain> members) {
    return Plain::tuple({"a tuple that is long enough", Plain::frozenset(std::move(members)),
                         Plain::tuple({Plain::frozenset()})});
  };
  const Identity first = make(value({1, 2, "three"}));
  EXPECT_EQ(make(value({"three", 2, 1})), first);
  EXPECT_NE(make(value({"three", 2})), first);
  EXPECT_EQ(read(first), value({1, 2, "three"}));
}

TEST_F(SetTest, ALargeFrozensetIsNotShared) {
  const Identity first = make(Plain::frozenset(numbers(1000)));
  EXPECT_NE(make(Plain::frozenset(numbers(1000))), first);
}

TEST_F(SetTest, CopiesKeepTheirKind) {
  const Plain value = Plain::dict({{"set", Plain::set({3, 1, 2})},
                                   {"frozenset", Plain::frozenset({1, 2, 3})},
                                   {"large", Plain::set(numbers(400))},
                                   {"frozen", Plain::list({Plain::frozenset(numbers(400))})}});
  const Identity from = make(value);
  ValueEncoder encoder;
  copy_value(store(), txn(), {tag_of(WordKind::kDict), from}, encoder);
  dict_set(store(), txn(), store().root(), Key::text("copy"), encoder.finish());
  EXPECT_EQ(get(store().root(), "copy"), value);
}

// --- Random operations against a vector in insertion order

TEST_F(SetTest, RandomOperationsAgreeWithAModel) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&](size_t n) { return random() % n; };
  const auto some = [&]() -> Plain {
    const int number = static_cast<int>(below(200));
    switch (below(5)) {
      case 0:
        return "text " + std::to_string(number);
      case 1:
        return std::string(500 + below(3), 'k') + std::to_string(number % 5);
      case 2:
        return Plain::frozenset({Plain(number % 20)});
      case 3:
        return number + 0.5;
      default:
        return number;
    }
  };
  std::vector<Plain> model;
  const Identity set = make(Plain::set());
  for (int step = 0; step < 4000; ++step) {
    const Plain member = some();
    const auto place = std::find(model.begin(), model.end(), member);
    const bool there = place != model.end();
    if (below(1000) == 0) {
      set_clear(store(), txn(), set);
      model.clear();
    } else if (below(3) != 0) {
      ASSERT_EQ(add(set, member), !there);
      if (!there) model.push_back(member);
    } else {
      ASSERT_EQ(discard(set, member), there);
      if (there) model.erase(place);
    }
    if (step % 100 == 0) {
      if (below(4) == 0) reopen();
      ASSERT_EQ(read(set), Plain::set(model));
      ASSERT_EQ(node(set).count(), model.size());
    }
  }
}

}  // namespace
}  // namespace oocmap
