#include <algorithm>
#include <cstring>

#include "core/base/error.h"
#include "core/format/record.h"

namespace oocmap {
namespace {

constexpr uint8_t kHasHeap = 0x80;
constexpr size_t kMaxMembers = 65'535;  // u16 count

constexpr size_t padded(size_t size) noexcept { return (size + 1) & ~size_t{1}; }

uint64_t heap_word(size_t offset, size_t size) noexcept {
  return static_cast<uint64_t>(offset) | static_cast<uint64_t>(size) << 32;
}
size_t offset_of(uint64_t word) noexcept { return static_cast<uint32_t>(word); }
size_t size_of(uint64_t word) noexcept { return word >> 32; }

}  // namespace

void NodeBuilder::reset(NodeKind kind) {
  kind_ = kind;
  shape_ = 0;
  words_.clear();
  key_words_.clear();
  tags_.clear();
  key_tags_.clear();
  heap_.clear();
  dead_heap_ = 0;
}

// Heap and inline members only.
uint64_t NodeBuilder::store_text(const Member& member) {
  if (is_inline(member.tag)) {
    if (member.data == nullptr) return member.word;
    uint64_t word = 0;
    std::memcpy(&word, member.data, std::min<size_t>(member.size, kInlineText));
    return word;
  }
  const size_t offset = heap_.size();
  if (offset + member.size > kMaxValueBytes * 2) {
    throw Error(ErrorCode::kInvalidArgument, "the strings of one container pass 2 GiB");
  }
  heap_.append(member.data, member.size);
  return heap_word(offset, member.size);
}

void NodeBuilder::release(Tag tag, uint64_t word) noexcept {
  if (is_heap(tag)) dead_heap_ += size_of(word);
}

void NodeBuilder::load(const NodeView& view) {
  reset(view.kind());
  shape_ = view.kind() == NodeKind::kShapedDict ? view.shape() : 0;
  const size_t count = view.spilled() ? 0 : view.count();
  if (count == 0) return;
  words_.resize(count);
  std::memcpy(words_.data(), view.words(), 8 * count);
  if (view.uniform_tag() == kMixedTags) {
    tags_.assign(view.tags_, view.tags_ + count);
  } else {
    tags_.assign(count, view.uniform_tag());
  }
  for (size_t i = 0; i < count; ++i) load_word(view, i);
  if (view.kind() != NodeKind::kInlineDict) return;
  for (size_t i = 0; i < count; ++i) {
    add_key(view.key(i));
    check_heap(view);
  }
}

// Most words stand for themselves; texts and words to the node's own record are taken from the view.
void NodeBuilder::load_word(const NodeView& view, size_t i) {
  const Tag tag = tags_[i];
  if (is_heap(tag) || is_inline(tag)) {
    words_[i] = store_text(view.member(i));
    check_heap(view);
  } else if (is_container(tag) && view.base_ != 0 &&
             record_of(words_[i]) == record_of(view.base_)) {
    words_[i] = slot_of(words_[i]);
  }
}

// Overlapping strings would let a small node unfold into a huge one.
void NodeBuilder::check_heap(const NodeView& view) const {
  if (heap_.size() > view.bytes().size()) throw_corrupt("a node's strings overlap");
}

void NodeBuilder::set(size_t i, const Member& member) {
  const uint64_t word = store_payload(member);
  release(tags_[i], words_[i]);
  words_[i] = word;
  tags_[i] = member.tag;
}

void NodeBuilder::insert(size_t i, const Member& member) {
  const auto at = static_cast<std::ptrdiff_t>(i);
  const Tag tag = member.tag;
  words_.insert(words_.begin() + at, store_payload(member));
  tags_.insert(tags_.begin() + at, tag);
}

void NodeBuilder::erase(size_t i) {
  const auto at = static_cast<std::ptrdiff_t>(i);
  release(tags_[i], words_[i]);
  words_.erase(words_.begin() + at);
  tags_.erase(tags_.begin() + at);
  if (kind_ != NodeKind::kInlineDict || i >= key_words_.size()) return;
  release(key_tags_[i], key_words_[i]);
  key_words_.erase(key_words_.begin() + at);
  key_tags_.erase(key_tags_.begin() + at);
}

Member NodeBuilder::decode(const std::vector<uint64_t>& words, const std::vector<Tag>& tags,
                           size_t i) const {
  Member member{tags[i], words[i], nullptr, 0};
  if (is_heap(member.tag)) {
    member.data = heap_.data() + offset_of(member.word);
    member.size = static_cast<uint32_t>(size_of(member.word));
  } else if (is_inline(member.tag)) {
    member.data = reinterpret_cast<const char*>(&words[i]);
    member.size = static_cast<uint32_t>(inline_size(member.tag));
  }
  return member;
}

void NodeBuilder::make_absolute(uint64_t record) noexcept {
  for (size_t i = 0; i < words_.size(); ++i) {
    if (is_container(tags_[i]) && record_of(words_[i]) == 0) {
      words_[i] |= make_identity(record, 0);
    }
  }
}

// kMixedTags unless every member has the same tag. An empty node has mixed tags, none of them.
Tag NodeBuilder::uniform_tag() const noexcept {
  if (tags_.empty()) return kMixedTags;
  const bool same = std::memcmp(tags_.data(), tags_.data() + 1, tags_.size() - 1) == 0;
  return same ? tags_.front() : kMixedTags;
}

size_t NodeBuilder::encoded_size() const noexcept {
  const size_t heap = heap_.size() - dead_heap_;
  const size_t tags = uniform_tag() == kMixedTags ? tags_.size() : 0;
  return padded(kNodeHeader + (heap == 0 ? 0 : 4) + (kind_ == NodeKind::kShapedDict ? 8 : 0) +
                9 * key_words_.size() + 8 * words_.size() + tags + heap);
}

// Copies words; those of heap members are moved on by where the heap starts in the node.
void NodeBuilder::write_words(char* to, const std::vector<uint64_t>& words,
                              const std::vector<Tag>& tags, uint32_t heap_at) const {
  if (words.empty()) return;
  std::memcpy(to, words.data(), 8 * words.size());
  if (heap_.empty()) return;
  for (size_t i = 0; i < words.size(); ++i) {
    if (is_heap(tags[i])) store_le(to + 8 * i, words[i] + heap_at);
  }
}

// Copies the payloads that are still referred to, and points their words (in `words`, in heap_'s
// offsets) at the copies.
void NodeBuilder::write_live_heap(char* words, const std::vector<Tag>& tags, char* node,
                                  size_t& heap_at) const {
  for (size_t i = 0; i < tags.size(); ++i) {
    if (!is_heap(tags[i])) continue;
    const auto word = load_le<uint64_t>(words + 8 * i);
    std::memcpy(node + heap_at, heap_.data() + offset_of(word), size_of(word));
    store_le(words + 8 * i, heap_word(heap_at, size_of(word)));
    heap_at += size_of(word);
  }
}

void NodeBuilder::encode(Buffer& to) const {
  const bool keyed = kind_ == NodeKind::kInlineDict;
  if (words_.size() > kMaxMembers || key_words_.size() != (keyed ? words_.size() : 0)) {
    throw Error(ErrorCode::kInvalidArgument,
                "a node with more members than fit, or not one key each");
  }
  const size_t size = encoded_size();
  const size_t heap_size = heap_.size() - dead_heap_;
  const Tag uniform = uniform_tag();
  const size_t start = to.size();
  to.resize(start + size);
  char* const node = to.data() + start;
  char* at = node + kNodeHeader;
  node[0] = static_cast<char>(static_cast<uint8_t>(kind_) | (heap_size == 0 ? 0 : kHasHeap));
  node[1] = static_cast<char>(uniform);
  store_le(node + 2, static_cast<uint16_t>(words_.size()));
  if (heap_size != 0) {
    store_le(at, static_cast<uint32_t>(heap_size));
    at += 4;
  }
  if (kind_ == NodeKind::kShapedDict) {
    store_le(at, shape_);
    at += 8;
  }
  char* const key_words = at;
  char* const words = key_words + 9 * key_words_.size();
  char* const tags = words + 8 * words_.size();
  char* const heap = tags + (uniform == kMixedTags ? tags_.size() : 0);
  auto heap_at = static_cast<size_t>(heap - node);
  const uint32_t shift = dead_heap_ == 0 ? static_cast<uint32_t>(heap_at) : 0;
  if (keyed && !key_tags_.empty()) {
    write_words(key_words, key_words_, key_tags_, shift);
    std::memcpy(key_words + 8 * key_words_.size(), key_tags_.data(), key_tags_.size());
  }
  write_words(words, words_, tags_, shift);
  if (uniform == kMixedTags && !tags_.empty()) std::memcpy(tags, tags_.data(), tags_.size());
  if (dead_heap_ == 0) {
    std::memcpy(heap, heap_.data(), heap_.size());
  } else {
    if (keyed) write_live_heap(key_words, key_tags_, node, heap_at);
    write_live_heap(words, tags_, node, heap_at);
  }
}

}  // namespace oocmap
