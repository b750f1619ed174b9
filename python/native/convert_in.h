// Python values to what the store writes. A value is encoded in full before anything is put, so one
// that cannot be stored leaves nothing behind.
#pragma once

#include "core/base/error.h"
#include "core/format/key_encoding.h"
#include "core/store/encoder.h"
#include "python/native/lazy.h"

namespace oocmap::python {

// Of many values stored at once, the one at hand, as errors name it: by its key, or by its index in
// what was given. Borrowed; for a single value neither.
struct GivenAt {
  PyObject* key = nullptr;
  Py_ssize_t index = -1;
};

// Encodes `value` for `map`. dict, list, tuple and scalars by exact type; a lazy of the same file
// becomes a reference, one of another file or of a snapshot a copy. Sharing and cycles are kept; no
// recursion on the C stack. Errors: UnsupportedTypeError naming the type and where it stands, in
// `given_at` and in the value; TypeError and ArgumentError for keys, naming their places too;
// ClosedError and StaleHandleError of lazies.
EncodedValue encode(MapState& map, PyObject* value, GivenAt given_at = {});

// key_to_store() of the key of one entry of many: errors name the key.
Key encode_key(PyObject* key);

// The container a lazy of the same file as `map` stands for, else null: storing it is a reference.
const Container* reference_in(const MapState& map, PyObject* value) noexcept;

}  // namespace oocmap::python
