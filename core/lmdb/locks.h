// The locks around LMDB's own. Private to core/lmdb.
//
// FileGuard: byte locks on the data file, far behind its content, where every program that uses
// this library meets whatever name it opened the file under. LMDB's own locks are on a second file
// ("-lock") and per process, so they notice neither a second name nor a second copy of the library.
// WriteLock: who writes in this process, with a timeout, independent of threads' life times.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

#include "core/lmdb/platform_linux.h"
#include "core/lmdb/waiting.h"

namespace oocmap {

// A path without links has become one, or leads over one. Errors: kFilesystem.
[[noreturn]] void refuse_link(const std::string& path);

using Deadline = std::chrono::steady_clock::time_point;
// now + timeout; a negative timeout is none, a huge one does not overflow.
Deadline deadline_in(std::chrono::milliseconds timeout) noexcept;

// Whether a wait asks stop_waiting() (waiting.h): not where it holds a mutex.
enum class Interruptible { kNo, kYes };

class FileGuard {
 public:
  // Opens `path`, which has no links in it, for the guard's own descriptor.
  // Errors: kFilesystem where it has become a link meanwhile; kIo with errno and path.
  FileGuard(const std::string& path, bool writable);
  ~FileGuard();  // gives every lock back
  FileGuard(const FileGuard&) = delete;
  FileGuard& operator=(const FileGuard&) = delete;

  int fd() const noexcept { return fd_; }
  struct stat status() const;

  // Finds out that the file was deleted, replaced or truncated since it was opened: what is written
  // then would be lost, or end the process with SIGBUS. A file that only has another name now is
  // let be. Before each write, in the writer gate; note_size() after each.
  // Errors: kFilesystem, kCorrupt (truncated), kIo. Cost: one fstat.
  void check_intact();
  uint64_t note_size() noexcept;  // returns how many bytes it takes of the disk
  // That the path still names the file, before LMDB opens it by that name: LMDB would make another.
  // Errors: kFilesystem.
  void check_named() const;

  // Says that this process uses the file, and waits for a compaction that is replacing it.
  // Returns false where the path now names another file: open again. Errors: kBusy after 10 s, and
  // where the wait is interrupted (waiting.h); kIo.
  bool attach();
  // Says that nobody else may use the file, once nobody does; for who replaces it by another. New
  // users wait meanwhile, for up to 10 s. A lock of attach() is turned into this one; where that
  // fails it is as it was. `doing`: "compact", "replace".
  // Errors: kBusy after `timeout`, with the processes that have it open; kIo.
  void attach_alone(std::chrono::milliseconds timeout, const char* doing);
  // Turns attach_alone() into attach().
  void attach_shared() noexcept;
  // Guards from now on the file that `next` guards, with its locks, and gives the own ones back.
  void take_over(FileGuard& next) noexcept;
  // Claims the file for this image in this process. Errors: kSecondImage, kIo.
  void claim_process();
  // Claims the file for the users of this lock file. Errors: kFilesystem, kIo.
  void claim_lock_file(const struct stat& lock_file);
  // Claims it for those who read it without a lock file, as on a read-only mount. They do not keep
  // writers from giving pages away that they still read, so there must be none, as where the same
  // file system is mounted writable elsewhere. Errors: as above.
  void claim_no_lock_file();

  // Who makes the lock file, one at a time; those whose descriptor cannot write only keep the
  // others out. Waits up to 10 s. Errors: kBusy, kIo.
  class Creation {
   public:
    explicit Creation(FileGuard& guard);
    ~Creation();
    Creation(const Creation&) = delete;
    Creation& operator=(const Creation&) = delete;

   private:
    FileGuard& guard_;
  };

  // Says that LMDB has its locks on the lock file for this process, from its first read on until it
  // is closed: who finds them gone meanwhile knows that they were lost. Errors: kIo.
  void claim_lmdb_locks();
  void leave_lmdb_locks() noexcept;

  // The writer gate: the lock a writer of another process waits for, with a timeout that LMDB's own
  // lock does not have. The caller holds the WriteLock. Errors: kIo.
  Wait enter_write_gate(Deadline deadline);
  void leave_write_gate() noexcept;
  // The process that is in the gate, 0 where there is none or its number is not known.
  pid_t writer() const noexcept;

  // For a fork's child: closes the descriptor, and with it the child's share in the parent's locks.
  void forget() noexcept;

 private:
  void lock(uint64_t offset, platform::LockKind kind, const char* what,
            Interruptible interruptible);
  bool claim_lock_byte(uint64_t byte);
  std::string users() const;
  std::string path_;
  bool writable_;
  int fd_ = -1;
  off_t size_ = 0;     // the greatest it was seen with: a file in use never becomes shorter
  uint64_t gate_ = 0;  // the first byte of this process's gate lock
};

// The bytes. Numbers are shared with other processes, also of other versions: do not renumber.
inline constexpr uint64_t kLockBase = uint64_t{1} << 60;
inline constexpr uint64_t kProcessBytes = kLockBase;                         // + pid
inline constexpr uint64_t kLockFileBytes = kLockBase + (uint64_t{1} << 32);  // + hash of its inode
inline constexpr uint64_t kLockFileRange = uint64_t{1} << 32;
inline constexpr uint64_t kNoLockFileByte = kLockFileBytes;                   // who has none
inline constexpr uint64_t kLmdbLocksBytes = kLockBase + (uint64_t{1} << 33);  // + pid
// A writer locks from its pid's distance before this byte up to it: all of those locks hold the one
// byte, and where the lock of another begins tells its pid.
inline constexpr uint64_t kWriteGateByte = kLockBase + (uint64_t{1} << 34);
inline constexpr uint64_t kPidRange = uint64_t{1} << 22;       // Linux's PID_MAX_LIMIT
inline constexpr uint64_t kAttachedByte = kWriteGateByte + 1;  // shared by users, exclusive: vacuum
inline constexpr uint64_t kAttachGateByte = kWriteGateByte + 2;  // lets vacuum not be starved
inline constexpr uint64_t kCreateByte = kWriteGateByte + 3;  // who makes the file, or its lock file
inline constexpr uint64_t kVacuumByte = kWriteGateByte + 8;  // who vacuums the file

// The byte of kLockFileBytes that the users of a lock file share.
uint64_t lock_file_byte(const struct stat& lock_file) noexcept;

// Waits for a lock on [offset, offset + length). Returns 0, EAGAIN once the deadline is past,
// another errno; ECANCELED where it was interrupted.
int wait_for_lock(int fd, platform::LockKind kind, uint64_t offset, uint64_t length,
                  Deadline deadline, Interruptible interruptible);
// Waits up to 10 s for an exclusive lock on one byte. Returns 0, EAGAIN or another errno.
int wait_for_lock(int fd, uint64_t byte);

// Whether `path` leads to this file.
bool still_named(const std::string& path, const struct stat& file) noexcept;

class WriteLock {
 public:
  enum class Outcome { kAcquired, kTimeout, kStopped, kHeldByThread, kHeldBySession };
  // `owner`: the thread that is asking, or that an explicit transaction is begun for (`session`).
  // kHeldByThread and kHeldBySession: `owner` holds it already, so waiting would be for ever.
  Outcome acquire(uint64_t owner, bool session, Deadline deadline);
  void release() noexcept;

 private:
  std::mutex mutex_;
  std::condition_variable free_;
  uint64_t owner_ = 0;  // 0: free
  bool session_ = false;
};

}  // namespace oocmap
