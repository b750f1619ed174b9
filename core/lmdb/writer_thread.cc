#include "core/lmdb/writer_thread.h"

#include <exception>
#include <utility>

namespace oocmap {
namespace {

void relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits for `done` awake. Not by sched_yield(): where other programs want the processor that gives
// it to them for milliseconds, while who sleeps on a condition is woken at once.
template <typename Condition>
void look_for(const Condition& done) {
  static const bool alone = std::thread::hardware_concurrency() == 1;
  if (alone) return;
  const auto until = std::chrono::steady_clock::now() + WriterThread::kAwake;
  while (!done() && std::chrono::steady_clock::now() < until) relax();
}

}  // namespace

WriterThread::WriterThread() : thread_([this] { loop(); }) {}

WriterThread::~WriterThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void WriterThread::run(const std::function<void()>& task) {
  if (std::this_thread::get_id() == thread_.get_id()) {
    task();  // e.g. a transaction that is destroyed by another task
    return;
  }
  const std::lock_guard one_at_a_time(callers_);
  const auto is_finished = [this] { return finished_.load(); };
  finished_ = false;
  {
    const std::lock_guard lock(mutex_);
    task_ = &task;
  }
  wake_.notify_one();
  look_for(is_finished);
  if (!is_finished()) {
    std::unique_lock lock(mutex_);
    done_.wait(lock, is_finished);
  }
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void WriterThread::loop() {
  const auto has_task = [this] { return task_.load() != nullptr || stop_.load(); };
  for (;;) {
    if (!has_task()) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, has_task);
    }
    const std::function<void()>* const task = task_.exchange(nullptr);
    if (task == nullptr) return;
    try {
      (*task)();
    } catch (...) {
      failure_ = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      finished_ = true;
    }
    done_.notify_one();
    look_for(has_task);
  }
}

}  // namespace oocmap
