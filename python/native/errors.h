// From C++ errors to Python exceptions: one table, and the guard that every slot runs in.
#pragma once

#include <string>

#include "core/base/error.h"
#include "python/native/python.h"
#include "python/native/unfinished.h"

namespace oocmap::python {

// Thrown without the GIL where Python has IndexError.
struct OutOfRange {
  const char* message;
};

// Looks the classes up in oocmap.errors. Called once, when the module is made.
void load_exceptions();

// Sets the Python exception that stands for the C++ exception being handled.
void translate_exception() noexcept;

// Sets the Python exception for `error`. `opening`: a system call failed while a file was being
// opened, so Python's own OSError classes (FileNotFoundError, ...) are raised.
void set_exception(const Error& error, bool opening = false) noexcept;

// Takes the Python exception that is set, and sets it again when it goes: Python code may run
// meanwhile.
class RaisedException {
 public:
  RaisedException() noexcept;
  ~RaisedException();
  RaisedException(const RaisedException&) = delete;
  RaisedException& operator=(const RaisedException&) = delete;
  // As BaseException.add_note().
  void add_note(const std::string& note) noexcept;

 private:
  PyObject* type_ = nullptr;
  PyObject* value_ = nullptr;
  PyObject* traceback_ = nullptr;
};

// Runs `body`; an exception becomes Python's, and `failure` is returned.
template <typename R, typename F>
R guarded(R failure, F&& body) noexcept {
  try {
    return body();
  } catch (...) {
    translate_exception();
    return failure;
  }
}
// What a slot returns: no Reading of the body's lives any more, so stand-ins in it are finished.
template <typename F>
PyObject* guarded(F&& body) noexcept {
  return guarded<PyObject*>(nullptr, [&body]() -> PyObject* {
    PyObject* result = body();
    if (stand_ins == 0 || result == nullptr) return result;
    return finish_members(Ref::steal(result)).release();
  });
}
template <typename F>
int guarded_int(F&& body) noexcept {
  return guarded<int>(-1, std::forward<F>(body));
}

}  // namespace oocmap::python
