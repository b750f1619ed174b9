// Numbers and their text: exact integers of any size, shortest floats.
#pragma once

#include <string_view>

#include "core/base/bytes.h"
#include "core/base/export.h"

namespace oocmap {

// Decimal text of a kBigInt payload, exact. Errors: kCorrupt. Cost: subquadratic.
OOCMAP_API Buffer big_int_text(Bytes payload);

// An integer as it is stored: an int64, or a kBigInt payload.
struct ParsedInt {
  bool big = false;
  int64_t value = 0;
  Buffer payload;
};
// `decimal`: digits with an optional '-' in front. Errors: kInvalidArgument.
OOCMAP_API ParsedInt parse_int(std::string_view decimal);

// A decimal number with a fraction or an exponent, rounded correctly; infinite where it is too
// large. Returns false where `text` is not one as a whole.
bool parse_float(std::string_view text, double& value);

// The shortest text that reads back as `value`, as Python's repr writes it: 1.0, 1e+16, inf, nan.
OOCMAP_API Buffer float_repr(double value);
// The same as JSON: infinities are 9.0e+999 and -9.0e+999 (as SQLite's json() writes them), NaN
// null.
void write_json_float(double value, Buffer& to);

}  // namespace oocmap
