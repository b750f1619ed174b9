// Order bytes of what is neither number, text nor bytes: None, big ints, text with lone surrogates,
// tuples, frozensets. These end by themselves, so they stand alike as keys and as elements. All
// iterate: nested ones take no stack.
#pragma once

#include "core/base/bytes.h"
#include "core/format/word.h"

namespace oocmap {

// Appends the order bytes of a kBigInt payload that is no number (order_number.h), of WTF-8.
void append_order_big(Buffer& to, Bytes payload);
void append_order_wtf8(Buffer& to, Bytes wtf8);

// Appends one packed value in element form (key_encoding.h). Returns whether unpacking the bytes
// gives the same packed value back: not for bools and floats that are int64.
// Errors: as Key::packed.
bool append_packed_element(Buffer& to, Bytes packed);

// Appends the packed value of the one element at the front of `from`. Errors: kCorrupt.
void unpack_element(Buffer& to, Bytes& from);

// Moves one element from the front of `from`. Errors: kCorrupt.
Bytes take_element(Bytes& from);

}  // namespace oocmap
