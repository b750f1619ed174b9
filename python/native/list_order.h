// LazyList's reverse and sort, and what a sort forbids while it runs.
#pragma once

#include "python/native/map.h"

namespace oocmap::python {

PyObject* list_reverse(PyObject* self, PyObject* none);
PyObject* list_sort(PyObject* self, PyObject* arguments, PyObject* keywords);

// Called before every write. Errors: list.sort's ValueError, where a key function or a comparison
// of the sort that runs in this thread writes to the list being sorted.
void check_not_being_sorted(const Container& container);

}  // namespace oocmap::python
