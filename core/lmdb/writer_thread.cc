#include "core/lmdb/writer_thread.h"

#include <exception>
#include <utility>

namespace oocmap {

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
  std::unique_lock lock(mutex_);
  task_ = &task;
  finished_ = false;
  wake_.notify_one();
  done_.wait(lock, [this] { return finished_; });
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void WriterThread::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return task_ != nullptr || stop_; });
    if (task_ == nullptr) return;
    const std::function<void()>& task = *std::exchange(task_, nullptr);
    lock.unlock();
    std::exception_ptr failure;
    try {
      task();
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    failure_ = std::move(failure);
    finished_ = true;
    done_.notify_one();
  }
}

}  // namespace oocmap
