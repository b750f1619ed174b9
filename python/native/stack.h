// How much of this thread's C stack is left. CPython counts calls, and its 1000 do not fit into the
// stack of a thread that was given little (threading.stack_size(), musl, small containers).
#pragma once

namespace oocmap::python {

// Whether so little is left that recursion has to end: a read or an exception still fits. False on
// a stack that is not the thread's own. Cost: a comparison; the first call of a thread asks the
// system where its stack lies.
bool stack_is_short() noexcept;

}  // namespace oocmap::python
