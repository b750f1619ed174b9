// What LazySet and LazyFrozenSet share: reading, and operators whose results are plain.
#pragma once

#include <optional>

#include "core/base/error.h"
#include "core/format/key_encoding.h"
#include "python/native/lazy.h"

namespace oocmap::python {

// Makes the base type `LazyAnySet`, which has no instances of its own.
PyTypeObject* make_set_base_type(PyObject* module);

// Whether an operator of sets takes `object`: set and frozenset, their subclasses, and lazy ones.
inline bool is_any_set(PyObject* object) noexcept {
  return PyAnySet_Check(object) || is_lazy_set(object);
}

// A lazy set as the plain one, of one moment; anything else as it is.
Ref plain_set(PyObject* object);

// The key of what may be in a set; nullopt where it could never have been stored. A set stands for
// the frozenset of its members, as `in`, remove() and discard() of the builtin take it. Errors:
// those of key_to_find().
std::optional<Key> member_to_find(PyObject* member);

// The methods that change a LazySet, for its type; set_update.cc. Each is one write.
extern PyMethodDef set_update_methods[];
int set_init(PyObject* self, PyObject* arguments, PyObject* keywords);
PyObject* set_inplace_or(PyObject* self, PyObject* other);
PyObject* set_inplace_and(PyObject* self, PyObject* other);
PyObject* set_inplace_subtract(PyObject* self, PyObject* other);
PyObject* set_inplace_xor(PyObject* self, PyObject* other);

}  // namespace oocmap::python
