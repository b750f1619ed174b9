// CPython, and the few helpers that make its C API safe to use from C++. Every function that takes
// or returns a PyObject* is called with the GIL held.
#pragma once

#ifndef PY_SSIZE_T_CLEAN
#define PY_SSIZE_T_CLEAN
#endif
#include <Python.h>
#include <unistd.h>

#include <utility>

#include "python/native/stack.h"

namespace oocmap::python {

// Thrown where a Python exception is set already; the slot that catches it only returns its
// failure.
struct PythonRaised {};

// Owns one reference.
class Ref {
 public:
  Ref() = default;
  // Takes a new reference as CPython returned it; null means that CPython raised.
  static Ref steal(PyObject* object) {
    if (object == nullptr) throw PythonRaised{};
    return Ref(object);
  }
  // Takes a reference, or null, without a look at it.
  static Ref adopt(PyObject* object) noexcept { return Ref(object); }
  static Ref borrow(PyObject* object) noexcept { return Ref(Py_XNewRef(object)); }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  Ref(const Ref& other) noexcept : object_(Py_XNewRef(other.object_)) {}
  Ref& operator=(const Ref& other) noexcept {
    Ref copy(other);
    std::swap(object_, copy.object_);
    return *this;
  }
  ~Ref() { Py_XDECREF(object_); }

  PyObject* get() const noexcept { return object_; }
  PyObject* release() noexcept { return std::exchange(object_, nullptr); }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  explicit Ref(PyObject* object) noexcept : object_(object) {}
  PyObject* object_ = nullptr;
};

// Throws where a call that answers -1 on failure did so.
inline int checked(int result) {
  if (result < 0) throw PythonRaised{};
  return result;
}

inline Py_ssize_t checked_size(Py_ssize_t result) {
  if (result < 0) throw PythonRaised{};
  return result;
}

// Sets a Python exception and throws.
template <typename... Arguments>
[[noreturn]] void raise(PyObject* type, const char* format, Arguments... arguments) {
  PyErr_Format(type, format, arguments...);
  throw PythonRaised{};
}

// Takes the GIL again. Where the interpreter is ending, CPython before 3.14 ends a daemon thread
// here by pthread_exit(), whose unwinding may not pass through a destructor; so the thread stays,
// as later versions let it. The process ends under it.
inline void restore_thread(PyThreadState* state) noexcept {
  try {
    PyEval_RestoreThread(state);
  } catch (...) {
    for (;;) pause();
  }
}

// Lets other threads run Python while this one waits; nothing in its scope may touch a PyObject.
class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  ~WithoutGil() { restore_thread(state_); }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;

 private:
  PyThreadState* state_;
};

// Puts garbage collection off: no finalizer runs, so no Python code in the midst of a read, and
// what is made at one go is not searched again and again. Whatever makes an object that takes part
// in garbage collection while a Reading lives needs one: CPython 3.11 collects where an object is
// made, and a finalizer may write what the Reading's views show.
class WithoutCollection {
 public:
  WithoutCollection() : enabled_(PyGC_Disable() != 0) {}
  ~WithoutCollection() {
    if (enabled_) PyGC_Enable();
  }
  WithoutCollection(const WithoutCollection&) = delete;
  WithoutCollection& operator=(const WithoutCollection&) = delete;

 private:
  bool enabled_;
};

// RecursionError where this thread's C stack ends soon.
inline void check_stack(const char* where) {
  if (!stack_is_short()) return;
  raise(PyExc_RecursionError,
        "the thread's stack is nearly used up%s: give threads more (threading.stack_size)", where);
}

// Bounds recursion on the C stack as CPython bounds its own, and by what is left of the stack:
// RecursionError instead of a crash.
class Recursion {
 public:
  explicit Recursion(const char* where) {
    check_stack(where);
    checked(Py_EnterRecursiveCall(where) != 0 ? -1 : 0);
  }
  ~Recursion() { Py_LeaveRecursiveCall(); }
  Recursion(const Recursion&) = delete;
  Recursion& operator=(const Recursion&) = delete;
};

// What PyType_Spec and PyMethodDef want their functions as.
template <typename F>
void* slot(F* function) noexcept {
  return reinterpret_cast<void*>(function);
}
template <typename F>
PyCFunction method(F* function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

}  // namespace oocmap::python
