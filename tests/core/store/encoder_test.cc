// Values of every shape go through encoder and writer and come back, and lie in the file as
// promised.
#include "core/store/encoder.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "core/store/chunks.h"
#include "core/store/dict.h"
#include "core/store/list.h"
#include "tests/core/store/container_fixture.h"

namespace oocmap {
namespace {

class EncoderTest : public ContainerTest {
 protected:
  Member store_encoded(EncodedValue value) {
    kept_.push_back(std::move(value));
    return store_value(store(), txn(), kept_.back());
  }
  Member store_plain(const Plain& value) { return store_encoded(encode(value)); }
  Plain read(const Member& member) { return read_member(store(), txn(), member); }
  Bytes record(Identity identity) { return *txn().get(Database::kRecords, record_of(identity)); }
  Bytes node_bytes(Identity identity) { return node(identity).bytes(); }

  ValueEncoder encoder_;

 private:
  std::vector<EncodedValue> kept_;  // members of scalars view them
};

std::string text_of(size_t size, char c = 't') { return std::string(size, c); }

template <typename Body>
ErrorCode code_of(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "no error was raised";
  return ErrorCode::kIo;
}

// --- Round trips

TEST_F(EncoderTest, ScalarsAreWordsOrTexts) {
  const std::vector<Plain> values = {
      nullptr,
      true,
      false,
      0,
      -1,
      int64_t{INT64_MIN},
      0.5,
      -0.0,
      "",
      "12345678",
      "123456789",
      text_of(31),
      text_of(32),
      text_of(511),
      text_of(512),
      text_of(100'000),
      Plain::raw(PayloadKind::kBytes, std::string("\0\xff", 2)),
      Plain::raw(PayloadKind::kWtf8, "\xed\xa0\x80"),
      Plain::raw(PayloadKind::kBigInt, std::string("\0\1\2\3\4\5\6\7\x8\x9", 10))};
  for (const Plain& value : values) EXPECT_EQ(read(store_plain(value)), value);
  EXPECT_EQ(store_plain("12345678").tag, inline_text_tag(8));
  EXPECT_EQ(store_plain("123456789").tag, heap_tag(PayloadKind::kStr));
  // Lone surrogates never stand in the word: readers take inline text for valid UTF-8.
  EXPECT_EQ(store_plain(values[17]).tag, heap_tag(PayloadKind::kWtf8));
}

TEST_F(EncoderTest, ScalarsThroughAnEncoderAreTheSame) {
  for (const Plain& value : {Plain("short"), Plain("some longer text"), Plain(7), Plain(1.5)}) {
    encode(value, encoder_);
    EXPECT_EQ(read(store_encoded(encoder_.finish())), value);
  }
}

TEST_F(EncoderTest, NanKeepsItsBits) {
  const uint64_t bits = 0x7ff8000000abcdefULL;
  double nan;
  std::memcpy(&nan, &bits, sizeof nan);
  EXPECT_EQ(store_plain(nan).word, bits);
}

Plain sized_dict(size_t count, size_t text = 0) {
  Plain dict = Plain::dict();
  for (size_t i = 0; i < count; ++i) {
    dict.pairs.emplace_back(
        "key" + std::to_string(i * 7919 % count),
        text == 0 ? Plain((int64_t{1} << 40) + static_cast<int64_t>(i))
                  : Plain(text_of(text, static_cast<char>('a' + count % 26)) + std::to_string(i)));
  }
  return dict;
}

Plain sized_list(size_t count, size_t text = 0) {
  Plain list = Plain::list();
  for (size_t i = 0; i < count; ++i) {
    list.items.push_back(text == 0 ? Plain((int64_t{1} << 40) + static_cast<int64_t>(i))
                                   : Plain(text_of(text, 'L') + std::to_string(i)));
  }
  return list;
}

TEST_F(EncoderTest, DictsOfEverySizeComeBack) {
  const std::pair<size_t, NodeKind> sizes[] = {
      {0, NodeKind::kInlineDict},    {1, NodeKind::kShapedDict},   {64, NodeKind::kShapedDict},
      {65, NodeKind::kInlineDict},   {128, NodeKind::kInlineDict}, {129, NodeKind::kSpilledDict},
      {3000, NodeKind::kSpilledDict}};
  for (const auto& [count, expected] : sizes) {
    for (const size_t text : {0, 20, 60}) {
      const Plain value = sized_dict(count, text);
      const Member member = store_plain(value);
      EXPECT_EQ(read(member), value) << count;
      // 128 texts of 60 bytes do not fit a node of 8 KB.
      const bool too_large = count == 128 && text == 60;
      EXPECT_EQ(kind(member.word), too_large ? NodeKind::kSpilledDict : expected) << count;
    }
  }
}

TEST_F(EncoderTest, SequencesOfEverySizeComeBack) {
  for (const size_t count : {0, 1, 900, 901, 400 * 128 + 1, 120'000}) {
    Plain value = sized_list(count);
    const Member list = store_plain(value);
    EXPECT_EQ(read(list), value) << count;
    EXPECT_EQ(kind(list.word), count <= 900 ? NodeKind::kList : NodeKind::kSpilledList);
    value.kind = Plain::kTuple;
    const Member tuple = store_plain(value);
    EXPECT_EQ(read(tuple), value) << count;
    EXPECT_EQ(kind(tuple.word), count <= 900 ? NodeKind::kTuple : NodeKind::kSpilledTuple);
  }
}

TEST_F(EncoderTest, LargeTextsMakeANodeSpill) {
  const Plain list = sized_list(40, 300);
  const Member member = store_plain(list);
  EXPECT_EQ(kind(member.word), NodeKind::kSpilledList);
  EXPECT_EQ(read(member), list);
  const Plain dict = sized_dict(40, 300);
  const Member shaped = store_plain(dict);
  EXPECT_EQ(kind(shaped.word), NodeKind::kSpilledDict);
  EXPECT_EQ(read(shaped), dict);
}

TEST_F(EncoderTest, LeavesOfLongTextsAreCutByBytes) {
  const Plain list = sized_list(2000, 400);
  const Member member = store_plain(list);
  EXPECT_EQ(read(member), list);
  Cursor cursor(txn(), Database::kChunks);
  for (bool more = cursor.first(); more; more = cursor.next()) {
    EXPECT_LE(cursor.value().size(), kMaxLeafBytes);
  }
}

TEST_F(EncoderTest, KeysOfEveryTypeComeBackInEveryForm) {
  const std::vector<Plain> keys = {
      nullptr,
      true,
      2,
      3.5,
      4.0,
      -0.0,
      "text",
      text_of(500, 'k'),
      text_of(500, 'l'),
      Plain::raw(PayloadKind::kBytes, "bytes"),
      Plain::raw(PayloadKind::kWtf8, "\xed\xa0\x80"),
      Plain::raw(PayloadKind::kBigInt, std::string("\0\1\2\3\4\5\6\7\x8\x9", 10)),
      Plain::tuple({1, "a", Plain::tuple({2.0, nullptr})}),
      Plain::tuple()};
  for (const size_t filler : {0, 70, 200}) {
    Plain dict = sized_dict(filler);
    for (size_t i = 0; i < keys.size(); ++i) dict.pairs.emplace_back(keys[i], static_cast<int>(i));
    const Member member = store_plain(dict);
    EXPECT_EQ(read(member), dict) << filler;
    for (size_t i = 0; i < keys.size(); ++i) {
      EXPECT_EQ(get(member.word, keys[i]), Plain(static_cast<int>(i))) << repr(keys[i]);
    }
  }
}

// A value of about `size` containers and scalars.
Plain random_value(std::mt19937_64& random, int depth) {
  const auto pick = random() % (depth > 0 ? 12 : 7);
  switch (pick) {
    case 0:
      return nullptr;
    case 1:
      return static_cast<int64_t>(random());
    case 2:
      return static_cast<double>(random()) / 7;
    case 3:
    case 4:
      return text_of(random() % 40, static_cast<char>('a' + random() % 3));
    case 5:
      return text_of(random() % 900, static_cast<char>('a' + random() % 3));
    case 6:
      return Plain::raw(PayloadKind::kBytes, text_of(random() % 20));
    default:
      break;
  }
  const size_t count = depth == 1 && random() % 5 == 0 ? random() % 1500 : random() % 6;
  if (pick < 9) {
    Plain dict = Plain::dict();
    for (size_t i = 0; i < count; ++i) {
      dict.pairs.emplace_back(
          random() % 2 ? Plain("k" + std::to_string(i)) : Plain(static_cast<int>(i)),
          random_value(random, depth - 1));
    }
    return dict;
  }
  Plain list = pick < 11 ? Plain::list() : Plain::tuple();
  for (size_t i = 0; i < count; ++i) list.items.push_back(random_value(random, depth - 1));
  return list;
}

TEST_F(EncoderTest, RandomValuesComeBackAndCopy) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::vector<std::pair<Plain, Identity>> stored;
  for (int round = 0; round < 60; ++round) {
    const Plain value = random_value(random, 5);
    encode(value, encoder_);
    const Member member = store_encoded(encoder_.finish());
    ASSERT_EQ(read(member), value);
    copy_value(store(), txn(), member, encoder_);
    const Member copy = store_encoded(encoder_.finish());
    ASSERT_EQ(read(copy), value);
    if (member.container()) stored.emplace_back(value, member.word);
    if (round % 20 == 19) reopen();
  }
  for (const auto& [value, identity] : stored) ASSERT_EQ(ContainerTest::read(identity), value);
}

// --- Layout

TEST_F(EncoderTest, ASmallDocumentIsOneRecordOfKnownSize) {
  const Plain document =
      Plain::dict({{"id", 1}, {"name", "Ada Lovelace"}, {"tags", Plain::list({"x", "y"})}});
  const Member member = store_plain(document);
  EXPECT_EQ(slot_of(member.word), 1);  // children first
  const size_t list = 4 + 2 * 1;
  const size_t dict = 4 + 6 + 2 + 3 + (1 + 2 + 2) + 12;
  EXPECT_EQ(record(member.word).size(), 4 + list + dict + 2 * 2);
  EXPECT_EQ(node(member.word).member(2).word, make_identity(record_of(member.word), 0));
}

TEST_F(EncoderTest, NodesAreThoseOfTheBuilder) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 200; ++round) {
    const Member member = store_plain(Plain::list({random_value(random, 1)}));
    const NodeView list = node(member.word);
    std::vector<NodeView> views = {list};
    if (list.count() == 1 && list.member(0).container()) views.push_back(node(list.member(0).word));
    for (const NodeView& view : views) {
      if (view.spilled()) continue;
      NodeBuilder builder;
      builder.load(view);
      Buffer bytes;
      builder.encode(bytes);
      bytes.resize(view.bytes().size());  // padding
      EXPECT_EQ(bytes, view.bytes());
    }
  }
}

TEST_F(EncoderTest, AFullRecordIsFollowedByTheNext) {
  Plain value = Plain::list();
  for (int i = 0; i < 300; ++i) {
    value.items.push_back(Plain::list());
    for (int j = 0; j < 20; ++j) value.items[i].items.push_back(0.1 * (i + j));
  }
  const Member member = store_plain(value);
  EXPECT_EQ(read(member), value);
  const NodeView list = node(member.word);
  std::map<uint64_t, size_t> sizes;  // of the records its members are in
  for (size_t i = 0; i < list.count(); ++i) {
    const uint64_t id = record_of(list.member(i).word);
    sizes[id] = txn().get(Database::kRecords, id)->size();
  }
  EXPECT_GE(sizes.size(), 4u);  // 300 * 166 bytes
  EXPECT_LE(sizes.size(), 8u);
  for (const auto& [id, size] : sizes) EXPECT_LE(size, kMaxRecordBytes);
  EXPECT_GT(sizes.begin()->second, kMaxRecordBytes - 200);
}

TEST_F(EncoderTest, RecordsFillLeafPagesOrWholePages) {
  // Values of many sizes, of nodes of 120 bytes: what lies beyond a leaf page's share ends near a
  // page's end, but for one record with the rest.
  for (const int count : {5, 18, 40, 60, 80, 120, 200}) {
    Plain value = Plain::list();
    for (int i = 0; i < count; ++i) {
      value.items.push_back(
          Plain::list({"twenty bytes of text", std::string(20, 'a' + i % 26),
                       std::string(28, 'A' + i % 26), 0.1 * i, "some twenty bytes..."}));
    }
    const uint64_t first = store().new_record_id();
    EXPECT_EQ(read(store_plain(value)), value);
    size_t pages = 0;
    size_t bytes = 0;
    Cursor cursor(txn(), Database::kRecords);
    for (bool more = cursor.seek(first); more; more = cursor.next()) {
      bytes += cursor.value().size();
      if (cursor.value().size() > 2022) pages += (cursor.value().size() + 16 + 4095) / 4096;
    }
    EXPECT_LE(pages * 4096, bytes + (pages == 0 ? 0 : 1000)) << count;
  }
}

TEST_F(EncoderTest, DictsWithTheSameKeysShareAShape) {
  const Member a = store_plain(Plain::dict({{"x", 1}, {"y", 2}}));
  const Member b = store_plain(Plain::dict({{"x", "one"}, {"y", "two"}}));
  const Member c = store_plain(Plain::dict({{"y", 1}, {"x", 2}}));
  const auto keys = ShapeKeys::from({Key::text("x"), Key::text("y")});
  encoder_.begin_shaped_dict(keys);
  encoder_.integer(1);
  encoder_.integer(2);
  encoder_.end();
  const Member d = store_encoded(encoder_.finish());
  EXPECT_EQ(node(a.word).shape(), node(b.word).shape());
  EXPECT_NE(node(a.word).shape(), node(c.word).shape());
  EXPECT_EQ(node(a.word).shape(), node(d.word).shape());
  const uint64_t immutables = rows(Database::kImmutables);
  reopen();  // the caches are gone: the shape is found by its content
  const Member e = store_plain(Plain::dict({{"x", 1}, {"y", 2}}));
  EXPECT_EQ(node(a.word).shape(), node(e.word).shape());
  EXPECT_EQ(rows(Database::kImmutables), immutables);
}

TEST_F(EncoderTest, AKeyFormIsPartOfTheShape) {
  const Member ints = store_plain(Plain::dict({{1, "a"}}));
  const Member floats = store_plain(Plain::dict({{1.0, "a"}}));
  EXPECT_NE(node(ints.word).shape(), node(floats.word).shape());
  EXPECT_EQ(read(floats), Plain::dict({{1.0, "a"}}));
  EXPECT_EQ(get(floats.word, true), Plain("a"));
}

// --- Keys given twice

TEST_F(EncoderTest, AKeyGivenTwiceKeepsItsPlaceAndGetsTheLastValue) {
  for (const size_t filler : {0, 80, 300}) {
    Plain given = sized_dict(filler);
    Plain expected = given;
    given.pairs.insert(given.pairs.begin(), {{1, "first"}, {"b", 2}, {true, text_of(40)}});
    given.pairs.emplace_back(1.0, "last");
    expected.pairs.insert(expected.pairs.begin(), {{1, "last"}, {"b", 2}});
    const Member member = store_plain(given);
    EXPECT_EQ(read(member), expected);
    EXPECT_EQ(node(member.word).count(), filler + 2);
  }
}

TEST_F(EncoderTest, AContainerUnderAReplacedKeyIsNotStored) {
  const uint64_t before = rows(Database::kRecords);
  const Plain inner = Plain::list({Plain::dict({{"x", Plain::list()}})});
  const Member member = store_plain(Plain::dict({{"a", inner}, {"a", 5}}));
  EXPECT_EQ(read(member), Plain::dict({{"a", 5}}));
  EXPECT_EQ(rows(Database::kRecords), before + 1);
  EXPECT_EQ(record_live(record(member.word)), 1u);
}

TEST_F(EncoderTest, AReplacedContainerThatIsUsedElsewhereStays) {
  encoder_.begin_dict();
  encoder_.key(Key::text("a"));
  const size_t list = encoder_.begin_list();
  encoder_.end();
  encoder_.key(Key::text("b"));
  encoder_.again(list);
  encoder_.key(Key::text("a"));
  encoder_.none();
  encoder_.end();
  const Member member = store_encoded(encoder_.finish());
  EXPECT_EQ(read(member), Plain::dict({{"a", nullptr}, {"b", Plain::list()}}));
}

// --- Sharing and cycles

TEST_F(EncoderTest, ASharedContainerIsOneContainerAndPinned) {
  encoder_.begin_list();
  const size_t shared = encoder_.begin_list();
  encoder_.integer(1);
  encoder_.end();
  encoder_.again(shared);
  encoder_.end();
  const Member member = store_encoded(encoder_.finish());
  const NodeView list = node(member.word);
  EXPECT_EQ(list.member(0).word, list.member(1).word);
  EXPECT_EQ(record_flags(record(list.member(0).word)), kRecordPinned);
}

TEST_F(EncoderTest, AListMayHoldItself) {
  const size_t self = encoder_.begin_list();
  EXPECT_EQ(self, 0u);
  encoder_.again(self);
  encoder_.integer(3);
  encoder_.end();
  const Member member = store_encoded(encoder_.finish());
  EXPECT_EQ(node(member.word).member(0).word, member.word);
  EXPECT_EQ(node(member.word).member(1).as_int(), 3);
  EXPECT_EQ(record_flags(record(member.word)), kRecordPinned);
}

TEST_F(EncoderTest, CyclesThroughOtherRecordsAndSpilledOnesClose) {
  // A dict that spills, whose members all refer back to it, one through a tuple.
  const size_t self = encoder_.begin_dict();
  for (int i = 0; i < 2000; ++i) {
    encoder_.key(Key::integer(i));
    encoder_.begin_list();
    encoder_.payload(PayloadKind::kStr, text_of(100));
    if (i % 2) encoder_.begin_tuple();
    encoder_.again(self);
    if (i % 2) encoder_.end();
    encoder_.end();
  }
  encoder_.end();
  const Member member = store_encoded(encoder_.finish());
  EXPECT_EQ(kind(member.word), NodeKind::kSpilledDict);
  const Member even = *this->member(member.word, 1000);
  EXPECT_EQ(node(even.word).member(1).word, member.word);
  const Member odd = *this->member(member.word, 1001);
  EXPECT_EQ(node(node(odd.word).member(1).word).member(0).word, member.word);
  EXPECT_NE(record_of(odd.word), record_of(member.word));
}

TEST_F(EncoderTest, ACopyKeepsSharingAndCycles) {
  const size_t self = encoder_.begin_list();
  const size_t shared = encoder_.begin_dict();
  encoder_.end();
  encoder_.again(shared);
  encoder_.again(self);
  encoder_.end();
  const Member member = store_encoded(encoder_.finish());
  copy_value(store(), txn(), member, encoder_);
  const Member copy = store_encoded(encoder_.finish());
  ASSERT_NE(copy.word, member.word);
  const NodeView list = node(copy.word);
  ASSERT_EQ(list.count(), 3u);
  EXPECT_EQ(list.member(0).word, list.member(1).word);
  EXPECT_NE(list.member(0).word, node(member.word).member(0).word);
  EXPECT_EQ(list.member(2).word, copy.word);
}

TEST_F(EncoderTest, AReferenceIsTheSameContainerAndPinsIt) {
  const Identity inner = make(Plain::list({1, 2}));
  const Member member =
      store_plain(Plain::dict({{"a", Plain::reference(inner, WordKind::kList)}, {"b", "text"}}));
  EXPECT_EQ(this->member(member.word, "a")->word, inner);
  EXPECT_EQ(record_flags(record(inner)), kRecordPinned);
  EXPECT_EQ(store_plain(Plain::reference(inner, WordKind::kList)).word, inner);
}

TEST_F(EncoderTest, AReferenceToWhatIsGoneIsStale) {
  const Identity nowhere = make_identity(12345, 0);
  EXPECT_EQ(code_of([&] { store_plain(Plain::reference(nowhere, WordKind::kList)); }),
            ErrorCode::kStaleHandle);
  const Plain inside = Plain::list({Plain::reference(nowhere, WordKind::kList)});
  EXPECT_EQ(code_of([&] { store_plain(inside); }), ErrorCode::kStaleHandle);
}

// --- Immutable tuples

Plain long_tuple(Plain first = 1) {
  return Plain::tuple(
      {std::move(first), 2.5, "some words", Plain::tuple({3, "four"}), nullptr, text_of(60)});
}

TEST_F(EncoderTest, EqualImmutableTuplesAreStoredOnce) {
  const Member a = store_plain(long_tuple());
  EXPECT_EQ(record_flags(record(a.word)), kRecordImmutable);
  const Member b = store_plain(Plain::list({long_tuple(), Plain::dict({{"k", long_tuple()}})}));
  EXPECT_EQ(node(b.word).member(0).word, a.word);
  EXPECT_EQ(record_flags(record(a.word)), kRecordImmutable | kRecordShared);
  EXPECT_EQ(read(a), long_tuple());
  reopen();
  EXPECT_EQ(store_plain(long_tuple()).word, a.word);
}

TEST_F(EncoderTest, EqualMeansTheSameBytes) {
  const Member ints = store_plain(long_tuple(1));
  EXPECT_NE(store_plain(long_tuple(1.0)).word, ints.word);
  EXPECT_NE(store_plain(long_tuple(true)).word, ints.word);
  EXPECT_EQ(store_plain(long_tuple(1)).word, ints.word);
}

TEST_F(EncoderTest, WhatWasWrittenBeforeDoesNotChangeATuplesBytes) {
  // Texts in the window's range would go to immutables here, being seen again and again.
  const Plain tuple = Plain::tuple({text_of(100), text_of(100), text_of(600)});
  const Member a = store_plain(tuple);
  for (int i = 0; i < 3; ++i) store_plain(Plain::list({text_of(100)}));
  EXPECT_EQ(store_plain(tuple).word, a.word);
  EXPECT_EQ(read(a), tuple);
}

TEST_F(EncoderTest, ShortAndMutableTuplesAreNotShared) {
  const Plain brief = Plain::tuple({7.0, "years"});
  EXPECT_NE(store_plain(brief).word, store_plain(brief).word);
  const Plain holds_list = Plain::tuple({Plain::list(), text_of(100)});
  EXPECT_NE(store_plain(holds_list).word, store_plain(holds_list).word);
  const Plain deep = Plain::tuple({Plain::tuple({Plain::tuple({Plain::list()})}), text_of(100)});
  EXPECT_NE(store_plain(deep).word, store_plain(deep).word);
  const Plain large = Plain::tuple(sized_list(1000).items);
  EXPECT_NE(store_plain(large).word, store_plain(large).word);
  EXPECT_EQ(read(store_plain(Plain::tuple({large, text_of(99)}))),
            Plain::tuple({large, text_of(99)}));
}

TEST_F(EncoderTest, ATuplesLengthIsThatOfItsBytes) {
  const auto stored_once = [&](const Plain& tuple) {
    return store_plain(tuple).word == store_plain(tuple).word;
  };
  Plain small = Plain::tuple();
  for (int i = 0; i < 20; ++i) small.items.push_back(i);
  EXPECT_FALSE(stored_once(small));  // 20 bytes and their tags: an index row costs more
  Plain floats = Plain::tuple();
  for (int i = 0; i < 8; ++i) floats.items.push_back(0.1 * i);
  EXPECT_TRUE(stored_once(floats));
  EXPECT_TRUE(stored_once(Plain::tuple({Plain::tuple({text_of(20), text_of(20)}), text_of(20)})));
}

TEST_F(EncoderTest, TuplesInTuplesAreSharedAtEveryLevel) {
  const Plain inner = long_tuple();
  const Plain outer =
      Plain::tuple({inner, Plain::tuple({1}), Plain::tuple({inner, text_of(80)}), text_of(30)});
  const Member a = store_plain(inner);
  const Member b = store_plain(outer);
  EXPECT_EQ(node(b.word).member(0).word, a.word);
  EXPECT_EQ(record_of(node(b.word).member(1).word), record_of(b.word));  // short: a part of it
  EXPECT_EQ(store_plain(outer).word, b.word);
  EXPECT_EQ(read(b), outer);
}

TEST_F(EncoderTest, AliasesOfImmutableTuplesKeepTheirSharing) {
  encoder_.begin_list();
  const size_t tuple = encoder_.begin_tuple();
  for (int i = 0; i < 10; ++i) encoder_.floating(0.1 * i);
  const size_t part = encoder_.begin_tuple();
  encoder_.integer(11);
  encoder_.end();
  encoder_.end();
  encoder_.again(tuple);
  encoder_.again(part);
  encoder_.end();
  const Member member = store_encoded(encoder_.finish());
  const NodeView list = node(member.word);
  EXPECT_EQ(list.member(0).word, list.member(1).word);
  EXPECT_EQ(list.member(2).word, node(list.member(0).word).member(10).word);
  EXPECT_EQ(record_flags(record(list.member(0).word)),
            kRecordImmutable | kRecordShared | kRecordPinned);
}

TEST_F(EncoderTest, ManyLevelsOfSharedTuplesCostNoMoreThanTheirLength) {
  constexpr int kLevels = 50'000;
  for (int i = 0; i < kLevels; ++i) {
    encoder_.begin_tuple();
    encoder_.payload(PayloadKind::kStr, text_of(70) + std::to_string(i));
  }
  for (int i = 0; i < kLevels; ++i) encoder_.end();
  const Member member = store_encoded(encoder_.finish());
  EXPECT_EQ(record_flags(record(member.word)), kRecordImmutable);
  Identity at = member.word;
  int levels = 1;
  for (; node(at).count() == 2; ++levels) at = node(at).member(1).word;
  EXPECT_EQ(levels, kLevels);
}

// --- Joining the parent's record

TEST_F(EncoderTest, ASmallValueJoinsItsParentsRecord) {
  const Identity parent = make(Plain::list({Plain::dict({{"a", 1}})}));
  RecordEditor editor(record(parent));
  const size_t slots = editor.slots();
  EncodedValue value = encode(Plain::list({Plain::list({1}), "text that is longer", long_tuple()}));
  const uint64_t before = rows(Database::kRecords);
  const Member member = store_value(store(), txn(), value, &editor, record_of(parent));
  EXPECT_EQ(record_of(member.word), record_of(parent));
  EXPECT_EQ(editor.slots(), slots + 2);
  EXPECT_EQ(rows(Database::kRecords), before + 1);  // the tuple's
  txn().put(Database::kRecords, record_of(parent), editor.finish());
  EXPECT_EQ(read(member), Plain::list({Plain::list({1}), "text that is longer", long_tuple()}));
}

TEST_F(EncoderTest, ManyTinyNodesJoinOnlyWhereTheyFit) {
  for (const int count : {500, 700, 850, 900}) {
    const Identity parent = make(Plain::list());
    RecordEditor editor(record(parent));
    Plain dicts = Plain::list();
    for (int i = 0; i < count; ++i) dicts.items.push_back(Plain::dict());
    EncodedValue value = encode(dicts);
    const Member member = store_value(store(), txn(), value, &editor, record_of(parent));
    EXPECT_LE(editor.encoded_size(), kMaxRecordBytes);
    txn().put(Database::kRecords, record_of(parent), editor.finish());
    EXPECT_EQ(read(member), dicts) << count;
    EXPECT_EQ(ContainerTest::read(parent), Plain::list());
  }
}

TEST_F(EncoderTest, WhatDoesNotFitOrWouldBePinnedGetsItsOwnRecord) {
  const Identity parent = make(Plain::list());
  RecordEditor editor(record(parent));
  const auto joined = [&](EncodedValue value) {
    const Member member = store_value(store(), txn(), value, &editor, record_of(parent));
    return record_of(member.word) == record_of(parent);
  };
  EXPECT_FALSE(joined(encode(Plain::list({sized_list(800), sized_list(800), sized_list(800)}))));
  const size_t self = encoder_.begin_list();
  encoder_.again(self);
  encoder_.end();
  EXPECT_FALSE(joined(encoder_.finish()));
  EXPECT_TRUE(joined(encode(sized_list(800))));
  EXPECT_TRUE(joined(encode(sized_list(1000))));  // spills: only its header joins
  editor.set_flags(kRecordPinned);
  EXPECT_FALSE(joined(encode(Plain::list())));
}

// --- Refusals

TEST_F(EncoderTest, NestingIsBoundedAndDeepValuesNeedNoStack) {
  for (int i = 0; i < kMaxDepth; ++i) encoder_.begin_list();
  EXPECT_EQ(code_of([&] { encoder_.begin_list(); }), ErrorCode::kInvalidArgument);
  for (int i = 0; i < kMaxDepth; ++i) encoder_.end();
  const Member member = store_encoded(encoder_.finish());
  copy_value(store(), txn(), member, encoder_);
  Identity at = store_encoded(encoder_.finish()).word;
  int depth = 1;
  for (; node(at).count() == 1; ++depth) at = node(at).member(0).word;
  EXPECT_EQ(depth, kMaxDepth);
}

TEST_F(EncoderTest, MisuseIsRefusedAndResetForgetsIt) {
  const auto refused = [&](auto body) {
    EXPECT_EQ(code_of(body), ErrorCode::kInvalidArgument);
    encoder_.reset();
  };
  refused([&] { encoder_.finish(); });
  refused([&] { encoder_.end(); });
  refused([&] { encoder_.again(0); });
  refused([&] { encoder_.key(Key::none()); });
  refused([&] {
    encoder_.integer(1);
    encoder_.integer(2);
    encoder_.finish();
  });
  refused([&] {
    encoder_.begin_list();
    encoder_.finish();
  });
  refused([&] {
    encoder_.begin_list();
    encoder_.key(Key::none());
  });
  refused([&] {
    encoder_.begin_dict();
    encoder_.key(Key::none());
    encoder_.end();
  });
  refused([&] {
    encoder_.begin_shaped_dict(ShapeKeys::from({Key::none()}));
    encoder_.end();
  });
  refused([&] { ShapeKeys::from({Key::integer(1), Key::floating(1)}); });
  refused([&] { ShapeKeys::from({}); });
  // Nothing of the bytes is read: there are not that many.
  refused([&] { encoder_.payload(PayloadKind::kStr, Bytes("x", kMaxValueBytes + 1)); });
  EXPECT_EQ(code_of([&] { encoder_.payload(PayloadKind::kShape, text_of(20)); }),
            ErrorCode::kTypeMismatch);
  encoder_.reset();
  encoder_.begin_list();
  encoder_.end();
  EXPECT_EQ(read(store_encoded(encoder_.finish())), Plain::list());
}

TEST_F(EncoderTest, AMovedValueIsStoredOnce) {
  EncodedValue value = encode(Plain::list({"some text to be kept", 1}));
  EncodedValue moved = std::move(value);
  value = encode(Plain("another text that is kept"));
  EXPECT_TRUE(moved.is_container());
  EXPECT_TRUE(moved.has_nodes());
  EXPECT_FALSE(value.is_container());
  value = std::move(moved);
  EXPECT_EQ(read(store_value(store(), txn(), value)), Plain::list({"some text to be kept", 1}));
}

}  // namespace
}  // namespace oocmap
