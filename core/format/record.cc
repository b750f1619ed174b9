#include "core/format/record.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/format/array.h"

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
    case NodeKind::kSet:
    case NodeKind::kFrozenset:
      view.parse_small(node);
      return view;
    case NodeKind::kRegistered:
      view.parse_small(node);
      if (view.count_ != 2) throw_corrupt("a registered object is not a name and a value");
      return view;
    case NodeKind::kSpilledDict:
    case NodeKind::kSpilledList:
    case NodeKind::kSpilledTuple:
    case NodeKind::kSpilledSet:
    case NodeKind::kSpilledFrozenset:
      view.parse_spilled(node);
      return view;
    case NodeKind::kArray:
      view.parse_array(node);
      return view;
    default:
      throw_corrupt("a node has an unknown kind");
  }
}

void NodeView::parse_small(Bytes node) {
  const bool has_heap = (byte_at(node, 0) & kHasHeap) != 0;
  const bool keyed = is_keyed(kind_);
  const Tag uniform = byte_at(node, 1);
  const size_t count = load_le<uint16_t>(node_ + 2);
  const size_t tags = uniform == kMixedTags ? count : 0;
  count_ = count;
  const size_t fields_at = kNodeHeader + (kind_ == NodeKind::kShapedDict ? kIdBytes
                                          : keyed                        ? 4
                                                                         : 0);
  const size_t tags_at = fields_at + (has_heap ? 2 : 0);
  const size_t words_at = tags_at + (keyed ? count : 0) + tags;
  if (words_at > node.size()) throw_corrupt("a node's members leave it");
  const char* const words = node_ + words_at;
  const char* const end = node_ + node.size();
  const size_t words_size =
      has_heap ? load_le<uint16_t>(node_ + fields_at) : node.size() - words_at;
  if (words_size > static_cast<size_t>(end - words)) throw_corrupt("a node's words leave it");
  if (tags == 0 && count != 0 && words_size < size_t{kWordWidths[uniform]} * count) {
    throw_corrupt("a node's members leave it");
  }
  const char* const words_end = words + words_size;
  const char* const tag_array = tags != 0 ? node_ + words_at - tags : nullptr;
  if (kind_ == NodeKind::kShapedDict) std::memcpy(&a_, node_ + kNodeHeader, kIdBytes);
  if (!keyed) {
    values_ = MemberRun(tag_array, uniform, words, words_end, words_end, end, base_);
    return;
  }
  const size_t key_words = load_le<uint16_t>(node_ + kNodeHeader);
  const size_t key_heap = load_le<uint16_t>(node_ + kNodeHeader + 2);
  if (key_words > words_size || key_heap > static_cast<size_t>(end - words_end)) {
    throw_corrupt("a node's keys leave it");
  }
  if (tags == 0 && words_size - key_words < size_t{kWordWidths[uniform]} * count) {
    throw_corrupt("a node's members leave it");
  }
  // Without a heap the end of the words is not known: key words still end where they say.
  const char* const heap = has_heap ? words_end : end;
  keys_ = MemberRun(node_ + tags_at, kMixedTags, words, words + key_words, heap,
                    heap + (has_heap ? key_heap : 0), 0);
  values_ = MemberRun(tag_array, uniform, words + key_words, words_end,
                      heap + (has_heap ? key_heap : 0), end, base_);
}

size_t NodeView::node_size() const {
  if (spilled() || is_array()) return spilled_size_;
  const size_t words = static_cast<size_t>(values_.words() - node_) + values_.word_offset(count_);
  if ((static_cast<uint8_t>(*node_) & kHasHeap) == 0) return words;
  const size_t heap = values_.heap_offset(count_);
  if (heap > static_cast<size_t>(values_.end() - values_.heap())) {
    throw_corrupt("a string leaves its node");
  }
  return static_cast<size_t>(values_.heap() - node_) + heap;
}

void NodeView::parse_spilled(Bytes node) {
  const bool keyed = is_spilled_keyed(kind_);
  const size_t size = keyed ? kSpilledDictSize : kSpilledListSize;
  if (node.size() < size || byte_at(node, 0) != static_cast<uint8_t>(kind_)) {
    throw_corrupt("a spilled node is malformed");
  }
  spilled_size_ = static_cast<uint32_t>(size);
  count_ = load_le<uint64_t>(node_ + kNodeHeader);
  if (count_ > kMaxCount) throw_corrupt("a spilled node's count is impossible");
  a_ = load_le<uint64_t>(node_ + kNodeHeader + 8);
  if (keyed) return;
  height_ = load_le<uint16_t>(node_ + 2);
  b_ = load_le<uint64_t>(node_ + kNodeHeader + 16);
}

void NodeView::parse_array(Bytes node) {
  const ArrayView array(node);
  spilled_size_ = static_cast<uint32_t>(array.node_size());
  a_ = array.chunk_size();
}

WordKind NodeView::container_kind() const noexcept {
  switch (kind_) {
    case NodeKind::kList:
    case NodeKind::kSpilledList:
      return WordKind::kList;
    case NodeKind::kTuple:
    case NodeKind::kSpilledTuple:
      return WordKind::kTuple;
    case NodeKind::kArray:
      return WordKind::kArray;
    case NodeKind::kRegistered:
      return WordKind::kRegistered;
    case NodeKind::kSet:
    case NodeKind::kSpilledSet:
      return WordKind::kSet;
    case NodeKind::kFrozenset:
    case NodeKind::kSpilledFrozenset:
      return WordKind::kFrozenset;
    default:
      return WordKind::kDict;
  }
}

bool NodeView::patch(char* bytes, size_t i, const Member& member) const {
  if (spilled() || i >= count_) return false;  // an array has no members
  uint64_t word = member.word;
  if (is_inline(member.tag) && member.data != nullptr) {
    word = 0;
    std::memcpy(&word, member.data, std::min<size_t>(member.size, kInlineText));
  } else if (is_container(member.tag) && base_ != 0 && record_of(word) == record_of(base_)) {
    word = slot_of(word);
  }
  Tag stored = 0;
  if (!stored_like(member.tag, word, values_.stored(i), stored)) return false;
  if (values_.tags() == nullptr && stored != values_.uniform()) return false;
  const bool text = is_heap(stored);
  if (text != is_heap(values_.stored(i))) return false;
  if (text) {
    const Member old = values_.at(i);
    if (old.size != member.size || member.data == nullptr) return false;
    std::memcpy(bytes + (old.data - node_), member.data, member.size);
  } else {
    (void)values_.at(i);  // checks its bounds
    write_stored(bytes + (values_.words() - node_) + values_.word_offset(i), stored, word);
  }
  if (values_.tags() != nullptr) {
    bytes[static_cast<size_t>(values_.tags() - node_) + i] = static_cast<char>(stored);
  }
  return true;
}

bool patch_member(char* record, size_t size, Identity identity, size_t i, const Member& member) {
  const NodeView view = NodeView::locate({record, size}, identity);
  return view.patch(record + (view.bytes().data() - record), i, member);
}

Buffer encode_spilled_dict(uint64_t count, uint64_t next_sequence, NodeKind kind) {
  Buffer out;
  append_le(out, static_cast<uint32_t>(kind));
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

size_t record_live(Bytes record) {
  const size_t slots = record_slots(record);
  const char* const directory = record.data() + directory_start(record, slots);
  size_t live = 0;
  for (size_t i = 0; i < slots; ++i) live += load_le<uint16_t>(directory + 2 * i) != 0;
  return live;
}

bool slot_live(Bytes record, size_t slot) {
  const size_t slots = record_slots(record);
  return slot < slots &&
         load_le<uint16_t>(record.data() + directory_start(record, slots) + 2 * slot) != 0;
}

}  // namespace oocmap
