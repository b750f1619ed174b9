// numpy's scalars as payloads and back, through oocmap.stored_types.
#pragma once

#include <optional>

#include "python/native/other_types.h"

namespace oocmap::python {

// As other_payload(). numpy is looked at where it is loaded, and never imported.
std::optional<OtherPayload> numpy_payload(PyObject* value);
// Returns a new reference. Errors: as payload_to_python(); oocmap.Error where numpy is missing.
PyObject* numpy_to_python(Bytes payload);

}  // namespace oocmap::python
