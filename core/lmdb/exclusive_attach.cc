// The far side of FileGuard::attach(): to have a file for oneself. Nobody is thrown out; who has it
// open is waited for, and named where it takes too long.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "core/lmdb/errors.h"
#include "core/lmdb/locks.h"
#include "core/lmdb/platform_linux.h"
#include "core/lmdb/waiting.h"

namespace oocmap {
namespace {

using platform::LockKind;
using std::chrono::milliseconds;

// While the gate is closed nobody can open the file, and who tries gives up after 10 s: so it is
// opened now and then.
constexpr milliseconds kGateClosed{4000};
constexpr milliseconds kGateOpen{50};

// ECANCELED where the wait was interrupted.
int wait_for_byte(int fd, uint64_t byte, Deadline deadline) {
  return wait_for_lock(fd, LockKind::kExclusive, byte, 1, deadline, Interruptible::kYes);
}

}  // namespace

// "process 12 (python3) and process 15 (sqlite3)"
std::string FileGuard::users() const {
  constexpr size_t kMost = 8;
  auto found = platform::bytes_locked_by_others(fd_, kProcessBytes, kLockFileBytes - kProcessBytes,
                                                kMost + 1);
  if (found.empty()) return "another process";
  const bool more = found.size() > kMost;
  if (more) found.pop_back();
  std::string text;
  for (size_t i = 0; i < found.size(); ++i) {
    if (i > 0) text += i + 1 == found.size() && !more ? " and " : ", ";
    text += process_text(static_cast<pid_t>(found[i] - kProcessBytes), fd_);
  }
  return more ? text + " and others" : text;
}

void FileGuard::attach_alone(milliseconds timeout, const char* doing) {
  const Deadline deadline = deadline_in(timeout);
  for (;;) {
    int error = wait_for_byte(fd_, kAttachGateByte, deadline);
    if (error == 0) {
      error = wait_for_byte(fd_, kAttachedByte, std::min(deadline, deadline_in(kGateClosed)));
      platform::unlock(fd_, kAttachGateByte, 1);
    }
    if (error == 0) return;
    if (error == ECANCELED) {
      throw Error(ErrorCode::kBusy,
                  "cannot " + std::string(doing) + " '" + path_ + "': the wait for " + users() +
                      " was interrupted",
                  0, path_);
    }
    if (error != EAGAIN) throw_system("lock", path_, error);
    if (std::chrono::steady_clock::now() >= deadline) break;
    std::this_thread::sleep_for(kGateOpen);
  }
  throw Error(ErrorCode::kBusy,
              "cannot " + std::string(doing) + " '" + path_ + "': it is open in " + users() +
                  "; close it there, or give more time (waited " + std::to_string(timeout.count()) +
                  " ms)",
              0, path_);
}

void FileGuard::attach_shared() noexcept {
  platform::try_lock(fd_, LockKind::kShared, kAttachedByte, 1);
}

// The descriptor keeps its number: others may be using it. The locks are given back explicitly, for
// a forked child that shares the open file would keep them; who gets one now finds that the path
// is another file's.
void FileGuard::take_over(FileGuard& next) noexcept {
  platform::unlock(fd_, kLockBase, 0);
  while (dup3(next.fd_, fd_, O_CLOEXEC) < 0 && (errno == EINTR || errno == EBUSY)) {
  }
  size_ = next.size_;
  next.forget();
}

}  // namespace oocmap
