#include "core/json/other_text.h"

#include <cmath>
#include <cstdlib>
#include <iterator>

#include "core/base/error.h"
#include "core/format/corrupt.h"
#include "core/format/other_payload.h"
#include "core/format/packed.h"
#include "core/json/number.h"

namespace oocmap {
namespace {

constexpr int64_t kSecond = 1'000'000;

void append_padded(Buffer& to, uint64_t value, size_t width) {
  const std::string digits = std::to_string(value);
  if (digits.size() < width) to.append(width - digits.size(), '0');
  to += digits;
}

// ".000001", without the zeros at its end where `shortest`; nothing for 0.
void append_fraction(Buffer& to, uint32_t microseconds, bool shortest) {
  if (microseconds == 0) return;
  to.push_back('.');
  append_padded(to, microseconds, 6);
  if (shortest) to.resize(to.find_last_not_of('0') + 1);
}

void append_date(Buffer& to, const DateFields& date) {
  append_padded(to, date.year, 4);
  to.push_back('-');
  append_padded(to, date.month, 2);
  to.push_back('-');
  append_padded(to, date.day, 2);
}

// "+01:00", as datetime.isoformat() writes it.
void append_offset(Buffer& to, int64_t offset) {
  const auto magnitude = static_cast<uint64_t>(std::abs(offset));
  const uint64_t seconds = magnitude / kSecond;
  const auto microseconds = static_cast<uint32_t>(magnitude % kSecond);
  to.push_back(offset < 0 ? '-' : '+');
  append_padded(to, seconds / 3600, 2);
  to.push_back(':');
  append_padded(to, seconds / 60 % 60, 2);
  if (seconds % 60 == 0 && microseconds == 0) return;
  to.push_back(':');
  append_padded(to, seconds % 60, 2);
  append_fraction(to, microseconds, false);
}

void append_time(Buffer& to, const TimeFields& time) {
  append_padded(to, time.hour, 2);
  to.push_back(':');
  append_padded(to, time.minute, 2);
  to.push_back(':');
  append_padded(to, time.second, 2);
  append_fraction(to, time.microsecond, false);
  if (time.zone.has_offset()) append_offset(to, time.offset_now());
}

// ISO 8601's "P1DT2H3M4.5S"; one minus sign in front of a negative one.
void append_duration(Buffer& to, const TimedeltaFields& delta) {
  int64_t seconds = int64_t{delta.days} * 86'400 + delta.seconds;
  uint32_t microseconds = delta.microseconds;
  if (seconds < 0) {
    to.push_back('-');
    if (microseconds != 0) {
      ++seconds;
      microseconds = static_cast<uint32_t>(kSecond) - microseconds;
    }
    seconds = -seconds;
  }
  to.push_back('P');
  if (seconds >= 86'400) to += std::to_string(seconds / 86'400) + 'D';
  const int64_t rest = seconds % 86'400;
  if (rest == 0 && microseconds == 0) {
    if (seconds == 0) to += "T0S";
    return;
  }
  to.push_back('T');
  if (rest >= 3600) to += std::to_string(rest / 3600) + 'H';
  if (rest / 60 % 60 != 0) to += std::to_string(rest / 60 % 60) + 'M';
  if (rest % 60 == 0 && microseconds == 0) return;
  to += std::to_string(rest % 60);
  append_fraction(to, microseconds, true);
  to.push_back('S');
}

// As complex's repr writes a part: no ".0".
Buffer part_text(double value) {
  Buffer text = float_repr(value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

void append_complex(Buffer& to, ComplexParts value) {
  const bool alone = value.real == 0 && !std::signbit(value.real);
  if (!alone) to += '(' + part_text(value.real);
  // Python shows no sign of a NaN.
  const bool negative = std::signbit(value.imaginary) && !std::isnan(value.imaginary);
  if (!alone && !negative) to.push_back('+');
  to += part_text(value.imaginary) + (alone ? "j" : "j)");
}

Buffer int_text(Bytes packed) {
  const Packed head = read_packed(packed);
  return head.tag == tag_of(WordKind::kInt) ? std::to_string(static_cast<int64_t>(head.word))
                                            : big_int_text(head.payload);
}

void append_range(Buffer& to, Bytes payload) {
  const RangeParts range = decode_range(payload);
  to += "range(" + int_text(range.start) + ", " + int_text(range.stop);
  if (const Buffer step = int_text(range.step); step != "1") to += ", " + step;
  to.push_back(')');
}

void append_decimal(Buffer& to, Bytes text) {
  // Digits and the letters of "Infinity", "sNaN" and "E+5": it stands in JSON as it is.
  static constexpr Bytes kUsed = "0123456789.+-EINafinsty";
  if (text.empty() || text.find_first_not_of(kUsed) != Bytes::npos) {
    throw_corrupt("a Decimal's text is no number");
  }
  to.append(text);
}

void append_uuid(Buffer& to, Bytes payload) {
  static constexpr char kHex[] = "0123456789abcdef";
  uint8_t safe = 0;
  const Bytes bytes = decode_uuid(payload, safe);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) to.push_back('-');
    const auto byte = static_cast<uint8_t>(bytes[i]);
    to.push_back(kHex[byte >> 4]);
    to.push_back(kHex[byte & 0xf]);
  }
}

}  // namespace

const char* payload_type_name(PayloadKind kind) {
  switch (kind) {
    case PayloadKind::kStr:
    case PayloadKind::kWtf8:
      return "str";
    case PayloadKind::kBytes:
      return "bytes";
    case PayloadKind::kBigInt:
      return "int";
    case PayloadKind::kComplex:
      return "complex";
    case PayloadKind::kBytearray:
      return "bytearray";
    case PayloadKind::kRange:
      return "range";
    case PayloadKind::kDatetime:
      return "datetime";
    case PayloadKind::kDate:
      return "date";
    case PayloadKind::kTime:
      return "time";
    case PayloadKind::kTimedelta:
      return "timedelta";
    case PayloadKind::kDecimal:
      return "Decimal";
    case PayloadKind::kFraction:
      return "Fraction";
    case PayloadKind::kUuid:
      return "UUID";
    case PayloadKind::kNumpyScalar:
      return "generic";  // numpy's base class of them
    default:
      throw Error(ErrorCode::kCorrupt, "a value of a kind this version does not know");
  }
}

const char* payload_type_name(PayloadKind kind, Bytes payload) {
  if (kind != PayloadKind::kNumpyScalar) return payload_type_name(kind);
  // By code, from 1 on. Do not renumber: on disk.
  static constexpr const char* kNames[] = {
      "bool",       "int8",        "int16",      "int32",       "int64",    "uint8",
      "uint16",     "uint32",      "uint64",     "float16",     "float32",  "float64",
      "longdouble", "complex64",   "complex128", "clongdouble", "str_",     "bytes_",
      "datetime64", "timedelta64", "void",       "longlong",    "ulonglong"};
  const size_t type = decode_numpy(payload).type;
  if (type > std::size(kNames)) throw_corrupt("a numpy scalar is of an unknown type");
  return kNames[type - 1];
}

void append_payload_text(PayloadKind kind, Bytes payload, Buffer& to) {
  switch (kind) {
    case PayloadKind::kComplex:
      return append_complex(to, decode_complex(payload));
    case PayloadKind::kRange:
      return append_range(to, payload);
    case PayloadKind::kDatetime: {
      const DatetimeFields value = decode_datetime(payload);
      append_date(to, value.date);
      to.push_back('T');
      return append_time(to, value.time);
    }
    case PayloadKind::kDate:
      return append_date(to, decode_date(payload));
    case PayloadKind::kTime:
      return append_time(to, decode_time(payload));
    case PayloadKind::kTimedelta:
      return append_duration(to, decode_timedelta(payload));
    case PayloadKind::kDecimal:
      return append_decimal(to, payload);
    case PayloadKind::kFraction: {
      const FractionParts fraction = decode_fraction(payload);
      to += int_text(fraction.numerator);
      if (const Buffer below = int_text(fraction.denominator); below != "1") to += '/' + below;
      return;
    }
    case PayloadKind::kUuid:
      return append_uuid(to, payload);
    default:
      throw Error(ErrorCode::kCorrupt, "a value of a kind this version does not know");
  }
}

}  // namespace oocmap
