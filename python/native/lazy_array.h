// Stored arrays: the native side of oocmap.LazyArray, which is written in Python (arrays.py), and
// what passes between the two. Nothing here knows a library of arrays.
#pragma once

#include "core/store/array.h"
#include "python/native/lazy.h"

namespace oocmap::python {

// What arrays.py tells this module when it is imported.
struct ArraySupport {
  // LazyArray itself: lazy_array_type.
  // describe(value): how to store an array, as (library, type, item size, Fortran order, shape,
  // buffer of its bytes); text, where it is one that cannot be stored: why; None where it is none.
  PyObject* describe = nullptr;
  // build(head, bytearray): the array or tensor itself. `head` as of array_head().
  PyObject* build = nullptr;
};
extern ArraySupport array_support;

// Bytes of arrays read and written by this process, for tests.
struct ArrayCounters {
  uint64_t read = 0;
  uint64_t written = 0;
};
extern ArrayCounters array_counters;

// (library, type, item size, Fortran order, shape): int, str, int, bool, tuple of int.
Ref head_to_python(const ArrayHead& head);

// The type ArrayHandle, from which LazyArray inherits. Called once, when the module is made.
PyTypeObject* make_array_handle_type(PyObject* module);
// use_arrays(LazyArray, describe, build), called once by arrays.py.
void use_arrays(PyObject* type, PyObject* describe, PyObject* build);

// A new lazy object, its fields not set. Null with MemoryError set.
LazyObject* make_lazy_array() noexcept;

// A stand-in for an array that is made eager, whose data is copied (unfinished.h).
// Errors: kCorrupt, MemoryError.
Ref copy_array(const MapReading& reading, const NodeView& node);

}  // namespace oocmap::python
