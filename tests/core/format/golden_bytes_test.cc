// Exact bytes of every construct of format version 1 (docs/format.md).
//
// Do not renumber, reorder or "correct" these: files on disk hold them. A change here needs a new
// format version and a reader for this one.
#include <gtest/gtest.h>

#include <cctype>
#include <cmath>
#include <limits>
#include <string>

#include "core/base/hash.h"
#include "core/format/chunk.h"
#include "core/format/entry.h"
#include "core/format/handle.h"
#include "core/format/immutable.h"
#include "core/format/key_encoding.h"
#include "core/format/meta.h"
#include "core/format/packed.h"
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

// Expected hex may hold spaces between its fields.
#define EXPECT_BYTES(bytes, expected) EXPECT_EQ(hex(bytes), without_spaces(expected))

std::string without_spaces(const char* text) {
  std::string out;
  for (; *text != '\0'; ++text) {
    if (*text != ' ') out += *text;
  }
  return out;
}

constexpr double kInf = std::numeric_limits<double>::infinity();

Member word_member(WordKind kind, uint64_t word = 0) { return {tag_of(kind), word}; }
Member int_member(int64_t value) {
  return word_member(WordKind::kInt, static_cast<uint64_t>(value));
}
Member text_member(Bytes text) {
  return {heap_tag(PayloadKind::kStr), 0, text.data(), static_cast<uint32_t>(text.size())};
}
Member inline_member(Bytes text) {
  return {inline_text_tag(text.size()), 0, text.data(), static_cast<uint32_t>(text.size())};
}
Member float_member(double value) {
  Member member = word_member(WordKind::kFloat);
  std::memcpy(&member.word, &value, sizeof value);
  return member;
}

// --- Numbers

TEST(GoldenBytes, StoredTags) {
  EXPECT_EQ(kStoredInt8, 0x05);
  EXPECT_EQ(kStoredInt16, 0x06);
  EXPECT_EQ(kStoredInt32, 0x07);
  EXPECT_EQ(kStoredFloat32, 0x08);
  EXPECT_EQ(kStoredLocal, 0x08);
}

TEST(GoldenBytes, TagsAndKinds) {
  EXPECT_EQ(tag_of(WordKind::kNone), 0x00);
  EXPECT_EQ(tag_of(WordKind::kFalse), 0x01);
  EXPECT_EQ(tag_of(WordKind::kTrue), 0x02);
  EXPECT_EQ(tag_of(WordKind::kInt), 0x03);
  EXPECT_EQ(tag_of(WordKind::kFloat), 0x04);
  EXPECT_EQ(tag_of(WordKind::kDict), 0x10);
  EXPECT_EQ(tag_of(WordKind::kList), 0x11);
  EXPECT_EQ(tag_of(WordKind::kTuple), 0x12);
  EXPECT_EQ(tag_of(WordKind::kSet), 0x13);
  EXPECT_EQ(tag_of(WordKind::kFrozenset), 0x14);
  EXPECT_EQ(tag_of(WordKind::kArray), 0x15);
  EXPECT_EQ(tag_of(WordKind::kRegistered), 0x16);
  EXPECT_EQ(heap_tag(PayloadKind::kStr), 0x40);
  EXPECT_EQ(heap_tag(PayloadKind::kWtf8), 0x41);
  EXPECT_EQ(heap_tag(PayloadKind::kBytes), 0x42);
  EXPECT_EQ(heap_tag(PayloadKind::kBigInt), 0x43);
  EXPECT_EQ(heap_tag(PayloadKind::kPacked), 0x50);
  EXPECT_EQ(immutable_tag(PayloadKind::kStr), 0x80);
  EXPECT_EQ(immutable_tag(PayloadKind::kShape), 0xbe);
  EXPECT_EQ(inline_text_tag(8), 0xc8);
  EXPECT_EQ(inline_bytes_tag(0), 0xd0);
  EXPECT_EQ(make_identity(0x123456, 0x789a), 0x123456789au);
}

TEST(GoldenBytes, OtherPayloadKinds) {
  EXPECT_EQ(static_cast<int>(PayloadKind::kComplex), 0x04);
  EXPECT_EQ(static_cast<int>(PayloadKind::kBytearray), 0x05);
  EXPECT_EQ(static_cast<int>(PayloadKind::kRange), 0x06);
  EXPECT_EQ(static_cast<int>(PayloadKind::kDatetime), 0x07);
  EXPECT_EQ(static_cast<int>(PayloadKind::kDate), 0x08);
  EXPECT_EQ(static_cast<int>(PayloadKind::kTime), 0x09);
  EXPECT_EQ(static_cast<int>(PayloadKind::kTimedelta), 0x0a);
  EXPECT_EQ(static_cast<int>(PayloadKind::kDecimal), 0x0b);
  EXPECT_EQ(static_cast<int>(PayloadKind::kFraction), 0x0c);
  EXPECT_EQ(static_cast<int>(PayloadKind::kUuid), 0x0d);
  EXPECT_EQ(static_cast<int>(PayloadKind::kNumpyScalar), 0x0e);
}

TEST(GoldenBytes, NodeKindsAndFlags) {
  EXPECT_EQ(static_cast<int>(NodeKind::kShapedDict), 1);
  EXPECT_EQ(static_cast<int>(NodeKind::kInlineDict), 2);
  EXPECT_EQ(static_cast<int>(NodeKind::kSpilledDict), 3);
  EXPECT_EQ(static_cast<int>(NodeKind::kList), 4);
  EXPECT_EQ(static_cast<int>(NodeKind::kTuple), 5);
  EXPECT_EQ(static_cast<int>(NodeKind::kSpilledList), 6);
  EXPECT_EQ(static_cast<int>(NodeKind::kSpilledTuple), 7);
  EXPECT_EQ(static_cast<int>(NodeKind::kSet), 8);
  EXPECT_EQ(static_cast<int>(NodeKind::kFrozenset), 9);
  EXPECT_EQ(static_cast<int>(NodeKind::kSpilledSet), 10);
  EXPECT_EQ(static_cast<int>(NodeKind::kArray), 11);
  EXPECT_EQ(static_cast<int>(NodeKind::kSpilledFrozenset), 12);
  EXPECT_EQ(static_cast<int>(NodeKind::kRegistered), 13);
  EXPECT_EQ(kEqualsItsValue, 1);
  EXPECT_EQ(kValueIsDict, 2);
  EXPECT_EQ(kOtherRegistered, 0x19);
  EXPECT_EQ(kRecordPinned, 1);
  EXPECT_EQ(kRecordImmutable, 2);
  EXPECT_EQ(kRecordShared, 4);
  EXPECT_EQ(kImmutableShared, 1);
  EXPECT_EQ(kImmutableIndexed, 2);
  EXPECT_EQ(kFeaturePathIndexes, 1u);
}

// --- Order bytes

TEST(GoldenBytes, IntKeys) {
  EXPECT_BYTES(Key::integer(0).order(), "1a");
  EXPECT_BYTES(Key::integer(1).order(), "1b 01");
  EXPECT_BYTES(Key::integer(255).order(), "1b ff");
  EXPECT_BYTES(Key::integer(256).order(), "1c 0100");
  EXPECT_BYTES(Key::integer(std::numeric_limits<int64_t>::max()).order(), "22 7fffffffffffffff");
  EXPECT_BYTES(Key::integer(-1).order(), "18 fe ff");
  EXPECT_BYTES(Key::integer(-256).order(), "17 feff ff");
  EXPECT_BYTES(Key::integer(std::numeric_limits<int64_t>::min()).order(), "11 7fffffffffffffff ff");
}

TEST(GoldenBytes, FloatKeys) {
  EXPECT_BYTES(Key::floating(1.0).order(), "1b 01");
  EXPECT_BYTES(Key::floating(-0.0).order(), "1a");
  EXPECT_BYTES(Key::floating(0.5).order(), "1a 3fe0000000000000");
  EXPECT_BYTES(Key::floating(1.5).order(), "1b 01 3fe0000000000000");
  EXPECT_BYTES(Key::floating(-0.5).order(), "19 fe c01fffffffffffff");
  EXPECT_BYTES(Key::floating(-1.5).order(), "18 fe fe c01fffffffffffff");
  EXPECT_BYTES(Key::floating(9223372036854775808.0).order(), "23 43e0000000000000");
  EXPECT_BYTES(Key::floating(-kInf).order(), "10 800fffffffffffff");
  EXPECT_BYTES(Key::floating(kInf).order(), "23 7ff0000000000000");
}

Buffer big_payload(bool negative) {  // 2**64 + 1
  Buffer payload(1, negative ? '\1' : '\0');
  return payload.append("\1\0\0\0\0\0\0\0\1", 9);
}

TEST(GoldenBytes, OtherKeys) {
  EXPECT_BYTES(Key::text("ab").order(), "30 6162");
  EXPECT_BYTES(Key::text(Bytes("\0", 1)).order(), "30 00");
  EXPECT_BYTES(Key::payload(PayloadKind::kBytes, "\xff").order(), "40 ff");
  EXPECT_BYTES(Key::none().order(), "50 01");
  EXPECT_BYTES(Key::payload(PayloadKind::kBigInt, big_payload(true)).order(),
               "50 02 f6 feffffffffffffff fe");
  EXPECT_BYTES(Key::payload(PayloadKind::kBigInt, big_payload(false)).order(),
               "50 03 09 0100000000000000 01");
  EXPECT_BYTES(Key::payload(PayloadKind::kWtf8, "\xed\xa0\x80").order(), "50 04 eda080 00");
}

TEST(GoldenBytes, TupleKeys) {
  Buffer packed;
  pack_tuple(packed, 0);
  EXPECT_BYTES(Key::packed(packed).order(), "50 08 00");
  packed.clear();
  pack_tuple(packed, 7);
  pack_int(packed, 1);
  pack_int(packed, -1);
  pack_float(packed, 1.5);
  pack_float(packed, kInf);
  pack_payload(packed, PayloadKind::kStr, Bytes("a\0b", 3));
  pack_payload(packed, PayloadKind::kBytes, "c");
  pack_tuple(packed, 1);
  pack_none(packed);
  EXPECT_BYTES(packed,
               "12 07  03 0100000000000000  03 ffffffffffffffff  04 000000000000f83f"
               "04 000000000000f07f  40 03 610062  42 01 63  12 01 00");
  EXPECT_BYTES(Key::packed(packed).order(),
               "50 08  1b 01 00  18 fe ff  1b 01 01 3fe0000000000000  23 7ff0000000000000"
               "30 61 00ff 62 00  40 63 00  50 08 50 01 00  00");
}

TEST(GoldenBytes, FrozensetKeys) {
  std::vector<Buffer> members;
  Buffer packed;
  pack_frozenset(packed, members);
  EXPECT_BYTES(packed, "14 00");
  EXPECT_BYTES(Key::packed(packed).order(), "50 10 00");

  // {"a", 2, frozenset({None})}: numbers before text before others, whatever order they came in.
  Buffer inner;
  pack_none(members.emplace_back());
  pack_frozenset(inner, members);
  members = {inner};
  pack_payload(members.emplace_back(), PayloadKind::kStr, "a");
  pack_int(members.emplace_back(), 2);
  packed.clear();
  pack_frozenset(packed, members);
  EXPECT_BYTES(packed, "14 03  03 0200000000000000  40 01 61  14 01 00");
  const Key key = Key::packed(packed);
  EXPECT_BYTES(key.order(), "50 10  1b 02 00  30 61 00  50 10 50 01 00  00");
  EXPECT_EQ(key.form(), KeyForm::kCanonical);
  EXPECT_EQ(key.pack(), packed);
}

TEST(GoldenBytes, KeyForms) {
  EXPECT_EQ(static_cast<int>(KeyForm::kCanonical), 0);
  EXPECT_EQ(static_cast<int>(KeyForm::kBool), 1);
  EXPECT_EQ(static_cast<int>(KeyForm::kFloat), 2);
  EXPECT_EQ(static_cast<int>(KeyForm::kExplicit), 3);
  EXPECT_EQ(Key::floating(1.5).form(), KeyForm::kCanonical);
  EXPECT_EQ(Key::floating(kInf).form(), KeyForm::kCanonical);
  EXPECT_EQ(Key::floating(2).form(), KeyForm::kFloat);
}

// --- Packed values

TEST(GoldenBytes, PackedScalars) {
  Buffer packed;
  pack_none(packed);
  pack_bool(packed, false);
  pack_bool(packed, true);
  pack_int(packed, -2);
  pack_float(packed, -0.0);
  pack_payload(packed, PayloadKind::kStr, "");
  pack_payload(packed, PayloadKind::kWtf8, "\xed\xa0\x80");
  pack_payload(packed, PayloadKind::kBigInt, big_payload(true));
  EXPECT_BYTES(packed,
               "00  01  02  03 feffffffffffffff  04 0000000000000080  40 00  41 03 eda080"
               "43 0a 01 0100000000000000 01");
}

TEST(GoldenBytes, LongPackedText) {
  Buffer packed;
  pack_payload(packed, PayloadKind::kStr, std::string(300, 'x'));
  EXPECT_BYTES(Bytes(packed).substr(0, 4), "40 f13c 78");
}

// --- Nodes and records

TEST(GoldenBytes, ListOfOneTag) {
  NodeBuilder builder;
  builder.reset(NodeKind::kList);
  builder.add(float_member(1.5));
  builder.add(float_member(-0.0));
  Buffer node;
  builder.encode(node);
  EXPECT_BYTES(node, "04 08 0200  0000c03f 00000080");
  builder.add(float_member(0.1));  // not a float32
  node.clear();
  builder.encode(node);
  EXPECT_BYTES(node, "04 ff 0300  08 08 04  0000c03f 00000080 9a9999999999b93f  00");
}

TEST(GoldenBytes, EmptyContainers) {
  Buffer list, tuple, dict;
  NodeBuilder builder;
  builder.reset(NodeKind::kList);
  builder.encode(list);
  builder.reset(NodeKind::kTuple);
  builder.encode(tuple);
  builder.reset(NodeKind::kInlineDict);
  builder.encode(dict);
  EXPECT_BYTES(list, "04 ff 0000");
  EXPECT_BYTES(tuple, "05 ff 0000");
  EXPECT_BYTES(dict, "02 ff 0000 0000 0000");
}

TEST(GoldenBytes, MixedTuple) {
  NodeBuilder builder;
  builder.reset(NodeKind::kTuple);
  builder.add(word_member(WordKind::kNone));
  builder.add(inline_member("seven"));
  builder.add(text_member("nine byte"));
  builder.add({immutable_tag(PayloadKind::kStr), 0x1234});
  builder.add(word_member(WordKind::kList, make_identity(0, 2)));
  builder.add(word_member(WordKind::kDict, make_identity(9, 1)));
  Buffer node;
  builder.encode(node);
  EXPECT_BYTES(node,
               "85 ff 0600 1700"
               "00 c5 40 80 19 10"
               "736576656e 0900 341200000000 0200 0100090000000000"
               "6e696e652062797465");
}

TEST(GoldenBytes, ShapedDict) {
  NodeBuilder builder;
  builder.reset(NodeKind::kShapedDict);
  builder.set_shape(0x0a0b);
  builder.add(int_member(-1));
  builder.add(word_member(WordKind::kTrue));
  Buffer node;
  builder.encode(node);
  EXPECT_BYTES(node, "01 ff 0200  0b0a00000000  05 02  ff  00");
}

TEST(GoldenBytes, InlineDict) {
  NodeBuilder builder;
  builder.reset(NodeKind::kInlineDict);
  builder.add_key(inline_member("k"));
  builder.add(text_member("valuevalue"));
  builder.add_key(int_member(7));
  builder.add(text_member("v"));
  Buffer node;
  builder.encode(node);
  EXPECT_BYTES(node,
               "82 40 0200 0200 0000 0600"
               "c1 05  6b 07  0a00 0100"
               "76616c756576616c7565 76 00");
}

TEST(GoldenBytes, Sets) {
  NodeBuilder builder;
  Buffer node;
  for (const auto& [kind, bytes] :
       {std::pair(NodeKind::kSet, "88 00 0200 0300 0500 0300  05 40  07 0500  68656c6c6f"),
        std::pair(NodeKind::kFrozenset, "89 00 0200 0300 0500 0300  05 40  07 0500  68656c6c6f")}) {
    builder.reset(kind);
    builder.add_key(int_member(7));
    builder.add({tag_of(WordKind::kNone)});
    builder.add_key(text_member("hello"));
    builder.add({tag_of(WordKind::kNone)});
    node.clear();
    builder.encode(node);
    EXPECT_BYTES(node, bytes);
  }
  builder.reset(NodeKind::kFrozenset);
  node.clear();
  builder.encode(node);
  EXPECT_BYTES(node, "09 ff 0000 0000 0000");
}

TEST(GoldenBytes, SpilledNodes) {
  EXPECT_BYTES(encode_spilled_dict(0x0102, 0x0304), "03 00 0000 0201000000000000 0403000000000000");
  EXPECT_BYTES(encode_spilled_dict(1, 2, NodeKind::kSpilledSet),
               "0a 00 0000 0100000000000000 0200000000000000");
  EXPECT_BYTES(encode_spilled_dict(1, 2, NodeKind::kSpilledFrozenset),
               "0c 00 0000 0100000000000000 0200000000000000");
  EXPECT_BYTES(encode_spilled_list(NodeKind::kSpilledList, 2, 1000, 5, 9),
               "06 00 0200 e803000000000000 0500000000000000 0900000000000000");
}

TEST(GoldenBytes, Record) {
  NodeBuilder builder;
  RecordEditor editor;
  for (const int64_t value : {7, 8, 9}) {
    builder.reset(NodeKind::kList);
    builder.add(int_member(value));
    Buffer node;
    builder.encode(node);
    editor.add(node);
  }
  editor.kill(1);
  editor.set_flags(kRecordPinned);
  EXPECT_BYTES(editor.finish(),
               "0100 0300"
               "04 05 0100 07 00"
               "04 05 0100 09 00"
               "0200 0000 0500");
}

// --- Entries

TEST(GoldenBytes, EntryKeys) {
  const Identity container = make_identity(300, 1);
  EXPECT_BYTES(entry_prefix(container), "f13c 01");
  EXPECT_BYTES(entry_key(container, Key::text("k").order()), "f13c 01 30 6b");
  EXPECT_BYTES(order_key(container, 70'000), "f13c 01 fa011170");
  EXPECT_BYTES(chunk_key(container, 2), "f13c 01 02");
}

TEST(GoldenBytes, LongEntryKey) {
  const Key key = Key::text(std::string(500, 'x'));
  const Buffer lmdb = entry_key(make_identity(1, 0), key.order(), 3);
  ASSERT_EQ(lmdb.size(), 2 + 440 + 16 + 1u);
  EXPECT_BYTES(Bytes(lmdb).substr(0, 4), "01 00 30 78");
  const auto hash = hash128(key.order());
  EXPECT_EQ(hex(Bytes(lmdb).substr(442, 16)), hex({hash.data(), hash.size()}));
  EXPECT_BYTES(Bytes(lmdb).substr(442), "b52d91eeaa5e605c19ac933e16f2a379 03");
}

TEST(GoldenBytes, Entries) {
  const Key key = Key::integer(5);
  const auto entry = [&](const Member& member) { return encode_entry(241, key, member); };
  EXPECT_BYTES(entry(word_member(WordKind::kNone)), "f101 00 00");
  EXPECT_BYTES(entry(word_member(WordKind::kTrue)), "f101 00 02");
  EXPECT_BYTES(entry(int_member(0)), "f101 00 03");
  EXPECT_BYTES(entry(int_member(127)), "f101 00 03 7f");
  EXPECT_BYTES(entry(int_member(128)), "f101 00 03 8000");
  EXPECT_BYTES(entry(int_member(-1)), "f101 00 03 ff");
  EXPECT_BYTES(entry(int_member(-129)), "f101 00 03 7fff");
  EXPECT_BYTES(entry(float_member(1.5)), "f101 00 04 000000000000f83f");
  EXPECT_BYTES(entry(inline_member("abc")), "f101 00 c3 616263");
  EXPECT_BYTES(entry(text_member("abc")), "f101 00 40 616263");
  EXPECT_BYTES(entry({immutable_tag(PayloadKind::kStr), 0x0100}), "f101 00 80 0001");
  EXPECT_BYTES(entry(word_member(WordKind::kDict, make_identity(2, 1))), "f101 00 10 010002");
}

TEST(GoldenBytes, EntryForms) {
  const Member none = word_member(WordKind::kNone);
  EXPECT_BYTES(encode_entry(1, Key::boolean(true), none), "01 01 00");
  EXPECT_BYTES(encode_entry(1, Key::floating(2), none), "01 02 00");
  EXPECT_BYTES(encode_entry(1, Key::floating(-0.0), none), "01 03 09 04 0000000000000080 00");
  const Buffer longer = encode_entry(1, Key::text(std::string(500, 'x')), none);
  EXPECT_BYTES(Bytes(longer).substr(0, 6), "01 80 f205 30 78");
  EXPECT_EQ(longer.size(), 2 + 2 + 501 + 1u);
}

TEST(GoldenBytes, OrderEntries) {
  EXPECT_BYTES(encode_order_entry(Key::text("k"), int_member(3)), "00 02 306b 03 03");
  EXPECT_BYTES(encode_order_entry(Key::floating(-0.0), int_member(3)),
               "03 01 1a 09 04 0000000000000080 03 03");
}

// --- Chunks

TEST(GoldenBytes, Chunks) {
  NodeBuilder builder;
  builder.reset(NodeKind::kList);
  builder.add(int_member(1));
  builder.add(int_member(2));
  EXPECT_BYTES(encode_leaf(builder), "01 05 0200 01 02");
  builder.add(text_member("t"));
  EXPECT_BYTES(encode_leaf(builder), "81 ff 0300 0400 05 05 40 01 02 0100 74");
  EXPECT_BYTES(encode_inner({{{5, 400}, {6, 300}}}),
               "02 00 0200 0500000000000000 9001000000000000 0600000000000000 2c01000000000000");
}

// --- Immutables, meta, handles

TEST(GoldenBytes, Immutables) {
  EXPECT_BYTES(encode_immutable(kImmutableShared | kImmutableIndexed, PayloadKind::kBytes, "ab"),
               "03 02 6162");
  EXPECT_BYTES(index_key(0x0102030405060708, IndexSpace::kRecords, 300),
               "0102030405060708 01 f13c");
  Buffer shape;
  append_shape_head(shape, 2);
  pack_payload(shape, PayloadKind::kStr, "id");
  pack_int(shape, 1);
  EXPECT_BYTES(encode_immutable(0, PayloadKind::kShape, shape),
               "00 3e 02 40 02 6964 03 0100000000000000");
}

TEST(GoldenBytes, Hashes) {
  EXPECT_EQ(payload_hash(PayloadKind::kStr, "oocmap"), hash64("oocmap", 0));
  EXPECT_EQ(payload_hash(PayloadKind::kBytes, "oocmap"), hash64("oocmap", 2));
  EXPECT_EQ(record_hash("??oocmap"), hash64("oocmap", 0x100));
  EXPECT_EQ(hash64("", 0), 0x2d06800538d394c2u);  // XXH3's published value
  EXPECT_EQ(hash64("oocmap", 0), 0x1cc97f995faa076bu);
}

TEST(GoldenBytes, Meta) {
  EXPECT_EQ(kMetaFormatVersion, "format_version");
  EXPECT_EQ(kMetaFlags, "flags");
  EXPECT_EQ(kMetaStoreId, "store_id");
  EXPECT_EQ(kMetaNextRecord, "next_record");
  EXPECT_EQ(kMetaNextImmutable, "next_immutable");
  EXPECT_EQ(kMetaDurability, "durability");
  EXPECT_EQ(kMetaRoot, "root");
  EXPECT_BYTES(encode_format_version(), "01000000");
  EXPECT_BYTES(encode_meta_u64(kRootIdentity), "0000010000000000");
  EXPECT_BYTES(encode_meta_u8(2), "02");
}

TEST(GoldenBytes, Handles) {
  Handle handle;
  handle.store_id = 0x1122334455667788;
  handle.tag = tag_of(WordKind::kList);
  handle.identity = make_identity(3, 2);
  EXPECT_BYTES(encode_handle(handle), "cf4f4d 01 00 8877665544332211 11 0200030000000000");
  handle.kind = HandleKind::kUncommitted;
  handle.nonce = 1;
  handle.birth = 2;
  EXPECT_BYTES(
      encode_handle(handle),
      "cf4f4d 01 02 8877665544332211 11 0200030000000000 0100000000000000 0200000000000000");
  handle.kind = HandleKind::kScalar;
  Buffer packed;
  pack_payload(packed, PayloadKind::kStr, "s");
  handle.packed = packed;
  EXPECT_BYTES(encode_handle(handle), "cf4f4d 01 01 8877665544332211 40 01 73");
}

TEST(GoldenBytes, KeyBlobs) {
  EXPECT_BYTES(encode_key_blob(Key::none()), "cf4f4b 01 50 01");
  EXPECT_BYTES(encode_key_blob(Key::boolean(true)), "cf4f4b 01 1b 01 00 02");
  EXPECT_BYTES(encode_key_blob(Key::payload(PayloadKind::kWtf8, "\xed\xa0\x80")),
               "cf4f4b 01 50 04 eda080 00");
}

}  // namespace
}  // namespace oocmap
