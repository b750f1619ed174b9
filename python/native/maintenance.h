// What is done to a map's file as a whole, as methods of the map.
#pragma once

#include "python/native/python.h"

namespace oocmap::python {

// The methods: _backup(path, overwrite, progress).
PyObject* map_backup(PyObject* self, PyObject* arguments);

}  // namespace oocmap::python
