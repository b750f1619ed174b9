// Stored arrays, compared with the same bytes in memory.
#include "core/store/array.h"

#include <functional>
#include <memory>
#include <random>

#include "core/format/chunk.h"
#include "core/store/encoder.h"
#include "tests/core/store/container_fixture.h"

namespace oocmap {
namespace {

Buffer random_bytes(uint64_t size, std::mt19937_64& random) {
  Buffer bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

class ArrayTest : public ContainerTest {
 protected:
  static ArrayHead head_of(std::vector<uint64_t> shape, uint32_t item_size = 1) {
    ArrayHead head;
    head.item_size = item_size;
    head.type = "|V" + std::to_string(item_size);
    head.shape = std::move(shape);
    return head;
  }
  Identity store_array(const ArrayHead& head, Bytes data) {
    ValueEncoder encoder;
    encoder.array(head, data);
    EncodedValue value = encoder.finish();
    dict_set(store(), txn(), store().root(), Key::payload(PayloadKind::kStr, "array"),
             std::move(value));
    return member(store().root(), "array")->word;
  }
  Buffer read_all(Identity array) {
    ArrayReader reader(txn(), node(array));
    Buffer data(reader.view().bytes(), '\0');
    reader.read(0, data.size(), data.data());
    return data;
  }
  Buffer read_part(Identity array, const std::vector<AxisRange>& ranges, uint64_t bytes) {
    Buffer data(bytes, '\0');
    ArrayReader(txn(), node(array)).read(ranges, data.size(), data.data());
    return data;
  }
  void drain_all() {
    for (int i = 0; i < 1000 && rows(Database::kGraveyard) != 0; ++i) {
      drain_graveyard(store(), txn(), 64);
    }
  }
  ErrorCode code_of(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kBusy;  // that none of these is
  }

  const uint64_t seed_ = std::random_device{}();
  testing::ScopedTrace trace_{__FILE__, __LINE__, "seed " + std::to_string(seed_)};
  std::mt19937_64 random_{seed_};
};

TEST_F(ArrayTest, SmallOneNeedsNoChunk) {
  const Buffer data = random_bytes(4000, random_);
  const Identity array = store_array(head_of({1000}, 4), data);
  EXPECT_EQ(read_all(array), data);
  EXPECT_EQ(rows(Database::kChunks), 0);
  EXPECT_EQ(*ArrayReader(txn(), node(array)).whole(), data);
}

TEST_F(ArrayTest, LargeOneIsCutIntoChunks) {
  for (const uint64_t size : {uint64_t{8192}, uint64_t{kArrayChunkBytes},
                              uint64_t{kArrayChunkBytes} + 1, 3 * uint64_t{kArrayChunkBytes}}) {
    const Buffer data = random_bytes(size, random_);
    const Identity array = store_array(head_of({size}), data);
    EXPECT_EQ(read_all(array), data);
    EXPECT_EQ(ArrayReader(txn(), node(array)).whole().has_value(), size <= kArrayChunkBytes);
  }
}

TEST_F(ArrayTest, BorrowedDataIsLetGoOnce) {
  auto data = std::make_shared<Buffer>(random_bytes(500'000, random_));
  const std::weak_ptr<Buffer> watch = data;
  {
    ValueEncoder encoder;
    const Bytes bytes = *data;
    encoder.array(head_of({500'000}), bytes, data);
    EncodedValue value = encoder.finish();
    store_value(store(), txn(), value);
  }
  EXPECT_EQ(data.use_count(), 1);
  {
    ValueEncoder encoder;
    const Bytes bytes = *data;
    encoder.begin_list();
    encoder.array(head_of({500'000}), bytes, data);
    encoder.reset();  // a value that is given up
  }
  EXPECT_EQ(data.use_count(), 1);
}

TEST_F(ArrayTest, SizeThatIsNotTheShapesIsRefused) {
  ValueEncoder encoder;
  EXPECT_EQ(code_of([&] { encoder.array(head_of({3}), "ab"); }), ErrorCode::kInvalidArgument);
  encoder.array(head_of({2}), "ab");
  EncodedValue value = encoder.finish();
  EXPECT_TRUE(value.is_container());
}

TEST_F(ArrayTest, IsSharedInsideOneValue) {
  ValueEncoder encoder;
  encoder.begin_list();
  const size_t number = encoder.array(head_of({2}), "ab");
  encoder.again(number);
  encoder.end();
  EncodedValue value = encoder.finish();
  const Member list = store_value(store(), txn(), value);
  const Member first = list_get(store(), txn(), node(list.word), 0);
  const Member second = list_get(store(), txn(), node(list.word), 1);
  EXPECT_EQ(first.tag, tag_of(WordKind::kArray));
  EXPECT_EQ(first.word, second.word);
}

TEST_F(ArrayTest, LongTypeComesBack) {
  ArrayHead head = head_of({3});
  head.type.assign(100'000, 't');
  const Identity array = store_array(head, "abc");
  EXPECT_EQ(ArrayReader(txn(), node(array)).head().type, head.type);
  EXPECT_EQ(read_all(array), "abc");
  erase(store().root(), "array");
  drain_all();
  EXPECT_EQ(rows(Database::kChunks), 0);
}

// Random parts of random arrays, read and written, against a walk over all indices.
TEST_F(ArrayTest, PartsAreThoseOfTheSameArrayInMemory) {
  for (int round = 0; round < 150; ++round) {
    ArrayHead head = head_of({}, static_cast<uint32_t>(random_() % 9));
    head.fortran = random_() % 2 == 0;
    uint64_t items = 1;
    for (uint64_t axes = random_() % 4; axes != 0; --axes) {
      head.shape.push_back(random_() % (random_() % 3 == 0 ? 120 : 9));
      items *= head.shape.back();
    }
    Buffer twin = random_bytes(items * head.item_size, random_);
    const Identity array = store_array(head, twin);
    for (int part = 0; part < 8; ++part) {
      std::vector<AxisRange> ranges;
      uint64_t count = 1;
      for (const uint64_t length : head.shape) {
        AxisRange range;
        range.step = 1 + random_() % 3;
        if (length != 0) range.start = random_() % length;
        if (random_() % 3 == 0) range.start = 0;
        const uint64_t most = length == 0 ? 0 : (length - range.start - 1) / range.step + 1;
        range.count = random_() % 3 == 0 ? most : random_() % (most + 1);
        count *= range.count;
        ranges.push_back(range);
      }
      // Where each item of the part is in the twin, in the array's order.
      std::vector<uint64_t> places;
      for (uint64_t i = 0; i < count; ++i) {
        uint64_t rest = i;
        uint64_t place = 0;
        uint64_t stride = 1;
        for (size_t k = 0; k < ranges.size(); ++k) {
          const size_t axis = head.fortran ? k : ranges.size() - 1 - k;
          const AxisRange& range = ranges[axis];
          place += (range.start + rest % range.count * range.step) * stride;
          rest /= range.count;
          stride *= head.shape[axis];
        }
        places.push_back(place);
      }
      Buffer expected;
      for (const uint64_t place : places) {
        expected += twin.substr(place * head.item_size, head.item_size);
      }
      ASSERT_EQ(read_part(array, ranges, expected.size()), expected);
      const Buffer fresh = random_bytes(expected.size(), random_);
      write_array(store(), txn(), array, ranges, fresh);
      for (uint64_t i = 0; i < count; ++i) {
        twin.replace(places[i] * head.item_size, head.item_size,
                     fresh.substr(i * head.item_size, head.item_size));
      }
      ASSERT_EQ(read_all(array), twin);
    }
  }
}

TEST_F(ArrayTest, WritesOnlyTheChunksItTouches) {
  const uint64_t size = 4 * uint64_t{kArrayChunkBytes};
  Buffer twin = random_bytes(size, random_);
  const Identity array = store_array(head_of({size}), twin);
  const std::vector<AxisRange> across = {{2 * uint64_t{kArrayChunkBytes} - 3, 1, 6}};
  EXPECT_EQ(write_array(store(), txn(), array, across, "abcdef"), 2 * kArrayChunkBytes);
  twin.replace(across[0].start, 6, "abcdef");
  EXPECT_EQ(write_array(store(), txn(), array, std::vector<AxisRange>{{7, 1, 1}}, "x"),
            kArrayChunkBytes);
  twin[7] = 'x';
  EXPECT_EQ(read_all(array), twin);
  const Buffer fresh = random_bytes(size, random_);
  EXPECT_EQ(write_array(store(), txn(), array, std::vector<AxisRange>{{0, 1, size}}, fresh), size);
  EXPECT_EQ(read_all(array), fresh);
}

TEST_F(ArrayTest, PartsOutsideAreRefused) {
  const Identity array = store_array(head_of({5, 3}), random_bytes(15, random_));
  const uint64_t most = ~uint64_t{0};
  const std::vector<std::vector<AxisRange>> bad = {
      {{0, 1, 5}},
      {{0, 1, 6}, {0, 1, 1}},
      {{5, 1, 1}, {0, 1, 1}},
      {{0, 0, 2}, {0, 1, 1}},
      {{1, most, 2}, {0, 1, 1}},
      {{0, 1, most}, {0, 1, 1}},
      {{most, 1, 1}, {0, 1, 1}},
  };
  for (const auto& ranges : bad) {
    EXPECT_EQ(code_of([&] { read_part(array, ranges, 100); }), ErrorCode::kInvalidArgument);
    EXPECT_EQ(code_of([&] { write_array(store(), txn(), array, ranges, "xy"); }),
              ErrorCode::kInvalidArgument);
  }
  const std::vector<AxisRange> two = {{0, 1, 2}, {0, 1, 1}};
  EXPECT_EQ(code_of([&] { write_array(store(), txn(), array, two, "x"); }),
            ErrorCode::kInvalidArgument);
}

TEST_F(ArrayTest, WhatIsNoArrayIsRefused) {
  const Identity list = make(Plain::list({1, 2}));
  EXPECT_EQ(code_of([&] { ArrayReader(txn(), node(list)); }), ErrorCode::kStaleHandle);
  EXPECT_EQ(code_of([&] { write_array(store(), txn(), list, {}, {}); }), ErrorCode::kStaleHandle);
}

TEST_F(ArrayTest, MissingOrCutChunksAreCorrupt) {
  const uint64_t size = 3 * uint64_t{kArrayChunkBytes};
  const Identity array = store_array(head_of({size}), random_bytes(size, random_));
  txn().put(Database::kChunks, chunk_key(array, 3), "short");
  EXPECT_EQ(code_of([&] { read_all(array); }), ErrorCode::kCorrupt);
  EXPECT_EQ(code_of([&] {
              write_array(store(), txn(), array, std::vector<AxisRange>{{size - 2, 1, 1}}, "x");
            }),
            ErrorCode::kCorrupt);
  txn().erase(Database::kChunks, chunk_key(array, 2));
  EXPECT_EQ(code_of([&] {
              read_part(array, {{uint64_t{kArrayChunkBytes}, 1, 1}}, 1);
            }),
            ErrorCode::kCorrupt);
  EXPECT_EQ(read_part(array, {{5, 1, 2}}, 2).size(), 2);  // the first is sound
}

TEST_F(ArrayTest, RowsAreFreedWithIt) {
  const uint64_t before = rows(Database::kRecords);
  const uint64_t size = 300 * uint64_t{kArrayChunkBytes};
  store_array(head_of({size}), Buffer(size, 'a'));
  EXPECT_EQ(rows(Database::kChunks), 300);
  store().take_credit();  // as if it had been written long ago
  erase(store().root(), "array");
  EXPECT_GT(rows(Database::kChunks), 0);  // a few at a time
  EXPECT_EQ(rows(Database::kGraveyard), 1);
  drain_all();
  EXPECT_EQ(rows(Database::kChunks), 0);
  EXPECT_EQ(rows(Database::kRecords), before);
}

TEST_F(ArrayTest, OverwritingItAgainAndAgainLeavesNothingBehind) {
  const uint64_t size = 100 * uint64_t{kArrayChunkBytes};
  for (int i = 0; i < 5; ++i) {
    store_array(head_of({size}), Buffer(size, 'a'));
    EXPECT_LE(rows(Database::kChunks), 200);
  }
}

TEST_F(ArrayTest, CopiesAreDeep) {
  const Buffer data = random_bytes(uint64_t{kArrayChunkBytes} + 5, random_);
  ArrayHead head = head_of({data.size()});
  head.library = ArrayLibrary::kJax;
  const Identity array = store_array(head, data);
  ValueEncoder encoder;
  copy_value(store(), txn(), {tag_of(WordKind::kArray), array}, encoder);
  EncodedValue value = encoder.finish();
  const Member copy = store_value(store(), txn(), value);
  ASSERT_NE(copy.word, array);
  write_array(store(), txn(), copy.word, std::vector<AxisRange>{{0, 1, 2}}, "xy");
  EXPECT_EQ(read_all(array), data);
  EXPECT_EQ(read_all(copy.word), "xy" + data.substr(2));
  EXPECT_EQ(ArrayReader(txn(), node(copy.word)).head().library, ArrayLibrary::kJax);
}

TEST_F(ArrayTest, JoinsTheRecordOfASmallParent) {
  const Identity parent = make(Plain::dict({{"a", 1}}));
  ValueEncoder encoder;
  encoder.array(head_of({20'000}), Buffer(20'000, 'z'));
  dict_set(store(), txn(), parent, Key::payload(PayloadKind::kStr, "array"), encoder.finish());
  const Identity array = member(parent, "array")->word;
  EXPECT_EQ(record_of(array), record_of(parent));
  reopen();
  EXPECT_EQ(read_all(array), Buffer(20'000, 'z'));
}

}  // namespace
}  // namespace oocmap
