// Payloads of the kinds 0x04-0x0e: complex, bytearray, range, the datetime family, Decimal,
// Fraction, UUID and numpy's scalars. Grammar in docs/format.md. Encoders take what Python
// guarantees; decoders check every byte.
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/export.h"
#include "core/format/word.h"

namespace oocmap {

// Do not renumber: on disk.
enum class ZoneKind : uint8_t {
  kNaive = 0,
  kFixed = 1,      // datetime.timezone
  kNamed = 2,      // datetime.timezone with a name
  kZone = 3,       // zoneinfo.ZoneInfo
  kZoneAlone = 4,  // of a time: a ZoneInfo, which knows no offset without a date
};

// Offsets are microseconds east of UTC, less than a day either way.
struct Zone {
  ZoneKind kind = ZoneKind::kNaive;
  int64_t offset = 0;         // where fold is 0
  int64_t folded_offset = 0;  // where fold is 1: another one at the clock's changes (kZone)
  Bytes name;                 // WTF-8; of kZone and kZoneAlone the key
  bool has_offset() const noexcept {
    return kind != ZoneKind::kNaive && kind != ZoneKind::kZoneAlone;
  }
};

struct DateFields {
  uint16_t year = 1;
  uint8_t month = 1;
  uint8_t day = 1;
};

struct TimeFields {
  uint8_t hour = 0;
  uint8_t minute = 0;
  uint8_t second = 0;
  uint8_t fold = 0;
  uint32_t microsecond = 0;
  Zone zone;
  int64_t offset_now() const noexcept { return fold != 0 ? zone.folded_offset : zone.offset; }
};

struct DatetimeFields {
  DateFields date;
  TimeFields time;
};

struct TimedeltaFields {
  int32_t days = 0;
  uint32_t seconds = 0;
  uint32_t microseconds = 0;
};

struct ComplexParts {
  double real = 0;
  double imaginary = 0;
};

// Three packed ints, each an i64 or a kBigInt payload; views into what was decoded.
struct RangeParts {
  Bytes start;
  Bytes stop;
  Bytes step;
};

struct FractionParts {
  Bytes numerator;  // packed, as above
  Bytes denominator;
};

// Of numpy: its scalar type by code (docs/format.md), the plain value that SQL and JSON show,
// packed, and the exact bytes.
struct NumpyScalar {
  uint8_t type = 0;
  bool equals_plain = false;  // as Python's == and hash say: the plain value is the key, too
  Bytes plain;                // bool, int, float, complex, str or bytes
  Bytes extra;                // what of the dtype the type does not say, UTF-8
  Bytes raw;                  // little-endian; empty for str_ and bytes_
};

OOCMAP_API Buffer encode_numpy(const NumpyScalar& scalar);
OOCMAP_API NumpyScalar decode_numpy(Bytes payload);  // Errors: kCorrupt

OOCMAP_API Buffer encode_complex(ComplexParts value);
OOCMAP_API Buffer encode_date(const DateFields& date);
OOCMAP_API Buffer encode_time(const TimeFields& time);
OOCMAP_API Buffer encode_datetime(const DatetimeFields& datetime);
OOCMAP_API Buffer encode_timedelta(const TimedeltaFields& delta);

// Each takes a whole payload. Lifetime: names and parts view it. Errors: kCorrupt, also for what
// Python's type could not hold (February 30, a fold of 2).
OOCMAP_API ComplexParts decode_complex(Bytes payload);
OOCMAP_API DateFields decode_date(Bytes payload);
OOCMAP_API TimeFields decode_time(Bytes payload);
OOCMAP_API DatetimeFields decode_datetime(Bytes payload);
OOCMAP_API TimedeltaFields decode_timedelta(Bytes payload);
OOCMAP_API RangeParts decode_range(Bytes payload);
OOCMAP_API FractionParts decode_fraction(Bytes payload);
// The 16 bytes, high byte first; `safe` is uuid.SafeUUID: 0 unknown, 1 safe, 2 unsafe.
OOCMAP_API Bytes decode_uuid(Bytes payload, uint8_t& safe);

// Days from 0001-01-01 (0) on, in the proleptic Gregorian calendar.
int64_t day_number(const DateFields& date) noexcept;

}  // namespace oocmap
