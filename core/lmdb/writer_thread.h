// LMDB's write lock belongs to the thread that took it: a transaction begun on thread A and ended
// on B leaves the lock with A, and every other process hangs until A ends. So explicit transactions
// are begun and ended here, and their puts run on whichever thread has the session's mutex.
#pragma once

#include <atomic>
#include <chrono>
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
  // Cost: a few us where the last task was less than kAwake ago, else two context switches, 20 us
  // to 100 us on an idle virtual machine. The caller must hold no lock that a task of another
  // thread waits for.
  void run(const std::function<void()>& task);

  // How long either thread looks for the other before it sleeps. Waking a thread takes longer than
  // most transactions.
  static constexpr std::chrono::microseconds kAwake{50};

 private:
  void loop();
  std::mutex mutex_;  // of those who sleep
  std::condition_variable wake_;
  std::condition_variable done_;
  std::atomic<const std::function<void()>*> task_{nullptr};
  std::exception_ptr failure_;  // written before finished_, read after
  std::atomic<bool> finished_{false};
  std::atomic<bool> stop_{false};
  std::mutex callers_;
  std::thread thread_;
};

}  // namespace oocmap
