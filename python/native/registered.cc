#include "python/native/registered.h"

#include <memory>
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
  static auto& all = *std::make_unique<Registry>().release();
  return all;
}

bool same_attribute(PyObject* left, PyObject* right, const char* name) {
  const Ref ours = Ref::steal(PyObject_GetAttrString(left, name));
  const Ref theirs = Ref::steal(PyObject_GetAttrString(right, name));
  return checked(PyObject_RichCompareBool(ours.get(), theirs.get(), Py_EQ)) != 0;
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

Ref not_registered_error() {
  const RaisedException kept;
  static PyObject* const type = [] {
    const Ref errors = Ref::steal(PyImport_ImportModule("oocmap.errors"));
    return Ref::steal(PyObject_GetAttrString(errors.get(), "NotRegisteredError")).release();
  }();
  return Ref::borrow(type);
}

Ref make_registered(PyObject* name, PyObject* value) {
  const Text text = text_of(name);
  const auto known = registry().by_name.find(std::string(text.bytes));
  if (known == registry().by_name.end()) {
    raise(not_registered_error().get(),
          "the value is an object of the class registered as %R, which is not registered in this "
          "process: call oocmap.register() for it first",
          name);
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
