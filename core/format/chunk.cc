#include "core/format/chunk.h"

#include "core/base/error.h"
#include "core/format/corrupt.h"
#include "core/format/key_encoding.h"

namespace oocmap {
namespace {

constexpr uint8_t kLeaf = 0x01;  // do not renumber: on disk
constexpr uint8_t kInner = 0x02;
constexpr uint8_t kHasHeap = 0x80;
constexpr size_t kInnerHeader = 4;
constexpr size_t kChildSize = 16;

uint8_t chunk_kind(Bytes chunk) {
  if (chunk.size() < kNodeHeader) throw_corrupt("a chunk is cut short");
  return static_cast<uint8_t>(chunk.front()) & ~kHasHeap;
}

}  // namespace

Buffer chunk_key(Identity container, uint64_t chunk) { return order_key(container, chunk); }

bool is_leaf_chunk(Bytes chunk) {
  const uint8_t kind = chunk_kind(chunk);
  if (kind != kLeaf && kind != kInner) throw_corrupt("a chunk has an unknown kind");
  return kind == kLeaf;
}

NodeView leaf_view(Bytes chunk, Identity container) {
  if (!is_leaf_chunk(chunk)) throw_corrupt("a leaf chunk is expected");
  return NodeView::parse_as(NodeKind::kList, chunk, container, 0);
}

Buffer encode_leaf(const NodeBuilder& members) {
  for (size_t i = 0; i < members.count(); ++i) {
    const Member member = members.at(i);
    if (member.container() && record_of(member.word) == 0) {
      throw Error(ErrorCode::kInvalidArgument, "a chunk cannot refer to a record of its own");
    }
  }
  Buffer out;
  members.encode(out);
  out.front() = static_cast<char>((out.front() & kHasHeap) | kLeaf);
  return out;
}

InnerView::InnerView(Bytes chunk) : pairs_(chunk.data() + kInnerHeader) {
  if (is_leaf_chunk(chunk)) throw_corrupt("an inner chunk is expected");
  count_ = load_le<uint16_t>(chunk.data() + 2);
  if (count_ == 0) throw_corrupt("an inner chunk has no child");
  if (chunk.size() != kInnerHeader + kChildSize * count_) {
    throw_corrupt("a chunk has the wrong size");
  }
}

InnerChunk decode_inner(Bytes chunk) {
  const InnerView view(chunk);
  InnerChunk inner;
  inner.children.reserve(view.count());
  for (size_t i = 0; i < view.count(); ++i) {
    inner.children.emplace_back(view.child(i), view.members(i));
  }
  return inner;
}

Buffer encode_inner(const InnerChunk& inner) {
  if (inner.children.size() > UINT16_MAX) {
    throw Error(ErrorCode::kInvalidArgument, "an inner chunk has too many children");
  }
  Buffer out;
  out.reserve(kInnerHeader + kChildSize * inner.children.size());
  append_le<uint16_t>(out, kInner);
  append_le(out, static_cast<uint16_t>(inner.children.size()));
  for (const auto& [chunk, members] : inner.children) {
    append_le(out, chunk);
    append_le(out, members);
  }
  return out;
}

}  // namespace oocmap
