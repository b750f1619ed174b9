// Exact numbers that are no int and no float: Decimal and Fraction, and the length of a range.
#pragma once

#include <optional>

#include "core/base/bytes.h"
#include "core/format/order_number.h"

namespace oocmap {

// What a rational number is as a key: a number that an int or float equals too, a bigger int, or
// the fraction itself.
struct RationalKey {
  std::optional<OrderNumber> number;
  Buffer big_int;   // kBigInt payload, where it is one and no number
  Buffer fraction;  // canonical bytes (docs/format.md), where it is neither
};

// Of two packed ints (i64 or kBigInt), the second positive.
RationalKey fraction_key(Bytes numerator, Bytes denominator);

// Of what str(Decimal) gives. Errors: kInvalidArgument for NaN and for more than kMaxKeyDigits
// digits; kCorrupt for what is no such text.
RationalKey decimal_key(Bytes text);

// The bytes under which ranges that are equal as sequences are equal: packed length, and the packed
// start and step where the length has need of them.
Buffer range_key(Bytes start, Bytes stop, Bytes step);

}  // namespace oocmap
