// The builtin's repr of a lazy, shortened past 10,000 characters.
#pragma once

#include "python/native/lazy.h"

namespace oocmap::python {

// Cost: follows what is shown, not what is stored. No recursion on the C stack.
PyObject* lazy_repr(PyObject* self);

}  // namespace oocmap::python
