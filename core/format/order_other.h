// Order bytes of what is neither number, text nor bytes: None, big ints, text with lone surrogates,
// tuples, frozensets, and the subclasses of order_types.h. These end by themselves, so they stand
// alike as keys and as elements. All iterate: nested ones take no stack.
#pragma once

#include "core/base/bytes.h"
#include "core/format/word.h"

namespace oocmap {

// Appends the order bytes of a kBigInt payload that is no number (order_number.h), of WTF-8.
void append_order_big(Buffer& to, Bytes payload);
void append_order_wtf8(Buffer& to, Bytes wtf8);
// Appends canonical bytes of a subclass (kOtherComplex to kOtherRange, numpy's times), escaped:
// they end by themselves and sort as the bytes do. What they stand for is not to be had back from
// them.
void append_order_canonical(Buffer& to, uint8_t subclass, Bytes canonical);

// Appends one packed value in element form (key_encoding.h). Returns whether unpacking the bytes
// gives the same packed value back: not for bools and floats that are int64.
// Errors: as Key::packed.
bool append_packed_element(Buffer& to, Bytes packed);

// Appends the packed value of the one element at the front of `from`. Errors: kCorrupt, also where
// there are canonical bytes in it.
void unpack_element(Buffer& to, Bytes& from);

// Moves one element from the front of `from`. Errors: kCorrupt.
Bytes take_element(Bytes& from);

}  // namespace oocmap
