// Times of arrays (numpy's datetime64) as text.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/bytes.h"

namespace oocmap {

inline constexpr int64_t kNotATime = INT64_MIN;

// The number of a unit of numpy's (Y M W D h m s ms us ns ps fs as), -1 for any other text.
int time_unit(std::string_view name) noexcept;

// ISO 8601 as numpy writes it: 2000, 2000-01, 2000-01-31, 2000-01-31T23, ...T23:59:59.000. A time
// that is out of reach of the calendar here is the count itself, as text.
// `unit`: time_unit(), not -1; `count`: units since 1970, not kNotATime.
Buffer datetime_text(int64_t count, int64_t multiple, int unit);

}  // namespace oocmap
