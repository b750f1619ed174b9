#include "core/lmdb/lock_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>

#include "core/lmdb/errors.h"
#include "core/lmdb/locks.h"
#include "core/lmdb/platform_linux.h"
#include "core/lmdb/waiting.h"

namespace oocmap {
namespace {

// Who opens the same data file has LMDB's lock a moment before it says so on the data file; and a
// tool of LMDB's may be looking.
constexpr std::chrono::milliseconds kPatience{1000};
constexpr std::chrono::milliseconds kPause{2};

[[noreturn]] void refuse_lost(const std::string& path, const std::string& who) {
  throw Error(ErrorCode::kFilesystem,
              "cannot open '" + path + "': " + who + " has it open, and has lost its locks on '" +
                  lock_path_of(path) +
                  "', as it opened and closed that file (a copy of the folder does; backup() does "
                  "not); close the map there first",
              0, path);
}

[[noreturn]] void refuse(const std::string& path, const std::string& who) {
  throw Error(ErrorCode::kFilesystem,
              "cannot open '" + path + "': its lock file '" + lock_path_of(path) + "' is used by " +
                  who +
                  ", which does not have this file but one that was at this path before (it "
                  "was deleted or replaced while open), or has it through LMDB without "
                  "OOCMap; end that first",
              0, path);
}

}  // namespace

std::string lock_path_of(const std::string& path) { return path + "-lock"; }

void refuse_own_lock_file(const std::string& path) {
  throw Error(ErrorCode::kFilesystem,
              "cannot open '" + path +
                  "': this process still has a file open that was at this path before (it was "
                  "deleted or replaced while open), and both would use the lock file '" +
                  lock_path_of(path) + "'; close every map and connection of the old one first",
              0, path);
}

std::optional<uint64_t> process_without_lock(int fd, int lock_fd) {
  constexpr size_t kMost = 1000;
  for (const uint64_t byte :
       platform::bytes_locked_by_others(fd, kLmdbLocksBytes, kPidRange, kMost)) {
    const uint64_t process = byte - kLmdbLocksBytes;
    if (!platform::lock_holder(lock_fd, process, 1)) return process;
  }
  return std::nullopt;
}

void check_lock_file_users(int fd, const std::string& path) {
  const std::string lock_path = lock_path_of(path);
  const int lock_file = ::open(lock_path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (lock_file < 0) {
    if (errno == ENOENT) return;
    throw_system("open", lock_path, errno);
  }
  const Deadline deadline = deadline_in(kPatience);
  struct stat info;
  const bool known = fstat(lock_file, &info) == 0;
  bool used = false;
  uint64_t user = 0;  // 0: its number is not known here
  std::optional<uint64_t> lost;
  for (;;) {
    const auto holder = platform::lock_holder(lock_file, 0, kLockBase);
    used = holder && !platform::locked_by_another(fd, kLockFileBytes, kLockFileRange);
    user = holder.value_or(0);
    // Those with another lock file than this are refused when it is claimed.
    const bool shared = known && platform::locked_by_another(fd, lock_file_byte(info), 1);
    lost = shared ? process_without_lock(fd, lock_file) : std::nullopt;
    if ((!used && !lost) || std::chrono::steady_clock::now() >= deadline) break;
    std::this_thread::sleep_for(kPause);
  }
  ::close(lock_file);
  if (lost) refuse_lost(path, process_text(static_cast<pid_t>(*lost), fd));
  if (!used) return;
  std::string who = user == 0 ? "another process" : "process " + std::to_string(user);
  const std::string program = user == 0 ? "" : platform::program_of(user);
  if (!program.empty()) who += " (" + program + ")";
  refuse(path, who);
}

}  // namespace oocmap
