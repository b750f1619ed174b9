// The hash of a tuple of tuples. CPython's own recurses without a bound: 100,000 levels end the
// process, and 60 levels of (x, x) take it years.
#pragma once

#include "python/native/python.h"

namespace oocmap::python {

// Returns what hash(object) is in Python. Tuples in it are neither recursed into nor hashed again
// where they stand in several places. `object` is kept alive by the caller; GIL held, no Reading:
// a member's __hash__ may run any code. Errors: what hash() raises (TypeError, a member's own).
// Cost: O(members), once for each tuple in it; O(depth) memory.
Py_hash_t nested_hash(PyObject* object);

}  // namespace oocmap::python
