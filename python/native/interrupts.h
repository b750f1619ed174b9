// Signals reach a thread that waits for a lock: Ctrl-C ends the wait.
#pragma once

namespace oocmap::python {

// From now on a wait of the main thread (core/lmdb/waiting.h) runs the handlers of the signals that
// came meanwhile, with the GIL, and ends where one raises. The exception is set then, and whatever
// the wait was for fails: where core's error becomes Python's, the one that is set stays.
void let_signals_interrupt() noexcept;

}  // namespace oocmap::python
