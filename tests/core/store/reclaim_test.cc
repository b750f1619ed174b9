// What is no longer referred to goes away, a bounded amount at a time, and nothing else does.
#include "core/store/reclaim.h"

#include <random>
#include <set>

#include "core/store/encoder.h"
#include "core/store/immutables.h"
#include "tests/core/store/container_fixture.h"

namespace oocmap {
namespace {

class ReclaimTest : public ContainerTest {
 protected:
  Member store_plain(const Plain& value) {
    EncodedValue encoded = encode(value);
    return store_value(store(), txn(), encoded);
  }
  void drop(const Member& member) { detach(store(), txn(), member); }
  bool gone(Identity identity) {
    try {
      node(identity);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kStaleHandle);
      return true;
    }
    return false;
  }
  // Drains until nothing changes any more.
  void drain_all() {
    for (int i = 0; i < 100'000; ++i) {
      const Stamp before = txn().stamp();
      drain_graveyard(store(), txn(), 64);
      if (txn().stamp() == before) return;
    }
    FAIL() << "the graveyard does not get empty";
  }
  // Without what earlier writes have paid for.
  void spend_credit() { store().take_credit(); }
  uint64_t rows_in_all() {
    uint64_t all = 0;
    for (const Database database :
         {Database::kRecords, Database::kEntries, Database::kOrder, Database::kChunks,
          Database::kImmutables, Database::kImmutableIndex, Database::kGraveyard}) {
      all += rows(database);
    }
    return all;
  }

  const std::string long_text_ = std::string(kIndexedText, 'l');
};

Plain numbers(int count) {
  Plain list = Plain::list();
  for (int i = 0; i < count; ++i) list.items.push_back((int64_t{1} << 40) + i);  // 8 bytes each
  return list;
}

Plain lists_in_list(int count) {
  Plain list = Plain::list();
  for (int i = 0; i < count; ++i) list.items.push_back(Plain::list({i}));
  return list;
}

TEST_F(ReclaimTest, ADetachedValueIsFreedWithAllBelowIt) {
  const uint64_t before = rows_in_all();
  // Three records, a text of its own in each.
  Plain value = Plain::list();
  for (int i = 0; i < 40; ++i) {
    value.items.push_back(Plain::list({numbers(100), long_text_ + std::to_string(i)}));
  }
  const Member member = store_plain(value);
  EXPECT_GT(rows(Database::kRecords), 3u);
  EXPECT_EQ(rows(Database::kImmutables), 40u);
  drop(member);
  EXPECT_TRUE(gone(member.word));
  EXPECT_EQ(rows_in_all(), before);
}

TEST_F(ReclaimTest, OnlyWhatIsBelowGoesFromASharedRecord) {
  const Identity outer = make(Plain::list({numbers(3), Plain::dict({{"a", numbers(4)}})}));
  const NodeView list = node(outer);
  const Identity first = list.member(0).word;
  const Member second = list.member(1);
  const Identity below = node(second.word).member(0).word;
  drop(second);
  EXPECT_TRUE(gone(second.word));
  EXPECT_TRUE(gone(below));
  EXPECT_EQ(read(first), numbers(3));
  EXPECT_EQ(node(outer).count(), 2u);
}

TEST_F(ReclaimTest, ScalarsAndTextsInTheHeapNeedNothing) {
  const uint64_t before = rows_in_all();
  for (const Plain& value : {Plain(nullptr), Plain(1), Plain("short"), Plain("a longer text")}) {
    drop(store_plain(value));
  }
  EXPECT_EQ(rows_in_all(), before);
}

TEST_F(ReclaimTest, ASharedTextStaysASingleOneGoes) {
  const Member a = store_plain(Plain::list({long_text_ + "1", long_text_ + "2"}));
  const Member b = store_plain(Plain::list({long_text_ + "2"}));
  drop(a);
  EXPECT_EQ(rows(Database::kImmutables), 1u);
  EXPECT_EQ(read(b.word), Plain::list({long_text_ + "2"}));
}

TEST_F(ReclaimTest, InlineDictsGiveUpValuesAndKeysStay) {
  Plain dict = Plain::dict();
  for (int i = 0; i < 100; ++i) dict.pairs.emplace_back(i, Plain::list({i}));
  const uint64_t before = rows_in_all();
  drop(store_plain(dict));
  drain_all();
  EXPECT_EQ(rows_in_all(), before);
}

// --- Pins and handles

TEST_F(ReclaimTest, NothingBelowAPinnedRecordIsVisited) {
  const Identity inner = make(Plain::list({numbers(3)}));
  const Identity below = node(inner).member(0).word;
  const Member outer =
      store_plain(Plain::list({Plain::reference(inner, WordKind::kList), numbers(2)}));
  drop(outer);
  EXPECT_TRUE(gone(outer.word));
  EXPECT_EQ(read(inner), Plain::list({numbers(3)}));
  EXPECT_EQ(read(below), numbers(3));
  EXPECT_EQ(rows(Database::kGraveyard), 0u);
}

TEST_F(ReclaimTest, TheRootIsNeverFreed) {
  make(numbers(3));
  drop({tag_of(WordKind::kDict), store().root(), nullptr, 0});
  EXPECT_EQ(node(store().root()).count(), 1u);
}

TEST_F(ReclaimTest, SwappingTwoNestedValuesKeepsBoth) {
  const Identity root = store().root();
  set(root, "a", Plain::list({1, numbers(5)}));
  set(root, "b", Plain::dict({{"x", numbers(6)}}));
  const Identity a = member(root, "a")->word;
  const Identity b = member(root, "b")->word;
  store().hold(a);  // Python has both on its stack
  store().hold(b);
  set(root, "a", Plain::reference(b, WordKind::kDict));
  set(root, "b", Plain::reference(a, WordKind::kList));
  store().release(a);
  store().release(b);
  for (int i = 0; i < 5; ++i) commit();
  EXPECT_EQ(member(root, "a")->word, b);
  EXPECT_EQ(member(root, "b")->word, a);
  EXPECT_EQ(get(root, "a"), Plain::dict({{"x", numbers(6)}}));
  EXPECT_EQ(get(root, "b"), Plain::list({1, numbers(5)}));
  EXPECT_EQ(rows(Database::kGraveyard), 0u);
}

TEST_F(ReclaimTest, AHeldValueWaitsInTheGraveyardForItsHandle) {
  const uint64_t before = rows_in_all();
  const Member member = store_plain(Plain::list({numbers(3), long_text_}));
  store().hold(member.word);
  drop(member);
  EXPECT_EQ(rows(Database::kGraveyard), 1u);
  for (int i = 0; i < 3; ++i) commit();
  EXPECT_EQ(read(member.word), Plain::list({numbers(3), long_text_}));
  store().release(member.word);
  commit();
  EXPECT_TRUE(gone(member.word));
  EXPECT_EQ(rows_in_all(), before);
}

TEST_F(ReclaimTest, AHeldValueBelowADetachedOneStays) {
  const uint64_t before = rows_in_all();
  const Identity inner = make(Plain::list({numbers(3)}));
  erase(store().root(), "made 1");  // not held: freed
  EXPECT_TRUE(gone(inner));
  Plain outer = Plain::list({Plain::list({numbers(800), numbers(801)})});
  for (int i = 0; i < 4; ++i) outer.items.push_back(numbers(850));
  const Member member = store_plain(outer);
  const Identity held = node(member.word).member(0).word;
  ASSERT_NE(record_of(held), record_of(member.word));
  store().hold(held);
  drop(member);
  EXPECT_TRUE(gone(member.word));
  EXPECT_EQ(read(held), outer.items[0]);
  store().release(held);
  commit();
  EXPECT_TRUE(gone(held));
  EXPECT_EQ(rows_in_all(), before);
}

TEST_F(ReclaimTest, AValueInTheGraveyardThatIsStoredAgainLives) {
  const Member member = store_plain(Plain::list({numbers(3)}));
  store().hold(member.word);
  drop(member);
  set(store().root(), "again", Plain::reference(member.word, WordKind::kList));
  store().release(member.word);
  drain_all();
  EXPECT_EQ(rows(Database::kGraveyard), 0u);
  EXPECT_EQ(get(store().root(), "again"), Plain::list({numbers(3)}));
}

TEST_F(ReclaimTest, HeldValuesInFrontDoNotBlockOthers) {
  std::vector<Identity> held;
  for (int i = 0; i < 500; ++i) {
    const Member member = store_plain(numbers(1));
    held.push_back(member.word);
    store().hold(member.word);
    drop(member);
  }
  const Member behind = store_plain(numbers(2));
  store().hold(behind.word);
  drop(behind);
  store().release(behind.word);
  for (int i = 0; i < 200 && !gone(behind.word); ++i) drain_graveyard(store(), txn(), 16);
  EXPECT_TRUE(gone(behind.word));
  EXPECT_EQ(rows(Database::kGraveyard), held.size());
  for (const Identity identity : held) store().release(identity);
  drain_all();
  EXPECT_EQ(rows(Database::kGraveyard), 0u);
}

TEST_F(ReclaimTest, PinningWhatIsGoneIsStale) {
  const Member member = store_plain(numbers(1));
  drop(member);
  EXPECT_THROW(pin(store(), txn(), member.word), Error);
}

// --- A bounded step

TEST_F(ReclaimTest, AWideValueIsNotFreedInOneStep) {
  const uint64_t before = rows_in_all();
  const Member member = store_plain(lists_in_list(800));
  spend_credit();
  drop(member);
  EXPECT_TRUE(gone(member.word));
  EXPECT_GT(rows(Database::kGraveyard), 700u);
  int steps = 0;
  for (; rows(Database::kGraveyard) > 0; ++steps) drain_graveyard(store(), txn(), 64);
  EXPECT_GE(steps, 10);
  EXPECT_EQ(rows_in_all(), before);
}

TEST_F(ReclaimTest, ASpilledDictGoesRowByRow) {
  Plain dict = Plain::dict();
  for (int i = 0; i < 5000; ++i) {
    dict.pairs.emplace_back("key " + std::to_string(i), i % 10 ? Plain(i) : Plain::list({i}));
  }
  const uint64_t before = rows_in_all();
  const Member member = store_plain(dict);
  spend_credit();
  drop(member);
  EXPECT_TRUE(gone(member.word));  // at once, for every handle
  uint64_t entries = rows(Database::kEntries);
  EXPECT_GE(entries, 5000u - 64);
  while (rows(Database::kEntries) > 0) {
    drain_graveyard(store(), txn(), 100);
    EXPECT_GE(entries - rows(Database::kEntries), 1u);
    EXPECT_LE(entries - rows(Database::kEntries), 100u);
    if (entries % 7 == 0) reopen();  // drains a little too
    entries = rows(Database::kEntries);
  }
  drain_all();
  EXPECT_EQ(rows_in_all(), before);
}

TEST_F(ReclaimTest, ASpilledListGoesChunkByChunk) {
  const uint64_t before = rows_in_all();
  for (Plain value : {lists_in_list(3000), numbers(60'000)}) {
    for (const Plain::Kind as : {Plain::kList, Plain::kTuple}) {
      value.kind = as;
      const Member member = store_plain(value);
      spend_credit();
      drop(member);
      EXPECT_TRUE(gone(member.word));
      EXPECT_GT(rows(Database::kGraveyard), 0u);
      drain_all();
      EXPECT_EQ(rows_in_all(), before);
    }
  }
}

TEST_F(ReclaimTest, ReplacingALargeValueAgainAndAgainDoesNotPileUpGarbage) {
  const Identity root = store().root();
  uint64_t most = 0;
  for (int round = 0; round < 40; ++round) {
    set(root, "value", lists_in_list(3000));
    commit();
    if (round == 3) most = rows_in_all();
    if (round > 3) {
      EXPECT_LE(rows_in_all(), most + most / 2);
    }
  }
}

// In a list of one record, and in one of chunks.
TEST_F(ReclaimTest, AListLetsGoOfTheMemberThatIsReplaced) {
  for (const int count : {3, 3000}) {
    const Identity list = make(lists_in_list(count));
    uint64_t after_the_first = 0;
    for (int round = 0; round < 20; ++round) {
      list_set(store(), txn(), list, 1, encode(numbers(1000)));
      drain_all();
      if (round == 0) after_the_first = rows_in_all();
    }
    EXPECT_EQ(rows_in_all(), after_the_first) << count << " members";
  }
}

// Each text is a unit to let go, each row of a spilled dict too.
TEST_F(ReclaimTest, NorDoesReplacingOneFullOfTexts) {
  Plain texts = Plain::list();
  for (int i = 0; i < 200; ++i) texts.items.push_back(Plain::list({long_text_, i}));
  Plain entries = Plain::dict();
  for (int i = 0; i < 300; ++i) {
    entries.pairs.emplace_back(i, std::string(60, 'e') + std::to_string(i));
  }
  for (const Plain& value : {texts, entries}) {
    uint64_t most = 0;
    for (int round = 0; round < 60; ++round) {
      set(store().root(), "value", value);
      commit();
      if (round == 3) most = rows_in_all();
      if (round > 3) {
        ASSERT_LE(rows_in_all(), most + most / 2) << round;
      }
    }
  }
}

TEST_F(ReclaimTest, CyclesAreLeftToVacuumAndDoNotHang) {
  ValueEncoder encoder;
  const size_t self = encoder.begin_list();
  encoder.begin_list();
  encoder.again(self);
  encoder.end();
  encoder.end();
  EncodedValue value = encoder.finish();
  const Member member = store_value(store(), txn(), value);
  drop(member);
  drain_all();
  EXPECT_EQ(node(member.word).count(), 1u);
}

TEST_F(ReclaimTest, DeepValuesNeedNoStack) {
  ValueEncoder encoder;
  for (int i = 0; i < kMaxDepth; ++i) encoder.begin_list();
  for (int i = 0; i < kMaxDepth; ++i) encoder.end();
  const uint64_t before = rows_in_all();
  EncodedValue value = encoder.finish();
  const Member member = store_value(store(), txn(), value);
  drop(member);
  drain_all();
  EXPECT_EQ(rows_in_all(), before);
}

// --- Immutable tuples

Plain tuple_of(const std::string& text) {
  return Plain::tuple({1, 2, 3, 4, 5, Plain::tuple({6, "seven"}), text, std::string(40, 't')});
}

TEST_F(ReclaimTest, ASingleImmutableTupleGoesWithItsIndexRow) {
  const uint64_t before = rows_in_all();
  const Plain inner = tuple_of("inner");
  drop(store_plain(Plain::list({Plain::tuple({inner, long_text_, tuple_of("other")})})));
  EXPECT_EQ(rows_in_all(), before);
}

// Its count would be gone through, however large.
TEST_F(ReclaimTest, AnImmutableRecordWithASpilledNodeIsCorrupt) {
  const Member list = store_plain(Plain::list({tuple_of("hostile")}));
  const Identity tuple = node(list.word).member(0).word;
  RecordEditor editor(*txn().get(Database::kRecords, record_of(tuple)));
  editor.replace(slot_of(tuple),
                 encode_spilled_list(NodeKind::kSpilledTuple, 0, uint64_t{1} << 47, 1, 2));
  txn().put(Database::kRecords, record_of(tuple), editor.finish());
  try {
    drop(list);
    ADD_FAILURE() << "it was freed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
  }
}

TEST_F(ReclaimTest, ASharedImmutableTupleStays) {
  const Member a = store_plain(Plain::list({tuple_of("shared")}));
  const Member b = store_plain(Plain::list({tuple_of("shared")}));
  const Identity tuple = node(b.word).member(0).word;
  drop(a);
  EXPECT_EQ(read(b.word), Plain::list({tuple_of("shared")}));
  drop(b);
  EXPECT_EQ(read(tuple), tuple_of("shared"));  // vacuum's
  const Member c = store_plain(tuple_of("shared"));
  EXPECT_EQ(c.word, tuple);
}

TEST_F(ReclaimTest, ATupleFoundInTheGraveyardIsNotFreed) {
  const Member a = store_plain(tuple_of("found"));
  store().hold(a.word);
  drop(a);
  const Member b = store_plain(tuple_of("found"));
  EXPECT_EQ(b.word, a.word);
  store().release(a.word);
  drain_all();
  EXPECT_EQ(read(b.word), tuple_of("found"));
}

TEST_F(ReclaimTest, APartOfATupleThatIsStoredElsewhereKeepsIt) {
  const Member outer = store_plain(tuple_of("parts"));
  const Identity part = node(outer.word).member(5).word;
  ASSERT_EQ(record_of(part), record_of(outer.word));
  set(store().root(), "part", Plain::reference(part, WordKind::kTuple));
  drop(outer);
  EXPECT_EQ(get(store().root(), "part"), Plain::tuple({6, "seven"}));
}

// --- Everything together

TEST_F(ReclaimTest, AfterRandomChangesAndAClearNothingIsLeft) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Identity root = store().root();
  int unique = 0;
  // Values without sharing, so that nothing is left to vacuum but shapes.
  const std::function<Plain(int)> value = [&](int depth) -> Plain {
    const std::string mark = std::to_string(unique++);
    switch (random() % (depth > 0 ? 7 : 3)) {
      case 0:
        return unique;
      case 1:
        return mark + std::string(random() % 100, 'x');
      case 2:
        return mark + long_text_;
      case 3:
        return Plain::tuple({mark, mark + "x", unique, mark + std::string(60, 'y'),
                             Plain::tuple({mark, 1}), value(depth - 1)});
      default:
        break;
    }
    const size_t count = depth == 1 && random() % 8 == 0 ? random() % 1200 : random() % 6;
    Plain list = Plain::list();
    Plain dict = Plain::dict();
    const bool as_dict = random() % 2 == 0;
    for (size_t i = 0; i < count; ++i) {
      if (as_dict) {
        dict.pairs.emplace_back(static_cast<int>(i), value(depth - 1));
      } else {
        list.items.push_back(value(depth - 1));
      }
    }
    return as_dict ? dict : list;
  };
  std::vector<std::pair<Identity, uint64_t>> held;
  for (int step = 0; step < 400; ++step) {
    const Plain key = static_cast<int>(random() % 40);
    if (random() % 4 == 0) {
      erase(root, key);
    } else {
      set(root, key, value(4));
    }
    if (const auto now = member(root, key); now && now->container() && random() % 5 == 0) {
      store().hold(now->word);
      held.emplace_back(now->word, 0);
    }
    if (random() % 50 == 0) commit();
  }
  for (const auto& [identity, unused] : held) store().release(identity);
  for (int i = 0; i < 40; ++i) erase(root, i);
  drain_all();
  EXPECT_EQ(rows(Database::kGraveyard), 0u);
  EXPECT_EQ(rows(Database::kRecords), 1u);
  EXPECT_EQ(rows(Database::kEntries), 0u);
  EXPECT_EQ(rows(Database::kOrder), 0u);
  EXPECT_EQ(rows(Database::kChunks), 0u);
  Cursor cursor(txn(), Database::kImmutables);
  for (bool more = cursor.first(); more; more = cursor.next()) {
    EXPECT_EQ(decode_immutable(cursor.value()).kind, PayloadKind::kShape);
  }
  EXPECT_EQ(rows(Database::kImmutableIndex), rows(Database::kImmutables));
}

}  // namespace
}  // namespace oocmap
