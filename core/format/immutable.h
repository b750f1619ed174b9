// Rows of `immutables`, keys of `immutable_index`, and shapes. docs/format.md.
//   immutables:      u64 id -> flags u8 | kind u8 (PayloadKind) | payload
//   immutable_index: hash big-endian | space u8 | varint id -> nothing
//                    hash = payload_hash / record_hash below; equal hashes are always compared
//   shape payload:   varint count | packed key*     (in insertion order)
#pragma once

#include <vector>

#include "core/base/bytes.h"
#include "core/format/packed.h"
#include "core/format/word.h"

namespace oocmap {

inline constexpr uint8_t kImmutableShared = 1;   // more than one referent: vacuum frees it
inline constexpr uint8_t kImmutableIndexed = 2;  // has a row in immutable_index

enum class IndexSpace : uint8_t { kImmutables = 0, kRecords = 1 };  // do not renumber: on disk

struct Immutable {
  uint8_t flags = 0;
  PayloadKind kind = PayloadKind::kStr;
  Bytes payload;
};
Buffer encode_immutable(uint8_t flags, PayloadKind kind, Bytes payload);
Immutable decode_immutable(Bytes value);  // Errors: kCorrupt

Buffer index_key(uint64_t hash, IndexSpace space, uint64_t id);
Buffer index_prefix(uint64_t hash, IndexSpace space);
uint64_t index_id(Bytes key);  // Errors: kCorrupt

// hash64(payload, seed = kind).
uint64_t payload_hash(PayloadKind kind, Bytes payload) noexcept;
// hash64 of all but the record's flags, seed 0x100. `record` is whole.
uint64_t record_hash(Bytes record) noexcept;
// Whether two records hold the same bytes, flags aside.
bool same_content(Bytes record, Bytes other) noexcept;

// Begins a shape payload; `count` packed keys are appended next (packed.h).
void append_shape_head(Buffer& to, uint64_t count);
// The packed keys of a shape, in insertion order. Lifetime: views into `payload`. Errors: kCorrupt.
std::vector<Bytes> decode_shape(Bytes payload);

}  // namespace oocmap
