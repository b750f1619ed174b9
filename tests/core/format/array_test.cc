// The node of an array: its exact bytes, its limits, and mutated bytes.
#include "core/format/array.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>

#include "core/base/error.h"
#include "core/format/record.h"

namespace oocmap {
namespace {

std::string hex(Bytes bytes) {
  static const char* const kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<uint8_t>(c) >> 4];
    out += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

ArrayHead some_head() {
  ArrayHead head;
  head.library = ArrayLibrary::kTorch;
  head.fortran = true;
  head.item_size = 2;
  head.type = "<i2";
  head.shape = {2, 3};
  return head;
}

Buffer encode(const ArrayHead& head, Bytes data) {
  const ArrayPlan plan(head);
  Buffer node(plan.node_size, '\0');
  char* const to = write_array_node(node.data(), head, plan);
  if (plan.chunk_size == 0) data.copy(to, data.size());
  return node;
}

ErrorCode code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::kBusy;  // that none of these is
}

TEST(ArrayNode, SmallOneHoldsItsData) {
  const Buffer node = encode(some_head(), "abcdefghijkl");
  EXPECT_EQ(hex(node),
            "0b010102"          // array, torch, Fortran, 2 dimensions
            "02000000"          // bytes of an item
            "03000000"          // bytes of the type
            "00000000"          // data in the node
            "0200000000000000"  // 2 x 3
            "0300000000000000"
            "3c6932"                      // "<i2"
            "6162636465666768696a6b6c");  // the data
  const ArrayView view(node);
  EXPECT_EQ(view.bytes(), 12);
  EXPECT_EQ(view.data(), "abcdefghijkl");
  EXPECT_EQ(view.type(), "<i2");
  EXPECT_EQ(view.node_size(), node.size());
}

TEST(ArrayNode, LargeOneHoldsTheSizeOfItsChunks) {
  ArrayHead head = some_head();
  head.fortran = false;
  head.library = ArrayLibrary::kNumpy;
  head.shape = {1, 5000};
  const Buffer node = encode(head, {});
  EXPECT_EQ(hex(node),
            "0b000002"
            "02000000"
            "03000000"
            "f0ff0300"  // 262,128
            "0100000000000000"
            "8813000000000000"
            "3c6932");
  const ArrayView view(node);
  EXPECT_TRUE(view.chunked());
  EXPECT_EQ(view.data(), "");
  EXPECT_EQ(view.bytes(), 10'000);
}

TEST(ArrayNode, LongTypeIsRowZero) {
  ArrayHead head = some_head();
  head.type.assign(kArrayTypeInNode + 1, 't');
  const Buffer node = encode(head, "abcdefghijkl");
  EXPECT_EQ(hex(node),
            "0b010302"
            "02000000"
            "01100000"
            "f0ff0300"
            "0200000000000000"
            "0300000000000000");
  EXPECT_TRUE(ArrayView(node).type_apart());
}

TEST(ArrayNode, WithoutDimensionsItHasOneItem) {
  ArrayHead head = some_head();
  head.shape.clear();
  EXPECT_EQ(head.bytes(), 2);
  const Buffer node = encode(head, "ab");
  EXPECT_EQ(ArrayView(node).data(), "ab");
  head.shape = {0, 7};
  const Buffer empty = encode(head, {});
  EXPECT_EQ(ArrayView(empty).items(), 0);
}

TEST(ArrayNode, StandsInARecordWithOthers) {
  RecordEditor editor;
  editor.add(encode(some_head(), "abcdefghijkl"));
  editor.add(encode_spilled_dict(1, 2));
  const Buffer record = editor.finish();
  const NodeView node = NodeView::locate(record, make_identity(3, 0));
  EXPECT_TRUE(node.is_array());
  EXPECT_FALSE(node.spilled());
  EXPECT_EQ(node.count(), 0);
  EXPECT_EQ(node.container_kind(), WordKind::kArray);
  EXPECT_EQ(ArrayView(node.bytes()).data(), "abcdefghijkl");
}

TEST(ArrayNode, ShapesThatCannotBeAreRefused) {
  ArrayHead head = some_head();
  head.shape = {uint64_t{1} << 40, uint64_t{1} << 40};
  EXPECT_EQ(code_of([&] { head.bytes(); }), ErrorCode::kInvalidArgument);
  head.shape = {0, uint64_t{1} << 40, uint64_t{1} << 40};
  EXPECT_EQ(code_of([&] { head.bytes(); }), ErrorCode::kInvalidArgument);
  head.shape.assign(65, 1);
  EXPECT_EQ(code_of([&] { head.bytes(); }), ErrorCode::kInvalidArgument);
  head.shape.assign(64, 1);
  EXPECT_EQ(head.bytes(), 2);
  head.type.assign(kMaxArrayTypeBytes + 1, 't');
  EXPECT_EQ(code_of([&] { head.bytes(); }), ErrorCode::kInvalidArgument);
}

TEST(ArrayNode, WrongFieldsAreCorrupt) {
  const Buffer good = encode(some_head(), "abcdefghijkl");
  const auto with = [&](size_t at, uint64_t value, size_t size) {
    Buffer bad = good;
    std::memcpy(bad.data() + at, &value, size);
    return code_of([&] { const ArrayView view(bad); });
  };
  EXPECT_EQ(with(1, 4, 1), ErrorCode::kCorrupt);                // a library that is not
  EXPECT_EQ(with(2, 4, 1), ErrorCode::kCorrupt);                // a flag that is not
  EXPECT_EQ(with(2, kArrayTypeApart, 1), ErrorCode::kCorrupt);  // without chunks
  EXPECT_EQ(with(3, 65, 1), ErrorCode::kCorrupt);               // dimensions
  EXPECT_EQ(with(3, 64, 1), ErrorCode::kCorrupt);
  EXPECT_EQ(with(4, 3, 4), ErrorCode::kCorrupt);  // the data leaves the node
  EXPECT_EQ(with(8, 4, 4), ErrorCode::kCorrupt);  // the type does
  EXPECT_EQ(with(8, ~uint64_t{0}, 4), ErrorCode::kCorrupt);
  EXPECT_EQ(with(16, 3, 8), ErrorCode::kCorrupt);  // the shape's product
  EXPECT_EQ(with(16, ~uint64_t{0}, 8), ErrorCode::kCorrupt);
  EXPECT_EQ(with(16, uint64_t{1} << 63, 8), ErrorCode::kCorrupt);
  EXPECT_EQ(with(1, 0, 1), ErrorCode::kBusy);  // numpy: sound
}

// Each input is an allocation of its exact size, so that the sanitizers see a read behind it.
TEST(ArrayNode, MutatedBytesAreAnErrorOrADecodeThatStaysInside) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Buffer good = encode(some_head(), "abcdefghijkl");
  size_t decoded = 0;
  for (int round = 0; round < 20'000; ++round) {
    Buffer bytes = good;
    for (uint64_t flips = 1 + random() % 3; flips != 0; --flips) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    const std::unique_ptr<char[]> exact(new char[bytes.size()]);
    bytes.copy(exact.get(), bytes.size());
    try {
      const ArrayView view({exact.get(), bytes.size()});
      ASSERT_LE(view.node_size(), bytes.size());
      uint64_t sum = 0;
      for (const char c : view.data()) sum += static_cast<uint8_t>(c);
      for (const char c : view.type()) sum += static_cast<uint8_t>(c);
      for (size_t axis = 0; axis < view.dimensions(); ++axis) sum += view.length(axis);
      decoded += sum != 1;
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::kCorrupt);
    }
  }
  EXPECT_GT(decoded, 0);
}

}  // namespace
}  // namespace oocmap
