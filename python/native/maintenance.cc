#include "python/native/maintenance.h"

#include <memory>
#include <string>

#include "core/store/backup.h"
#include "python/native/errors.h"
#include "python/native/map.h"
#include "python/native/scalars.h"

namespace oocmap::python {
namespace {

MapState& state_of(PyObject* self) { return *reinterpret_cast<MapObject*>(self)->state; }

// Lets other threads run Python, and takes the GIL in between to call a function.
class Unlocked {
 public:
  Unlocked() : state_(PyEval_SaveThread()) {}
  ~Unlocked() { restore_thread(state_); }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

  // Calls `progress` (None: only looks for a signal, so that Ctrl-C ends what goes on).
  void report(PyObject* progress, uint64_t done, uint64_t total) {
    struct Locked {
      explicit Locked(PyThreadState*& state) : kept(state) { restore_thread(state); }
      ~Locked() { kept = PyEval_SaveThread(); }
      PyThreadState*& kept;
    };
    const Locked locked(state_);
    checked(PyErr_CheckSignals());
    if (progress == Py_None) return;
    Ref::steal(PyObject_CallFunction(progress, "KK", static_cast<unsigned long long>(done),
                                     static_cast<unsigned long long>(total)));
  }

 private:
  PyThreadState* state_;
};

}  // namespace

PyObject* map_backup(PyObject* self, PyObject* arguments) {
  PyObject* path = nullptr;
  int overwrite = 0;
  PyObject* progress = nullptr;
  if (PyArg_ParseTuple(arguments, "O&pO:_backup", PyUnicode_FSConverter, &path, &overwrite,
                       &progress) == 0) {
    return nullptr;
  }
  const Ref owned = Ref::steal(path);
  return guarded([&]() -> PyObject* {
    const std::shared_ptr<Session> session = state_of(self).session_to_keep();
    BackupOptions options;
    options.path = bytes_of(path);
    options.overwrite = overwrite != 0;
    uint64_t bytes = 0;
    try {
      Unlocked unlocked;
      options.progress = [&](uint64_t done, uint64_t total) {
        unlocked.report(progress, done, total);
      };
      bytes = back_up(*session, options);
    } catch (const Error& error) {
      set_exception(error, /*opening=*/true);
      return nullptr;
    }
    return PyLong_FromUnsignedLongLong(bytes);
  });
}

}  // namespace oocmap::python
