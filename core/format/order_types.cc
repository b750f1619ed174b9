#include "core/format/order_types.h"

#include <bit>
#include <cmath>

#include "core/base/error.h"
#include "core/format/key_encoding.h"
#include "core/format/order_numpy.h"
#include "core/format/order_other.h"
#include "core/format/other_payload.h"
#include "core/format/rational.h"

namespace oocmap {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kDay = 86'400 * kSecond;

// First bytes of a datetime's and a time's canonical form. On disk: not renumbered.
enum Clock : char { kNaiveClock = 0, kInstant = 1, kAmbiguous = 2 };

void append_number(Buffer& to, const OrderNumber& number, OrderPlace place) {
  char bytes[kMaxOrderNumber];
  to.append(bytes, number.integral ? encode_order_int(bytes, number.integer, place)
                                   : encode_order_float(bytes, number.real, place));
}

void append_rational(Buffer& to, const RationalKey& key, OrderPlace place) {
  if (key.number) return append_number(to, *key.number, place);
  if (!key.big_int.empty()) return append_order_big(to, key.big_int);
  append_order_canonical(to, kOtherRational, key.fraction);
}

void append_be32(Buffer& to, uint32_t value) { append_le(to, __builtin_bswap32(value)); }

// Signed integers and floats so that their bytes sort as they do.
void append_sortable(Buffer& to, int64_t value) {
  append_be64(to, static_cast<uint64_t>(value) ^ uint64_t{1} << 63);
}

void append_sortable(Buffer& to, double value) {
  const auto bits = std::bit_cast<uint64_t>(value + 0.0);  // -0.0 equals 0.0
  append_be64(to, bits >> 63 != 0 ? ~bits : bits | uint64_t{1} << 63);
}

void append_complex(Buffer& to, Bytes payload, OrderPlace place) {
  const ComplexParts value = decode_complex(payload);
  if (std::isnan(value.real) || std::isnan(value.imaginary)) {
    throw Error(ErrorCode::kInvalidArgument, "nan cannot be a key: it does not equal itself");
  }
  if (value.imaginary == 0) return append_number(to, {false, 0, value.real}, place);
  Buffer key;
  append_sortable(key, value.real);
  append_sortable(key, value.imaginary);
  append_order_canonical(to, kOtherComplex, key);
}

int64_t of_day(const TimeFields& time) noexcept {
  return (time.hour * int64_t{3600} + time.minute * 60 + time.second) * kSecond + time.microsecond;
}

void append_date(Buffer& to, const DateFields& date) {
  to.push_back(static_cast<char>(date.year >> 8));
  to.push_back(static_cast<char>(date.year & 0xff));
  to.push_back(static_cast<char>(date.month));
  to.push_back(static_cast<char>(date.day));
}

// Python's equality (PEP 495): naive ones by their fields; aware ones by the instant that fold 0
// names; but where the offset depends on fold, only within one zone, by the fields.
Buffer datetime_key(const DatetimeFields& value) {
  const int64_t local = day_number(value.date) * kDay + of_day(value.time);
  const Zone& zone = value.time.zone;
  if (zone.kind == ZoneKind::kNaive) return naive_datetime_key(local);
  Buffer key;
  const bool ambiguous = zone.offset != zone.folded_offset;
  key.push_back(ambiguous ? kAmbiguous : kInstant);
  append_sortable(key, local - zone.offset);
  if (ambiguous) {
    append_sortable(key, local);
    key.append(zone.name);
  }
  return key;
}

Buffer time_key(const TimeFields& value) {
  Buffer key(1, value.zone.has_offset() ? kInstant : kNaiveClock);
  append_sortable(key, of_day(value) - (value.zone.has_offset() ? value.zone.offset : 0));
  return key;
}

}  // namespace

Buffer naive_datetime_key(int64_t local) {
  Buffer key(1, kNaiveClock);
  append_sortable(key, local);
  return key;
}

Buffer timedelta_key(const TimedeltaFields& value) {
  Buffer key;
  append_be32(key, static_cast<uint32_t>(value.days) ^ uint32_t{1} << 31);
  append_be32(key, value.seconds);
  append_be32(key, value.microseconds);
  return key;
}

void append_order_typed(Buffer& to, PayloadKind kind, Bytes payload, OrderPlace place) {
  switch (kind) {
    case PayloadKind::kComplex:
      return append_complex(to, payload, place);
    case PayloadKind::kRange: {
      const RangeParts range = decode_range(payload);
      return append_order_canonical(to, kOtherRange,
                                    range_key(range.start, range.stop, range.step));
    }
    case PayloadKind::kDatetime:
      return append_order_canonical(to, kOtherDatetime, datetime_key(decode_datetime(payload)));
    case PayloadKind::kDate: {
      Buffer key;
      append_date(key, decode_date(payload));
      return append_order_canonical(to, kOtherDate, key);
    }
    case PayloadKind::kTime:
      return append_order_canonical(to, kOtherTime, time_key(decode_time(payload)));
    case PayloadKind::kTimedelta:
      return append_order_canonical(to, kOtherTimedelta, timedelta_key(decode_timedelta(payload)));
    case PayloadKind::kDecimal:
      return append_rational(to, decimal_key(payload), place);
    case PayloadKind::kFraction: {
      const FractionParts fraction = decode_fraction(payload);
      return append_rational(to, fraction_key(fraction.numerator, fraction.denominator), place);
    }
    case PayloadKind::kUuid: {
      uint8_t safe = 0;
      return append_order_canonical(to, kOtherUuid, decode_uuid(payload, safe));
    }
    case PayloadKind::kNumpyScalar:
      return append_order_numpy(to, payload, place);
    default:
      throw Error(ErrorCode::kTypeMismatch, "a value of this type cannot be a key in this version");
  }
}

}  // namespace oocmap
