// Which process and which thread this is, cheaply.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <mutex>

#include "core/base/export.h"

namespace oocmap {

// 0 in the process that loaded the library, one more in every generation of forked children. What a
// parent opened does not belong to its child. Cost: 1 ns (getpid is a system call of 50).
OOCMAP_API uint64_t process_epoch() noexcept;

// From its first call on every fork waits for `kMutex` and holds it meanwhile: so a child does not
// find it taken by a thread that it has not, nor what it guards half changed. Of mutexes that are
// taken one inside the other, the inner one is to be kept first, as a fork takes the last one kept
// first. Cost: that of a static variable.
template <std::mutex& kMutex>
void keep_over_forks() {
  static const int installed = pthread_atfork([] { kMutex.lock(); },    //
                                              [] { kMutex.unlock(); },  //
                                              [] { kMutex.unlock(); });
  static_cast<void>(installed);  // fails for want of memory only
}

// Installs the fork handlers; idempotent. `prepare` runs before a fork and `parent` after it in the
// parent; `child` in the child, after process_epoch() has changed.
void install_fork_handlers(void (*prepare)(), void (*parent)(), void (*child)());

}  // namespace oocmap
