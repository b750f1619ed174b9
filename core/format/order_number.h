// Numbers as order bytes: ints and floats interleaved under memcmp, equal numbers equal bytes.
//
//   number   = class, magnitude, fraction
//   class    = sign and size of |trunc x| (key_encoding.h), magnitude = its minimal big-endian
//   bytes fraction = binary64 bits of |x| - |trunc x|, big-endian
//     x >= 0: nothing, or the 8 bytes; in an element 0x00, or 0x01 and the 8 bytes
//     x < 0:  0xff, or 0xfe and the complement of the 8 bytes; the magnitude is complemented too
//   beyond int64: class, then the binary64 bits of |x|, big-endian (complemented where negative)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/base/bytes.h"

namespace oocmap {

// Where the bytes stand: as a whole key, whose end is known, or followed by others.
enum class OrderPlace { kKey, kElement };

inline constexpr size_t kMaxOrderNumber = 18;

// Both write at most kMaxOrderNumber bytes and return how many. `value` is not NaN.
size_t encode_order_int(char* to, int64_t value, OrderPlace place) noexcept;
size_t encode_order_float(char* to, double value, OrderPlace place) noexcept;

// Whether `value` is integral and in int64's range.
bool is_int64(double value) noexcept;

struct OrderNumber {
  bool integral = false;  // `integer` counts, else `real`
  int64_t integer = 0;
  double real = 0;
};
// Reads a number from the front of `from`; a kKey one takes all of it. Errors: kCorrupt, also where
// the bytes are not what the encoders write.
OrderNumber read_order_number(Bytes& from, OrderPlace place);

// What a kBigInt payload is as a number of the above kind; nullopt where it is neither an int64 nor
// a binary64. Errors: kCorrupt for a malformed payload.
std::optional<OrderNumber> big_as_number(Bytes payload);

}  // namespace oocmap
