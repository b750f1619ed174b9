// Order bytes of numpy's scalars. A number, text or bytes is the key of the plain value it equals.
// A datetime64 or timedelta64 is the moment or duration it names, whatever its unit: that of
// datetime.datetime or timedelta where one can name it too. (So hash these since numpy 2.2; its ==
// does not say the same of all units.)
#pragma once

#include "core/base/bytes.h"
#include "core/format/order_number.h"

namespace oocmap {

// Appends the order bytes of a kNumpyScalar payload.
// Errors: kInvalidArgument for NaN and NaT; kTypeMismatch for what is no key: a void, a long double
//         that is no float, a timedelta64 of months or years (equal to a number of these, as numpy
//         has it, but not to that number of the other unit), and one without a unit; kCorrupt.
void append_order_numpy(Buffer& to, Bytes payload, OrderPlace place);

}  // namespace oocmap
