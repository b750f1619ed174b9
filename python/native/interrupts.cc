#include "python/native/interrupts.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "core/lmdb/waiting.h"
#include "python/native/python.h"

namespace oocmap::python {
namespace {

// Python runs handlers on its main thread only. Others are not to ask for the GIL: while the
// interpreter ends, that would end the thread in the midst of core.
bool on_main_thread() noexcept { return ::syscall(SYS_gettid) == ::getpid(); }

bool signal_raised() noexcept {
  if (!on_main_thread() || PyGILState_GetThisThreadState() == nullptr) return false;
  const PyGILState_STATE state = PyGILState_Ensure();
  const bool raised = PyErr_Occurred() != nullptr || PyErr_CheckSignals() != 0;
  PyGILState_Release(state);
  return raised;
}

}  // namespace

void let_signals_interrupt() noexcept { set_stop_waiting(signal_raised); }

}  // namespace oocmap::python
