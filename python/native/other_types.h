// Python's types beyond those of JSON, as the format's payloads and back: complex, bytearray,
// range, datetime, date, time, timedelta, Decimal, Fraction, UUID, and numpy's scalars. All by
// exact type; nothing here runs Python code of the caller's, but a tzinfo of the standard
// library's.
#pragma once

#include <optional>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/format/word.h"
#include "python/native/python.h"

namespace oocmap::python {

struct OtherPayload {
  PayloadKind kind = PayloadKind::kComplex;
  Buffer bytes;
};

// The payload of an object of one of these types, nullopt for any other.
// Errors: kTypeMismatch for a datetime or time whose tzinfo is neither datetime.timezone nor a
//         zoneinfo.ZoneInfo with a key.
// Cost: for other types a few comparisons.
std::optional<OtherPayload> other_payload(PyObject* value);

// Whether making the object runs Python code (a class written in it, an import, a time zone's
// data).
bool needs_python(PayloadKind kind, Bytes payload) noexcept;

// The object of a payload of kinds kComplex to kNumpyScalar. Returns a new reference.
// Errors: kCorrupt; what zoneinfo raises for a key that this machine's time zone data lacks.
PyObject* other_to_python(PayloadKind kind, Bytes payload);

}  // namespace oocmap::python
