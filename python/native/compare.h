// Comparison of lazies with each other and with plain objects, member by member from the front:
// nothing is read past the first difference.
#pragma once

#include "python/native/lazy.h"

namespace oocmap::python {

// tp_richcompare of LazyDict and Map, of LazyList, of LazyTuple, and of both sets.
PyObject* dict_richcompare(PyObject* self, PyObject* other, int operation);
PyObject* list_richcompare(PyObject* self, PyObject* other, int operation);
PyObject* tuple_richcompare(PyObject* self, PyObject* other, int operation);
PyObject* set_richcompare(PyObject* self, PyObject* other, int operation);

// Whether a member is or equals a value, as the builtins ask it of theirs. Each read of an array
// gives another LazyArray, and their == is numpy's: two of one array are the same object here.
// Errors: what == raises; ClosedError.
bool equal_members(PyObject* member, PyObject* value);

// Whether one of the objects `iterator` gives is or equals `value`.
bool contains_equal(PyObject* iterator, PyObject* value);

// The next object of an iterator; empty at its end.
Ref next_of(PyObject* iterator);

}  // namespace oocmap::python
