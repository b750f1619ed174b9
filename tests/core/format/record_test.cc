// Nodes and records: what goes in comes out, slots keep their numbers, edits leave no trace.
#include "core/format/record.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "tests/core/format/owned_member.h"

namespace oocmap {
namespace {

Owned random_member(std::mt19937_64& random, uint64_t record) {
  switch (random() % 7) {
    case 0:
      return {tag_of(WordKind::kNone), 0, {}};
    case 1:
      return {tag_of(WordKind::kInt), random(), {}};
    case 2:
      return {tag_of(WordKind::kFloat), random(), {}};
    case 3:
      return {tag_of(WordKind::kList), make_identity(random() % 2 ? record : 99, 5), {}};
    case 4: {
      const std::string text(random() % 9, 'i');
      return {random() % 2 ? inline_text_tag(text.size()) : inline_bytes_tag(text.size()), 0, text};
    }
    case 5:
      return {heap_tag(PayloadKind::kStr), 0, std::string(random() % 40, 'h')};
    default:
      return {immutable_tag(PayloadKind::kBytes), random() >> 20, {}};
  }
}

std::vector<Owned> members_of(const NodeView& view) {
  std::vector<Owned> out;
  for (size_t i = 0; i < view.count(); ++i) out.push_back(own(view.member(i)));
  return out;
}

std::vector<Owned> keys_of(const NodeView& view) {
  std::vector<Owned> out;
  for (size_t i = 0; i < view.count(); ++i) out.push_back(own(view.key(i)));
  return out;
}

Buffer encode(const NodeBuilder& builder) {
  Buffer out;
  builder.encode(out);
  EXPECT_EQ(out.size(), builder.encoded_size());
  return out;
}

Buffer list_of(std::initializer_list<int64_t> values) {
  NodeBuilder builder;
  builder.reset(NodeKind::kList);
  for (const int64_t value : values)
    builder.add({tag_of(WordKind::kInt), static_cast<uint64_t>(value)});
  return encode(builder);
}

TEST(Node, RandomEditsGiveWhatAVectorGives) {
  std::mt19937_64 random(31);
  constexpr uint64_t kRecord = 12;
  for (int round = 0; round < 300; ++round) {
    const bool keyed = round % 2 == 0;
    std::vector<Owned> members, keys;
    NodeBuilder builder;
    builder.reset(keyed ? NodeKind::kInlineDict : NodeKind::kList);
    for (int step = 0; step < 30; ++step) {
      const Owned member = random_member(random, kRecord);
      const size_t at = members.empty() ? 0 : random() % members.size();
      switch (random() % 5) {
        case 0:
        case 1:
          builder.add(member.member());
          members.push_back(member);
          if (keyed) keys.push_back({heap_tag(PayloadKind::kStr), 0, "key" + std::to_string(step)});
          if (keyed) builder.add_key(keys.back().member());
          break;
        case 2:
          if (members.empty()) break;
          builder.set(at, member.member());
          members[at] = member;
          break;
        case 3:
          if (members.empty()) break;
          builder.erase(at);
          members.erase(members.begin() + static_cast<std::ptrdiff_t>(at));
          if (keyed) keys.erase(keys.begin() + static_cast<std::ptrdiff_t>(at));
          break;
        default:
          if (keyed) break;
          builder.insert(at, member.member());
          members.insert(members.begin() + static_cast<std::ptrdiff_t>(at), member);
      }
      const Buffer node = encode(builder);
      const NodeView view = NodeView::parse(node, make_identity(kRecord, 0), kRecord);
      ASSERT_EQ(members_of(view), members);
      if (keyed) {
        ASSERT_EQ(keys_of(view), keys);
      }
      if (random() % 4 == 0) builder.load(view);
      ASSERT_EQ(builder.count(), members.size());
    }
  }
}

TEST(Node, LoadedAndEncodedAgainItIsTheSameBytes) {
  std::mt19937_64 random(32);
  for (int round = 0; round < 200; ++round) {
    NodeBuilder builder;
    builder.reset(NodeKind::kShapedDict);
    builder.set_shape(random());
    for (size_t n = random() % 50; n > 0; --n) builder.add(random_member(random, 0).member());
    const Buffer node = encode(builder);
    NodeBuilder again;
    again.load(NodeView::parse(node, make_identity(7, 3), 7));
    ASSERT_EQ(encode(again), node);
  }
}

TEST(Node, ReferencesOfItsOwnRecordAreLocalOnDiskAndAbsoluteWhenRead) {
  NodeBuilder builder;
  builder.reset(NodeKind::kList);
  builder.add({tag_of(WordKind::kDict), make_identity(0, 4)});
  builder.add({tag_of(WordKind::kDict), make_identity(8, 4)});
  const Buffer node = encode(builder);
  const NodeView view = NodeView::parse(node, make_identity(7, 0), 7);
  EXPECT_EQ(view.member(0).word, make_identity(7, 4));
  EXPECT_EQ(view.member(1).word, make_identity(8, 4));
  builder.load(view);
  EXPECT_EQ(builder.at(0).word, make_identity(0, 4));
  builder.make_absolute(7);
  EXPECT_EQ(builder.at(0).word, make_identity(7, 4));
  EXPECT_EQ(builder.at(1).word, make_identity(8, 4));
}

TEST(Node, NumbersTakeTheBytesTheyNeed) {
  EXPECT_EQ(list_of({1, 2, 3}).size(), kNodeHeader + 3 + 1);  // padded
  EXPECT_EQ(list_of({1, 2, 300}).size(), kNodeHeader + 6);
  EXPECT_EQ(list_of({1, 2, 70'000}).size(), kNodeHeader + 3 + 1 + 1 + 4 + 1);  // a tag each is less
  EXPECT_EQ(list_of({1, 80'000, 70'000}).size(), kNodeHeader + 12);
  EXPECT_EQ(list_of({int64_t{1} << 40, 2}).size(), kNodeHeader + 2 + 8 + 1 + 1);
  EXPECT_EQ(static_cast<uint8_t>(list_of({1, 2, 300})[1]), kStoredInt16);
}

TEST(Node, EveryWidthComesBackWithItsSign) {
  for (const int64_t value :
       {int64_t{-1}, int64_t{-128}, int64_t{-129}, int64_t{127}, int64_t{128}, int64_t{-32768},
        int64_t{-32769}, int64_t{INT32_MIN}, int64_t{INT32_MIN} - 1, INT64_MIN, INT64_MAX}) {
    const Buffer node = list_of({value, 5, 5, 5, 5, 5, 5, 5, 5, 5});
    EXPECT_EQ(NodeView::parse(node, 0, 0).member(0).as_int(), value);
    EXPECT_EQ(NodeView::parse(node, 0, 0).member(9).as_int(), 5);
  }
}

TEST(Node, FloatsKeepTheirBits) {
  for (const uint64_t bits : std::initializer_list<uint64_t>{
           0x0000000000000000u, 0x8000000000000000u, 0x3ff8000000000000u, 0x3fb999999999999au,
           0x7ff0000000000000u, 0x7ff8000000000000u, 0x7ff8000000000001u, 0xfff4000000000000u,
           0x7fefffffffffffffu, 0x0000000000000001u, 0x36a0000000000000u}) {
    NodeBuilder builder;
    builder.reset(NodeKind::kList);
    builder.add({tag_of(WordKind::kFloat), bits});
    builder.add({tag_of(WordKind::kNone), 0});
    const Buffer node = encode(builder);
    EXPECT_EQ(NodeView::parse(node, 0, 0).member(0).word, bits);
    EXPECT_EQ(NodeView::parse(node, 0, 0).member(0).tag, tag_of(WordKind::kFloat));
  }
}

TEST(Node, AMemberSetFromItselfKeepsItsText) {
  NodeBuilder builder;
  builder.reset(NodeKind::kList);
  builder.add({heap_tag(PayloadKind::kStr), 0, "a rather long string", 20});
  for (int i = 0; i < 10; ++i) builder.set(0, builder.at(0));
  EXPECT_EQ(builder.at(0).payload(), "a rather long string");
  EXPECT_EQ(encode(builder).size(), kNodeHeader + 2 + 2 + 20);
}

TEST(Node, SpilledHeadersComeBack) {
  const Buffer dict = encode_spilled_dict(1'000'000, 1'000'007);
  const NodeView d = NodeView::parse(dict, 0, 0);
  EXPECT_TRUE(d.spilled());
  EXPECT_EQ(d.container_kind(), WordKind::kDict);
  EXPECT_EQ(d.count(), 1'000'000u);
  EXPECT_EQ(d.next_sequence(), 1'000'007u);
  const Buffer list = encode_spilled_list(NodeKind::kSpilledTuple, 3, 5'000, 12, 99);
  const NodeView l = NodeView::parse(list, 0, 0);
  EXPECT_EQ(l.container_kind(), WordKind::kTuple);
  EXPECT_EQ(l.height(), 3);
  EXPECT_EQ(l.count(), 5'000u);
  EXPECT_EQ(l.root_chunk(), 12u);
  EXPECT_EQ(l.next_chunk(), 99u);
}

TEST(Node, MoreMembersThanACountHoldsIsRefused) {
  NodeBuilder builder;
  builder.reset(NodeKind::kList);
  for (int i = 0; i < 65'535; ++i) builder.add({tag_of(WordKind::kNone), 0});
  const Buffer node = encode(builder);
  EXPECT_EQ(NodeView::parse(node, 0, 0).count(), 65'535u);
  builder.add({tag_of(WordKind::kNone), 0});
  Buffer out;
  EXPECT_THROW(builder.encode(out), Error);
}

// --- Records

void expect_code(ErrorCode code, const std::function<void()>& call) {
  try {
    call();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
  }
}

TEST(Record, RandomEditsGiveWhatAMapGives) {
  std::mt19937_64 random(33);
  for (int round = 0; round < 100; ++round) {
    std::map<uint16_t, Buffer> model;
    Buffer record = RecordEditor().finish();
    for (int step = 0; step < 20; ++step) {
      RecordEditor editor(record);
      const Buffer node = list_of({static_cast<int64_t>(random()), static_cast<int64_t>(step)});
      for (int n = 0; n < 3; ++n) {
        const auto slot = static_cast<uint16_t>(random() % (editor.slots() + 1));
        if (!model.contains(slot)) {
          model[editor.add(node)] = node;
        } else if (random() % 3 == 0) {
          editor.kill(slot);
          model.erase(slot);
        } else {
          editor.replace(slot, node);
          model[slot] = node;
        }
      }
      editor.set_flags(static_cast<uint16_t>(step));
      const size_t expected_size = editor.encoded_size();
      record = editor.finish();
      ASSERT_EQ(record.size(), expected_size);
      ASSERT_EQ(record_flags(record), step);
      ASSERT_EQ(record_live(record), model.size());
      for (size_t slot = 0; slot < record_slots(record); ++slot) {
        const Identity identity = make_identity(5, static_cast<uint16_t>(slot));
        const auto found = model.find(static_cast<uint16_t>(slot));
        if (found == model.end()) {
          expect_code(ErrorCode::kStaleHandle, [&] { NodeView::locate(record, identity); });
        } else {
          const Bytes bytes = NodeView::locate(record, identity).bytes();
          ASSERT_EQ(bytes, Bytes(found->second).substr(0, bytes.size()));
          ASSERT_LE(found->second.size() - bytes.size(), 1u);  // padding
        }
      }
    }
  }
}

TEST(Record, DeadSlotsAreNeverGivenOutAgain) {
  RecordEditor editor;
  EXPECT_EQ(editor.add(list_of({1})), 0);
  editor.kill(0);
  EXPECT_EQ(editor.add(list_of({2})), 1);
  EXPECT_EQ(editor.live(), 1u);
  expect_code(ErrorCode::kInvalidArgument, [&] { editor.kill(0); });
  expect_code(ErrorCode::kInvalidArgument, [&] { editor.replace(9, list_of({})); });
}

TEST(Record, AReservedSlotMustBeFilled) {
  RecordEditor editor;
  const uint16_t parent = editor.reserve();
  editor.add(list_of({1}));
  expect_code(ErrorCode::kInvalidArgument, [&] { (void)editor.finish(); });
  editor.replace(parent, list_of({2}));
  const Buffer record = editor.finish();
  EXPECT_EQ(NodeView::locate(record, make_identity(1, 0)).member(0).as_int(), 2);
  EXPECT_EQ(NodeView::locate(record, make_identity(1, 1)).member(0).as_int(), 1);
}

TEST(Record, RoomEndsAtTheLimitButAFirstNodeAlwaysFits) {
  RecordEditor editor;
  EXPECT_TRUE(editor.has_room(1'000'000));
  const Buffer node = list_of({1, 2, 3});
  while (editor.has_room(node.size())) editor.add(node);
  EXPECT_LE(editor.finish().size(), kMaxRecordBytes);
  EXPECT_GT(editor.finish().size() + node.size() + 2, kMaxRecordBytes);
  EXPECT_EQ(editor.size_with(0, node.size() + 10), editor.encoded_size() + 10);
}

TEST(Record, ANodeStartsBelow128KiB) {
  NodeBuilder builder;
  builder.reset(NodeKind::kList);
  for (int i = 0; i < 20'000; ++i) builder.add({tag_of(WordKind::kInt), uint64_t{1} << 40});
  RecordEditor editor;
  editor.add(encode(builder));
  const Buffer one = editor.finish();
  EXPECT_EQ(NodeView::locate(one, make_identity(1, 0)).count(), 20'000u);
  // A small one goes before it, whatever its slot; two large ones cannot both start in reach.
  editor.add(list_of({1}));
  EXPECT_EQ(NodeView::locate(editor.finish(), make_identity(1, 1)).count(), 1u);
  editor.add(encode(builder));
  expect_code(ErrorCode::kTransactionTooBig, [&] { (void)editor.finish(); });
}

TEST(Record, PatchingAMemberEqualsBuildingItAnew) {
  std::mt19937_64 random(34);
  size_t patched = 0;
  for (int round = 0; round < 2'000; ++round) {
    NodeBuilder builder;
    builder.reset(NodeKind::kList);
    std::vector<Owned> members;
    for (size_t n = 1 + random() % 6; n > 0; --n) {
      members.push_back(random_member(random, 5));
      builder.add(members.back().member());
    }
    RecordEditor editor;
    editor.add(list_of({1, 2}));
    editor.add(encode(builder));
    Buffer record = editor.finish();
    const Buffer before = record;
    const Identity identity = make_identity(5, 1);
    const size_t i = random() % members.size();
    const Owned member = random_member(random, 5);
    if (patch_member(record.data(), record.size(), identity, i, member.member())) {
      members[i] = member;
      ++patched;
    } else {
      ASSERT_EQ(record, before);
    }
    ASSERT_EQ(members_of(NodeView::locate(record, identity)), members);
    ASSERT_EQ(NodeView::locate(record, make_identity(5, 0)).bytes(), Bytes(list_of({1, 2})));
  }
  EXPECT_GT(patched, 300u);
}

TEST(Record, ReferencesToItsOwnRecordStayLocalWhenPatched) {
  NodeBuilder builder;
  builder.reset(NodeKind::kList);
  builder.add({tag_of(WordKind::kList), make_identity(0, 0)});
  RecordEditor editor;
  editor.add(encode(builder));
  Buffer record = editor.finish();
  const Buffer before = record;
  ASSERT_TRUE(patch_member(record.data(), record.size(), make_identity(9, 0), 0,
                           {tag_of(WordKind::kList), make_identity(9, 0)}));
  EXPECT_EQ(record, before);
}

}  // namespace
}  // namespace oocmap
