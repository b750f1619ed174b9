// Values in `entries` and `order`: one member of a spilled dict. docs/format.md has the grammar.
//   entries: varint sequence | form | [varint n, full order bytes: long keys]
//            | [varint n, packed: kExplicit] | tag | payload
//   order:   form | varint n, order bytes | [varint n, packed: kExplicit] | tag | payload
// form: KeyForm, with bit 7 (kLongKey) set in entries where the full order bytes follow.
// payload: ids and identities trimmed of high zero bytes, ints of high sign bytes; floats whole;
// text raw. Identities are absolute: an entry stands in no record.
#pragma once

#include "core/base/bytes.h"
#include "core/format/key_encoding.h"
#include "core/format/word.h"

namespace oocmap {

struct Entry {
  uint64_t sequence = 0;
  KeyForm form = KeyForm::kCanonical;
  Bytes order;            // in `entries` for long keys only: else they are in the LMDB key
  Bytes explicit_packed;  // kExplicit only
  Member member;
};

inline constexpr uint8_t kLongKey = 0x80;  // do not renumber: on disk

// `member`: an immutable's id, a container's absolute identity, a scalar, or text and bytes (heap
// or inline tags) with `data`. Errors: kInvalidArgument for a reference to record 0.
Buffer encode_entry(uint64_t sequence, const Key& key, const Member& member);
Buffer encode_order_entry(const Key& key, const Member& member);
// The same, appended: bulk writers reuse the buffer.
void append_entry(Buffer& to, uint64_t sequence, const Key& key, const Member& member);
void append_order_entry(Buffer& to, const Key& key, const Member& member);
// Errors (both): kCorrupt. Lifetime: views into `value`.
Entry decode_entry(Bytes value);
Entry decode_order_entry(Bytes value);
// Only the member (the hot path of a point read). Errors: kCorrupt.
Member decode_entry_member(Bytes value);
// Only the member of a row of `order`. Errors: kCorrupt.
Member decode_order_entry_member(Bytes value);
// Only the sequence of a row of `entries`. Errors: kCorrupt.
uint64_t decode_entry_sequence(Bytes value);
// The Key of a row of `entries`: `order_part` is what follows the container in its LMDB key.
// Errors: kCorrupt.
Key entry_key_of(Bytes order_part, const Entry& entry);

}  // namespace oocmap
