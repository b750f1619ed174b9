// Whose turn it is to write through one map. A Python transaction has it from before its BEGIN
// until after its COMMIT, a single write for its own length: so a write of another thread never
// finds the connection in a transaction that has begun and not yet taken the lock, or is just
// ending.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

#include "core/base/error.h"
#include "core/lmdb/process.h"
#include "python/native/python.h"

namespace oocmap::python {

// Threads: any. The GIL must be released where take() may wait.
class Turn {
 public:
  // Takes the turn for the calling thread, or once more where it has it.
  // Returns: how often it has it now; 0 where another thread had it for all of `timeout`, or the
  // wait was interrupted (interrupts.h: then Python's exception is set).
  // Errors: kClosed in a forked child, which has neither that thread nor the map.
  int take(std::chrono::milliseconds timeout);
  // Gives it back once. May be called on another thread than take() was.
  void end() noexcept;

 private:
  bool take_free(uint64_t thread) noexcept;
  const uint64_t process_ = process_epoch();
  std::atomic<uint64_t> owner_{0};  // 0: free
  std::atomic<int> depth_{0};
  std::atomic<int> waiting_{0};
  std::mutex mutex_;  // of those who wait
  std::condition_variable ended_;
};

// One write. Errors: kBusy.
class TurnToWrite {
 public:
  TurnToWrite(Turn& turn, std::chrono::milliseconds timeout);
  ~TurnToWrite() { turn_.end(); }
  TurnToWrite(const TurnToWrite&) = delete;
  TurnToWrite& operator=(const TurnToWrite&) = delete;

 private:
  Turn& turn_;
};

// A Python object with the methods take(seconds) -> int and end(), for the connection.
Ref turn_object(std::shared_ptr<Turn> turn);
// Makes its type. Called once, when the module is made.
PyTypeObject* make_turn_type(PyObject* module);

}  // namespace oocmap::python
