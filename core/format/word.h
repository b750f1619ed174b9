// A member of a container: one tag byte and one 8-byte word. Normative text: docs/format.md.
//
// tag = location (2 high bits) | kind (6 low bits)
//   0x00 | WordKind      the word is the value, or a reference to a container
//   0x40 | PayloadKind   heap: word = offset from the node's start (u32) | size << 32;
//                        in an entry the payload follows the tag
//   0x80 | PayloadKind   immutable: word = id in `immutables`
//   0xC0 | n             text of n <= 8 bytes (valid UTF-8) in the word; 0xD0 | n bytes likewise
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/format/limits.h"

namespace oocmap {

using Tag = uint8_t;
using Identity = uint64_t;  // record id << 16 | slot; record 0: the record the word stands in

// Do not renumber: on disk.
enum class WordKind : uint8_t {
  kNone = 0x00,
  kFalse = 0x01,
  kTrue = 0x02,
  kInt = 0x03,    // int64
  kFloat = 0x04,  // binary64, bit-exact
  kDict = 0x10,
  kList = 0x11,
  kTuple = 0x12,
  kSet = 0x13,
  kFrozenset = 0x14,
  kArray = 0x15,
  kRegistered = 0x16,  // an object of a class that its user registered: its name and one value
};

// Do not renumber: on disk. 0x0f is numbered room: not written by version 0.1. The payloads of
// 0x04-0x0e are in other_payload.h.
enum class PayloadKind : uint8_t {
  kStr = 0x00,   // valid UTF-8
  kWtf8 = 0x01,  // generalised UTF-8: text with lone surrogates
  kBytes = 0x02,
  kBigInt = 0x03,  // sign byte (0 or 1 = negative), magnitude little-endian, no leading zero byte
  kComplex = 0x04,
  kBytearray = 0x05,
  kRange = 0x06,
  kDatetime = 0x07,
  kDate = 0x08,
  kTime = 0x09,
  kTimedelta = 0x0a,
  kDecimal = 0x0b,
  kFraction = 0x0c,
  kUuid = 0x0d,
  kNumpyScalar = 0x0e,
  kPacked = 0x10,  // a packed value (packed.h): a tuple or frozenset as a key
  kShape = 0x3e,   // immutables only: the keys of dicts
};

inline constexpr Tag kLocationMask = 0xc0;
inline constexpr Tag kInWord = 0x00;
inline constexpr Tag kInHeap = 0x40;
inline constexpr Tag kInImmutables = 0x80;
inline constexpr Tag kInlineText0 = 0xc0;
inline constexpr Tag kInlineBytes0 = 0xd0;

constexpr Tag tag_of(WordKind kind) noexcept { return static_cast<Tag>(kind); }
constexpr Tag heap_tag(PayloadKind kind) noexcept { return kInHeap | static_cast<Tag>(kind); }
constexpr Tag immutable_tag(PayloadKind kind) noexcept {
  return kInImmutables | static_cast<Tag>(kind);
}

constexpr bool is_container(Tag tag) noexcept { return tag >= 0x10 && tag <= 0x16; }
// Dicts and sets: what has keys, found by their order bytes.
constexpr bool has_keys(WordKind kind) noexcept {
  return kind == WordKind::kDict || kind == WordKind::kSet || kind == WordKind::kFrozenset;
}
constexpr bool is_set(WordKind kind) noexcept {
  return kind == WordKind::kSet || kind == WordKind::kFrozenset;
}
constexpr bool is_inline(Tag tag) noexcept { return tag >= kInlineText0; }
constexpr bool is_heap(Tag tag) noexcept { return (tag & kLocationMask) == kInHeap; }
constexpr bool is_immutable(Tag tag) noexcept { return (tag & kLocationMask) == kInImmutables; }
// Of the inline tags only text and bytes of at most kInlineText bytes exist.
constexpr bool is_inline_tag_valid(Tag tag) noexcept {
  return tag < 0xe0 && (tag & 0x0f) <= kInlineText;
}
constexpr size_t inline_size(Tag tag) noexcept { return tag & 0x0f; }

constexpr Identity make_identity(uint64_t record, uint16_t slot) noexcept {
  return record << 16 | slot;
}
constexpr uint64_t record_of(Identity identity) noexcept { return identity >> 16; }
constexpr uint16_t slot_of(Identity identity) noexcept { return static_cast<uint16_t>(identity); }

// The tag of `size` <= kInlineText bytes of text (valid UTF-8) or bytes in the word.
constexpr Tag inline_text_tag(size_t size) noexcept {
  return static_cast<Tag>(kInlineText0 | size);
}
constexpr Tag inline_bytes_tag(size_t size) noexcept {
  return static_cast<Tag>(kInlineBytes0 | size);
}

// A member as read. `data`/`size` view the payload of heap and inline members (into the map: valid
// as long as the node's view); empty for the rest. Container words are absolute (never record 0).
struct Member {
  Tag tag = 0;
  uint64_t word = 0;
  const char* data = nullptr;
  uint32_t size = 0;

  Bytes payload() const noexcept { return {data, size}; }
  bool container() const noexcept { return is_container(tag); }
  bool in_immutables() const noexcept { return is_immutable(tag); }
  bool has_payload() const noexcept { return is_heap(tag) || is_inline(tag); }
  // Heap, inline and immutable members only.
  PayloadKind payload_kind() const noexcept {
    if (is_inline(tag)) return tag >= kInlineBytes0 ? PayloadKind::kBytes : PayloadKind::kStr;
    return static_cast<PayloadKind>(tag & 0x3f);
  }
  int64_t as_int() const noexcept { return static_cast<int64_t>(word); }
  double as_float() const noexcept {
    double value;
    std::memcpy(&value, &word, sizeof value);
    return value;
  }
};

}  // namespace oocmap
