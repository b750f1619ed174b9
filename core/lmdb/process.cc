#include "core/lmdb/process.h"

#include <pthread.h>

#include <atomic>
#include <mutex>

#include "core/lmdb/environment.h"

namespace oocmap {
namespace {

std::atomic<uint64_t> epoch{0};
std::atomic<uint64_t> threads{0};
void (*in_child)() = nullptr;

}  // namespace

uint64_t process_epoch() noexcept { return epoch.load(std::memory_order_relaxed); }

uint64_t this_thread_number() noexcept {
  thread_local uint64_t number = 0;
  if (number == 0) number = threads.fetch_add(1, std::memory_order_relaxed) + 1;
  return number;
}

void install_fork_handlers(void (*prepare)(), void (*parent)(), void (*child)()) {
  static std::once_flag once;
  std::call_once(once, [&] {
    in_child = child;
    pthread_atfork(prepare, parent, [] {
      epoch.fetch_add(1, std::memory_order_relaxed);
      in_child();
    });
  });
}

}  // namespace oocmap
