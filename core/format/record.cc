#include "core/format/record.h"

#include <algorithm>

#include "core/base/error.h"

namespace oocmap {
namespace {

constexpr uint8_t kHasHeap = 0x80;
constexpr size_t kSpilledDictSize = kNodeHeader + 16;
constexpr size_t kSpilledListSize = kNodeHeader + 24;
// More than any store can hold; keeps every later sum and Python's ssize_t safe.
constexpr uint64_t kMaxCount = uint64_t{1} << 48;

uint8_t byte_at(Bytes from, size_t i) noexcept { return static_cast<uint8_t>(from[i]); }

// Where the directory starts. Checks that header and directory fit.
size_t directory_start(Bytes record, size_t slots) {
  if (record.size() < kRecordHeader + 2 * slots) throw_corrupt("a record's directory leaves it");
  return record.size() - 2 * slots;
}

uint16_t header_field(Bytes record, size_t offset) {
  if (record.size() < kRecordHeader) throw_corrupt("a record is cut short");
  return load_le<uint16_t>(record.data() + offset);
}

}  // namespace

NodeView NodeView::locate(Bytes record, Identity identity) {
  const size_t slots = header_field(record, 2);
  const size_t slot = slot_of(identity);
  const size_t end = directory_start(record, slots);
  if (slot >= slots) throw_stale();
  const size_t start = 2 * size_t{load_le<uint16_t>(record.data() + end + 2 * slot)};
  if (start == 0) throw_stale();
  if (start < kRecordHeader || start >= end) throw_corrupt("a node leaves its record");
  return parse(record.substr(start, end - start), identity, record_of(identity));
}

NodeView NodeView::parse(Bytes node, Identity identity, uint64_t record) {
  if (node.size() < kNodeHeader) throw_corrupt("a node is cut short");
  return parse_as(static_cast<NodeKind>(byte_at(node, 0) & ~kHasHeap), node, identity, record);
}

// Precondition: node.size() >= kNodeHeader.
NodeView NodeView::parse_as(NodeKind kind, Bytes node, Identity identity, uint64_t record) {
  NodeView view;
  view.node_ = node.data();
  view.identity_ = identity;
  view.base_ = make_identity(record, 0);
  view.kind_ = kind;
  switch (kind) {
    case NodeKind::kShapedDict:
    case NodeKind::kInlineDict:
    case NodeKind::kList:
    case NodeKind::kTuple:
      view.parse_small(node);
      return view;
    case NodeKind::kSpilledDict:
    case NodeKind::kSpilledList:
    case NodeKind::kSpilledTuple:
      view.parse_spilled(node);
      return view;
    default:
      throw_corrupt("a node has an unknown kind");
  }
}

void NodeView::parse_small(Bytes node) {
  const bool has_heap = (byte_at(node, 0) & kHasHeap) != 0;
  const size_t count = load_le<uint16_t>(node_ + 2);
  uniform_ = byte_at(node, 1);
  count_ = count;
  const bool mixed = uniform_ == kMixedTags;
  const size_t shape_at = kNodeHeader + (has_heap ? 4 : 0);
  const size_t keys_at = shape_at + (kind_ == NodeKind::kShapedDict ? 8 : 0);
  const size_t words_at = keys_at + (kind_ == NodeKind::kInlineDict ? 9 * count : 0);
  const size_t heap_at = words_at + (mixed ? 9 : 8) * count;
  if (heap_at > node.size()) throw_corrupt("a node's members leave it");
  uint64_t size = heap_at;
  if (has_heap) size += load_le<uint32_t>(node_ + kNodeHeader);
  if (size > node.size() || size > UINT32_MAX) throw_corrupt("a node's heap leaves it");
  node_size_ = static_cast<uint32_t>(size);
  words_ = node_ + words_at;
  tags_ = mixed ? words_ + 8 * count : nullptr;
  if (kind_ == NodeKind::kShapedDict) a_ = load_le<uint64_t>(node_ + shape_at);
  if (kind_ == NodeKind::kInlineDict) {
    key_words_ = node_ + keys_at;
    key_tags_ = key_words_ + 8 * count;
  }
}

void NodeView::parse_spilled(Bytes node) {
  const bool dict = kind_ == NodeKind::kSpilledDict;
  const size_t size = dict ? kSpilledDictSize : kSpilledListSize;
  if (node.size() < size || byte_at(node, 0) != static_cast<uint8_t>(kind_)) {
    throw_corrupt("a spilled node is malformed");
  }
  node_size_ = static_cast<uint32_t>(size);
  count_ = load_le<uint64_t>(node_ + kNodeHeader);
  if (count_ > kMaxCount) throw_corrupt("a spilled node's count is impossible");
  a_ = load_le<uint64_t>(node_ + kNodeHeader + 8);
  if (dict) return;
  height_ = load_le<uint16_t>(node_ + 2);
  b_ = load_le<uint64_t>(node_ + kNodeHeader + 16);
}

WordKind NodeView::container_kind() const noexcept {
  switch (kind_) {
    case NodeKind::kList:
    case NodeKind::kSpilledList:
      return WordKind::kList;
    case NodeKind::kTuple:
    case NodeKind::kSpilledTuple:
      return WordKind::kTuple;
    default:
      return WordKind::kDict;
  }
}

bool NodeView::patch(char* bytes, size_t i, const Member& member) const {
  if (spilled() || i >= count_) return false;
  if (uniform_tag() != kMixedTags && uniform_tag() != member.tag) return false;
  uint64_t word = member.word;
  if (is_heap(member.tag)) {
    const Member old = this->member(i);
    if (!is_heap(old.tag) || old.size < member.size) return false;
    std::memcpy(bytes + (old.data - node_), member.data, member.size);
    word = (old.word & 0xffff'ffff) | uint64_t{member.size} << 32;
  } else if (is_inline(member.tag) && member.data != nullptr) {
    word = 0;
    std::memcpy(&word, member.data, std::min<size_t>(member.size, kInlineText));
  } else if (is_container(member.tag) && base_ != 0 && record_of(word) == record_of(base_)) {
    word = slot_of(word);
  }
  store_le(bytes + (words_ - node_) + 8 * i, word);
  if (tags_ != nullptr) bytes[static_cast<size_t>(tags_ - node_) + i] = static_cast<char>(member.tag);
  return true;
}

bool patch_member(char* record, size_t size, Identity identity, size_t i, const Member& member) {
  const NodeView view = NodeView::locate({record, size}, identity);
  return view.patch(record + (view.bytes().data() - record), i, member);
}

Buffer encode_spilled_dict(uint64_t count, uint64_t next_sequence) {
  Buffer out;
  append_le(out, static_cast<uint32_t>(NodeKind::kSpilledDict));
  append_le(out, count);
  append_le(out, next_sequence);
  return out;
}

Buffer encode_spilled_list(NodeKind kind, uint16_t height, uint64_t count, uint64_t root_chunk,
                           uint64_t next_chunk) {
  Buffer out;
  append_le(out, static_cast<uint16_t>(kind));
  append_le(out, height);
  append_le(out, count);
  append_le(out, root_chunk);
  append_le(out, next_chunk);
  return out;
}

uint16_t record_flags(Bytes record) { return header_field(record, 0); }
size_t record_slots(Bytes record) { return header_field(record, 2); }
size_t record_live(Bytes record) { return header_field(record, 4); }

}  // namespace oocmap
