// The views keys(), values() and items() of a dict: live, as dict's are.
#pragma once

#include "python/native/iterate.h"

namespace oocmap::python {

// A view of `owner`, a LazyDict or a map.
PyObject* make_view(PyObject* owner, What what);

// Makes the types LazyKeys, LazyValues and LazyItems.
void make_view_types(PyObject* module);

}  // namespace oocmap::python
