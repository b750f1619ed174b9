// Packed values: self-contained, exact bytes of an immutable value (scalars, text, tuples and
// frozensets of such),
// used for dict keys, shapes, and handles of scalars. Grammar in docs/format.md:
//   packed  = tag payload
//   tag     as in word.h, only: in-word kinds None..Float, heap kinds, kTuple, kFrozenset,
//           kRegistered
//   payload = nothing | 8 bytes | varint size, bytes | varint count, packed*
//           | flags u8, packed name (kStr), packed value
#pragma once

#include "core/base/bytes.h"
#include "core/base/export.h"
#include "core/format/word.h"

namespace oocmap {

OOCMAP_API void pack_none(Buffer& to);
OOCMAP_API void pack_bool(Buffer& to, bool value);
OOCMAP_API void pack_int(Buffer& to, int64_t value);
OOCMAP_API void pack_float(Buffer& to, double value);
// kStr, kWtf8, kBytes, kBigInt (payload form of word.h), kComplex to kUuid (other_payload.h).
OOCMAP_API void pack_payload(Buffer& to, PayloadKind kind, Bytes payload);
OOCMAP_API void pack_tuple(Buffer& to, uint64_t count);  // its `count` members are packed next
// Of a frozenset: its `count` members follow in the order of their order bytes, no two equal
// (pack_frozenset() in key_encoding.h sees to that).
OOCMAP_API void pack_frozenset_head(Buffer& to, uint64_t count);

// Flags of a packed kRegistered. Do not renumber: on disk.
inline constexpr uint8_t kEqualsItsValue = 1;  // ==, and of the same hash: one key with the value
inline constexpr uint8_t kValueIsDict = 2;     // the value is the frozenset of a dict's items
inline constexpr uint8_t kRegisteredFlags = kEqualsItsValue | kValueIsDict;

// Its name (UTF-8) is packed with it, its value is packed next.
OOCMAP_API void pack_registered(Buffer& to, Bytes name, uint8_t flags);

// One step of reading: removes one packed head from `from`.
struct Packed {
  Tag tag = 0;         // kTuple, kFrozenset, kRegistered: `count` packed values follow in `from`
  uint64_t word = 0;   // int64 or float bits; kRegistered: the flags
  Bytes payload;       // heap kinds
  uint64_t count = 0;  // kTuple, kFrozenset; kRegistered: 2, the name and the value

  bool registered() const noexcept { return tag == tag_of(WordKind::kRegistered); }
  // Whether members follow.
  bool has_members() const noexcept {
    return tag == tag_of(WordKind::kTuple) || tag == tag_of(WordKind::kFrozenset) || registered();
  }
};
// Errors: kCorrupt. Recursion is the caller's; depth is bounded by kMaxDepth.
OOCMAP_API Packed read_packed(Bytes& from);
// The same, but what stands in a registered object's place is its value: as SQL and JSON show it.
OOCMAP_API Packed read_shown(Bytes& from);
// Whether the packed value is, and holds, nothing but None, bools, numbers, text, bytes, tuples and
// frozensets. Errors: kCorrupt. Cost: a pass over its heads.
OOCMAP_API bool is_packed_plain(Bytes packed);
// Skips one whole packed value, without recursion. Errors: kCorrupt.
void skip_packed(Bytes& from);

}  // namespace oocmap
