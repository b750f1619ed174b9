// What Map and LazyDict share: the slots and methods of dict, on a common base type.
#pragma once

#include "python/native/lazy.h"

namespace oocmap::python {

// Makes the base type `LazyMapping`, which has no instances of its own.
PyTypeObject* make_mapping_type(PyObject* module);

// Stores, or deletes where `value` is null.
void dict_assign(Container& dict, PyObject* key, PyObject* value);

// dict.update: `other` (null: none) and then `keywords` (null: none). A mapping is stored as a
// whole or not at all; an iterable of pairs in batches.
void dict_update(Container& dict, PyObject* other, PyObject* keywords);

[[noreturn]] void raise_key_error(PyObject* key);

}  // namespace oocmap::python
