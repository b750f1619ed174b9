// The entries of a dict in key order, between two keys.
#pragma once

#include "python/native/lazy.h"

namespace oocmap::python {

// An iterator of (key, value) over the entries of `owner`, a LazyDict or a map, from `start` to
// before `stop`; None is no bound. Numbers come before text, text before bytes, then all others.
// Each step sees the newest content and goes on behind the last key. Errors: those of a read;
// TypeError, UnsupportedTypeError and ArgumentError for a bound that could not be a key.
PyObject* make_key_range(PyObject* owner, PyObject* start, PyObject* stop, bool reverse);

// Makes the type LazyRange. Called once, when the module is made.
void make_key_range_type(PyObject* module);

}  // namespace oocmap::python
