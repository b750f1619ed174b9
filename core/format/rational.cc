#include "core/format/rational.h"

#include <gmp.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "core/base/error.h"
#include "core/format/corrupt.h"
#include "core/format/order_types.h"
#include "core/format/packed.h"

namespace oocmap {
namespace {

constexpr int kLowByteFirst = -1;
constexpr int kHighByteFirst = 1;

class Integer {
 public:
  Integer() { mpz_init(value_); }
  explicit Integer(Bytes packed) : Integer() {
    const Packed head = read_packed(packed);
    if (head.tag == tag_of(WordKind::kInt)) {
      mpz_set_si(value_, static_cast<int64_t>(head.word));
      return;
    }
    const Bytes digits = head.payload.substr(1);
    mpz_import(value_, digits.size(), kLowByteFirst, 1, 0, 0, digits.data());
    if (head.payload[0] != 0) mpz_neg(value_, value_);
  }
  ~Integer() { mpz_clear(value_); }
  Integer(const Integer&) = delete;
  Integer& operator=(const Integer&) = delete;
  mpz_ptr get() noexcept { return value_; }
  mpz_srcptr get() const noexcept { return value_; }

 private:
  mpz_t value_;
};

size_t byte_count(const Integer& value) {
  return (mpz_sizeinbase(value.get(), 2) + 7) / 8;  // 1 for 0
}

// As a kBigInt payload; not of 0.
Buffer payload_of(const Integer& value) {
  Buffer payload(1 + byte_count(value), '\0');
  payload[0] = mpz_sgn(value.get()) < 0 ? 1 : 0;
  mpz_export(payload.data() + 1, nullptr, kLowByteFirst, 1, 0, 0, value.get());
  return payload;
}

void append_packed_int(Buffer& to, const Integer& value) {
  if (mpz_fits_slong_p(value.get()) != 0) return pack_int(to, mpz_get_si(value.get()));
  pack_payload(to, PayloadKind::kBigInt, payload_of(value));
}

void append_magnitude(Buffer& to, const Integer& value) {
  const size_t size = byte_count(value);
  append_varint(to, size);
  const size_t at = to.size();
  to.resize(at + size);
  mpz_export(to.data() + at, nullptr, kHighByteFirst, 1, 0, 0, value.get());
}

RationalKey integer_key(const Integer& value) {
  RationalKey key;
  if (mpz_fits_slong_p(value.get()) != 0) {
    key.number = OrderNumber{true, mpz_get_si(value.get()), 0};
    return key;
  }
  Buffer payload = payload_of(value);
  key.number = big_as_number(payload);
  if (!key.number) key.big_int = std::move(payload);
  return key;
}

// numerator / denominator, reduced here; the denominator is positive.
RationalKey key_of_ratio(Integer& numerator, Integer& denominator) {
  Integer common;
  mpz_gcd(common.get(), numerator.get(), denominator.get());
  mpz_divexact(numerator.get(), numerator.get(), common.get());
  mpz_divexact(denominator.get(), denominator.get(), common.get());
  if (mpz_cmp_ui(denominator.get(), 1) == 0) return integer_key(numerator);

  // A binary64 is an odd number of at most 53 bits over a power of two up to 2^1074.
  RationalKey key;
  const size_t power = mpz_sizeinbase(denominator.get(), 2) - 1;
  constexpr size_t kMostPower = 1074;
  constexpr size_t kSignificand = std::numeric_limits<double>::digits;
  if (power <= kMostPower && mpz_scan1(denominator.get(), 0) == power &&
      mpz_sizeinbase(numerator.get(), 2) <= kSignificand) {
    const double real = std::ldexp(mpz_get_d(numerator.get()), -static_cast<int>(power));
    key.number = OrderNumber{false, 0, real};
    return key;
  }
  key.fraction.push_back(mpz_sgn(numerator.get()) < 0 ? '\0' : '\1');
  append_magnitude(key.fraction, numerator);
  append_magnitude(key.fraction, denominator);
  return key;
}

RationalKey infinity(bool negative) {
  RationalKey key;
  const double real = std::numeric_limits<double>::infinity();
  key.number = OrderNumber{false, 0, negative ? -real : real};
  return key;
}

struct DecimalParts {
  Buffer digits;
  int64_t exponent = 0;  // of the last digit
};

// digits [. digits] [E [+|-] digits], as str(Decimal) writes it.
DecimalParts read_decimal(Bytes text) {
  DecimalParts parts;
  size_t at = 0;
  bool point = false;
  for (; at < text.size() && text[at] != 'E'; ++at) {
    if (text[at] == '.' && !point) {
      point = true;
    } else if (text[at] >= '0' && text[at] <= '9') {
      parts.digits.push_back(text[at]);
      if (point) --parts.exponent;
    } else {
      throw_corrupt("a Decimal's text is no number");
    }
  }
  if (parts.digits.empty()) throw_corrupt("a Decimal's text has no digits");
  if (at == text.size()) return parts;
  Bytes written = text.substr(at + 1);
  if (!written.empty() && written.front() == '+') written.remove_prefix(1);
  int64_t exponent = 0;
  const auto [stop, error] =
      std::from_chars(written.data(), written.data() + written.size(), exponent);
  if (error != std::errc() || stop != written.data() + written.size() ||
      __builtin_add_overflow(parts.exponent, exponent, &parts.exponent)) {
    throw_corrupt("a Decimal's text has no exponent");
  }
  return parts;
}

}  // namespace

RationalKey fraction_key(Bytes numerator, Bytes denominator) {
  Integer above(numerator);
  Integer below(denominator);
  return key_of_ratio(above, below);
}

RationalKey decimal_key(Bytes text) {
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  if (text == "Infinity") return infinity(negative);
  if (text.starts_with("NaN") || text.starts_with("sNaN")) {
    throw Error(ErrorCode::kInvalidArgument, "nan cannot be a key: it does not equal itself");
  }
  DecimalParts parts = read_decimal(text);
  const size_t last = parts.digits.find_last_not_of('0');
  RationalKey zero;
  zero.number = OrderNumber{true, 0, 0};
  if (last == Buffer::npos) return zero;  // whatever its exponent
  const size_t dropped = parts.digits.size() - 1 - last;
  parts.digits.resize(last + 1);
  if (__builtin_add_overflow(parts.exponent, static_cast<int64_t>(dropped), &parts.exponent)) {
    throw_corrupt("a Decimal's text has no exponent");
  }
  const auto digits = static_cast<int64_t>(parts.digits.size());
  if (digits > kMaxKeyDigits || parts.exponent > kMaxKeyDigits - digits ||
      parts.exponent < digits - kMaxKeyDigits) {
    throw Error(ErrorCode::kInvalidArgument,
                "a Decimal of more than " + std::to_string(kMaxKeyDigits) +
                    " digits, written out, cannot be a key: store it as a value, or use its str()");
  }
  Integer numerator;
  Integer denominator;
  Integer power;
  mpz_set_str(numerator.get(), parts.digits.c_str(), 10);  // nothing but digits
  if (negative) mpz_neg(numerator.get(), numerator.get());
  mpz_set_ui(denominator.get(), 1);
  mpz_ui_pow_ui(power.get(), 10, static_cast<unsigned long>(std::abs(parts.exponent)));
  mpz_ptr scaled = parts.exponent < 0 ? denominator.get() : numerator.get();
  mpz_mul(scaled, scaled, power.get());
  return key_of_ratio(numerator, denominator);
}

Buffer range_key(Bytes start, Bytes stop, Bytes step) {
  const Integer first(start);
  const Integer end(stop);
  const Integer stride(step);
  const bool rising = mpz_sgn(stride.get()) > 0;
  Integer length;
  // floor((end - first -+ 1) / step) + 1 of a range that is not empty.
  mpz_sub(length.get(), end.get(), first.get());
  const int direction = mpz_sgn(length.get());
  if (direction == 0 || (direction > 0) != rising) {
    mpz_set_ui(length.get(), 0);
  } else {
    rising ? mpz_sub_ui(length.get(), length.get(), 1) : mpz_add_ui(length.get(), length.get(), 1);
    mpz_fdiv_q(length.get(), length.get(), stride.get());
    mpz_add_ui(length.get(), length.get(), 1);
  }
  Buffer key;
  append_packed_int(key, length);
  if (mpz_sgn(length.get()) > 0) append_packed_int(key, first);
  if (mpz_cmp_ui(length.get(), 1) > 0) append_packed_int(key, stride);
  return key;
}

}  // namespace oocmap
