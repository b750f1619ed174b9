#include "python/native/maintenance.h"

#include <memory>
#include <string>

#include "core/lmdb/statistics.h"
#include "core/store/backup.h"
#include "core/store/check.h"
#include "core/store/full_vacuum.h"
#include "python/native/errors.h"
#include "python/native/map.h"
#include "python/native/scalars.h"
#include "python/native/writing.h"

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

  // Calls `progress` with the step, where there is one, and two numbers; None: only looks for a
  // signal, so that Ctrl-C ends what goes on.
  void report(PyObject* progress, const char* step, uint64_t done, uint64_t total) {
    struct Locked {
      explicit Locked(PyThreadState*& state) : kept(state) { restore_thread(state); }
      ~Locked() { kept = PyEval_SaveThread(); }
      PyThreadState*& kept;
    };
    const Locked locked(state_);
    checked(PyErr_CheckSignals());
    if (progress == Py_None) return;
    const auto a = static_cast<unsigned long long>(done);
    const auto b = static_cast<unsigned long long>(total);
    Ref::steal(step == nullptr ? PyObject_CallFunction(progress, "KK", a, b)
                               : PyObject_CallFunction(progress, "sKK", step, a, b));
  }

 private:
  PyThreadState* state_;
};

const char* name_of(VacuumProgress::Step step) {
  switch (step) {
    case VacuumProgress::Step::kFree:
      return "free";
    case VacuumProgress::Step::kTrace:
      return "trace";
    case VacuumProgress::Step::kSweep:
      return "sweep";
    case VacuumProgress::Step::kPunch:
      return "punch";
  }
  return "";
}

// Without the GIL: each look for a transaction of SQL's may wait for a query, which may wait for
// the GIL. `full`: also makes the file small.
VacuumReport vacuum_session(Session& session, bool full, std::chrono::milliseconds timeout,
                            PyObject* progress) {
  Unlocked unlocked;
  session.check_outside_transaction("vacuum");
  // One that waits as long as was asked for.
  const std::shared_ptr<Session> own = Session::create(session.store_ptr());
  own->set_timeout(timeout);
  FullVacuumOptions options;
  options.timeout = timeout;
  options.online.progress = [&](const VacuumProgress& now) {
    unlocked.report(progress, name_of(now.step), now.done, now.total);
    return true;
  };
  options.copied = [&](uint64_t done, uint64_t total) {
    unlocked.report(progress, "copy", done, total);
  };
  return full ? full_vacuum(*own, options) : vacuum(*own, options.online);
}

}  // namespace

std::chrono::milliseconds parse_timeout(PyObject* timeout) {
  constexpr std::chrono::milliseconds kForEver = std::chrono::hours(24 * 365);
  if (timeout == Py_None) return kForEver;
  const double seconds = PyFloat_AsDouble(timeout);
  if (PyErr_Occurred() != nullptr) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) throw PythonRaised{};
    raise(PyExc_TypeError, "timeout must be a number of seconds or None, not %.200s",
          Py_TYPE(timeout)->tp_name);
  }
  if (!(seconds >= 0)) {
    throw Error(ErrorCode::kInvalidArgument, "timeout must be 0 or more seconds, or None");
  }
  if (seconds >= std::chrono::duration<double>(kForEver).count()) return kForEver;
  return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

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
        unlocked.report(progress, nullptr, done, total);
      };
      bytes = back_up(*session, options);
    } catch (const Error& error) {
      if (PyErr_Occurred() == nullptr) set_exception(error, /*opening=*/true);
      return nullptr;
    }
    return PyLong_FromUnsignedLongLong(bytes);
  });
}

PyObject* map_check(PyObject* self, PyObject* progress) {
  return guarded([&] {
    const std::shared_ptr<Session> session = state_of(self).session_to_keep();
    CheckReport report;
    {
      Unlocked unlocked;
      CheckOptions options;
      options.progress = [&](uint64_t done, uint64_t total) {
        unlocked.report(progress, nullptr, done, total);
      };
      report = check_file_and_store(session->store(), options);
    }
    Ref problems = Ref::steal(PyList_New(0));
    for (const CheckProblem& problem : report.problems) {
      const std::string text = problem.words();
      // Names and paths may be any bytes.
      const Ref object = Ref::steal(PyUnicode_DecodeUTF8(
          text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace"));
      checked(PyList_Append(problems.get(), object.get()));
    }
    const auto number = [](uint64_t n) { return static_cast<unsigned long long>(n); };
    return Py_BuildValue("NKKKKKKKKKKK", problems.release(), number(report.problem_count),
                         number(report.pages.pages), number(report.pages.free),
                         number(report.records), number(report.containers), number(report.entries),
                         number(report.chunks), number(report.immutables), number(report.graveyard),
                         number(report.unreferenced), number(report.leaked));
  });
}

PyObject* map_stats(PyObject* self, PyObject*) {
  return guarded([&] {
    const std::shared_ptr<Session> session = state_of(self).session_to_keep();
    Store& store = session->store();
    Statistics file;
    uint64_t entries = 0;
    {
      const WithoutGil released;
      file = read_statistics(store.environment());
      const ReadTransaction transaction = store.environment().begin_read();
      entries = store.locate(transaction, store.root()).count();
    }
    const auto number = [](uint64_t n) { return static_cast<unsigned long long>(n); };
    return Py_BuildValue("KKKKKKKKKKKd", number(entries), number(file.file_bytes),
                         number(file.allocated_bytes), number(file.max_bytes),
                         number(file.page_bytes), number(file.pages), number(file.free_pages),
                         number(file.transaction), number(file.readers), number(file.oldest_reader),
                         number(file.oldest_reader_process), file.oldest_reader_seconds);
  });
}

PyObject* map_vacuum(PyObject* self, PyObject* arguments) {
  int full = 0;
  PyObject* timeout = nullptr;
  PyObject* progress = nullptr;
  if (PyArg_ParseTuple(arguments, "pOO:_vacuum", &full, &timeout, &progress) == 0) return nullptr;
  return guarded([&] {
    const std::shared_ptr<Session> session = state_of(self).session_to_keep();
    const auto patience = timeout == Py_None ? session->timeout() : parse_timeout(timeout);
    const VacuumReport report = vacuum_session(*session, full != 0, patience, progress);
    return Py_BuildValue("NKKKNKK", PyBool_FromLong(report.finished ? 1 : 0),
                         static_cast<unsigned long long>(report.containers),
                         static_cast<unsigned long long>(report.immutables),
                         static_cast<unsigned long long>(report.punched_bytes),
                         PyBool_FromLong(report.can_punch ? 1 : 0),
                         static_cast<unsigned long long>(report.allocated_before),
                         static_cast<unsigned long long>(report.allocated_after));
  });
}

PyObject* map_set_auto_vacuum(PyObject* self, PyObject* threshold) {
  return guarded([&] {
    const unsigned long long entries = PyLong_AsUnsignedLongLong(threshold);
    if (PyErr_Occurred() != nullptr) throw PythonRaised{};
    state_of(self).session_to_keep()->set_auto_vacuum(entries);
    return Py_NewRef(Py_None);
  });
}

PyObject* map_finish_auto_vacuum(PyObject* self, PyObject*) {
  return guarded([&] {
    const std::shared_ptr<Session> session = state_of(self).session_to_keep();
    {
      const WithoutGil released;
      session->finish_auto_vacuum();
    }
    raise_interrupt();
    return Py_NewRef(Py_None);
  });
}

}  // namespace oocmap::python
