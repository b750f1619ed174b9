// datetime, date, time, timedelta and their zones, as payloads and back.
#pragma once

#include <optional>

#include "python/native/other_types.h"

namespace oocmap::python {

// As other_payload() and other_to_python(), for kDatetime to kTimedelta.
std::optional<OtherPayload> datetime_payload(PyObject* value);
PyObject* datetime_to_python(PayloadKind kind, Bytes payload);

// Whether making the object of such a payload runs Python code: a zoneinfo's data is loaded by it.
bool datetime_needs_python(PayloadKind kind, Bytes payload) noexcept;

}  // namespace oocmap::python
