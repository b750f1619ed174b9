// Packed values: self-contained, exact bytes of an immutable value (scalars, text, tuples and
// frozensets of such),
// used for dict keys, shapes, and handles of scalars. Grammar in docs/format.md:
//   packed  = tag payload
//   tag     as in word.h, only: in-word kinds None..Float, heap kinds, kTuple, kFrozenset
//   payload = nothing | 8 bytes | varint size, bytes | varint count, packed*
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

// One step of reading: removes one packed head from `from`.
struct Packed {
  Tag tag = 0;         // kTuple, kFrozenset: `count` packed values follow in `from`
  uint64_t word = 0;   // int64 or float bits
  Bytes payload;       // heap kinds
  uint64_t count = 0;  // kTuple, kFrozenset

  // Whether members follow.
  bool has_members() const noexcept {
    return tag == tag_of(WordKind::kTuple) || tag == tag_of(WordKind::kFrozenset);
  }
};
// Errors: kCorrupt. Recursion is the caller's; depth is bounded by kMaxDepth.
OOCMAP_API Packed read_packed(Bytes& from);
// Skips one whole packed value, without recursion. Errors: kCorrupt.
void skip_packed(Bytes& from);

}  // namespace oocmap
