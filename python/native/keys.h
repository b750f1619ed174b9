// Dict keys between Python and the store.
#pragma once

#include <optional>

#include "core/base/error.h"
#include "core/format/key_encoding.h"
#include "python/native/python.h"

namespace oocmap::python {

// The key to store a value under.
// Errors: TypeError, as dict raises it, for an unhashable key; UnsupportedTypeError for a type that
//         cannot be stored; ArgumentError for NaN.
Key key_to_store(PyObject* key);

// The key to look up; nullopt where it could never have been stored, which is: absent. An object of
// a subclass that compares as its builtin base does (an IntEnum member, a namedtuple) is looked up
// as it. Errors: TypeError for an unhashable key, and what the key's own __hash__ raises.
std::optional<Key> key_to_find(PyObject* key);

// The key as it was first written; where an object of a registered class is in it, a stand-in
// (unfinished.h). Cost: one small allocation at most besides the object's.
Ref key_to_python(const Key& key);
Ref packed_to_python(Bytes packed);

// The key behind a stand-in. Runs the registered classes' code: no Reading may live.
Ref finish_key(Bytes packed);

}  // namespace oocmap::python
