#include "core/format/order_number.h"

#include <bit>
#include <cmath>

#include "core/format/corrupt.h"
#include "core/format/key_encoding.h"

namespace oocmap {
namespace {

constexpr double kTwoTo63 = 9223372036854775808.0;
constexpr char kNegativeEnd = '\xff';  // sorts after a fraction: -1.5 < -1
constexpr char kNegativeFraction = '\xfe';
constexpr char kElementEnd = '\x00';  // sorts before a fraction: 1 < 1.5
constexpr char kElementFraction = '\x01';
constexpr size_t kBinary64 = 8;

size_t magnitude_size(uint64_t magnitude) noexcept {
  return static_cast<size_t>(64 - std::countl_zero(magnitude) + 7) / 8;
}

// Writes the low `size` bytes of `value`, high byte first; scribbles over the 8 bytes at `to`.
char* write_be(char* to, uint64_t value, size_t size) noexcept {
  if (size == 0) return to;
  store_le(to, __builtin_bswap64(value << (64 - 8 * size)));
  return to + size;
}

uint64_t read_be(Bytes from, size_t size) noexcept {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<uint8_t>(from[i]);
  return value;
}

// `fraction` is 0 or in (0, 1).
size_t encode_parts(char* const to, bool negative, uint64_t magnitude, double fraction,
                    OrderPlace place) noexcept {
  const size_t size = magnitude_size(magnitude);
  const uint64_t bits = std::bit_cast<uint64_t>(fraction);
  char* at = to;
  if (negative) {
    *at++ = static_cast<char>(kClassNegativeFraction - size);
    at = write_be(at, ~magnitude, size);
    *at++ = fraction == 0 ? kNegativeEnd : kNegativeFraction;
    if (fraction != 0) at = write_be(at, ~bits, kBinary64);
  } else {
    *at++ = static_cast<char>(kClassZero + size);
    at = write_be(at, magnitude, size);
    if (place == OrderPlace::kElement) *at++ = fraction == 0 ? kElementEnd : kElementFraction;
    if (fraction != 0) at = write_be(at, bits, kBinary64);
  }
  return static_cast<size_t>(at - to);
}

size_t encode_beyond_int64(char* to, double value) noexcept {
  const bool negative = value < 0;
  const uint64_t bits = std::bit_cast<uint64_t>(std::fabs(value));
  to[0] = static_cast<char>(negative ? kClassNumberFirst : kClassNumberLast);
  write_be(to + 1, negative ? ~bits : bits, kBinary64);
  return 1 + kBinary64;
}

uint64_t take_be(Bytes& from, size_t size) {
  if (from.size() < size) throw_corrupt("an order-encoded number is cut short");
  const uint64_t value = read_be(from, size);
  from.remove_prefix(size);
  return value;
}

OrderNumber real_number(double value) { return {false, 0, value}; }

OrderNumber read_beyond_int64(Bytes& from, bool negative) {
  const uint64_t bits = take_be(from, kBinary64);
  const auto magnitude = std::bit_cast<double>(negative ? ~bits : bits);
  if (!(negative ? magnitude > kTwoTo63 : magnitude >= kTwoTo63)) {
    throw_corrupt("an order-encoded number has the wrong class");
  }
  return real_number(negative ? -magnitude : magnitude);
}

// Whether a fraction follows the magnitude, per sign and place.
bool read_fraction_mark(Bytes& from, bool negative, OrderPlace place) {
  if (!negative && place == OrderPlace::kKey) return !from.empty();
  if (from.empty()) throw_corrupt("an order-encoded number is cut short");
  const char mark = from.front();
  from.remove_prefix(1);
  if (mark == (negative ? kNegativeFraction : kElementFraction)) return true;
  if (mark != (negative ? kNegativeEnd : kElementEnd)) {
    throw_corrupt("an order-encoded number has no end");
  }
  return false;
}

OrderNumber read_fraction(Bytes& from, bool negative, uint64_t magnitude) {
  const uint64_t bits = take_be(from, kBinary64);
  const auto fraction = std::bit_cast<double>(negative ? ~bits : bits);
  const double whole = static_cast<double>(magnitude);
  const double value = whole + fraction;
  if (!(fraction > 0 && fraction < 1) || magnitude >> 53 != 0 || value - whole != fraction ||
      value >= whole + 1) {
    throw_corrupt("an order-encoded number has an impossible fraction");
  }
  return real_number(negative ? -value : value);
}

OrderNumber integer_number(bool negative, uint64_t magnitude) {
  constexpr uint64_t kMinMagnitude = uint64_t{1} << 63;
  if (negative ? magnitude == 0 || magnitude > kMinMagnitude : magnitude >= kMinMagnitude) {
    throw_corrupt("an order-encoded number has the wrong class");
  }
  return {true, static_cast<int64_t>(negative ? 0 - magnitude : magnitude), 0};
}

// A kBigInt payload's magnitude: little-endian, its highest byte not 0.
bool is_zero(Bytes bytes) noexcept { return bytes.find_first_not_of('\0') == Bytes::npos; }

}  // namespace

bool is_int64(double value) noexcept {
  return value >= -kTwoTo63 && value < kTwoTo63 && std::trunc(value) == value;
}

size_t encode_order_int(char* to, int64_t value, OrderPlace place) noexcept {
  const bool negative = value < 0;
  const auto bits = static_cast<uint64_t>(value);
  return encode_parts(to, negative, negative ? 0 - bits : bits, 0, place);
}

size_t encode_order_float(char* to, double value, OrderPlace place) noexcept {
  if (value >= kTwoTo63 || value < -kTwoTo63) return encode_beyond_int64(to, value);
  const double magnitude = std::fabs(value);
  const double whole = std::trunc(magnitude);
  // -0.0 < 0 is false: it has 0's bytes.
  return encode_parts(to, value < 0, static_cast<uint64_t>(whole), magnitude - whole, place);
}

OrderNumber read_order_number(Bytes& from, OrderPlace place) {
  const auto number_class = static_cast<uint8_t>(take_be(from, 1));
  if (number_class < kClassNumberFirst || number_class > kClassNumberLast) {
    throw_corrupt("an order-encoded number has an unknown class");
  }
  OrderNumber number;
  if (number_class == kClassNumberFirst || number_class == kClassNumberLast) {
    number = read_beyond_int64(from, number_class == kClassNumberFirst);
  } else {
    const bool negative = number_class <= kClassNegativeFraction;
    const size_t size =
        negative ? kClassNegativeFraction - number_class : number_class - kClassZero;
    const uint64_t mask = size == 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * size)) - 1;
    uint64_t magnitude = take_be(from, size);
    if (negative) magnitude = ~magnitude & mask;
    if (magnitude_size(magnitude) != size) throw_corrupt("an order-encoded number is not minimal");
    number = read_fraction_mark(from, negative, place) ? read_fraction(from, negative, magnitude)
                                                       : integer_number(negative, magnitude);
  }
  if (place == OrderPlace::kKey && !from.empty()) {
    throw_corrupt("an order-encoded number has bytes after it");
  }
  return number;
}

std::optional<OrderNumber> big_as_number(Bytes payload) {
  if (payload.size() < 2 || static_cast<uint8_t>(payload[0]) > 1 || payload.back() == '\0') {
    throw_corrupt("a big int is malformed");
  }
  const bool negative = payload[0] != 0;
  const Bytes digits = payload.substr(1);
  const size_t top_size = digits.size() < 8 ? digits.size() : 8;
  const Bytes low = digits.substr(0, digits.size() - top_size);
  uint64_t top = 0;
  std::memcpy(&top, digits.data() + low.size(), top_size);
  if (low.empty() && (top >> 63 == 0 || (negative && top == uint64_t{1} << 63))) {
    return integer_number(negative, top);
  }
  // A binary64 has 53 significant bits, and 2^1024 is past the largest: the top 8 bytes hold 57
  // bits or more, so all others must be 0.
  constexpr size_t kLargestBinary64 = 128;
  const int span = 64 - std::countl_zero(top) - std::countr_zero(top);
  if (span > 53 || digits.size() > kLargestBinary64 || !is_zero(low)) return std::nullopt;
  const double magnitude = std::ldexp(static_cast<double>(top), static_cast<int>(8 * low.size()));
  return real_number(negative ? -magnitude : magnitude);
}

}  // namespace oocmap
