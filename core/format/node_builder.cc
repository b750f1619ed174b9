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
  longest_ = 0;
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
  longest_ = std::max<size_t>(longest_, member.size);
  heap_.append(member.data, member.size);
  return heap_word(offset, member.size);
}

void NodeBuilder::load(const NodeView& view) {
  reset(view.kind());
  shape_ = view.kind() == NodeKind::kShapedDict ? view.shape() : 0;
  const size_t count = view.spilled() ? 0 : view.count();
  words_.reserve(count);
  tags_.reserve(count);
  for (size_t i = 0; i < count; ++i) load_member(view.member(i), view.base_);
  if (!view.keyed()) return;
  for (size_t i = 0; i < count; ++i) add_key(view.key(i));
}

// References to the node's own record become local again.
void NodeBuilder::load_member(const Member& member, uint64_t base) {
  tags_.push_back(member.tag);
  const bool local = member.container() && base != 0 && record_of(member.word) == record_of(base);
  words_.push_back(local ? slot_of(member.word) : store_payload(member));
}

void NodeBuilder::set(size_t i, const Member& member) {
  const uint64_t word = store_payload(member);
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
  words_.erase(words_.begin() + at);
  tags_.erase(tags_.begin() + at);
  if (!is_keyed(kind_) || i >= key_words_.size()) return;
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

// What a node will take: decided once, by sizes as by bytes.
struct NodeBuilder::Plan {
  size_t key_words = 0;
  size_t key_heap = 0;
  size_t words = 0;
  size_t heap = 0;  // of the values
  Tag uniform = kMixedTags;
  bool has_heap() const noexcept { return key_heap + heap != 0 || text; }
  bool text = false;  // an empty heap string still needs a heap to stand in
  size_t size(NodeKind kind, size_t count) const noexcept {
    const bool keyed = is_keyed(kind);
    const size_t fields = (kind == NodeKind::kShapedDict ? kIdBytes
                           : keyed                       ? 4
                                                         : 0) +
                          (has_heap() ? 2 : 0);
    const size_t tags = (keyed ? count : 0) + (uniform == kMixedTags ? count : 0);
    return kNodeHeader + fields + tags + key_words + words + key_heap + heap;
  }
};

NodeBuilder::Plan NodeBuilder::plan() const noexcept {
  Plan plan;
  for (size_t i = 0; i < key_words_.size(); ++i) {
    plan.key_words += kWordWidths[stored_tag(key_tags_[i], key_words_[i])];
    if (is_heap(key_tags_[i])) plan.key_heap += size_of(key_words_[i]);
    plan.text |= is_heap(key_tags_[i]);
  }
  Tag common = kMixedTags;
  size_t widths = 0;
  for (size_t i = 0; i < words_.size(); ++i) {
    const Tag stored = stored_tag(tags_[i], words_[i]);
    common = i == 0 ? stored : common == kMixedTags ? kMixedTags : common_tag(common, stored);
    widths += kWordWidths[stored];
    if (is_heap(tags_[i])) plan.heap += size_of(words_[i]);
    plan.text |= is_heap(tags_[i]);
  }
  // One width for all saves the tags, and makes every member reachable at once; where it would take
  // more bytes (an outlier among small numbers) the list is mixed.
  const size_t same = size_t{kWordWidths[common]} * words_.size();
  const bool uniform = common != kMixedTags && same <= widths + words_.size();
  plan.uniform = uniform ? common : kMixedTags;
  plan.words = uniform ? same : widths;
  return plan;
}

size_t NodeBuilder::encoded_size() const noexcept { return padded(plan().size(kind_, count())); }

// Writes the words of one run and the payloads of its heap members; returns the end of the words.
char* NodeBuilder::write_run(char* words, const std::vector<uint64_t>& from,
                             const std::vector<Tag>& tags, Tag uniform,
                             char*& heap) const noexcept {
  for (size_t i = 0; i < from.size(); ++i) {
    const uint64_t word = from[i];
    if (is_heap(tags[i])) {
      store_le(words, static_cast<uint16_t>(size_of(word)));
      std::memcpy(heap, heap_.data() + offset_of(word), size_of(word));
      heap += size_of(word);
      words += 2;
      continue;
    }
    const Tag stored = uniform == kMixedTags ? stored_tag(tags[i], word) : uniform;
    write_stored(words, stored, word);
    words += kWordWidths[stored];
  }
  return words;
}

void NodeBuilder::encode(Buffer& to) const {
  const bool keyed = is_keyed(kind_);
  const size_t count = words_.size();
  const Plan plan = this->plan();
  if (count > kMaxMembers || key_words_.size() != (keyed ? count : 0)) {
    throw Error(ErrorCode::kInvalidArgument,
                "a node with more members than fit, or not one key each");
  }
  const size_t words_size = plan.key_words + plan.words;
  if (longest_ > kMaxHeapText || plan.key_heap > UINT16_MAX || plan.key_words > UINT16_MAX ||
      (plan.has_heap() && words_size > UINT16_MAX)) {
    throw Error(ErrorCode::kInvalidArgument, "a node with more text than fits");
  }
  const size_t start = to.size();
  to.resize(start + padded(plan.size(kind_, count)));
  char* at = to.data() + start;
  at[0] = static_cast<char>(static_cast<uint8_t>(kind_) | (plan.has_heap() ? kHasHeap : 0));
  at[1] = static_cast<char>(plan.uniform);
  store_le(at + 2, static_cast<uint16_t>(count));
  at += kNodeHeader;
  if (kind_ == NodeKind::kShapedDict) {
    std::memcpy(at, &shape_, kIdBytes);
    at += kIdBytes;
  } else if (keyed) {
    store_le(at, static_cast<uint16_t>(plan.key_words));
    store_le(at + 2, static_cast<uint16_t>(plan.key_heap));
    at += 4;
  }
  if (plan.has_heap()) {
    store_le(at, static_cast<uint16_t>(words_size));
    at += 2;
  }
  for (size_t i = 0; i < key_words_.size(); ++i) {
    *at++ = static_cast<char>(stored_tag(key_tags_[i], key_words_[i]));
  }
  if (plan.uniform == kMixedTags) {
    for (size_t i = 0; i < count; ++i) *at++ = static_cast<char>(stored_tag(tags_[i], words_[i]));
  }
  char* heap = at + words_size;
  at = write_run(at, key_words_, key_tags_, kMixedTags, heap);
  write_run(at, words_, tags_, plan.uniform, heap);
}

}  // namespace oocmap
