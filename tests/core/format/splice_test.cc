// Members and nodes changed by copying the bytes around them: the same as building them anew.
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/format/record.h"
#include "tests/core/format/owned_member.h"

namespace oocmap {
namespace {

constexpr uint64_t kRecord = 7;

// `kinds`: how varied; one kind alone gives uniform nodes.
Owned random_member(std::mt19937_64& random, uint64_t kinds) {
  switch (random() % kinds) {
    case 0:
      return {
          tag_of(WordKind::kInt), random() % 2 ? random() % 100 : random() >> (random() % 64), {}};
    case 1:
      return {heap_tag(PayloadKind::kStr), 0, std::string(9 + random() % 300, 'h')};
    case 2:
      return {tag_of(WordKind::kList), make_identity(random() % 2 ? kRecord : 99, 5), {}};
    case 3: {
      const std::string text(random() % 9, 'i');
      return {random() % 2 ? inline_text_tag(text.size()) : inline_bytes_tag(text.size()), 0, text};
    }
    case 4:
      return {tag_of(WordKind::kFloat), random(), {}};
    case 5:
      return {tag_of(WordKind::kTrue), 0, {}};
    default:
      return {immutable_tag(PayloadKind::kBytes), random() >> 20, {}};
  }
}

struct Node {
  NodeBuilder builder;
  std::vector<Owned> members;
};

Node random_node(std::mt19937_64& random, NodeKind kind, uint64_t kinds, size_t count) {
  Node node;
  node.builder.reset(kind);
  node.builder.set_shape(123);
  for (size_t i = 0; i < count; ++i) {
    node.members.push_back(random_member(random, kinds));
    node.builder.add(node.members.back().member());
    if (kind != NodeKind::kInlineDict) continue;
    const std::string key(5 + random() % 9, 'k');
    node.builder.add_key(
        {heap_tag(PayloadKind::kStr), 0, key.data(), static_cast<uint32_t>(key.size())});
  }
  return node;
}

std::vector<Owned> members_of(const NodeView& view) {
  std::vector<Owned> out;
  for (size_t i = 0; i < view.count(); ++i) out.push_back(own(view.member(i)));
  return out;
}

class SpliceTest : public testing::TestWithParam<NodeKind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, SpliceTest,
                         testing::Values(NodeKind::kList, NodeKind::kShapedDict,
                                         NodeKind::kInlineDict));

TEST_P(SpliceTest, EqualsBuildingTheNodeAnew) {
  std::mt19937_64 random(41);
  const bool list = GetParam() == NodeKind::kList;
  size_t spliced = 0;
  for (int round = 0; round < 20'000; ++round) {
    const uint64_t kinds = 1 + random() % 7;
    Node node = random_node(random, GetParam(), kinds, random() % 9);
    Buffer bytes;
    node.builder.encode(bytes);
    const NodeView view = NodeView::parse(bytes, make_identity(kRecord, 1), kRecord);
    ASSERT_EQ(members_of(view), node.members);

    if (!list && node.members.empty()) continue;
    const size_t erase = list && (node.members.empty() || random() % 2 == 0) ? 0 : 1;
    const bool insert = !list || random() % 3 != 0;
    const size_t i = random() % (node.members.size() + 1 - erase);
    const Owned member = random_member(random, kinds);
    const Member fresh = member.member();
    Buffer out = "before";
    if (!view.splice(i, erase, insert ? &fresh : nullptr, out)) {
      ASSERT_EQ(out, "before");
      continue;
    }
    ++spliced;
    const auto place = node.members.begin() + static_cast<std::ptrdiff_t>(i);
    if (erase == 1) node.members.erase(place);
    if (insert) node.members.insert(node.members.begin() + static_cast<std::ptrdiff_t>(i), member);
    ASSERT_EQ(out.size() % 2, 0u);
    const Bytes result = Bytes(out).substr(6);
    const NodeView after = NodeView::parse(result, make_identity(kRecord, 1), kRecord);
    ASSERT_EQ(members_of(after), node.members) << round;
    ASSERT_EQ((after.bytes().size() + 1) & ~size_t{1}, result.size());
    if (GetParam() == NodeKind::kShapedDict) {
      ASSERT_EQ(after.shape(), 123u);
    }
    if (GetParam() != NodeKind::kInlineDict) continue;
    for (size_t k = 0; k < view.count(); ++k) ASSERT_EQ(own(after.key(k)), own(view.key(k)));
  }
  EXPECT_GT(spliced, 10'000u);
}

TEST(Splice, ReplacingANodeMovesTheOthers) {
  std::mt19937_64 random(42);
  for (int round = 0; round < 2'000; ++round) {
    RecordEditor editor;
    editor.set_flags(kRecordPinned);
    std::vector<std::vector<Owned>> nodes;
    for (size_t n = 1 + random() % 6; n > 0; --n) {
      const Node node = random_node(random, NodeKind::kList, 7, random() % 6);
      Buffer bytes;
      node.builder.encode(bytes);
      editor.add(bytes);
      nodes.push_back(node.members);
    }
    if (nodes.size() > 2) {
      editor.kill(1);
      nodes[1].clear();
    }
    const Buffer record = editor.finish();
    const size_t slot = nodes.size() > 2 ? 2 : 0;
    const Node fresh = random_node(random, NodeKind::kList, 7, random() % 6);
    Buffer bytes;
    fresh.builder.encode(bytes);
    const auto identity = [](size_t s) { return make_identity(kRecord, static_cast<uint16_t>(s)); };
    Buffer out;
    ASSERT_TRUE(replace_node(record, NodeView::locate(record, identity(slot)), bytes, out));
    nodes[slot] = fresh.members;
    EXPECT_EQ(record_flags(out), kRecordPinned);
    for (size_t s = 0; s < nodes.size(); ++s) {
      if (s == 1 && nodes.size() > 2) {
        EXPECT_THROW(NodeView::locate(out, identity(s)), Error);
      } else {
        ASSERT_EQ(members_of(NodeView::locate(out, identity(s))), nodes[s]);
      }
    }
    EXPECT_EQ(RecordEditor(out).encoded_size(), out.size());
  }
}

TEST(Splice, HostileNodesAreRefusedOrReadInside) {
  std::mt19937_64 random(43);
  for (int round = 0; round < 50'000; ++round) {
    const NodeKind kind = random() % 2 ? NodeKind::kList : NodeKind::kInlineDict;
    const Node node = random_node(random, kind, 7, 1 + random() % 6);
    RecordEditor editor;
    Buffer bytes;
    node.builder.encode(bytes);
    editor.add(bytes);
    editor.add(bytes);
    Buffer record = editor.finish();
    for (size_t n = 1 + random() % 3; n > 0; --n) {
      record[random() % record.size()] = static_cast<char>(random());
    }
    const std::vector<char> exact(record.begin(), record.end());  // the sanitizer sees its end
    const Member member = Member{tag_of(WordKind::kInt), random() >> 40};
    try {
      const Bytes hostile(exact.data(), exact.size());
      const NodeView view = NodeView::locate(hostile, make_identity(kRecord, random() % 2));
      if (view.spilled() || view.count() == 0) continue;
      Buffer out;
      Buffer whole;
      if (view.splice(random() % view.count(), 1, &member, out)) {
        (void)replace_node(hostile, view, out, whole);
      }
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace oocmap
