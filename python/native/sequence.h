// What LazyList and LazyTuple share: reading by index and slice, on a common base type.
#pragma once

#include "python/native/lazy.h"

namespace oocmap::python {

// Makes the base type `LazySequence`, which has no instances of its own.
PyTypeObject* make_sequence_type(PyObject* module);

// Where a value stands among the members from `start` to `stop` (as list.index takes them); -1
// where it does not.
Py_ssize_t position_of(PyObject* sequence, PyObject* value, Py_ssize_t start, Py_ssize_t stop);

// A plain list (or, `as_tuple`, tuple) of the members a slice names; they may be lazy.
Ref slice_of(Container& sequence, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t step,
             bool as_tuple);

// The members as a list; the sequence is a lazy or any iterable.
Ref list_of(PyObject* iterable);

}  // namespace oocmap::python
