// Order bytes of the payload kinds of other_payload.h: numbers that are equal share the bytes of
// int and float, all others have a subclass of their own. None decodes to the value: its key always
// has the packed value beside it (KeyForm::kExplicit).
#pragma once

#include "core/base/bytes.h"
#include "core/format/order_number.h"
#include "core/format/other_payload.h"
#include "core/format/word.h"

namespace oocmap {

// The most digits, written out, that a Decimal used as a key may have; a value may have any.
inline constexpr int64_t kMaxKeyDigits = 100'000;

// Appends the order bytes of a payload of kind kComplex to kNumpyScalar, but kBytearray.
// Errors: kInvalidArgument for NaN and for a Decimal of more than kMaxKeyDigits digits,
//         kTypeMismatch for what is no key, kCorrupt.
void append_order_typed(Buffer& to, PayloadKind kind, Bytes payload, OrderPlace place);

// Canonical bytes (docs/format.md), which numpy's times share: of a naive datetime, by microseconds
// from 0001-01-01 00:00 to it, and of a timedelta.
Buffer naive_datetime_key(int64_t local);
Buffer timedelta_key(const TimedeltaFields& value);

}  // namespace oocmap
