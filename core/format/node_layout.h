// How the members of a small node lie in it: each word takes the bytes its stored tag says, so that
// most members cost as much as their text would. Stored tags exist inside nodes only: NodeView
// widens them to the tags of word.h, NodeBuilder and the store's writer narrow them.
// docs/format.md, "Nodes".
//
//   node = kind u8 (bit 7: has heap) | uniform tag u8 (0xff: tags follow) | count u16
//          kShapedDict: shape id u48
//          keyed (kInlineDict, kSet, kFrozenset): bytes of the key words u16 | bytes of the keys'
//          heap u16 has heap:    bytes of all words u16 keyed:       key tags u8[count] tags
//          u8[count] unless uniform keyed:       key words words | keys' heap | heap | zero padding
//          to 2
//   A heap member's word is its size (u16); its bytes lie behind those of the heap members before
//   it.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "core/base/bytes.h"
#include "core/format/corrupt.h"
#include "core/format/word.h"

namespace oocmap {

// Do not renumber: on disk.
inline constexpr Tag kStoredInt8 = 0x05;
inline constexpr Tag kStoredInt16 = 0x06;
inline constexpr Tag kStoredInt32 = 0x07;
inline constexpr Tag kStoredFloat32 = 0x08;
inline constexpr Tag kStoredLocal = 0x08;  // | a container's tag: a slot (u16) of the same record

inline constexpr Tag kMixedTags = 0xff;  // the uniform tag of a node with a tag a member
inline constexpr size_t kIdBytes = 6;    // of a shape or an immutable
inline constexpr size_t kMaxHeapText = 65'535;
inline constexpr uint8_t kUnknownWidth = 0xff;

// Bytes of a word by its stored tag; kUnknownWidth where version 1 has no such tag.
constexpr std::array<uint8_t, 256> make_word_widths() {
  std::array<uint8_t, 256> widths{};
  widths.fill(kUnknownWidth);
  for (const WordKind kind : {WordKind::kNone, WordKind::kFalse, WordKind::kTrue})
    widths[tag_of(kind)] = 0;
  widths[tag_of(WordKind::kInt)] = 8;
  widths[tag_of(WordKind::kFloat)] = 8;
  widths[kStoredInt8] = 1;
  widths[kStoredInt16] = 2;
  widths[kStoredInt32] = 4;
  widths[kStoredFloat32] = 4;
  for (Tag tag = 0x10; tag <= tag_of(WordKind::kRegistered); ++tag) {
    widths[tag] = 8;
    widths[tag | kStoredLocal] = 2;
  }
  for (Tag kind = 0; kind < 0x40; ++kind) {
    widths[kInHeap | kind] = 2;
    widths[kInImmutables | kind] = kIdBytes;
  }
  for (Tag size = 0; size <= kInlineText; ++size) {
    widths[kInlineText0 + size] = size;
    widths[kInlineBytes0 + size] = size;
  }
  return widths;
}
inline constexpr std::array<uint8_t, 256> kWordWidths = make_word_widths();

constexpr bool is_local(Tag stored) noexcept { return stored >= 0x18 && stored <= 0x1e; }

// What a stored tag makes of its word.
enum class WordForm : uint8_t { kAsIs, kInline, kInt, kFloat32, kContainer, kLocal };
constexpr std::array<WordForm, 256> make_word_forms() {
  std::array<WordForm, 256> forms{};
  for (size_t i = 0; i < forms.size(); ++i) {
    const Tag tag = static_cast<Tag>(i);
    if (kWordWidths[tag] == kUnknownWidth) continue;  // refused before its form is asked for
    forms[i] = is_inline(tag)                              ? WordForm::kInline
               : tag >= kStoredInt8 && tag <= kStoredInt32 ? WordForm::kInt
               : tag == kStoredFloat32                     ? WordForm::kFloat32
               : is_local(tag)                             ? WordForm::kLocal
               : is_container(tag)                         ? WordForm::kContainer
                                                           : WordForm::kAsIs;
  }
  return forms;
}
inline constexpr std::array<WordForm, 256> kWordForms = make_word_forms();

// The bits of a word by its bytes.
inline constexpr std::array<uint64_t, 9> kWordMasks = {
    0,
    0xff,
    0xffff,
    0xff'ffff,
    0xffff'ffff,
    0xff'ffff'ffff,
    0xffff'ffff'ffff,
    0xff'ffff'ffff'ffff,
    0xffff'ffff'ffff'ffff,
};

// The narrowest stored tag of a member. Containers with record 0 are local.
inline Tag stored_tag(Tag tag, uint64_t word) noexcept {
  if (tag == tag_of(WordKind::kInt)) {
    const auto value = static_cast<int64_t>(word);
    if (value == static_cast<int8_t>(value)) return kStoredInt8;
    if (value == static_cast<int16_t>(value)) return kStoredInt16;
    if (value == static_cast<int32_t>(value)) return kStoredInt32;
    return tag;
  }
  if (tag == tag_of(WordKind::kFloat)) {
    // Bit-exact or not at all: the way there and back must give the same bits (not so for most NaNs
    // and for what a float32 rounds).
    double value;
    std::memcpy(&value, &word, sizeof value);
    const auto back = static_cast<double>(static_cast<float>(value));
    return std::bit_cast<uint64_t>(back) == word ? kStoredFloat32 : tag;
  }
  if (is_container(tag) && record_of(word) == 0) return tag | kStoredLocal;
  return tag;
}

// Whether a member can be stored in exactly the bytes of `like`; `stored` is then its tag.
inline bool stored_like(Tag tag, uint64_t word, Tag like, Tag& stored) noexcept {
  stored = stored_tag(tag, word);
  const uint8_t width = kWordWidths[like];
  if (kWordWidths[stored] == width) return true;
  if (kWordWidths[stored] > width) return false;
  if (tag == tag_of(WordKind::kInt)) {
    stored = width == 2 ? kStoredInt16 : width == 4 ? kStoredInt32 : width == 8 ? tag : kMixedTags;
    return stored != kMixedTags;
  }
  if ((tag == tag_of(WordKind::kFloat) || is_container(tag)) && width == 8) {
    stored = tag;
    return true;
  }
  return false;
}

// The widest stored tag that tags of the same kind share, kMixedTags where the kinds differ.
inline Tag common_tag(Tag a, Tag b) noexcept {
  if (a == b) return a;
  const auto kind = [](Tag tag) -> Tag {
    if (tag >= kStoredInt8 && tag <= kStoredInt32) return tag_of(WordKind::kInt);
    if (tag == kStoredFloat32) return tag_of(WordKind::kFloat);
    return is_local(tag) ? static_cast<Tag>(tag & ~kStoredLocal) : tag;
  };
  if (kind(a) != kind(b)) return kMixedTags;
  return kWordWidths[a] > kWordWidths[b] ? a : b;
}

// Writes a word of `width` bytes; for kStoredFloat32 the value as such.
inline void write_stored(char* to, Tag stored, uint64_t word) noexcept {
  if (stored == kStoredFloat32) {
    double value;
    std::memcpy(&value, &word, sizeof value);
    store_le(to, static_cast<float>(value));
    return;
  }
  if (kWordWidths[stored] == 8) return store_le(to, word);
  std::memcpy(to, &word, kWordWidths[stored]);
}

// One run of members (a node's values, an inline dict's keys), read where it lies. Reading in order
// is O(1) a member: the run remembers where it was.
class MemberRun {
 public:
  MemberRun() = default;
  // `tags` null: all have the tag `uniform`. `heap`: where its heap starts; `end`: how far words
  // (without a heap) and heap may reach. `base`: what a local reference becomes, a record shifted.
  MemberRun(const char* tags, Tag uniform, const char* words, const char* words_end,
            const char* heap, const char* end, uint64_t base) noexcept
      : tags_(tags),
        words_(words),
        words_end_(words_end),
        heap_(heap),
        end_(end),
        base_(base),
        uniform_(uniform) {}

  Member at(size_t i) const {
    if (tags_ == nullptr && !is_heap(uniform_)) {
      return decode(uniform_, words_ + size_t{kWordWidths[uniform_]} * i);
    }
    seek(i);
    const Tag tag = tags_ != nullptr ? static_cast<Tag>(tags_[i]) : uniform_;
    const uint8_t width = kWordWidths[tag];
    const char* const at = words_ + word_;
    if (static_cast<size_t>(words_end_ - at) < width) throw_corrupt("a member leaves its node");
    if (!is_heap(tag)) return decode(tag, at);
    const auto size = load_le<uint16_t>(at);
    if (static_cast<size_t>(end_ - heap_) < size_t{heap_at_} + size)
      throw_corrupt("a string leaves its node");
    return {tag, size, heap_ + heap_at_, size};
  }

  // Where member `i` (or, for the count, the end) stands.
  Tag stored(size_t i) const noexcept {
    return tags_ != nullptr ? static_cast<Tag>(tags_[i]) : uniform_;
  }
  size_t word_offset(size_t i) const {
    if (tags_ == nullptr && !is_heap(uniform_)) return size_t{kWordWidths[uniform_]} * i;
    seek(i);
    return word_;
  }
  size_t heap_offset(size_t i) const {
    if (tags_ == nullptr && !is_heap(uniform_)) return 0;
    seek(i);
    return heap_at_;
  }
  const char* words() const noexcept { return words_; }
  const char* heap() const noexcept { return heap_; }
  const char* end() const noexcept { return end_; }  // how far the heap may reach
  const char* tags() const noexcept { return tags_; }
  Tag uniform() const noexcept { return tags_ != nullptr ? kMixedTags : uniform_; }

 private:
  void seek(size_t i) const {
    if (i == i_) return;
    if (i < i_) i_ = word_ = heap_at_ = 0;
    const char* const words = words_;
    const auto size = static_cast<size_t>(words_end_ - words);
    size_t word = word_;
    uint32_t heap_at = heap_at_;
    for (size_t k = i_; k < i; ++k) {
      const Tag tag = tags_ != nullptr ? static_cast<Tag>(tags_[k]) : uniform_;
      const uint8_t width = kWordWidths[tag];
      if (size < word + width || width == kUnknownWidth) throw_corrupt("a member leaves its node");
      if (is_heap(tag)) heap_at += load_le<uint16_t>(words + word);
      word += width;
    }
    i_ = static_cast<uint32_t>(i);
    word_ = static_cast<uint32_t>(word);
    heap_at_ = heap_at;
  }

  Member decode(Tag stored, const char* at) const {
    const uint8_t width = kWordWidths[stored];
    if (width == kUnknownWidth) throw_corrupt("a member has an unknown tag");
    // As one load, though it takes in what follows, unless that is behind the node.
    const uint64_t word =
        end_ - at >= 8 ? load_le<uint64_t>(at) & kWordMasks[width] : last_word(at, width);
    switch (kWordForms[stored]) {
      case WordForm::kInline:
        return {stored, word, at, width};
      case WordForm::kInt: {
        const unsigned shift = 64 - 8 * width;
        return {tag_of(WordKind::kInt),
                static_cast<uint64_t>(static_cast<int64_t>(word << shift) >> shift), nullptr, 0};
      }
      case WordForm::kFloat32: {
        const auto wide = static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(word)));
        return {tag_of(WordKind::kFloat), std::bit_cast<uint64_t>(wide), nullptr, 0};
      }
      case WordForm::kContainer:
        return {stored, record_of(word) == 0 ? word | base_ : word, nullptr, 0};
      case WordForm::kLocal:
        return {static_cast<Tag>(stored & ~kStoredLocal), word | base_, nullptr, 0};
      default:
        return {stored, word, nullptr, 0};
    }
  }

  static uint64_t last_word(const char* at, size_t width) noexcept {
    uint64_t word = 0;
    std::memcpy(&word, at, width);
    return word;
  }

  const char* tags_ = nullptr;
  const char* words_ = nullptr;
  const char* words_end_ = nullptr;
  const char* heap_ = nullptr;
  const char* end_ = nullptr;
  uint64_t base_ = 0;
  mutable uint32_t i_ = 0;
  mutable uint32_t word_ = 0;
  mutable uint32_t heap_at_ = 0;
  Tag uniform_ = 0;
};

}  // namespace oocmap
