#include "core/json/datetime_text.h"

#include <array>
#include <cstdio>

namespace oocmap {
namespace {

constexpr std::array<std::string_view, 13> kUnits = {"Y",  "M",  "W",  "D",  "h",  "m", "s",
                                                     "ms", "us", "ns", "ps", "fs", "as"};
constexpr int kYear = 0;
constexpr int kMonth = 1;
constexpr int kWeek = 2;
constexpr int kDay = 3;
constexpr int kHour = 4;
constexpr int kMinute = 5;
constexpr int kSecond = 6;
// Further away from 1970 the arithmetic below could overflow.
constexpr int64_t kFarthest = int64_t{1} << 58;

int64_t floor_divide(int64_t a, int64_t b) noexcept { return a / b - (a % b < 0 ? 1 : 0); }

template <typename... Numbers>
void append(Buffer& to, const char* format, Numbers... numbers) {
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), format, numbers...);
  if (size > 0) to.append(text.data(), static_cast<size_t>(size));
}

void append_year(Buffer& to, int64_t year) { append(to, "%04lld", static_cast<long long>(year)); }

// Of the proleptic Gregorian calendar, by eras of 400 years that begin on 1 March.
// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
void append_date(Buffer& to, int64_t days) {
  days += 719'468;
  const int64_t era = floor_divide(days, 146'097);
  const int64_t day_of_era = days - era * 146'097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted = (5 * day_of_year + 2) / 153;
  const int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
  append_year(to, year_of_era + era * 400 + (month <= 2 ? 1 : 0));
  append(to, "-%02d-%02d", static_cast<int>(month),
         static_cast<int>(day_of_year - (153 * shifted + 2) / 5 + 1));
}

}  // namespace

int time_unit(std::string_view name) noexcept {
  for (size_t i = 0; i < kUnits.size(); ++i) {
    if (kUnits[i] == name) return static_cast<int>(i);
  }
  return -1;
}

Buffer datetime_text(int64_t count, int64_t multiple, int unit) {
  int64_t units = 0;
  if (__builtin_mul_overflow(count, multiple, &units)) return std::to_string(count);
  Buffer to;
  if (unit <= kMonth) {
    if (units > kFarthest || units < -kFarthest) return std::to_string(count);
    const int64_t months = unit == kYear ? 0 : units - 12 * floor_divide(units, 12);
    append_year(to, 1970 + (unit == kYear ? units : floor_divide(units, 12)));
    if (unit == kMonth) append(to, "-%02d", static_cast<int>(months + 1));
    return to;
  }
  // Units a day: 24 hours, ... ; beyond seconds a thousand more each, so the fraction is split off
  // first.
  int64_t fraction = 0;
  int64_t per_second = 1;
  for (int finer = kSecond; finer < unit; ++finer) per_second *= 1'000;
  int64_t seconds = units;
  if (unit > kSecond) {
    seconds = floor_divide(units, per_second);
    fraction = units - seconds * per_second;
  }
  const int64_t per_day = unit <= kDay ? 1 : unit == kHour ? 24 : unit == kMinute ? 1'440 : 86'400;
  int64_t days = floor_divide(seconds, per_day);
  const int64_t rest = seconds - days * per_day;
  if (days > kFarthest / 7 || days < -kFarthest / 7) return std::to_string(count);
  if (unit == kWeek) days *= 7;
  append_date(to, days);
  if (unit <= kDay) return to;
  const int64_t in_seconds = rest * (86'400 / per_day);
  append(to, "T%02d", static_cast<int>(in_seconds / 3'600));
  if (unit >= kMinute) append(to, ":%02d", static_cast<int>(in_seconds / 60 % 60));
  if (unit >= kSecond) append(to, ":%02d", static_cast<int>(in_seconds % 60));
  if (unit > kSecond) {
    append(to, ".%0*lld", 3 * (unit - kSecond), static_cast<long long>(fraction));
  }
  return to;
}

}  // namespace oocmap
