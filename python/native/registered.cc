#include "python/native/registered.h"

#include <cstddef>
#include <new>
#include <unordered_map>

#include "python/native/errors.h"
#include "python/native/scalars.h"

namespace oocmap::python {
namespace {

// Never destroyed: that would be after the interpreter's end.
struct Registry {
  std::unordered_map<const PyTypeObject*, RegisteredClass> by_type;
  std::unordered_map<std::string, RegisteredClass> by_name;
};

Registry& registry() {
  // In static memory, as whoever asks first may have none to spare; never destroyed.
  alignas(Registry) static std::byte place[sizeof(Registry)];
  static auto& all = *new (place) Registry;
  return all;
}

bool same_attribute(PyObject* left, PyObject* right, const char* name) {
  const Ref ours = Ref::steal(PyObject_GetAttrString(left, name));
  const Ref theirs = Ref::steal(PyObject_GetAttrString(right, name));
  return checked(PyObject_RichCompareBool(ours.get(), theirs.get(), Py_EQ)) != 0;
}

// oocmap.NotRegisteredError. An exception may be set.
Ref not_registered_error() {
  const RaisedException kept;
  static PyObject* const type = [] {
    const Ref errors = Ref::steal(PyImport_ImportModule("oocmap.errors"));
    return Ref::steal(PyObject_GetAttrString(errors.get(), "NotRegisteredError")).release();
  }();
  return Ref::borrow(type);
}

}  // namespace

void register_class(PyObject* type, PyObject* to, PyObject* from, const std::string& name) {
  const auto taken = registry().by_name.find(name);
  if (taken != registry().by_name.end() && taken->second.type.get() != type) {
    const Ref other = taken->second.type;  // the attributes may be Python code
    if (!same_attribute(other.get(), type, "__module__") ||
        !same_attribute(other.get(), type, "__qualname__")) {
      raise(PyExc_ValueError, "the name '%s' is registered for another class, %R", name.c_str(),
            other.get());
    }
  }
  const RegisteredClass entry{Ref::borrow(type), Ref::borrow(to), Ref::borrow(from), name};
  // What is replaced goes at the end: its finalizers may be Python code.
  const RegisteredClass old_type =
      std::exchange(registry().by_type[reinterpret_cast<PyTypeObject*>(type)], entry);
  const RegisteredClass old_name = std::exchange(registry().by_name[name], entry);
}

const RegisteredClass* registered_class(const PyTypeObject* type) noexcept {
  const auto& all = registry().by_type;
  if (all.empty()) return nullptr;
  const auto known = all.find(type);
  return known == all.end() ? nullptr : &known->second;
}

Ref value_of_registered(const RegisteredClass& known, PyObject* object) {
  const Ref to = known.to;  // it may register the class anew
  return Ref::steal(PyObject_CallOneArg(to.get(), object));
}

std::string how_to_store(PyObject* object) {
  const bool of_the_user = PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_HEAPTYPE) != 0;
  return of_the_user ? "; oocmap.register() makes objects of a class storable" : "";
}

std::string take_not_registered() {
  const Ref unknown = not_registered_error();
  if (PyErr_ExceptionMatches(unknown.get()) == 0) return "";
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  const Ref taken[] = {Ref::adopt(type), Ref::adopt(value), Ref::adopt(traceback)};
  const Ref name = Ref::steal(PyObject_GetAttrString(value, "name"));
  return PyUnicode_Check(name.get()) ? std::string(text_of(name.get()).bytes) : "?";
}

Ref make_registered(PyObject* name, PyObject* value) {
  const Text text = text_of(name);
  const auto known = registry().by_name.find(std::string(text.bytes));
  if (known == registry().by_name.end()) {
    const Ref type = not_registered_error();
    const Ref message = Ref::steal(PyUnicode_FromFormat(
        "the value is an object of the class registered as %R, which is not registered in this "
        "process: call oocmap.register() for it first",
        name));
    const Ref error = Ref::steal(PyObject_CallOneArg(type.get(), message.get()));
    checked(PyObject_SetAttrString(error.get(), "name", name));
    PyErr_SetObject(type.get(), error.get());
    throw PythonRaised{};
  }
  const Ref from = known->second.from;
  PyObject* made = PyObject_CallOneArg(from.get(), value);
  if (made != nullptr) return Ref::steal(made);
  RaisedException raised;
  raised.add_note("while an object of the class registered as '" + std::string(text.bytes) +
                  "' was made from what is stored");
  throw PythonRaised{};
}

}  // namespace oocmap::python
