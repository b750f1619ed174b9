#include "core/store/dict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/format/immutable.h"
#include "tests/core/store/container_fixture.h"

namespace oocmap {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;
using Pairs = std::vector<std::pair<Plain, Plain>>;

class DictTest : public ContainerTest {
 protected:
  // A dict of `count` members i -> 10 * i; more than 64 keys make it inline, more than 128 spilled.
  Identity numbers(int count, NodeKind expected) {
    Pairs pairs;
    for (int i = 0; i < count; ++i) pairs.emplace_back(i, 10 * i);
    const Identity dict = make(Plain::dict(pairs));
    EXPECT_EQ(kind(dict), expected);
    return dict;
  }
  static KeyBounds bounds(const Plain& lower, const Plain& upper, bool open = false) {
    KeyBounds result;
    result.lower = Buffer(key_from(lower).order());
    result.upper = Buffer(key_from(upper).order());
    result.lower_open = result.upper_open = open;
    return result;
  }
  uint64_t count(Identity dict) { return node(dict).count(); }
};

// A key of 600 bytes that differs from its like only behind what an LMDB key holds.
Plain long_key(const std::string& end) { return std::string(590, 'k') + end; }

// --- Reading and writing, in each of the three forms

class DictFormTest : public DictTest, public testing::WithParamInterface<int> {
 protected:
  Identity filled() {
    const int members = GetParam();
    return numbers(members, members <= 64    ? NodeKind::kShapedDict
                            : members <= 128 ? NodeKind::kInlineDict
                                             : NodeKind::kSpilledDict);
  }
};

INSTANTIATE_TEST_SUITE_P(ShapedInlineSpilled, DictFormTest, testing::Values(3, 64, 100, 300));

TEST_P(DictFormTest, EntryHasTheKeyAsFirstWritten) {
  const Identity dict = filled();
  dict_erase(store(), txn(), dict, Key::integer(1));
  set(dict, true, "true");
  const auto entry = [&](const Key& key) {
    return dict_get_entry(store(), txn(), node(dict), key);
  };
  const auto one = entry(Key::floating(1.0));
  ASSERT_TRUE(one);
  EXPECT_EQ(one->key.form(), KeyForm::kBool);
  EXPECT_EQ(one->key.pack(), Key::boolean(true).pack());
  const auto two = entry(Key::floating(2.0));
  ASSERT_TRUE(two);
  EXPECT_EQ(two->key.form(), KeyForm::kCanonical);
  EXPECT_EQ(two->value.as_int(), 20);
  EXPECT_FALSE(entry(Key::text("2")));
  for (const char* end : {"a", "b"}) set(dict, long_key(end), end);
  const Key wanted = key_from(long_key("b"));
  const auto found = entry(wanted);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->key.pack(), wanted.pack());
  EXPECT_FALSE(entry(key_from(long_key("c"))));
}

TEST_P(DictFormTest, GetsWhatIsThereAndNothingElse) {
  const Identity dict = filled();
  for (int i = 0; i < GetParam(); ++i) EXPECT_EQ(get(dict, i), Plain(10 * i));
  EXPECT_EQ(get(dict, GetParam()), std::nullopt);
  EXPECT_EQ(get(dict, -1), std::nullopt);
  EXPECT_EQ(get(dict, "1"), std::nullopt);
  EXPECT_EQ(get(dict, nullptr), std::nullopt);
}

TEST_P(DictFormTest, OverwritingKeepsThePlace) {
  const Identity dict = filled();
  EXPECT_FALSE(set(dict, 1, "one"));
  EXPECT_EQ(get(dict, 1), Plain("one"));
  EXPECT_EQ(keys(dict)[1], Plain(1));
  EXPECT_EQ(count(dict), static_cast<uint64_t>(GetParam()));
}

TEST_P(DictFormTest, EqualKeysAreOneAndTheFirstFormStays) {
  const Identity dict = filled();
  EXPECT_FALSE(set(dict, 1.0, "float"));
  EXPECT_EQ(get(dict, true), Plain("float"));
  EXPECT_FALSE(set(dict, true, "bool"));
  EXPECT_EQ(get(dict, 1), Plain("bool"));
  EXPECT_FALSE(set(dict, false, "zero"));
  EXPECT_EQ(get(dict, 0), Plain("zero"));
  EXPECT_EQ(keys(dict)[0], Plain(0));
  EXPECT_EQ(keys(dict)[1], Plain(1));
}

TEST_P(DictFormTest, NewKeysStandAtTheEnd) {
  const Identity dict = filled();
  EXPECT_TRUE(set(dict, "new", nullptr));
  EXPECT_TRUE(set(dict, -7, 1.5));
  const std::vector<Plain> all = keys(dict);
  EXPECT_EQ(all.size(), static_cast<size_t>(GetParam()) + 2);
  EXPECT_EQ(all[all.size() - 2], Plain("new"));
  EXPECT_EQ(all.back(), Plain(-7));
  EXPECT_EQ(get(dict, "new"), Plain(nullptr));
  EXPECT_EQ(get(dict, 2), Plain(20));
}

TEST_P(DictFormTest, ErasingTakesAwayTheKeyOnly) {
  const Identity dict = filled();
  EXPECT_TRUE(erase(dict, 1));
  EXPECT_FALSE(erase(dict, 1));
  EXPECT_FALSE(erase(dict, "no"));
  EXPECT_EQ(get(dict, 1), std::nullopt);
  EXPECT_EQ(get(dict, 2), Plain(20));
  EXPECT_EQ(keys(dict)[1], Plain(2));
  EXPECT_TRUE(set(dict, 1, "again"));
  EXPECT_EQ(keys(dict).back(), Plain(1));
}

TEST_P(DictFormTest, ClearingLeavesAnEmptyDictThatCanBeFilledAgain) {
  const Identity dict = filled();
  set(dict, "nested", Plain::list({1, 2}));
  dict_clear(store(), txn(), dict);
  EXPECT_EQ(count(dict), 0u);
  EXPECT_THAT(keys(dict), IsEmpty());
  EXPECT_EQ(get(dict, 1), std::nullopt);
  EXPECT_EQ(rows(Database::kEntries), 1u);  // the root's one
  for (int i = 0; i < 200; ++i) set(dict, i, -i);
  EXPECT_EQ(kind(dict), NodeKind::kSpilledDict);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(get(dict, i), Plain(-i));
}

TEST_P(DictFormTest, EveryMemberCanBeErased) {
  const Identity dict = filled();
  for (int i = GetParam() - 1; i >= 0; --i) EXPECT_TRUE(erase(dict, i));
  EXPECT_EQ(count(dict), 0u);
  EXPECT_THAT(key_order(dict), IsEmpty());
  EXPECT_TRUE(set(dict, "x", 1));
  EXPECT_THAT(keys(dict), ElementsAre(Plain("x")));
}

TEST_P(DictFormTest, RenamingKeepsPlaceAndValue) {
  const Identity dict = filled();
  const auto rename = [&](const Plain& from, const Plain& to) {
    return dict_rename(store(), txn(), dict, key_from(from), key_from(to));
  };
  EXPECT_TRUE(rename(1, "uno"));
  EXPECT_EQ(keys(dict)[1], Plain("uno"));
  EXPECT_EQ(get(dict, "uno"), Plain(10));
  EXPECT_EQ(get(dict, 1), std::nullopt);
  EXPECT_FALSE(rename(1, "due"));
  EXPECT_TRUE(rename(2, 2.0));  // the same key: nothing changes
  EXPECT_EQ(keys(dict)[2], Plain(2));
  EXPECT_THROW(rename(0, 2), Error);
  EXPECT_EQ(get(dict, 0), Plain(0));
}

TEST_P(DictFormTest, WalksBothWays) {
  const Identity dict = filled();
  std::vector<Plain> all = keys(dict);
  ASSERT_EQ(all.size(), static_cast<size_t>(GetParam()));
  for (int i = 0; i < GetParam(); ++i) EXPECT_EQ(all[i], Plain(i));
  std::reverse(all.begin(), all.end());
  EXPECT_EQ(keys(dict, true), all);
}

TEST_P(DictFormTest, WalkOfValuesGivesThemInOrder) {
  const Identity dict = filled();
  DictWalk walk(store(), dict);
  int i = 0;
  for (Member value; walk.next_value(txn(), value); ++i) EXPECT_EQ(value.as_int(), 10 * i);
  EXPECT_EQ(i, GetParam());
  Member value;
  EXPECT_FALSE(walk.next_value(txn(), value));
}

TEST_P(DictFormTest, SurvivesCommitAndReopen) {
  const Identity dict = filled();
  set(dict, "late", Plain::dict({{"a", 1}}));
  const Plain before = read(dict);
  reopen();
  EXPECT_EQ(read(dict), before);
}

TEST_P(DictFormTest, AContainerGoesInAndOutAgain) {
  const Identity dict = filled();
  const Plain value = Plain::dict({{"a", Plain::list({1, "two", Plain::tuple({3.0, nullptr})})},
                                   {"b", std::string(1000, 'b')}});
  set(dict, "in", value);
  set(dict, 2, value);
  EXPECT_EQ(get(dict, "in"), value);
  EXPECT_EQ(get(dict, 2), value);
  set(dict, 2, 5);
  erase(dict, "in");
  EXPECT_EQ(get(dict, 2), Plain(5));
  EXPECT_EQ(count(dict), static_cast<uint64_t>(GetParam()));
}

TEST_P(DictFormTest, StoringWhatStandsThereChangesNothing) {
  const Identity dict = filled();
  set(dict, "self", Plain::list({1}));
  const Member child = *member(dict, "self");
  const Stamp before = txn().stamp();
  EXPECT_FALSE(set(dict, "self", Plain::reference(child.word, WordKind::kList)));
  EXPECT_EQ(txn().stamp(), before);
  EXPECT_EQ(record_flags(*txn().get(Database::kRecords, record_of(child.word))) & kRecordPinned, 0);
  EXPECT_EQ(get(dict, "self"), Plain::list({1}));
}

TEST_P(DictFormTest, ADictCanHoldItself) {
  const Identity dict = filled();
  set(dict, "me", Plain::reference(dict, WordKind::kDict));
  EXPECT_EQ(member(dict, "me")->word, dict);
  set(dict, 0, Plain::list({Plain::reference(dict, WordKind::kDict)}));
  const Identity list = member(dict, 0)->word;
  EXPECT_EQ(list_get(store(), txn(), node(list), 0).word, dict);
  erase(dict, "me");
  erase(dict, 0);
  EXPECT_EQ(get(dict, 2), Plain(20));
}

TEST_P(DictFormTest, SwappingNestedValuesKeepsBoth) {
  const Identity dict = filled();
  set(dict, "a", Plain::list({"a"}));
  set(dict, "b", Plain::list({"b"}));
  const Identity a = member(dict, "a")->word;
  const Identity b = member(dict, "b")->word;
  store().hold(a);
  store().hold(b);
  set(dict, "a", Plain::reference(b, WordKind::kList));
  set(dict, "b", Plain::reference(a, WordKind::kList));
  store().release(a);
  store().release(b);
  for (int i = 0; i < 100; ++i) drain_some();
  EXPECT_EQ(get(dict, "a"), Plain::list({"b"}));
  EXPECT_EQ(get(dict, "b"), Plain::list({"a"}));
}

// --- Keys

TEST_P(DictFormTest, KeysOfEveryTypeStandSideBySide) {
  const Identity dict = filled();
  const std::string big = std::string("\0", 1) + std::string(12, '\x07');
  const std::vector<Plain> all = {"1",
                                  "",
                                  "text longer than a word",
                                  Plain::raw(PayloadKind::kBytes, "1"),
                                  Plain::raw(PayloadKind::kBytes, ""),
                                  Plain::raw(PayloadKind::kBytes, "bytes beyond a word"),
                                  nullptr,
                                  Plain::tuple(),
                                  Plain::tuple({1, "a"}),
                                  Plain::tuple({Plain::tuple({1}), "a"}),
                                  1.5,
                                  -0.25,
                                  1e300,
                                  int64_t{1} << 62,
                                  -1,
                                  Plain::raw(PayloadKind::kBigInt, big),
                                  Plain::raw(PayloadKind::kWtf8, "\xed\xa0\x80"),
                                  long_key("a"),
                                  long_key("b"),
                                  Plain::raw(PayloadKind::kBytes, std::string(500, 'y')),
                                  "\xc3\xa9",
                                  "\xf0\x9f\x98\x80"};
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_TRUE(set(dict, all[i], static_cast<int>(i))) << repr(all[i]);
  }
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(get(dict, all[i]), Plain(static_cast<int>(i)));
  const std::vector<Plain> walked = keys(dict);
  EXPECT_EQ(
      std::vector<Plain>(walked.end() - static_cast<std::ptrdiff_t>(all.size()), walked.end()),
      all);
  for (const Plain& key : all) EXPECT_TRUE(erase(dict, key)) << repr(key);
  for (const Plain& key : all) EXPECT_EQ(get(dict, key), std::nullopt) << repr(key);
}

TEST_P(DictFormTest, TheFormFirstWrittenSurvivesEveryChangeOfForm) {
  const Identity dict = filled();
  const std::vector<Plain> first = {-1.0, Plain::tuple({1, true, 2.0}), -0.5};
  for (const Plain& key : first) set(dict, key, "x");
  EXPECT_FALSE(set(dict, -1, "y"));
  EXPECT_FALSE(set(dict, Plain::tuple({1.0, 1, 2}), "y"));
  for (int i = 1000; i < 1200; ++i) set(dict, i, i);  // spills at the latest now
  const std::vector<Plain> all = keys(dict);
  for (const Plain& key : first) EXPECT_THAT(all, testing::Contains(key));
  EXPECT_EQ(get(dict, Plain::tuple({true, true, 2})), Plain("y"));
}

TEST_P(DictFormTest, KeyOrderIsNumbersTextBytesOthers) {
  const Identity dict = filled();
  for (const Plain& key : std::vector<Plain>{
           Plain::tuple({1}), Plain::raw(PayloadKind::kBytes, "a"), "b", 0.5, "a", nullptr, -3,
           "\xc3\xa9", "Z", "", 1e18, Plain::raw(PayloadKind::kBytes, "")}) {
    set(dict, key, 1);
  }
  std::vector<Plain> all = key_order(dict);
  EXPECT_EQ(all.size(), count(dict));
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(), [](const Plain& a, const Plain& b) {
    return key_from(a).order() < key_from(b).order();
  }));
  EXPECT_EQ(all[0], Plain(-3));
  EXPECT_EQ(all[2], Plain(0.5));
  std::reverse(all.begin(), all.end());
  EXPECT_EQ(key_order(dict, {}, true), all);
}

TEST_P(DictFormTest, BoundsAreKeptOpenAndClosedBothWays) {
  const Identity dict = filled();
  set(dict, "text", 1);
  EXPECT_THAT(key_order(dict, bounds(0, 2)), ElementsAre(Plain(0), Plain(1), Plain(2)));
  EXPECT_THAT(key_order(dict, bounds(0, 2, true)), ElementsAre(Plain(1)));
  EXPECT_THAT(key_order(dict, bounds(0, 2), true), ElementsAre(Plain(2), Plain(1), Plain(0)));
  EXPECT_THAT(key_order(dict, bounds(0, 2, true), true), ElementsAre(Plain(1)));
  EXPECT_THAT(key_order(dict, bounds(0.5, 1.5)), ElementsAre(Plain(1)));
  EXPECT_THAT(key_order(dict, bounds(2, 0)), IsEmpty());
  EXPECT_THAT(key_order(dict, bounds(2, 0), true), IsEmpty());
  EXPECT_THAT(key_order(dict, bounds("a", "z")), ElementsAre(Plain("text")));
  KeyBounds from;
  from.lower = Buffer(key_from("").order());
  EXPECT_THAT(key_order(dict, from), ElementsAre(Plain("text")));
  KeyBounds to;
  to.upper = Buffer(key_from(1).order());
  EXPECT_THAT(key_order(dict, to, true), ElementsAre(Plain(1), Plain(0)));
}

TEST_P(DictFormTest, LongKeysSortAndBoundByTheirFullBytes) {
  const Identity dict = filled();
  std::vector<Plain> all;
  for (char c = 'a'; c <= 'p'; ++c) all.push_back(long_key(std::string(1, c)));
  all.insert(all.begin(), Plain(std::string(439, 'k')));  // as long as an LMDB key holds
  all.push_back(Plain(std::string(440, 'l')));
  std::vector<Plain> mixed = all;
  std::shuffle(mixed.begin(), mixed.end(), std::mt19937(7));
  for (const Plain& key : mixed) set(dict, key, repr(key));
  for (const Plain& key : all) EXPECT_EQ(get(dict, key), Plain(repr(key)));
  EXPECT_EQ(get(dict, long_key("q")), std::nullopt);

  KeyBounds text;
  text.lower = Buffer(key_from("").order());
  EXPECT_THAT(key_order(dict, text), ElementsAreArray(all));
  const auto middle = bounds(long_key("c"), long_key("f"));
  const std::vector<Plain> closed(all.begin() + 3, all.begin() + 7);
  EXPECT_THAT(key_order(dict, middle), ElementsAreArray(closed));
  const auto open = bounds(long_key("c"), long_key("f"), true);
  EXPECT_THAT(key_order(dict, open), ElementsAre(long_key("d"), long_key("e")));
  EXPECT_THAT(key_order(dict, open, true), ElementsAre(long_key("e"), long_key("d")));
  const auto outside = bounds(std::string(500, 'k'), std::string(500, 'l'));
  EXPECT_EQ(key_order(dict, outside).size(), all.size() - 1);
  EXPECT_EQ(key_order(dict, outside, true).size(), all.size() - 1);
  for (const Plain& key : mixed) EXPECT_TRUE(erase(dict, key));
  EXPECT_EQ(count(dict), static_cast<uint64_t>(GetParam()));
}

// --- Walks and changes

TEST_P(DictFormTest, AWalkGoesOnWhenOthersAreErasedAndAdded) {
  const Identity dict = filled();
  DictWalk walk(store(), dict);
  KeyWalk by_key(store(), dict, {});
  DictEntry entry;
  ASSERT_TRUE(walk.next(txn(), entry));
  ASSERT_TRUE(by_key.next(txn(), entry));
  erase(dict, 1);
  set(dict, "end", 1);
  ASSERT_TRUE(walk.next(txn(), entry));
  EXPECT_EQ(plain_key(entry.key), Plain(2));
  ASSERT_TRUE(by_key.next(txn(), entry));
  EXPECT_EQ(plain_key(entry.key), Plain(2));
  Plain last;
  while (walk.next(txn(), entry)) last = plain_key(entry.key);
  EXPECT_EQ(last, Plain("end"));
  while (by_key.next(txn(), entry)) last = plain_key(entry.key);
  EXPECT_EQ(last, Plain("end"));
}

TEST_P(DictFormTest, AWalkGoesOnWhenTheKeyItStandsOnIsErased) {
  for (const bool reverse : {false, true}) {
    const Identity dict = filled();
    DictWalk walk(store(), dict, reverse);
    KeyWalk by_key(store(), dict, {}, reverse);
    std::vector<Plain> seen;
    DictEntry entry;
    while (walk.next(txn(), entry)) {
      seen.push_back(plain_key(entry.key));
      ASSERT_TRUE(by_key.next(txn(), entry));
      EXPECT_EQ(plain_key(entry.key), seen.back());
      erase(dict, seen.back());
    }
    EXPECT_EQ(seen.size(), static_cast<size_t>(GetParam()));
    EXPECT_EQ(count(dict), 0u);
    EXPECT_FALSE(by_key.next(txn(), entry));
  }
}

TEST_P(DictFormTest, AWalkSeesEachKeyOnceWhileTheDictSpills) {
  for (const bool reverse : {false, true}) {
    const Identity dict = filled();
    DictWalk walk(store(), dict, reverse);
    KeyWalk by_key(store(), dict, {}, reverse);
    DictEntry entry;
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(walk.next(txn(), entry));
      ASSERT_TRUE(by_key.next(txn(), entry));
    }
    for (int i = 1000; i < 1300; ++i) set(dict, i, i);
    ASSERT_EQ(kind(dict), NodeKind::kSpilledDict);
    const int next = reverse ? GetParam() - 3 : 2;
    ASSERT_TRUE(walk.next(txn(), entry));
    EXPECT_EQ(plain_key(entry.key), Plain(next));
    ASSERT_TRUE(by_key.next(txn(), entry));
    EXPECT_EQ(plain_key(entry.key), Plain(next));
  }
}

TEST_P(DictFormTest, AWalkOutlivesItsTransaction) {
  const Identity dict = filled();
  DictWalk walk(store(), dict);
  KeyWalk by_key(store(), dict, {}, true);
  DictEntry entry;
  for (int i = 0; walk.next(txn(), entry); ++i) {
    EXPECT_EQ(plain_key(entry.key), Plain(i));
    ASSERT_TRUE(by_key.next(txn(), entry));
    EXPECT_EQ(plain_key(entry.key), Plain(GetParam() - 1 - i));
    if (i % 50 == 0) commit();
  }
}

TEST_P(DictFormTest, AWalkOverAnErasedDictIsStale) {
  const Identity outer = make(Plain::dict());
  set(outer, "d", Plain::dict({{1, 1}, {2, 2}}));
  DictWalk walk(store(), member(outer, "d")->word);
  DictEntry entry;
  ASSERT_TRUE(walk.next(txn(), entry));
  erase(outer, "d");
  try {
    walk.next(txn(), entry);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kStaleHandle);
  }
}

TEST_P(DictFormTest, ARollbackUnderAWalk) {
  const Identity dict = filled();
  commit();
  DictWalk walk(store(), dict);
  KeyWalk by_key(store(), dict, {});
  DictEntry entry;
  {
    WriteTransaction inner = txn().begin_nested();
    for (int i = 5000; i < 5300; ++i) {
      dict_set(store(), inner, dict, Key::integer(i), EncodedValue::integer(i));
    }
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(walk.next(inner, entry));
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(by_key.next(inner, entry));
  }
  ASSERT_TRUE(walk.next(txn(), entry));
  EXPECT_EQ(plain_key(entry.key), Plain(2));
  ASSERT_TRUE(by_key.next(txn(), entry));
  EXPECT_EQ(plain_key(entry.key), Plain(2));
}

// --- Borders

TEST_F(DictTest, AnEmptyDictHasNothing) {
  const Identity dict = make(Plain::dict());
  EXPECT_EQ(count(dict), 0u);
  EXPECT_EQ(get(dict, 1), std::nullopt);
  EXPECT_FALSE(erase(dict, 1));
  EXPECT_THAT(keys(dict), IsEmpty());
  EXPECT_THAT(key_order(dict), IsEmpty());
  dict_clear(store(), txn(), dict);
  EXPECT_TRUE(set(dict, 1, 2));
  EXPECT_EQ(read(dict), Plain::dict({{1, 2}}));
}

TEST_F(DictTest, TheRootIsEmptiedAndStaysSpilled) {
  for (int i = 0; i < 600; ++i) set(store().root(), i, Plain::list({i}));
  dict_clear(store(), txn(), store().root());
  EXPECT_EQ(kind(store().root()), NodeKind::kSpilledDict);
  EXPECT_EQ(rows(Database::kEntries), 0u);
  EXPECT_EQ(rows(Database::kOrder), 0u);
  EXPECT_EQ(rows(Database::kRecords), 1u);
  set(store().root(), "k", 1);
  EXPECT_EQ(read(store().root()), Plain::dict({{"k", 1}}));
}

TEST_F(DictTest, SpillsWithTheMemberThatIsOneTooMany) {
  const Identity dict = numbers(128, NodeKind::kInlineDict);
  set(dict, 5, "changed");
  EXPECT_EQ(kind(dict), NodeKind::kInlineDict);
  set(dict, "x", Plain::list({1}));
  EXPECT_EQ(kind(dict), NodeKind::kSpilledDict);
  EXPECT_EQ(count(dict), 129u);
  EXPECT_EQ(rows(Database::kEntries), 129u + 1);
  EXPECT_EQ(rows(Database::kOrder), 129u + 1);
  EXPECT_EQ(get(dict, "x"), Plain::list({1}));
  EXPECT_EQ(keys(dict).back(), Plain("x"));
  EXPECT_EQ(get(dict, 5), Plain("changed"));
}

TEST_F(DictTest, SpillsWhenKeysOutgrowTheNode) {
  const Identity dict = make(Plain::dict());
  Plain expected = Plain::dict();
  for (int i = 0; i < 30; ++i) {
    const Plain key = std::string(400, 'k') + std::to_string(i);
    set(dict, key, i);
    expected.pairs.emplace_back(key, i);
  }
  EXPECT_EQ(kind(dict), NodeKind::kSpilledDict);
  EXPECT_EQ(read(dict), expected);
}

TEST_F(DictTest, AKeyLargerThanARecordSpillsAtOnce) {
  const Identity dict = make(Plain::dict({{"a", 1}}));
  const Plain huge = std::string(50'000, 'h');
  set(dict, huge, 2);
  EXPECT_EQ(kind(dict), NodeKind::kSpilledDict);
  EXPECT_EQ(get(dict, huge), Plain(2));
  EXPECT_THAT(keys(dict), ElementsAre(Plain("a"), huge));
}

TEST_F(DictTest, TurningInlineMaySpill) {
  // The keys of a shape take no room in the node; of their own they need 16 KB.
  Pairs pairs;
  for (int i = 0; i < 40; ++i) pairs.emplace_back(std::string(400, 's') + std::to_string(i), i);
  const Identity dict = make(Plain::dict(pairs));
  ASSERT_EQ(kind(dict), NodeKind::kShapedDict);
  EXPECT_TRUE(erase(dict, pairs[3].first));
  EXPECT_EQ(kind(dict), NodeKind::kSpilledDict);
  pairs.erase(pairs.begin() + 3);
  EXPECT_EQ(read(dict), Plain::dict(pairs));
}

TEST_F(DictTest, AChildJoinsItsParentsRecordWhileThereIsRoom) {
  const Identity dict = make(Plain::dict());
  const uint64_t records = rows(Database::kRecords);
  for (int i = 0; i < 20; ++i) set(dict, i, Plain::dict({{"n", Plain::list({i})}}));
  EXPECT_EQ(rows(Database::kRecords), records);
  EXPECT_EQ(record_of(member(dict, 7)->word), record_of(dict));
  for (int i = 0; i < 100; ++i) set(dict, i, Plain::list(std::vector<Plain>(60, Plain(0.5))));
  EXPECT_GT(rows(Database::kRecords), records);
  EXPECT_NE(record_of(member(dict, 99)->word), record_of(dict));
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(get(dict, i), Plain::list(std::vector<Plain>(60, Plain(0.5))));
  }
}

TEST_F(DictTest, ATextWithoutRoomBecomesAnImmutableOfItsOwn) {
  // A node just below the limit.
  const Identity dict = make(Plain::dict());
  for (int i = 0; i < 45; ++i) set(dict, i, std::string(150, 'a') + std::to_string(i));
  for (int i = 45; i < 60; ++i) set(dict, i, i);
  ASSERT_EQ(kind(dict), NodeKind::kInlineDict);
  const uint64_t before = rows(Database::kImmutables);
  for (int i = 45; i < 60; ++i) set(dict, i, std::string(150, 'b') + std::to_string(i));
  EXPECT_EQ(kind(dict), NodeKind::kInlineDict);
  EXPECT_GT(rows(Database::kImmutables), before);
  for (int i = 45; i < 60; ++i)
    EXPECT_EQ(get(dict, i), Plain(std::string(150, 'b') + std::to_string(i)));
  for (int i = 45; i < 60; ++i) set(dict, i, i);
  EXPECT_EQ(rows(Database::kImmutables), before);
}

TEST_F(DictTest, ManyTextsOverwrittenLeaveNoGarbageInTheRecord) {
  const Identity dict = make(Plain::dict({{"a", "x"}, {"b", 1}}));
  for (int i = 0; i < 1000; ++i) {
    set(dict, "a", "a text of some length " + std::to_string(i));
    set(dict, "b", i % 2 != 0 ? Plain("text beyond a word") : Plain(i));
  }
  EXPECT_LT(txn().get(Database::kRecords, record_of(dict))->size(), 200u);
}

TEST_F(DictTest, ReplacedAndErasedValuesAreFreed) {
  const Identity dict = make(Plain::dict());
  const uint64_t records = rows(Database::kRecords);
  const Plain large = Plain::list(std::vector<Plain>(2000, Plain::list({1.5})));
  for (int i = 0; i < 10; ++i) set(dict, "k", large);
  erase(dict, "k");
  for (int i = 0; i < 10'000 && rows(Database::kGraveyard) > 0; ++i) drain_some();
  EXPECT_EQ(rows(Database::kGraveyard), 0u);
  EXPECT_EQ(rows(Database::kRecords), records);
  EXPECT_EQ(rows(Database::kChunks), 0u);
}

TEST_F(DictTest, AHeldValueOutlivesItsPlace) {
  const Identity dict = make(Plain::dict({{"a", 1}}));
  set(dict, "v", Plain::list({1, Plain::list({2})}));
  const Identity list = member(dict, "v")->word;
  store().hold(list);
  erase(dict, "v");
  for (int i = 0; i < 50; ++i) drain_some();
  EXPECT_EQ(read(list), Plain::list({1, Plain::list({2})}));
  set(dict, "back", Plain::reference(list, WordKind::kList));
  store().release(list);
  for (int i = 0; i < 50; ++i) drain_some();
  EXPECT_EQ(get(dict, "back"), Plain::list({1, Plain::list({2})}));
}

TEST_F(DictTest, OperationsOnWhatIsNoDictAreRefused) {
  const Identity list = make(Plain::list({1}));
  const auto refused = [&](auto operation) {
    try {
      operation();
    } catch (const Error& error) {
      return error.code() == ErrorCode::kTypeMismatch;
    }
    return false;
  };
  EXPECT_TRUE(refused([&] { set(list, 1, 1); }));
  EXPECT_TRUE(refused([&] { erase(list, 1); }));
  EXPECT_TRUE(refused([&] { dict_clear(store(), txn(), list); }));
  EXPECT_TRUE(refused([&] { keys(list); }));
  EXPECT_TRUE(refused([&] { key_order(list); }));
  EXPECT_EQ(read(list), Plain::list({1}));
}

TEST_F(DictTest, CorruptRowsAreSaidToBe) {
  const Identity dict = numbers(300, NodeKind::kSpilledDict);
  const Key key = Key::integer(7);
  txn().put(Database::kEntries, EntryKey(dict, key.order()), "\xff");
  txn().put(Database::kOrder, EntryKey(dict, uint64_t{0}), "");
  const auto corrupt = [&](auto operation) {
    try {
      operation();
    } catch (const Error& error) {
      return error.code() == ErrorCode::kCorrupt;
    }
    return false;
  };
  EXPECT_TRUE(corrupt([&] { get(dict, 7); }));
  EXPECT_TRUE(corrupt([&] { keys(dict); }));
  EXPECT_TRUE(corrupt([&] { key_order(dict); }));
  EXPECT_EQ(get(dict, 8), Plain(80));
}

// --- Against a model

TEST_F(DictTest, RandomOperationsAgreeWithAModel) {
  std::mt19937 random(20240601);
  const Identity dict = make(Plain::dict());
  Pairs model;
  const auto find = [&](const Plain& key) {
    return std::find_if(model.begin(), model.end(),
                        [&](const auto& pair) { return key_from(pair.first) == key_from(key); });
  };
  const auto random_key = [&]() -> Plain {
    const int i = static_cast<int>(random() % 90);
    switch (random() % 5) {
      case 0:
        return i;
      case 1:
        return static_cast<double>(i);
      case 2:
        return "key " + std::to_string(i);
      case 3:
        return long_key(std::to_string(i));
      default:
        return Plain::tuple({i, "t"});
    }
  };
  for (int step = 0; step < 6000; ++step) {
    const Plain key = random_key();
    const auto place = find(key);
    if (random() % 3 != 0) {
      const Plain value = random() % 4 == 0 ? Plain::list({step, "in a list"}) : Plain(step);
      EXPECT_EQ(set(dict, key, value), place == model.end());
      if (place == model.end()) {
        model.emplace_back(key, value);
      } else {
        place->second = value;
      }
    } else {
      EXPECT_EQ(erase(dict, key), place != model.end());
      if (place != model.end()) model.erase(place);
    }
    if (step % 1500 == 1499) {
      dict_clear(store(), txn(), dict);
      model.clear();
    }
    if (step % 50 == 0) {
      ASSERT_EQ(read(dict), Plain::dict(model)) << step;
    }
  }
}

}  // namespace
}  // namespace oocmap
