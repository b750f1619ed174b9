#include "core/lmdb/lock_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <thread>

#include "core/lmdb/errors.h"
#include "core/lmdb/locks.h"
#include "core/lmdb/platform_linux.h"

namespace oocmap {
namespace {

// Who opens the same data file has LMDB's lock a moment before it says so on the data file; and a
// tool of LMDB's may be looking.
constexpr std::chrono::milliseconds kPatience{1000};
constexpr std::chrono::milliseconds kPause{2};

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

void check_lock_file_users(int fd, const std::string& path) {
  const std::string lock_path = lock_path_of(path);
  const int lock_file = ::open(lock_path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (lock_file < 0) {
    if (errno == ENOENT) return;
    throw_system("open", lock_path, errno);
  }
  const Deadline deadline = deadline_in(kPatience);
  std::optional<uint64_t> user;
  for (;;) {
    user = platform::lock_holder(lock_file, 0, kLockBase);
    const bool same_file = platform::locked_by_another(fd, kLockFileBytes, kLockFileRange);
    if (!user || same_file || std::chrono::steady_clock::now() >= deadline) {
      if (same_file) user.reset();
      break;
    }
    std::this_thread::sleep_for(kPause);
  }
  ::close(lock_file);
  if (!user) return;
  std::string who = *user == 0 ? "another process" : "process " + std::to_string(*user);
  const std::string program = *user == 0 ? "" : platform::program_of(*user);
  if (!program.empty()) who += " (" + program + ")";
  refuse(path, who);
}

}  // namespace oocmap
