// Python values to what the store writes. A value is encoded in full before anything is put, so one
// that cannot be stored leaves nothing behind.
#pragma once

#include "core/base/error.h"
#include "core/store/encoder.h"
#include "python/native/lazy.h"

namespace oocmap::python {

// Encodes `value` for `map`. dict, list, tuple and scalars by exact type; a lazy of the same file
// becomes a reference, one of another file a copy. Sharing and cycles are kept; no recursion on the
// C stack. Errors: UnsupportedTypeError naming the type and where in the value it stands, TypeError
// and ArgumentError for keys, ClosedError and StaleHandleError of lazies.
EncodedValue encode(MapState& map, PyObject* value);

// The container a lazy of the same file as `map` stands for, else null: storing it is a reference.
const Container* reference_in(const MapState& map, PyObject* value) noexcept;

}  // namespace oocmap::python
