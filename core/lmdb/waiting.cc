#include "core/lmdb/waiting.h"

#include <atomic>
#include <fstream>
#include <utility>

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

std::string holder_text(pid_t pid) {
  if (pid <= 0) return "";
  const std::string number = std::to_string(pid);
  std::string text = ", process " + number;
  // "pid (name) state ...", and a name may hold brackets and blanks.
  std::string line;
  std::ifstream file("/proc/" + number + "/stat");
  std::getline(file, line);
  const size_t open = line.find('(');
  const size_t close = line.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close + 2 >= line.size()) {
    return text;
  }
  text += " " + line.substr(open, close + 1 - open);
  const char state = line[close + 2];
  if (state == 'T' || state == 't') {
    text += ", which is stopped: let it go on (kill -CONT " + number + ") or end it";
  }
  return text;
}

}  // namespace oocmap
