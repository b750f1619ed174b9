// Classes that the user registered: oocmap.register(). What each is stored as and made from is
// Python code of the user's, so nothing here may run while a Reading lives (unfinished.h).
#pragma once

#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "python/native/python.h"

namespace oocmap::python {

// A class and its two functions: to(object) -> value to store, from_(value) -> object.
struct RegisteredClass {
  Ref type;
  Ref to;
  Ref from;
  std::string name;  // UTF-8
};

// Registers `type`, for the life of the process. A class registered before gets these functions
// and this name; the name it had is read as it still. Errors: ValueError for a name that another
// class has (but for one of the same module and qualified name: the module was run again).
void register_class(PyObject* type, PyObject* to, PyObject* from, const std::string& name);

// How objects of exactly this type are stored; null where it is not registered. Lifetime: until the
// next register_class().
const RegisteredClass* registered_class(const PyTypeObject* type) noexcept;

// What to() gives for `object`. Runs the user's code. Errors: what that raises.
Ref value_of_registered(const RegisteredClass& known, PyObject* object);

// The object that from_() gives for the value of the class `name`. Runs the user's code.
// Errors: NotRegisteredError, whose `name` it is, where no class has the name; what from_() raises,
// with a note.
Ref make_registered(PyObject* name, PyObject* value);

// What to do, for the message of an error: nothing for an object of the standard library's.
std::string how_to_store(PyObject* object);

// Where a NotRegisteredError is set: unsets it, and returns the class's name. Else nothing.
std::string take_not_registered();

}  // namespace oocmap::python
