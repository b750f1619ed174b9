// Entries, chunks, immutables, shapes, packed values, meta rows and handles: what goes in comes
// out, and what cannot be stored is refused.
#include "core/format/entry.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/format/chunk.h"
#include "core/format/handle.h"
#include "core/format/immutable.h"
#include "core/format/meta.h"

namespace oocmap {
namespace {

void expect_code(ErrorCode code, const std::function<void()>& call) {
  try {
    call();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
  }
}

Member int_member(int64_t value) { return {tag_of(WordKind::kInt), static_cast<uint64_t>(value)}; }

Member text_member(Tag tag, Bytes text) {
  return {tag, 0, text.data(), static_cast<uint32_t>(text.size())};
}

std::vector<Member> some_members() {
  std::vector<Member> members = {
      {tag_of(WordKind::kNone), 0},
      {tag_of(WordKind::kFalse), 0},
      {tag_of(WordKind::kTrue), 0},
      {tag_of(WordKind::kFloat), 0x8000'0000'0000'0000},
      {tag_of(WordKind::kDict), make_identity(1, 0)},
      {tag_of(WordKind::kTuple), make_identity((uint64_t{1} << 48) - 1, 65'534)},
      {immutable_tag(PayloadKind::kStr), 1},
      {immutable_tag(PayloadKind::kBigInt), uint64_t{1} << 40},
      text_member(heap_tag(PayloadKind::kStr), ""),
      text_member(heap_tag(PayloadKind::kBytes), "payload of some length"),
      text_member(inline_text_tag(3), "abc"),
      text_member(inline_bytes_tag(0), "")};
  for (int shift = 0; shift < 64; ++shift) {
    for (const int64_t delta : {-1, 0, 1}) {
      const auto value =
          static_cast<int64_t>((uint64_t{1} << shift) + static_cast<uint64_t>(delta));
      members.push_back(int_member(value));
      members.push_back(int_member(static_cast<int64_t>(0 - static_cast<uint64_t>(value))));
    }
  }
  return members;
}

std::vector<Key> some_keys() {
  Buffer tuple;
  pack_tuple(tuple, 2);
  pack_bool(tuple, true);
  pack_payload(tuple, PayloadKind::kStr, std::string(600, 't'));
  return {Key::none(),
          Key::boolean(true),
          Key::integer(-7),
          Key::floating(2.0),
          Key::floating(-0.0),
          Key::text("key"),
          Key::packed(tuple),
          Key::text(std::string(439, 'x')),
          Key::text(std::string(440, 'x')),
          Key::text(std::string(5'000, 'x'))};
}

void expect_same(const Member& actual, const Member& expected) {
  EXPECT_EQ(actual.tag, expected.tag);
  EXPECT_EQ(actual.payload(), expected.payload());
  if (!expected.has_payload()) {
    EXPECT_EQ(actual.word, expected.word);
  }
}

TEST(Entry, EveryMemberUnderEveryKeyComesBack) {
  for (const Key& key : some_keys()) {
    Buffer lmdb = entry_key(make_identity(4, 2), key.order());
    Bytes order_part = lmdb;
    read_container(order_part);
    for (const Member& member : some_members()) {
      const Buffer value = encode_entry(70'000, key, member);
      const Entry entry = decode_entry(value);
      EXPECT_EQ(entry.sequence, 70'000u);
      EXPECT_EQ(decode_entry_sequence(value), 70'000u);
      EXPECT_EQ(entry_key_of(order_part, entry).pack(), key.pack());
      expect_same(entry.member, member);
      expect_same(decode_entry_member(value), member);

      const Buffer order_value = encode_order_entry(key, member);
      const Entry order_entry = decode_order_entry(order_value);
      EXPECT_EQ(order_entry.order, key.order());
      EXPECT_EQ(
          Key::stored(order_entry.order, order_entry.form, order_entry.explicit_packed).pack(),
          key.pack());
      expect_same(order_entry.member, member);
      expect_same(decode_order_entry_member(order_value), member);
    }
  }
}

TEST(Entry, InlineTextMayComeFromItsWord) {
  Member member{inline_text_tag(3), 0};
  std::memcpy(&member.word, "abc", 3);
  EXPECT_EQ(decode_entry(encode_entry(1, Key::none(), member)).member.payload(), "abc");
  NodeBuilder builder;
  builder.reset(NodeKind::kList);
  builder.add(member);
  EXPECT_EQ(builder.at(0).payload(), "abc");
}

TEST(Entry, AReferenceToItsOwnRecordIsRefused) {
  const Member local{tag_of(WordKind::kList), make_identity(0, 3)};
  expect_code(ErrorCode::kInvalidArgument, [&] { encode_entry(1, Key::none(), local); });
  NodeBuilder builder;
  builder.reset(NodeKind::kList);
  builder.add(local);
  expect_code(ErrorCode::kInvalidArgument, [&] { encode_leaf(builder); });
}

TEST(Chunk, LeavesAndInnerNodesComeBack) {
  NodeBuilder builder;
  builder.reset(NodeKind::kList);
  for (const Member& member : some_members()) builder.add(member);
  const Buffer leaf = encode_leaf(builder);
  EXPECT_TRUE(is_leaf_chunk(leaf));
  const Identity container = make_identity(5, 6);
  const NodeView view = leaf_view(leaf, container);
  EXPECT_EQ(view.identity(), container);
  ASSERT_EQ(view.count(), some_members().size());
  for (size_t i = 0; i < view.count(); ++i) expect_same(view.member(i), some_members()[i]);

  InnerChunk inner;
  for (uint64_t i = 0; i < kChunkFanOut; ++i) inner.children.emplace_back(i * 7, i + 1);
  const Buffer encoded = encode_inner(inner);
  EXPECT_FALSE(is_leaf_chunk(encoded));
  EXPECT_EQ(decode_inner(encoded).children, inner.children);
  expect_code(ErrorCode::kCorrupt, [&] { decode_inner(leaf); });
  expect_code(ErrorCode::kCorrupt, [&] { leaf_view(encoded, container); });
}

TEST(Immutables, RowsAndIndexKeysComeBack) {
  const Buffer row = encode_immutable(kImmutableIndexed, PayloadKind::kShape, "payload");
  const Immutable immutable = decode_immutable(row);
  EXPECT_EQ(immutable.flags, kImmutableIndexed);
  EXPECT_EQ(immutable.kind, PayloadKind::kShape);
  EXPECT_EQ(immutable.payload, "payload");
  for (const uint64_t id : {uint64_t{0}, uint64_t{300}, ~uint64_t{0}}) {
    const Buffer key = index_key(42, IndexSpace::kRecords, id);
    EXPECT_EQ(index_id(key), id);
    EXPECT_TRUE(key.starts_with(index_prefix(42, IndexSpace::kRecords)));
    EXPECT_FALSE(key.starts_with(index_prefix(42, IndexSpace::kImmutables)));
  }
  expect_code(ErrorCode::kCorrupt, [] { decode_immutable("x"); });
  expect_code(ErrorCode::kCorrupt, [] { index_id("123456789"); });
}

TEST(Immutables, RecordsAreComparedWithoutTheirFlags) {
  EXPECT_TRUE(same_content("AAcontent", "BBcontent"));
  EXPECT_FALSE(same_content("AAcontent", "AAcontenT"));
  EXPECT_EQ(record_hash("AAcontent"), record_hash("BBcontent"));
}

TEST(Shape, KeysComeBackInOrder) {
  Buffer payload;
  append_shape_head(payload, 3);
  std::vector<Buffer> keys;
  for (const Key& key : {Key::text("b"), Key::integer(1), Key::text("a")}) {
    keys.push_back(key.pack());
    payload += keys.back();
  }
  const std::vector<Bytes> decoded = decode_shape(payload);
  ASSERT_EQ(decoded.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(decoded[i], keys[i]);
  expect_code(ErrorCode::kCorrupt, [&] { decode_shape(payload + "x"); });
  expect_code(ErrorCode::kCorrupt,
              [&] { decode_shape(Bytes(payload).substr(0, payload.size() - 1)); });
}

TEST(Packed, SkippingTakesExactlyOneValue) {
  for (const Key& key : some_keys()) {
    const Buffer packed = key.pack() + "tail";
    Bytes rest = packed;
    skip_packed(rest);
    EXPECT_EQ(rest, "tail");
  }
}

TEST(Packed, ATupleWithMoreMembersThanBytesIsRefused) {
  Buffer packed;
  pack_tuple(packed, ~uint64_t{0});
  Bytes rest = packed;
  expect_code(ErrorCode::kCorrupt, [&] { skip_packed(rest); });
}

TEST(Meta, RowsComeBack) {
  EXPECT_EQ(decode_format_version(encode_format_version()), kFormatVersion);
  EXPECT_EQ(decode_meta_u64(kMetaNextRecord, encode_meta_u64(77)), 77u);
  EXPECT_EQ(decode_meta_u8(kMetaDurability, encode_meta_u8(2)), 2);
  EXPECT_EQ(decode_features(encode_meta_u64(0)), 0u);
  const Buffer id = "0123456789abcdef";
  EXPECT_EQ(short_store_id(decode_store_id(id)), load_le<uint64_t>(id.data()));
}

TEST(Meta, ANewerVersionAndAnUnknownFeatureAreNamed) {
  Buffer newer;
  append_le(newer, kFormatVersion + 1);
  expect_code(ErrorCode::kFormatVersion, [&] { decode_format_version(newer); });
  expect_code(ErrorCode::kFormatVersion,
              [] { decode_features(encode_meta_u64(kFeaturePathIndexes)); });
  expect_code(ErrorCode::kCorrupt, [] { decode_format_version("123"); });
  expect_code(ErrorCode::kCorrupt, [] { decode_format_version(Bytes("\0\0\0\0", 4)); });
  try {
    decode_meta_u64(kMetaRoot, "short");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(),
              "corrupt bytes in the store: meta row \"root\" has 5 bytes, expected 8");
  }
}

TEST(HandleBytes, ComeBack) {
  Handle handle;
  handle.store_id = 77;
  handle.tag = tag_of(WordKind::kDict);
  handle.identity = make_identity(9, 8);
  for (const HandleKind kind : {HandleKind::kContainer, HandleKind::kUncommitted}) {
    handle.kind = kind;
    handle.nonce = kind == HandleKind::kUncommitted ? 5 : 0;
    const Buffer bytes = encode_handle(handle);
    EXPECT_TRUE(is_handle(bytes));
    EXPECT_FALSE(is_key_blob(bytes));
    const Handle back = decode_handle(bytes);
    EXPECT_EQ(back.kind, kind);
    EXPECT_EQ(back.store_id, 77u);
    EXPECT_EQ(back.tag, handle.tag);
    EXPECT_EQ(back.identity, handle.identity);
    EXPECT_EQ(back.nonce, handle.nonce);
    expect_code(ErrorCode::kCorrupt, [&] { decode_handle(bytes + "x"); });
  }
  Buffer packed;
  pack_int(packed, 5);
  handle.kind = HandleKind::kScalar;
  handle.packed = packed;
  const Buffer scalar = encode_handle(handle);
  EXPECT_EQ(decode_handle(scalar).packed, packed);
}

TEST(HandleBytes, AnotherVersionIsStaleNotCorrupt) {
  Buffer bytes =
      encode_handle({HandleKind::kContainer, 1, tag_of(WordKind::kDict), make_identity(1, 0)});
  bytes[3] = 2;
  expect_code(ErrorCode::kStaleHandle, [&] { decode_handle(bytes); });
}

TEST(KeyBlob, EveryKeyComesBackAsFirstWritten) {
  for (const Key& key : some_keys()) {
    const Buffer blob = encode_key_blob(key);
    EXPECT_TRUE(is_key_blob(blob));
    const Key back = decode_key_blob(blob);
    EXPECT_EQ(back, key);
    EXPECT_EQ(back.pack(), key.pack());
  }
  expect_code(ErrorCode::kInvalidArgument, [] { decode_key_blob("no"); });
  expect_code(ErrorCode::kInvalidArgument, [] { decode_key_blob("\xcfOK\x02"); });
  // Two halves that are different keys.
  Buffer blob = encode_key_blob(Key::integer(1));
  pack_bool(blob, false);
  expect_code(ErrorCode::kInvalidArgument, [&] { decode_key_blob(blob); });
}

}  // namespace
}  // namespace oocmap
