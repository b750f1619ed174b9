#include "core/lmdb/waiting.h"

#include <atomic>
#include <fstream>
#include <utility>

#include "core/lmdb/platform_linux.h"

namespace oocmap {
namespace {

std::atomic<bool (*)()> process_question{nullptr};
thread_local StopWaitingScope* innermost = nullptr;

}  // namespace

void set_stop_waiting(bool (*question)()) noexcept { process_question.store(question); }

StopWaitingScope::StopWaitingScope(std::function<bool()> question)
    : question_(std::move(question)), outer_(innermost) {
  innermost = this;
}

StopWaitingScope::~StopWaitingScope() { innermost = outer_; }

bool stop_waiting() noexcept {
  if (innermost != nullptr && innermost->question_()) {
    innermost->stopped_ = true;
    return true;
  }
  bool (*const question)() = process_question.load();
  return question != nullptr && question();
}

std::string process_text(pid_t pid, int fd) {
  const auto process = static_cast<uint64_t>(pid);
  std::string text = "process " + std::to_string(pid);
  if (!platform::may_have_open(process, fd)) return text + " of another PID namespace";
  const std::string program = platform::program_of(process);
  return program.empty() ? text : text + " (" + program + ")";
}

std::string holder_text(pid_t pid, int fd) {
  if (pid <= 0) return "";
  std::string text = ", " + process_text(pid, fd);
  if (!platform::may_have_open(static_cast<uint64_t>(pid), fd)) return text;
  const std::string number = std::to_string(pid);
  // "pid (name) state ...", and a name may hold brackets and blanks.
  std::string line;
  std::ifstream file("/proc/" + number + "/stat");
  std::getline(file, line);
  const size_t close = line.rfind(')');
  if (close == std::string::npos || close + 2 >= line.size()) return text;
  const char state = line[close + 2];
  if (state != 'T' && state != 't') return text;
  return text + ", which is stopped: let it go on (kill -CONT " + number + ") or end it";
}

}  // namespace oocmap
