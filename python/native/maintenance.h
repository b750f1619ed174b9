// What is done to a map's file as a whole, as methods of the map.
#pragma once

#include <chrono>

#include "python/native/python.h"

namespace oocmap::python {

// A `timeout`: seconds, or None for ever. Errors: TypeError, kInvalidArgument.
std::chrono::milliseconds parse_timeout(PyObject* timeout);

// The methods: _backup(path, overwrite, progress).
PyObject* map_backup(PyObject* self, PyObject* arguments);
// _check(progress) -> problems as texts, and the counts of CheckReport.
PyObject* map_stats(PyObject* self, PyObject* unused);
PyObject* map_check(PyObject* self, PyObject* progress);
// _vacuum(full, timeout, progress) -> the fields of VacuumReport.
PyObject* map_vacuum(PyObject* self, PyObject* arguments);
// _set_auto_vacuum(threshold); 0: none.
PyObject* map_set_auto_vacuum(PyObject* self, PyObject* threshold);
// _finish_auto_vacuum(): before closing.
PyObject* map_finish_auto_vacuum(PyObject* self, PyObject*);

}  // namespace oocmap::python
