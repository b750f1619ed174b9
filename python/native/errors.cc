#include "python/native/errors.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>

namespace oocmap::python {
namespace {

// `system`: the class is an OSError too, made from (errno, message, path).
struct Row {
  ErrorCode code;
  const char* name;
  bool system = false;
  PyObject* type = nullptr;
};

std::array<Row, 18> table{{
    {ErrorCode::kInvalidPath, "PathError"},
    {ErrorCode::kInvalidJson, "JsonError"},
    {ErrorCode::kInvalidArgument, "ArgumentError"},
    {ErrorCode::kTypeMismatch, "UnsupportedTypeError"},
    {ErrorCode::kCorrupt, "CorruptionError"},
    {ErrorCode::kFormatVersion, "FormatVersionError"},
    {ErrorCode::kMapFull, "StoreFullError", true},
    {ErrorCode::kDiskFull, "StoreFullError", true},
    {ErrorCode::kTransactionTooBig, "StoreFullError", true},
    {ErrorCode::kTransactionFailed, "TransactionError"},
    {ErrorCode::kReadOnly, "ReadOnlyError"},
    {ErrorCode::kBusy, "BusyError"},
    {ErrorCode::kStaleHandle, "StaleHandleError"},
    {ErrorCode::kNotAllowed, "NotAllowedError"},
    {ErrorCode::kClosed, "ClosedError"},
    {ErrorCode::kSecondImage, "SecondImageError"},
    {ErrorCode::kFilesystem, "FilesystemError"},
    {ErrorCode::kIo, "IoError", true},
}};

const Row* row_of(ErrorCode code) noexcept {
  for (const Row& row : table) {
    if (row.code == code) return &row;
  }
  return nullptr;
}

PyObject* text(const std::string& utf8) noexcept {
  return PyUnicode_DecodeUTF8(utf8.data(), static_cast<Py_ssize_t>(utf8.size()), "replace");
}

PyObject* path_object(const std::string& path) noexcept {
  if (path.empty()) return Py_NewRef(Py_None);
  return PyUnicode_DecodeFSDefaultAndSize(path.data(), static_cast<Py_ssize_t>(path.size()));
}

// What an exception of an OSError class is made from: errno, message, filename.
void set_system_exception(PyObject* type, int number, PyObject* message,
                          const std::string& path) noexcept {
  PyObject* filename = path_object(path);
  PyObject* exception =
      filename == nullptr ? nullptr : PyObject_CallFunction(type, "iOO", number, message, filename);
  Py_XDECREF(filename);
  if (exception == nullptr) return;
  PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception)), exception);
  Py_DECREF(exception);
}

// The errors a file name can bring that Python has classes of its own for.
bool has_own_class(int number) noexcept {
  return number == ENOENT || number == EEXIST || number == EISDIR || number == EACCES ||
         number == ENOTDIR || number == EPERM;
}

}  // namespace

void load_exceptions() {
  Ref module = Ref::steal(PyImport_ImportModule("oocmap.errors"));
  for (Row& row : table)
    row.type = Ref::steal(PyObject_GetAttrString(module.get(), row.name)).release();
}

void set_exception(const Error& error, bool opening) noexcept {
  const Row* row = row_of(error.code());
  PyObject* type = row == nullptr ? PyExc_SystemError : row->type;
  if (opening && error.code() == ErrorCode::kIo && has_own_class(error.system_error())) {
    // As open() says it, unless there is more to say than that.
    const std::string reason = std::strerror(error.system_error());
    PyObject* message = text(error.message().ends_with(reason) ? reason : error.message());
    if (message != nullptr) {
      set_system_exception(PyExc_OSError, error.system_error(), message, error.path());
    }
    Py_XDECREF(message);
    return;
  }
  PyObject* message = text(error.message());
  if (message == nullptr) return;
  if (row != nullptr && row->system) {
    int number = error.system_error();
    if (number == 0) number = error.code() == ErrorCode::kIo ? EIO : ENOSPC;
    set_system_exception(type, number, message, error.path());
  } else {
    PyErr_SetObject(type, message);
  }
  Py_DECREF(message);
}

RaisedException::RaisedException() noexcept {
  PyErr_Fetch(&type_, &value_, &traceback_);
  PyErr_NormalizeException(&type_, &value_, &traceback_);
}

RaisedException::~RaisedException() { PyErr_Restore(type_, value_, traceback_); }

void RaisedException::add_note(const std::string& note) noexcept {
  PyObject* message = text(note);
  if (message != nullptr) Py_XDECREF(PyObject_CallMethod(value_, "add_note", "O", message));
  Py_XDECREF(message);
  PyErr_Clear();
}

void translate_exception() noexcept {
  try {
    throw;
  } catch (const PythonRaised&) {
    // Python's exception is set.
  } catch (const Error& error) {
    // Of a signal's handler, for which a wait was ended (interrupts.h): that is what to tell.
    if (PyErr_Occurred() == nullptr) set_exception(error);
  } catch (const OutOfRange& error) {
    PyErr_SetString(PyExc_IndexError, error.message);
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_Format(PyExc_SystemError, "oocmap: %s", error.what());
  } catch (...) {
    PyErr_SetString(PyExc_SystemError, "oocmap: unknown C++ exception");
  }
}

}  // namespace oocmap::python
