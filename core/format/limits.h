// Limits of format version 1. Changing one never makes an older file unreadable: they steer the
// writer only, unless marked "reader".
#pragma once

#include <cstddef>
#include <cstdint>

namespace oocmap {

inline constexpr uint32_t kFormatVersion = 1;      // reader
inline constexpr size_t kMaxRecordBytes = 16'368;  // 4 pages less LMDB's 16-byte page header
inline constexpr size_t kMaxNodeBytes = 8'192;     // a larger node spills
inline constexpr size_t kMaxShapeKeys = 64;        // a dict stored whole with more keys has none
inline constexpr size_t kMaxInlineDict = 128;      // members; a larger dict spills to entries
inline constexpr size_t kMaxInlineList = 900;      // members; a larger list spills to chunks
inline constexpr size_t kMaxSlots = 65'535;        // reader: a record's slots are never reused
inline constexpr size_t kChunkMembers = 400;       // members of a full leaf chunk
inline constexpr size_t kChunkFanOut = 128;        // children of a full inner chunk
inline constexpr size_t kInlineText = 8;           // reader: bytes that fit the word itself
inline constexpr size_t kWindowText = 32;          // shorter text is never shared
inline constexpr size_t kIndexedText = 512;        // text from here on is indexed
// Text in an entry stands there twice (entries, order): longer text goes to immutables.
inline constexpr size_t kEntryText = 48;
inline constexpr size_t kIndexedTuple = 64;     // encoded bytes of an immutable tuple
inline constexpr size_t kWindowEntries = 4096;  // strings the window remembers
inline constexpr size_t kMaxKeyBytes = 440;     // reader: order bytes kept whole in an LMDB key
inline constexpr size_t kMaxValueBytes = size_t{1} << 30;  // one str, bytes or int
inline constexpr size_t kMaxClassName = 200;               // bytes of UTF-8
inline constexpr int kMaxDepth = 100'000;                  // nesting of one stored value

}  // namespace oocmap
