// The builtin's repr of a lazy, shortened past 10,000 characters.
#pragma once

#include "python/native/lazy.h"

namespace oocmap::python {

// Cost: follows what is shown, not what is stored. No recursion on the C stack.
PyObject* lazy_repr(PyObject* self);

// __rich_repr__, for the library rich: what oocmap.rich_repr gives. Errors: those of reading.
PyObject* lazy_rich_repr(PyObject* self, PyObject*);
inline constexpr const char* kRichReprDoc =
    "Return what rich shows: the members, or the first 1,000 of a large value.";

}  // namespace oocmap::python
