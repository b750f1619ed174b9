// Values stored once: the window, the index, shapes and tuples' records; content decides, not
// hashes.
#include "core/store/immutables.h"

#include "core/store/encoder.h"
#include "tests/core/store/container_fixture.h"

namespace oocmap {
namespace {

class ImmutablesTest : public ContainerTest {
 protected:
  Member place(Bytes text, PayloadKind kind = PayloadKind::kStr) {
    return place_payload(store(), txn(), kind, text);
  }
  std::optional<Immutable> row(uint64_t id) {
    const auto found = txn().get(Database::kImmutables, id);
    return found ? std::optional(decode_immutable(*found)) : std::nullopt;
  }
  // Everything since the last commit.
  void roll_back() {
    const uint64_t first = store().next_event();
    txn().abort();
    store().undone(first);
    begin();
  }

  const std::string recent_ = std::string(kWindowText, 'r');
  const std::string indexed_ = std::string(kIndexedText, 'i');
};

TEST_F(ImmutablesTest, WhereATextGoesFollowsItsLength) {
  EXPECT_EQ(place("").tag, inline_text_tag(0));
  EXPECT_EQ(place("12345678").tag, inline_text_tag(8));
  EXPECT_EQ(place("12345678", PayloadKind::kBytes).tag, inline_bytes_tag(8));
  EXPECT_EQ(place("1234", PayloadKind::kBigInt).tag, heap_tag(PayloadKind::kBigInt));
  EXPECT_EQ(place("1234", PayloadKind::kWtf8).tag, heap_tag(PayloadKind::kWtf8));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(place(recent_.substr(1)).tag, heap_tag(PayloadKind::kStr));
  }
  EXPECT_EQ(place(indexed_).tag, immutable_tag(PayloadKind::kStr));
}

TEST_F(ImmutablesTest, TheSecondSightingOfARecentTextMakesAnImmutable) {
  EXPECT_EQ(place(recent_).tag, heap_tag(PayloadKind::kStr));
  const Member second = place(recent_);
  ASSERT_EQ(second.tag, immutable_tag(PayloadKind::kStr));
  EXPECT_EQ(row(second.word)->flags, kImmutableShared);
  EXPECT_EQ(row(second.word)->payload, recent_);
  EXPECT_EQ(place(recent_).word, second.word);
  EXPECT_EQ(rows(Database::kImmutableIndex), 0u);
  // Text and bytes are two things.
  EXPECT_EQ(place(recent_, PayloadKind::kBytes).tag, heap_tag(PayloadKind::kBytes));
}

TEST_F(ImmutablesTest, ARecentTextSurvivesACommitAndARollbackOfOthers) {
  place(recent_);
  const uint64_t id = place(recent_).word;
  commit();
  EXPECT_EQ(place(recent_).word, id);
  roll_back();
  EXPECT_EQ(place(recent_).word, id);
  EXPECT_EQ(rows(Database::kImmutables), 1u);
}

TEST_F(ImmutablesTest, ARolledBackImmutableIsMadeAnew) {
  place(recent_);
  const uint64_t id = place(recent_).word;
  roll_back();
  EXPECT_FALSE(row(id));
  const Member again = place(recent_);
  ASSERT_EQ(again.tag, immutable_tag(PayloadKind::kStr));
  EXPECT_NE(again.word, id);
  EXPECT_EQ(row(again.word)->payload, recent_);
}

TEST_F(ImmutablesTest, AnImmutableThatVacuumFreedIsMadeAnew) {
  place(recent_);
  const uint64_t id = place(recent_).word;
  txn().erase(Database::kImmutables, id);
  store().bump_cache_epoch();
  const Member again = place(recent_);
  EXPECT_NE(again.word, id);
  EXPECT_EQ(row(again.word)->payload, recent_);
}

TEST_F(ImmutablesTest, AnIdThatAnotherProcessGaveToAnotherTextIsNotUsed) {
  place(recent_);
  const uint64_t id = place(recent_).word;
  roll_back();
  txn().put(
      Database::kImmutables, id,
      encode_immutable(kImmutableShared, PayloadKind::kStr, std::string(recent_.size(), 'z')));
  EXPECT_NE(place(recent_).word, id);
}

TEST_F(ImmutablesTest, TheWindowComparesContentWhereHashesMeet) {
  RecentTexts window;
  const std::string other(recent_.size(), 'o');
  using Sight = RecentTexts::Sight;
  EXPECT_EQ(window.look(7, PayloadKind::kStr, recent_, 1).sight, Sight::kFirst);
  EXPECT_EQ(window.look(7, PayloadKind::kStr, recent_, 1).sight, Sight::kSeen);
  window.set(7, PayloadKind::kStr, recent_, 5, 1);
  EXPECT_EQ(window.look(7, PayloadKind::kStr, recent_, 1).sight, Sight::kStored);
  EXPECT_EQ(window.look(7, PayloadKind::kStr, recent_, 1).id, 5u);
  EXPECT_EQ(window.look(7, PayloadKind::kStr, recent_, 2).sight, Sight::kStale);
  EXPECT_EQ(window.look(7, PayloadKind::kStr, other, 1).sight, Sight::kSeen);
  EXPECT_EQ(window.look(7 + kWindowEntries, PayloadKind::kStr, recent_, 1).sight, Sight::kFirst);
  EXPECT_EQ(window.look(7, PayloadKind::kStr, recent_, 1).sight, Sight::kFirst);  // forgotten
  window.clear();
  EXPECT_EQ(window.look(7, PayloadKind::kStr, recent_, 1).sight, Sight::kFirst);
}

TEST_F(ImmutablesTest, AnIndexedTextIsSingleThenShared) {
  const uint64_t id = place(indexed_).word;
  EXPECT_EQ(row(id)->flags, kImmutableIndexed);
  EXPECT_EQ(place(indexed_).word, id);
  EXPECT_EQ(row(id)->flags, kImmutableIndexed | kImmutableShared);
  reopen();
  EXPECT_EQ(place(indexed_).word, id);
  EXPECT_NE(place(indexed_, PayloadKind::kBytes).word, id);
  EXPECT_EQ(rows(Database::kImmutables), 2u);
  EXPECT_EQ(rows(Database::kImmutableIndex), 2u);
}

TEST_F(ImmutablesTest, EqualHashesOfDifferentTextsAreTold) {
  const std::string other(kIndexedText, 'o');
  const uint64_t id = place(indexed_).word;
  // An index row of `other`'s hash that leads to `indexed_`.
  const uint64_t hash = payload_hash(PayloadKind::kStr, other);
  txn().put(Database::kImmutableIndex, index_key(hash, IndexSpace::kImmutables, id), {});
  const uint64_t second = place(other).word;
  EXPECT_NE(second, id);
  EXPECT_EQ(place(other).word, second);
  EXPECT_EQ(row(second)->payload, other);
}

TEST_F(ImmutablesTest, AnIndexThatLeadsNowhereIsCorrupt) {
  const uint64_t hash = payload_hash(PayloadKind::kStr, indexed_);
  txn().put(Database::kImmutableIndex, index_key(hash, IndexSpace::kImmutables, 99), {});
  try {
    place(indexed_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
  }
}

TEST_F(ImmutablesTest, ASingleIsFreedWithItsReferentASharedOneStays) {
  const uint64_t id = place(indexed_).word;
  release_immutable(store(), txn(), id);
  EXPECT_FALSE(row(id));
  EXPECT_EQ(rows(Database::kImmutableIndex), 0u);
  const uint64_t again = place(indexed_).word;
  EXPECT_NE(again, id);
  place(indexed_);
  release_immutable(store(), txn(), again);
  EXPECT_TRUE(row(again));
  EXPECT_THROW(release_immutable(store(), txn(), id), Error);
}

TEST_F(ImmutablesTest, TextInAnEntryIsNotLongerThanItPays) {
  const std::string brief(kEntryText - 1, 'e');
  const std::string longer(kEntryText, 'e');
  EXPECT_EQ(for_entry(store(), txn(), place(brief)).tag, heap_tag(PayloadKind::kStr));
  const Member member = for_entry(store(), txn(), place(longer));
  ASSERT_EQ(member.tag, immutable_tag(PayloadKind::kStr));
  EXPECT_EQ(row(member.word)->flags, 0);
  EXPECT_EQ(for_entry(store(), txn(), member).word, member.word);
  release_immutable(store(), txn(), member.word);
  EXPECT_EQ(rows(Database::kImmutables), 0u);
}

TEST_F(ImmutablesTest, AShapeIsFoundByContentAndBornShared) {
  Buffer payload;
  append_shape_head(payload, 1);
  payload += Key::text("k").pack();
  const uint64_t id = shape_id(store(), txn(), payload);
  EXPECT_EQ(shape_id(store(), txn(), payload), id);
  EXPECT_EQ(row(id)->flags, kImmutableShared | kImmutableIndexed);
}

TEST_F(ImmutablesTest, AShapesIdIsLookedUpAgainAfterARollbackAndAVacuum) {
  const auto keys = ShapeKeys::from({Key::text("a"), Key::text("b")});
  const uint64_t undone = store().shape_ids().resolve(store(), txn(), keys);
  EXPECT_EQ(store().shape_ids().resolve(store(), txn(), keys), undone);
  roll_back();
  const uint64_t id = store().shape_ids().resolve(store(), txn(), keys);
  EXPECT_NE(id, undone);
  EXPECT_EQ(row(id)->payload, keys->payload());
  const auto equal = ShapeKeys::from({Key::text("a"), Key::text("b")});
  EXPECT_EQ(store().shape_ids().resolve(store(), txn(), equal), id);
  const Buffer index = index_key(keys->hash(), IndexSpace::kImmutables, id);
  txn().erase(Database::kImmutableIndex, index);
  txn().erase(Database::kImmutables, id);
  store().bump_cache_epoch();
  EXPECT_NE(store().shape_ids().resolve(store(), txn(), keys), id);
}

TEST_F(ImmutablesTest, AnImmutableRecordIsComparedNotTrusted) {
  const auto record_with = [](int64_t value) {
    NodeBuilder node;
    node.reset(NodeKind::kTuple);
    node.add({tag_of(WordKind::kInt), static_cast<uint64_t>(value), nullptr, 0});
    Buffer bytes;
    node.encode(bytes);
    RecordEditor record;
    record.add(bytes);
    record.set_flags(kRecordImmutable);
    return record.finish();
  };
  const Buffer one = record_with(1);
  const Buffer two = record_with(2);
  const uint64_t id = place_immutable_record(store(), txn(), one, 0);
  txn().put(Database::kImmutableIndex, index_key(record_hash(two), IndexSpace::kRecords, id), {});
  const uint64_t other = place_immutable_record(store(), txn(), two, kRecordPinned);
  EXPECT_NE(other, id);
  EXPECT_EQ(place_immutable_record(store(), txn(), one, 0), id);
  EXPECT_EQ(record_flags(*txn().get(Database::kRecords, id)), kRecordImmutable | kRecordShared);
  EXPECT_EQ(record_flags(*txn().get(Database::kRecords, other)), kRecordImmutable | kRecordPinned);
}

}  // namespace
}  // namespace oocmap
