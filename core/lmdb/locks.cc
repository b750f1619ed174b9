#include "core/lmdb/locks.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "core/lmdb/environment.h"
#include "core/lmdb/errors.h"
#include "core/lmdb/platform_linux.h"

namespace oocmap {
namespace {

using platform::LockKind;
using std::chrono::microseconds;

constexpr microseconds kFirstPause{50};
constexpr microseconds kLongestPause{1000};
constexpr std::chrono::seconds kPatience{
    10};  // with creators and compactors, who hold locks briefly

std::string second_image_text(const std::string& path) {
  std::string text =
      "'" + path + "' is open already in this process, through another copy of this ";
  if (const auto other = other_image_path()) {
    return text + "library: '" + *other + "' beside '" + image_path() + "'; load only one of them";
  }
  return text + "library than '" + image_path() +
         "', or in a process of another PID namespace that has the same number (containers that "
         "share a file must share the PID namespace)";
}

}  // namespace

int wait_for_lock(int fd, LockKind kind, uint64_t offset, uint64_t length, Deadline deadline,
                  Interruptible interruptible) {
  microseconds pause = kFirstPause;
  auto asked = std::chrono::steady_clock::now();
  for (;;) {
    const int error = platform::try_lock(fd, kind, offset, length);
    if (error != EAGAIN) return error;
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) return EAGAIN;
    if (interruptible == Interruptible::kYes && now - asked >= kWaitSlice) {
      if (stop_waiting()) return ECANCELED;
      asked = now;
    }
    const auto left = std::chrono::duration_cast<microseconds>(deadline - now) + microseconds(1);
    std::this_thread::sleep_for(std::min(pause, left));
    pause = std::min(pause * 2, kLongestPause);
  }
}

int wait_for_lock(int fd, uint64_t byte) {
  return wait_for_lock(fd, LockKind::kExclusive, byte, 1, deadline_in(kPatience),
                       Interruptible::kNo);
}

uint64_t lock_file_byte(const struct stat& lock_file) noexcept {
  const uint64_t mixed =
      (lock_file.st_ino ^ (uint64_t{lock_file.st_dev} << 40)) * 0x9E3779B97F4A7C15u;
  return kLockFileBytes + (mixed >> 32);
}

void refuse_link(const std::string& path) {
  throw Error(ErrorCode::kFilesystem,
              "cannot open '" + path +
                  "': a link was put there while it was being opened, and is not followed; try "
                  "again where that was meant",
              ELOOP, path);
}

Deadline deadline_in(std::chrono::milliseconds timeout) noexcept {
  constexpr std::chrono::milliseconds kForEver = std::chrono::hours(24 * 365);
  const auto wait = std::clamp(timeout, std::chrono::milliseconds(0), kForEver);
  return std::chrono::steady_clock::now() + wait;
}

FileGuard::FileGuard(const std::string& path, bool writable) : path_(path), writable_(writable) {
  fd_ = platform::open_without_links(path.c_str(), writable ? O_RDWR : O_RDONLY);
  if (fd_ < 0 && errno == ELOOP) refuse_link(path);
  if (fd_ < 0) throw_system("open", path, errno);
  note_size();
  gate_ = kWriteGateByte - (static_cast<uint64_t>(getpid()) & (kPidRange - 1));
}

FileGuard::~FileGuard() {
  if (fd_ < 0) return;
  // Explicitly: a child that shares the open file would keep the locks.
  platform::unlock(fd_, kLockBase, 0);
  ::close(fd_);
}

void FileGuard::forget() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

struct stat FileGuard::status() const {
  struct stat info;
  if (fstat(fd_, &info) != 0) throw_system("examine", path_, errno);
  return info;
}

void FileGuard::lock(uint64_t offset, LockKind kind, const char* what,
                     Interruptible interruptible) {
  const int error = wait_for_lock(fd_, kind, offset, 1, deadline_in(kPatience), interruptible);
  if (error == EAGAIN || error == ECANCELED) {
    throw Error(ErrorCode::kBusy,
                "cannot open '" + path_ + "': it is being " + what +
                    (error == ECANCELED ? ", and the wait for that was interrupted" : ""),
                error, path_);
  }
  if (error != 0) throw_system("lock", path_, error);
}

bool FileGuard::attach() {
  lock(kAttachGateByte, LockKind::kShared, "compacted", Interruptible::kYes);
  lock(kAttachedByte, LockKind::kShared, "compacted", Interruptible::kYes);
  const bool same = still_named(path_, status());
  platform::unlock(fd_, kAttachGateByte, 1);
  return same;
}

void FileGuard::claim_process() {
  const uint64_t byte = kProcessBytes + static_cast<uint64_t>(getpid());
  // A descriptor that cannot write can only take a shared lock, and then has to look for others'.
  const LockKind kind = writable_ ? LockKind::kExclusive : LockKind::kShared;
  const int error = platform::try_lock(fd_, kind, byte, 1);
  if (error == EAGAIN || (error == 0 && platform::locked_by_another(fd_, byte, 1))) {
    throw Error(ErrorCode::kSecondImage, second_image_text(path_));
  }
  if (error != 0) throw_system("lock", path_, error);
}

// Returns whether all users have the same byte.
bool FileGuard::claim_lock_byte(uint64_t byte) {
  const uint64_t end = kLockFileBytes + kLockFileRange;
  const int error = platform::try_lock(fd_, LockKind::kShared, byte, 1);
  if (error != 0) throw_system("lock", path_, error);
  // Ours first, then the look: of two that come at once at least one sees the other.
  return !platform::locked_by_another(fd_, kLockFileBytes, byte - kLockFileBytes) &&
         !platform::locked_by_another(fd_, byte + 1, end - byte - 1);
}

void FileGuard::claim_lock_file(const struct stat& lock_file) {
  if (claim_lock_byte(lock_file_byte(lock_file))) return;
  if (platform::locked_by_another(fd_, kNoLockFileByte, 1)) {
    throw Error(ErrorCode::kFilesystem,
                "'" + path_ +
                    "' is read elsewhere through a read-only mount, without a lock file, and what "
                    "is written here could show there as damage: close it there first, or give "
                    "that user a copy of the file",
                0, path_);
  }
  throw Error(ErrorCode::kFilesystem,
              "'" + path_ + "' is in use with another lock file than '" + path_ +
                  "-lock': it is open under another name (a hard link, a bind mount of the one "
                  "file), or its lock file was deleted while in use; close it everywhere, then "
                  "open it under one name",
              0, path_);
}

void FileGuard::claim_no_lock_file() {
  if (claim_lock_byte(kNoLockFileByte)) return;
  throw Error(ErrorCode::kFilesystem,
              "cannot open '" + path_ +
                  "': it is on a read-only mount, where it can only be read without a lock file, "
                  "and in use by a process that may write to it, which could show here as damage: "
                  "mount its folder writable here, too, or read a copy of the file",
              0, path_);
}

FileGuard::Creation::Creation(FileGuard& guard) : guard_(guard) {
  guard.lock(kCreateByte, guard.writable_ ? LockKind::kExclusive : LockKind::kShared, "made",
             Interruptible::kNo);
}

FileGuard::Creation::~Creation() { platform::unlock(guard_.fd_, kCreateByte, 1); }

void FileGuard::claim_lmdb_locks() {
  const uint64_t byte = kLmdbLocksBytes + static_cast<uint64_t>(getpid());
  const int error = platform::try_lock(fd_, LockKind::kShared, byte, 1);
  if (error != 0) throw_system("lock", path_, error);
}

void FileGuard::leave_lmdb_locks() noexcept {
  platform::unlock(fd_, kLmdbLocksBytes + static_cast<uint64_t>(getpid()), 1);
}

Wait FileGuard::enter_write_gate(Deadline deadline) {
  const uint64_t length = kWriteGateByte - gate_ + 1;
  const int error =
      wait_for_lock(fd_, LockKind::kExclusive, gate_, length, deadline, Interruptible::kYes);
  if (error == 0) return Wait::kGot;
  if (error == EAGAIN) return Wait::kTimeout;
  if (error == ECANCELED) return Wait::kStopped;
  throw_system("lock", path_, error);
}

void FileGuard::leave_write_gate() noexcept {
  platform::unlock(fd_, gate_, kWriteGateByte - gate_ + 1);
}

pid_t FileGuard::writer() const noexcept {
  const auto start = platform::other_lock_start(fd_, kWriteGateByte);
  return start ? static_cast<pid_t>(kWriteGateByte - *start) : 0;
}

WriteLock::Outcome WriteLock::acquire(uint64_t owner, bool session, Deadline deadline) {
  std::unique_lock lock(mutex_);
  if (owner_ == owner) return session_ ? Outcome::kHeldBySession : Outcome::kHeldByThread;
  while (owner_ != 0) {
    const Deadline now = std::chrono::steady_clock::now();
    if (now >= deadline) return Outcome::kTimeout;
    if (free_.wait_until(lock, std::min(deadline, now + kWaitSlice), [&] { return owner_ == 0; })) {
      break;
    }
    lock.unlock();  // the question may run any code
    const bool stop = stop_waiting();
    lock.lock();
    if (stop) {
      // A release may have woken this thread alone.
      if (owner_ == 0) free_.notify_one();
      return Outcome::kStopped;
    }
  }
  owner_ = owner;
  session_ = session;
  return Outcome::kAcquired;
}

void WriteLock::release() noexcept {
  {
    const std::lock_guard lock(mutex_);
    owner_ = 0;
  }
  free_.notify_one();
}

}  // namespace oocmap
