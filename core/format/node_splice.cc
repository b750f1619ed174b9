// Changing one member of a node, and one node of a record, by copying the bytes around it: what
// does not change is not decoded.
#include <cstring>

#include "core/format/record.h"

namespace oocmap {
namespace {

constexpr uint8_t kHasHeap = 0x80;
constexpr size_t kMaxMembers = 65'535;  // u16 count

constexpr size_t padded(size_t size) noexcept { return (size + 1) & ~size_t{1}; }

// The new member's bytes: its stored tag, its word and what it adds to the heap.
struct NewMember {
  Tag stored = 0;
  size_t width = 0;
  char word[8] = {};
  Bytes payload;
};

// `word`: local where the member stands in this node's record.
bool narrow(const Member& member, uint64_t word, Tag uniform, bool has_heap, NewMember& to) {
  to.stored = stored_tag(member.tag, word);
  if (uniform != kMixedTags && to.stored != uniform &&
      (!stored_like(member.tag, word, uniform, to.stored) || to.stored != uniform)) {
    return false;
  }
  to.width = kWordWidths[to.stored];
  if (is_heap(to.stored)) {
    if (!has_heap || member.size > kMaxHeapText) return false;
    to.payload = member.payload();
    store_le(to.word, static_cast<uint16_t>(member.size));
  } else {
    write_stored(to.word, to.stored, word);
  }
  return true;
}

}  // namespace

bool NodeView::splice(size_t i, size_t erase, const Member* insert, Buffer& to) const {
  const bool same_count = erase == 1 && insert != nullptr;
  if (spilled() || (!same_count && kind_ != NodeKind::kList)) return false;
  const size_t count = count_ - erase + (insert != nullptr ? 1 : 0);
  if (count_ == 0 || count == 0 || count > kMaxMembers) return false;
  const Tag uniform = values_.uniform();
  const bool has_heap = (static_cast<uint8_t>(*node_) & kHasHeap) != 0;
  NewMember fresh;
  if (insert != nullptr && !narrow(*insert, local_word(*insert), uniform, has_heap, fresh)) {
    return false;
  }
  // In rising order: each call goes on where the last one stopped.
  const size_t word_from = values_.word_offset(i);
  const size_t heap_from = values_.heap_offset(i);
  const size_t word_to = values_.word_offset(i + erase);
  const size_t heap_to = values_.heap_offset(i + erase);
  const size_t words_end = values_.word_offset(count_);
  const size_t heap_end = values_.heap_offset(count_);
  if (has_heap && static_cast<size_t>(values_.end() - values_.heap()) < heap_end) {
    throw_corrupt("a string leaves its node");
  }
  const char* const words = values_.words();
  const char* const tags = values_.tags();

  const size_t start = to.size();
  if (tags != nullptr) {
    to.append(node_, tags + i);
    if (insert != nullptr) to.push_back(static_cast<char>(fresh.stored));
    to.append(tags + i + erase, words + word_from);
  } else {
    to.append(node_, words + word_from);
  }
  to.append(fresh.word, fresh.width);
  to.append(words + word_to, words + words_end);
  store_le(to.data() + start + 2, static_cast<uint16_t>(count));
  if (has_heap) {
    const size_t field = static_cast<size_t>(words_size_field() - node_);
    const size_t size = load_le<uint16_t>(node_ + field) + fresh.width - (word_to - word_from);
    if (size > UINT16_MAX) {
      to.resize(start);
      return false;
    }
    store_le(to.data() + start + field, static_cast<uint16_t>(size));
    to.append(words + words_end, values_.heap() + heap_from);  // the keys' heap stands before
    to.append(fresh.payload);
    to.append(values_.heap() + heap_to, values_.heap() + heap_end);
  }
  to.resize(start + padded(to.size() - start));
  return true;
}

const char* NodeView::words_size_field() const noexcept {
  const size_t fields = kind_ == NodeKind::kShapedDict ? kIdBytes : keyed() ? 4 : 0;
  return node_ + kNodeHeader + fields;
}

uint64_t NodeView::local_word(const Member& member) const noexcept {
  if (is_inline(member.tag) && member.data != nullptr) {
    uint64_t word = 0;
    std::memcpy(&word, member.data, member.size);
    return word;
  }
  const bool local =
      is_container(member.tag) && base_ != 0 && record_of(member.word) == record_of(base_);
  return local ? slot_of(member.word) : member.word;
}

bool replace_node(Bytes record, const NodeView& node, Bytes bytes, Buffer& to) {
  const size_t slots = record_slots(record);
  const size_t end = record.size() - 2 * slots;
  const auto start = static_cast<size_t>(node.data() - record.data());
  const size_t behind = start + padded(node.bytes().size());
  if (behind > end) throw_corrupt("a node leaves its record");
  const auto grown = static_cast<std::ptrdiff_t>(padded(bytes.size())) -
                     static_cast<std::ptrdiff_t>(behind - start);
  if (end + static_cast<size_t>(grown) > kMaxNodeStart) return false;
  const size_t to_start = to.size();
  to.reserve(to_start + record.size() + static_cast<size_t>(grown > 0 ? grown : 0));
  to.append(record.substr(0, start));
  to.append(bytes);
  to.resize(to_start + start + padded(bytes.size()));
  to.append(record.substr(behind));
  char* const directory = to.data() + to.size() - 2 * slots;
  for (size_t slot = 0; slot < slots; ++slot) {
    const auto offset = load_le<uint16_t>(directory + 2 * slot);
    if (2 * size_t{offset} > start) {
      store_le(directory + 2 * slot, static_cast<uint16_t>(offset + grown / 2));
    }
  }
  return true;
}

}  // namespace oocmap
