// LMDB's write lock belongs to the thread that took it: a transaction begun on thread A and ended
// on B leaves the lock with A, and every other process hangs until A ends. So explicit transactions
// are begun and ended here, and their puts run on whichever thread has the session's mutex.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "core/base/export.h"

namespace oocmap {

class OOCMAP_API WriterThread {
 public:
  WriterThread();
  ~WriterThread();  // joins; must not be called on the writer thread itself
  WriterThread(const WriterThread&) = delete;
  WriterThread& operator=(const WriterThread&) = delete;

  // Runs `task` on the writer thread and waits for it; what it throws is thrown here.
  // Cost: two context switches, 20-40 us. The caller must hold no lock that a task of another
  // thread waits for.
  void run(const std::function<void()>& task);

 private:
  void loop();
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  const std::function<void()>* task_ = nullptr;
  std::exception_ptr failure_;
  bool finished_ = false;
  bool stop_ = false;
  std::mutex callers_;
  std::thread thread_;
};

}  // namespace oocmap
