#include "core/format/order_numpy.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>

#include "core/base/error.h"
#include "core/format/corrupt.h"
#include "core/format/key_encoding.h"
#include "core/format/order_other.h"
#include "core/format/order_types.h"
#include "core/format/other_payload.h"

namespace oocmap {
namespace {

// An int64 of years times a unit of 2^31 of them, in seconds, has 120 bits.
__extension__ typedef __int128 Wide;
__extension__ typedef unsigned __int128 UnsignedWide;

// Codes of numpy's types. On disk: not renumbered.
constexpr uint8_t kDatetime64 = 19;
constexpr uint8_t kTimedelta64 = 20;

constexpr int64_t kNaT = std::numeric_limits<int64_t>::min();
constexpr int64_t kDaySeconds = 86'400;
constexpr uint64_t kAttoseconds = 1'000'000'000'000'000'000;  // a second
constexpr uint64_t kAttosecondsMicro = kAttoseconds / 1'000'000;
constexpr int64_t kEpochDay = 719'162;  // 1970-01-01, counted from 0001-01-01
constexpr int64_t kDatetimeDays = 3'652'059;
constexpr int64_t kMostDays = 999'999'999;  // datetime.timedelta's own limit

// A unit is so many months, or so many seconds, or one of so many in a second.
struct Unit {
  Bytes name;
  int64_t months;
  int64_t seconds;
  uint64_t per_second;
};
constexpr std::array<Unit, 13> kUnits = {{
    {"Y", 12, 0, 0},
    {"M", 1, 0, 0},
    {"W", 0, 7 * kDaySeconds, 0},
    {"D", 0, kDaySeconds, 0},
    {"h", 0, 3600, 0},
    {"m", 0, 60, 0},
    {"s", 0, 1, 0},
    {"ms", 0, 0, 1'000},
    {"us", 0, 0, 1'000'000},
    {"ns", 0, 0, 1'000'000'000},
    {"ps", 0, 0, 1'000'000'000'000},
    {"fs", 0, 0, 1'000'000'000'000'000},
    {"as", 0, 0, kAttoseconds},
}};

// A time: `count` of `unit`.
struct Count {
  Wide count = 0;
  Unit unit{};
};

struct Time {
  Wide seconds = 0;
  uint64_t attoseconds = 0;  // less than a second, forwards
};

Wide floor_divide(Wide value, Wide by) noexcept { return value / by - (value % by < 0 ? 1 : 0); }

[[noreturn]] void refuse(const char* why) { throw Error(ErrorCode::kTypeMismatch, why); }

// What stands between the brackets of "<M8[25s]"; nullopt where there are none. numpy's scalars are
// of the machine's byte order, and no machine of the other one writes files.
std::optional<Bytes> unit_text(Bytes dtype, bool date) {
  const Bytes kind = date ? "<M8" : "<m8";
  if (!dtype.starts_with(kind)) throw_corrupt("a numpy time has a dtype of another kind");
  dtype.remove_prefix(kind.size());
  if (dtype.empty()) return std::nullopt;
  if (dtype.front() != '[' || dtype.back() != ']' || dtype.size() < 3) {
    throw_corrupt("a numpy time has no unit");
  }
  return dtype.substr(1, dtype.size() - 2);
}

Count count_of(const NumpyScalar& scalar) {
  if (scalar.raw.size() != sizeof(int64_t)) throw_corrupt("a numpy time is not 8 bytes");
  const auto value = load_le<int64_t>(scalar.raw.data());
  const std::optional<Bytes> text = unit_text(scalar.extra, scalar.type == kDatetime64);
  if (value == kNaT) {
    throw Error(ErrorCode::kInvalidArgument, "NaT cannot be a key: it does not equal itself");
  }
  if (!text) refuse("a numpy time without a unit cannot be a key");
  int32_t times = 1;
  const char* const end = text->data() + text->size();
  const auto [name, error] = std::from_chars(text->data(), end, times);
  if (error != std::errc() && name != text->data())
    throw_corrupt("a numpy time's unit is too long");
  if (times < 1) throw_corrupt("a numpy time's unit is not positive");
  const Bytes wanted(name, static_cast<size_t>(end - name));
  for (const Unit& unit : kUnits) {
    if (unit.name == wanted) return {Wide{value} * times, unit};
  }
  throw_corrupt("a numpy time's unit is unknown");
}

// Days from 1970-01-01 to the first of the month that lies so many months after it.
Wide month_days(Wide months) noexcept {
  static constexpr int kBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  const Wide year = 1970 + floor_divide(months, 12);
  const auto month = static_cast<size_t>(months - floor_divide(months, 12) * 12);
  const Wide past = year - 1;
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return past * 365 + floor_divide(past, 4) - floor_divide(past, 100) + floor_divide(past, 400) -
         kEpochDay + kBefore[month] + (leap && month > 1 ? 1 : 0);
}

Time time_of(const Count& time) noexcept {
  const Unit& unit = time.unit;
  if (unit.months != 0) return {month_days(time.count * unit.months) * kDaySeconds, 0};
  if (unit.per_second == 0) return {time.count * unit.seconds, 0};
  const auto parts = static_cast<Wide>(unit.per_second);
  const Wide seconds = floor_divide(time.count, parts);
  const auto rest = static_cast<uint64_t>(time.count - seconds * parts);
  return {seconds, rest * (kAttoseconds / unit.per_second)};
}

void append_beyond(Buffer& to, uint8_t subclass, const Time& time) {
  const auto bits = static_cast<UnsignedWide>(time.seconds);
  Buffer key;
  append_be64(key, static_cast<uint64_t>(bits >> 64) ^ uint64_t{1} << 63);
  append_be64(key, static_cast<uint64_t>(bits));
  append_be64(key, time.attoseconds);
  append_order_canonical(to, subclass, key);
}

void append_datetime64(Buffer& to, const Time& time) {
  const Wide seconds = time.seconds + Wide{kEpochDay} * kDaySeconds;
  if (seconds < 0 || seconds >= Wide{kDatetimeDays} * kDaySeconds ||
      time.attoseconds % kAttosecondsMicro != 0) {
    return append_beyond(to, kOtherDatetime64, time);
  }
  const auto micro = static_cast<int64_t>(time.attoseconds / kAttosecondsMicro);
  append_order_canonical(to, kOtherDatetime,
                         naive_datetime_key(static_cast<int64_t>(seconds) * 1'000'000 + micro));
}

void append_timedelta64(Buffer& to, const Time& time) {
  const Wide days = floor_divide(time.seconds, kDaySeconds);
  if (days < -kMostDays || days > kMostDays || time.attoseconds % kAttosecondsMicro != 0) {
    return append_beyond(to, kOtherTimedelta64, time);
  }
  TimedeltaFields delta;
  delta.days = static_cast<int32_t>(days);
  delta.seconds = static_cast<uint32_t>(time.seconds - days * kDaySeconds);
  delta.microseconds = static_cast<uint32_t>(time.attoseconds / kAttosecondsMicro);
  append_order_canonical(to, kOtherTimedelta, timedelta_key(delta));
}

}  // namespace

void append_order_numpy(Buffer& to, Bytes payload, OrderPlace place) {
  const NumpyScalar scalar = decode_numpy(payload);
  if (scalar.equals_plain) {
    if (place == OrderPlace::kElement) {
      append_packed_element(to, scalar.plain);
    } else {
      to.append(Key::packed(scalar.plain).order());
    }
  } else if (scalar.type == kDatetime64) {
    append_datetime64(to, time_of(count_of(scalar)));
  } else if (scalar.type == kTimedelta64) {
    const Count count = count_of(scalar);
    if (count.unit.months != 0) {
      refuse(
          "a numpy timedelta64 of months or years cannot be a key: numpy calls it equal to an int; "
          "use its item()");
    }
    append_timedelta64(to, time_of(count));
  } else {
    refuse("a numpy scalar of this kind cannot be a key: use its item() or str()");
  }
}

}  // namespace oocmap
