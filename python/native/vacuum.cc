#include "python/native/vacuum.h"

#include "core/store/vacuum.h"
#include "python/native/errors.h"

namespace oocmap::python {
namespace {

const char* name_of(VacuumProgress::Step step) noexcept {
  switch (step) {
    case VacuumProgress::Step::kFree:
      return "free";
    case VacuumProgress::Step::kTrace:
      return "trace";
    case VacuumProgress::Step::kSweep:
      return "sweep";
    case VacuumProgress::Step::kPunch:
      break;
  }
  return "punch";
}

// Takes the GIL for one call inside a WithoutGil.
class WithGil {
 public:
  explicit WithGil(PyThreadState*& state) : state_(state) { restore_thread(state_); }
  ~WithGil() { state_ = PyEval_SaveThread(); }
  WithGil(const WithGil&) = delete;
  WithGil& operator=(const WithGil&) = delete;

 private:
  PyThreadState*& state_;
};

// Lets other threads run Python while the vacuum runs, and takes the GIL back at the end.
class Released {
 public:
  Released() : state(PyEval_SaveThread()) {}
  ~Released() { restore_thread(state); }
  Released(const Released&) = delete;
  Released& operator=(const Released&) = delete;
  PyThreadState* state;
};

void call(PyObject* progress, const VacuumProgress& now) {
  checked(PyErr_CheckSignals());
  if (progress == Py_None) return;
  Ref::steal(PyObject_CallFunction(progress, "sKK", name_of(now.step),
                                   static_cast<unsigned long long>(now.done),
                                   static_cast<unsigned long long>(now.total)));
}

}  // namespace

Ref vacuum_map(MapState& map, PyObject* progress) {
  if (progress != Py_None && PyCallable_Check(progress) == 0) {
    raise(PyExc_TypeError, "progress must be a function or None, not %.200s",
          Py_TYPE(progress)->tp_name);
  }
  const std::shared_ptr<Session> session = map.session_to_keep();
  VacuumReport report;
  {
    Released released;
    VacuumOptions options;
    // Thrown on through core as PythonRaised: the exception stays set in this thread meanwhile.
    options.progress = [&](const VacuumProgress& now) {
      const WithGil gil(released.state);
      call(progress, now);
      return true;
    };
    report = vacuum(*session, options);
  }
  return Ref::steal(Py_BuildValue("OKKKOKK", report.finished ? Py_True : Py_False,
                                  static_cast<unsigned long long>(report.containers),
                                  static_cast<unsigned long long>(report.immutables),
                                  static_cast<unsigned long long>(report.punched_bytes),
                                  report.can_punch ? Py_True : Py_False,
                                  static_cast<unsigned long long>(report.allocated_before),
                                  static_cast<unsigned long long>(report.allocated_after)));
}

}  // namespace oocmap::python
