// What a wait for the write lock may end with before its timeout, and words for whom it waits.
//
// A thread in such a wait sleeps in short slices, and asks between them whether it shall stop: that
// is how Ctrl-C and sqlite3_interrupt() reach it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "core/base/export.h"

namespace oocmap {

enum class Wait { kGot, kTimeout, kStopped };

// How long a waiting thread sleeps at most before it asks.
inline constexpr std::chrono::milliseconds kWaitSlice{50};

// Installs the question that every waiting thread of the process asks; nullptr: none. It is asked
// while the thread holds no mutex, though perhaps the write lock, and must not throw.
OOCMAP_API void set_stop_waiting(bool (*question)()) noexcept;

// A further question, asked by this thread's waits while the object lives. Scopes may be nested; a
// wait asks the innermost one. It must not throw.
class OOCMAP_API StopWaitingScope {
 public:
  explicit StopWaitingScope(std::function<bool()> question);
  ~StopWaitingScope();
  StopWaitingScope(const StopWaitingScope&) = delete;
  StopWaitingScope& operator=(const StopWaitingScope&) = delete;

  // Whether this question ended a wait.
  bool stopped() const noexcept { return stopped_; }

 private:
  friend bool stop_waiting() noexcept;
  std::function<bool()> question_;
  StopWaitingScope* outer_;
  bool stopped_ = false;
};

// Asks. Returns whether the calling thread shall stop waiting.
OOCMAP_API bool stop_waiting() noexcept;

// ", process 123 (python3)" and what to do where that is stopped; "" for 0, which is unknown. `fd`:
// the file it has: where the process of that number here has it not, it is meant for one of another
// PID namespace. Cost: reads files of /proc.
std::string holder_text(pid_t pid, int fd);
// The same without the comma and what to do.
std::string process_text(pid_t pid, int fd);

}  // namespace oocmap
