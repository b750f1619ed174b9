#include "core/format/other_payload.h"

#include <bit>

#include "core/format/corrupt.h"
#include "core/format/packed.h"

namespace oocmap {
namespace {

constexpr int64_t kDayMicroseconds = int64_t{86'400} * 1'000'000;
constexpr size_t kUuidBytes = 16;
constexpr int32_t kMostDays = 999'999'999;  // datetime.timedelta's own limit

template <typename T>
T take(Bytes& from, const char* what) {
  if (from.size() < sizeof(T)) throw_corrupt(what);
  const T value = load_le<T>(from.data());
  from.remove_prefix(sizeof(T));
  return value;
}

void end(Bytes rest, const char* what) {
  if (!rest.empty()) throw_corrupt(what);
}

bool is_leap(uint16_t year) noexcept {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

uint8_t month_days(uint16_t year, uint8_t month) noexcept {
  if (month == 2) return is_leap(year) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

DateFields take_date(Bytes& from) {
  DateFields date;
  date.year = take<uint16_t>(from, "a date is cut short");
  date.month = take<uint8_t>(from, "a date is cut short");
  date.day = take<uint8_t>(from, "a date is cut short");
  if (date.year < 1 || date.year > 9999 || date.month < 1 || date.month > 12 || date.day < 1 ||
      date.day > month_days(date.year, date.month)) {
    throw_corrupt("a date is not in the calendar");
  }
  return date;
}

int64_t take_offset(Bytes& from) {
  const auto offset = take<int64_t>(from, "a zone is cut short");
  if (offset <= -kDayMicroseconds || offset >= kDayMicroseconds) {
    throw_corrupt("a zone is a day or more from UTC");
  }
  return offset;
}

// Takes all of `from`: the name is what is left.
Zone take_zone(Bytes from, bool dated) {
  Zone zone;
  zone.kind = static_cast<ZoneKind>(take<uint8_t>(from, "a zone is missing"));
  switch (zone.kind) {
    case ZoneKind::kNaive:
    case ZoneKind::kFixed:
    case ZoneKind::kNamed:
    case ZoneKind::kZone:
      break;
    case ZoneKind::kZoneAlone:
      if (dated) throw_corrupt("a datetime's zone has no offset");
      break;
    default:
      throw_corrupt("a zone is of an unknown kind");
  }
  if (zone.has_offset()) zone.offset = zone.folded_offset = take_offset(from);
  if (zone.kind == ZoneKind::kZone) zone.folded_offset = take_offset(from);
  const bool nameless = zone.kind == ZoneKind::kNaive || zone.kind == ZoneKind::kFixed;
  if (nameless && !from.empty()) throw_corrupt("a zone has bytes after it");
  zone.name = from;
  return zone;
}

TimeFields take_time(Bytes from, bool dated) {
  TimeFields time;
  time.hour = take<uint8_t>(from, "a time is cut short");
  time.minute = take<uint8_t>(from, "a time is cut short");
  time.second = take<uint8_t>(from, "a time is cut short");
  time.fold = take<uint8_t>(from, "a time is cut short");
  time.microsecond = take<uint32_t>(from, "a time is cut short");
  if (time.hour > 23 || time.minute > 59 || time.second > 59 || time.fold > 1 ||
      time.microsecond > 999'999) {
    throw_corrupt("a time is not on the clock");
  }
  time.zone = take_zone(from, dated);
  return time;
}

void append_date(Buffer& to, const DateFields& date) {
  append_le(to, date.year);
  append_le(to, date.month);
  append_le(to, date.day);
}

void append_time(Buffer& to, const TimeFields& time) {
  append_le(to, time.hour);
  append_le(to, time.minute);
  append_le(to, time.second);
  append_le(to, time.fold);
  append_le(to, time.microsecond);
  append_le(to, static_cast<uint8_t>(time.zone.kind));
  if (time.zone.has_offset()) append_le(to, time.zone.offset);
  if (time.zone.kind == ZoneKind::kZone) append_le(to, time.zone.folded_offset);
  to.append(time.zone.name);
}

// The packed int at the front of `from`.
Bytes take_int(Bytes& from) {
  const Bytes before = from;
  const Packed head = read_packed(from);
  const bool big = head.tag == heap_tag(PayloadKind::kBigInt);
  if (!big && head.tag != tag_of(WordKind::kInt)) throw_corrupt("a part is no int");
  const Bytes payload = head.payload;
  if (big && (payload.size() < 2 || static_cast<uint8_t>(payload[0]) > 1 || payload.back() == 0)) {
    throw_corrupt("a big int is malformed");
  }
  return before.substr(0, before.size() - from.size());
}

// Whether a packed int is 0, or negative. A big one's payload begins with its sign and is not 0.
bool is_zero(Bytes packed) {
  const Packed head = read_packed(packed);
  return head.tag == tag_of(WordKind::kInt) && head.word == 0;
}

bool is_negative(Bytes packed) {
  const Packed head = read_packed(packed);
  return head.tag == tag_of(WordKind::kInt) ? static_cast<int64_t>(head.word) < 0
                                            : head.payload[0] != 0;
}

}  // namespace

Buffer encode_complex(ComplexParts value) {
  Buffer out;
  append_le(out, value.real);
  append_le(out, value.imaginary);
  return out;
}

Buffer encode_date(const DateFields& date) {
  Buffer out;
  append_date(out, date);
  return out;
}

Buffer encode_time(const TimeFields& time) {
  Buffer out;
  append_time(out, time);
  return out;
}

Buffer encode_datetime(const DatetimeFields& datetime) {
  Buffer out;
  append_date(out, datetime.date);
  append_time(out, datetime.time);
  return out;
}

Buffer encode_timedelta(const TimedeltaFields& delta) {
  Buffer out;
  append_le(out, delta.days);
  append_le(out, delta.seconds);
  append_le(out, delta.microseconds);
  return out;
}

ComplexParts decode_complex(Bytes payload) {
  ComplexParts value;
  value.real = take<double>(payload, "a complex is cut short");
  value.imaginary = take<double>(payload, "a complex is cut short");
  end(payload, "a complex has bytes after it");
  return value;
}

DateFields decode_date(Bytes payload) {
  const DateFields date = take_date(payload);
  end(payload, "a date has bytes after it");
  return date;
}

TimeFields decode_time(Bytes payload) { return take_time(payload, false); }

DatetimeFields decode_datetime(Bytes payload) {
  DatetimeFields datetime;
  datetime.date = take_date(payload);
  datetime.time = take_time(payload, true);
  return datetime;
}

TimedeltaFields decode_timedelta(Bytes payload) {
  TimedeltaFields delta;
  delta.days = take<int32_t>(payload, "a timedelta is cut short");
  delta.seconds = take<uint32_t>(payload, "a timedelta is cut short");
  delta.microseconds = take<uint32_t>(payload, "a timedelta is cut short");
  end(payload, "a timedelta has bytes after it");
  if (delta.days < -kMostDays || delta.days > kMostDays || delta.seconds >= 86'400 ||
      delta.microseconds >= 1'000'000) {
    throw_corrupt("a timedelta is out of range");
  }
  return delta;
}

RangeParts decode_range(Bytes payload) {
  RangeParts range;
  range.start = take_int(payload);
  range.stop = take_int(payload);
  range.step = take_int(payload);
  end(payload, "a range has bytes after it");
  if (is_zero(range.step)) throw_corrupt("a range has step 0");
  return range;
}

FractionParts decode_fraction(Bytes payload) {
  FractionParts fraction;
  fraction.numerator = take_int(payload);
  fraction.denominator = take_int(payload);
  end(payload, "a Fraction has bytes after it");
  if (is_zero(fraction.denominator) || is_negative(fraction.denominator)) {
    throw_corrupt("a Fraction's denominator is not positive");
  }
  return fraction;
}

Bytes decode_uuid(Bytes payload, uint8_t& safe) {
  if (payload.size() != kUuidBytes && payload.size() != kUuidBytes + 1) {
    throw_corrupt("a UUID is not 16 bytes");
  }
  safe = payload.size() == kUuidBytes ? 0 : static_cast<uint8_t>(payload[kUuidBytes]);
  if (safe > 2 || (safe == 0 && payload.size() != kUuidBytes)) {
    throw_corrupt("a UUID has an unknown mark of safety");
  }
  return payload.substr(0, kUuidBytes);
}

Buffer encode_numpy(const NumpyScalar& scalar) {
  Buffer out;
  append_le(out, scalar.type);
  append_le(out, static_cast<uint8_t>(scalar.equals_plain ? 1 : 0));
  out.append(scalar.plain);
  append_varint(out, scalar.extra.size());
  out.append(scalar.extra);
  out.append(scalar.raw);
  return out;
}

NumpyScalar decode_numpy(Bytes payload) {
  NumpyScalar scalar;
  scalar.type = take<uint8_t>(payload, "a numpy scalar is cut short");
  const auto flags = take<uint8_t>(payload, "a numpy scalar is cut short");
  if (scalar.type == 0 || flags > 1) throw_corrupt("a numpy scalar is of an unknown type");
  scalar.equals_plain = flags == 1;
  const Bytes before = payload;
  const Packed head = read_packed(payload);
  const bool shown = is_heap(head.tag) ? head.tag <= heap_tag(PayloadKind::kComplex)
                                       : head.tag >= tag_of(WordKind::kFalse) &&
                                             head.tag <= tag_of(WordKind::kFloat);
  if (!shown) throw_corrupt("a numpy scalar's plain value is of an unknown kind");
  scalar.plain = before.substr(0, before.size() - payload.size());
  uint64_t size = 0;
  if (!read_varint(payload, size) || size > payload.size()) {
    throw_corrupt("a numpy scalar is cut short");
  }
  scalar.extra = payload.substr(0, size);
  scalar.raw = payload.substr(size);
  return scalar;
}

int64_t day_number(const DateFields& date) noexcept {
  const int64_t before = date.year - 1;
  int64_t days = before * 365 + before / 4 - before / 100 + before / 400;
  for (uint8_t month = 1; month < date.month; ++month) days += month_days(date.year, month);
  return days + date.day - 1;
}

}  // namespace oocmap
