// Bytes of the file as Python memory, without a copy.
#pragma once

#include <memory>

#include "core/base/bytes.h"
#include "python/native/python.h"

namespace oocmap::python {

// Makes the type of such objects. Called once, when the module is made.
void make_array_memory_type(PyObject* module);

// A new object that exports `bytes`, read-only. `held` keeps them where they are, and is let go
// with the object. Errors: MemoryError.
PyObject* make_array_memory(Bytes bytes, std::shared_ptr<const void> held);

}  // namespace oocmap::python
