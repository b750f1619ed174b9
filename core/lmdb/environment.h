// One open file. There is at most one Environment per file (device, inode) in a process: LMDB
// opened twice loses data silently, so a registry hands out the one there is, and locks on the data
// file keep a second image of this library, a symlinked or hard-linked name and a foreign lock file
// out.
//
// Threads: all functions may be called from any thread.
// Fork:    a child forgets the parent's environment without closing it, and every use of it there
//          raises kClosed; open() in the child opens afresh.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/base/export.h"
#include "core/lmdb/compact_copy.h"
#include "core/lmdb/meta_watch.h"
#include "core/lmdb/transaction.h"

struct MDB_env;

namespace oocmap {

enum class OpenMode {
  kRead,       // 'r': must exist; nothing is written, works on a read-only file system
  kWrite,      // 'w': must exist
  kCreate,     // 'c': made where missing; an empty regular file becomes a map
  kExclusive,  // 'x': must not exist
};

// Numbers are on disk (meta "durability"): do not renumber.
enum class Durability : uint8_t {
  kFull = 0,    // an acknowledged commit survives power loss
  kNormal = 1,  // the last commits may be lost at power loss, consistency never (MDB_NOMETASYNC)
  kOff = 2,     // throw-away files only (MDB_NOSYNC)
};

// "full", "normal" or "off", in quotes. Lifetime: static.
OOCMAP_API const char* durability_name(Durability durability) noexcept;

// What is looked at before the file is used, beyond its meta pages, its size and the pages that
// opening it reads (core/lmdb/page_check.h).
enum class Verify : uint8_t {
  kAuto,   // kFull where the file's owner is another user than this process's, else kQuick
  kQuick,  // no more than that
  kFull,   // every page
};

struct OpenOptions {
  std::string path;
  // `path` is absolute and without links, as whoever allowed it to be opened has found out: a link
  // that was put there since is not followed (kFilesystem).
  bool resolved = false;
  OpenMode mode = OpenMode::kCreate;
  // nullopt: as this process has the file open already, else kFull (a Store: as the file promises).
  std::optional<Durability> durability;
  // Where the file is kept with more than `durability`, that is no error.
  bool durability_at_least = false;
  // Bytes, at least 32 pages; nullopt: as this process has the file open already, else 1 TiB of
  // address space, halved while it is refused.
  std::optional<uint64_t> max_size;
  Verify verify = Verify::kAuto;
};

class WriterThread;

class OOCMAP_API Environment {
 public:
  // Opens `options.path` or returns the environment this process has already open on that file (to
  // a read-only caller also one that is open for writing: read_only() is then false). Creating is
  // durable and atomic: temp file in the same folder, fsync, rename, fsync of the folder.
  // `format_version` is written to a new file (u32, little-endian, under "format_version" in
  // `meta`) and compared, before all else, in an existing one. `initialize` is called inside the
  // first write transaction of a new file.
  // With Verify::kFull a file that is open already is checked, too. Waits for a process that
  // compacts the file, or makes it, and for a thread that opens it; a fork waits for none of that
  // but for the making.
  // Errors: kIo with errno ENOENT, EEXIST, EISDIR, EACCES, ... and the path; kCorrupt for a file
  //         that is not LMDB's, not an OOCMap, truncated or damaged; kFormatVersion; kSecondImage;
  //         kFilesystem for NFS, FUSE, hard links, a foreign lock file; kBusy after 10 s of
  //         waiting, and where a wait or the check of all pages is interrupted; kInvalidArgument
  //         where max_size is too small, where durability or max_size differ from those the process
  //         has the file open with, or where it has it open read-only and this is no kRead.
  using Initialize = std::function<void(WriteTransaction&)>;
  static std::shared_ptr<Environment> open(const OpenOptions& options, uint32_t format_version,
                                           const Initialize& initialize);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  // A new read transaction (30-50 ns); for the cached one a thread see ThreadReader.
  // Errors: kClosed in a forked child (begin_write and begin_explicit too), kIo.
  ReadTransaction begin_read();

  // Takes the write lock and begins on the calling thread, which must also end the transaction.
  // Locks, in this order: the in-process lock, the OFD writer gate, LMDB's own.
  // Errors: kBusy after `timeout` (naming the process that holds the lock, and whether it is
  //         stopped), sooner where the wait is interrupted (waiting.h), at once where the calling
  //         thread holds the lock already (by begin_write or by begin_explicit); kReadOnly; kIo.
  WriteTransaction begin_write(std::chrono::milliseconds timeout);

  // The same for a transaction that may be ended on any thread: it begins and ends on the writer
  // thread, and for kBusy it counts as held by the thread that called this.
  // Cost: two thread switches here and two at its end.
  WriteTransaction begin_explicit(std::chrono::milliseconds timeout);

  // The thread on which explicit transactions begin and end, started at first use.
  WriterThread& writer_thread();

  const std::string& path() const noexcept { return path_; }  // resolved, absolute
  bool read_only() const noexcept { return read_only_; }
  Durability durability() const noexcept { return durability_.load(std::memory_order_acquire); }
  // What commits wait for from now on. Called in a write transaction, or before there are any.
  void set_durability(Durability durability) noexcept;
  // Stamp::environment. Changes where the environment had to be opened again (a commit that failed
  // half-way, a file that another process made larger than the map); 0 in a forked child.
  uint64_t serial() const noexcept { return serial_.load(std::memory_order_acquire); }
  uint64_t device() const noexcept { return device_.load(std::memory_order_relaxed); }
  uint64_t inode() const noexcept { return inode_.load(std::memory_order_relaxed); }
  // False in a forked child: the environment belongs to the parent.
  bool owned_by_this_process() const noexcept;
  // Id of the newest transaction committed by any process. Cost: two loads, no lock.
  uint64_t last_transaction_id() const noexcept {
    const MetaWatch* watch = watch_.load(std::memory_order_acquire);
    return watch == nullptr ? 0 : watch->newest();
  }
  uint64_t map_size() const noexcept;
  uint64_t file_size() const;       // st_size
  uint64_t allocated_size() const;  // st_blocks * 512
  // Writes the last commit, without free pages, to the empty file `fd` (compact_copy.h), of which
  // `target` is said. Works in an open write transaction, too, without what that has written.
  // Errors: kClosed, kCorrupt, kDiskFull, kIo; what `progress` throws.
  void copy_to(int fd, const std::string& target, const CopyProgress& progress);
  // Makes the file as small as what it holds, by exchanging it for a compact copy: with the same
  // name, owner and permissions, and commits that go on counting. For that it must be open in no
  // other process; who opens it meanwhile waits, for up to 10 s. Reads of this process go on, but
  // for a moment at the end; writes wait. The copy is synced, and compared with what it was made
  // of, before it gets the name: a crash at any moment leaves one of the two whole.
  // Errors: kBusy after `timeout`, naming the processes that have it open; likewise where this one
  //         writes, or reads (a snapshot, a query under way); at once where the calling thread has
  //         a transaction open. kReadOnly; kFilesystem where the file has other names, or another
  //         file has its name by now; kDiskFull where there is no room for the copy beside it;
  //         kCorrupt where the copy is not like the original; kIo where the owner cannot be kept
  //         (EPERM); kClosed; what `progress` throws. The file is as it was; only where the folder
  //         cannot be synced (kIo) it is the new one.
  // Cost: each page in use is read three times and written once; fsync.
  void compact(std::chrono::milliseconds timeout, const CopyProgress& progress);
  // Writes to a map that nobody else can know of. Errors: those of open() and of put.
  static void change_private_file(const std::string& path, const Initialize& change);
  // Clears reader slots of dead processes; returns how many.
  int clear_stale_readers();
  // Whether so little is left on the disk that commits which free may need the room kept for them.
  bool nearly_full() const noexcept;
  // After a vacuum: keeps as much room for removing (reserve.h) as is due to what is left. Errors:
  // as begin_write().
  void fit_reserve(std::chrono::milliseconds timeout);
  // Where that room has become low: gives free pages back to the disk, and takes it again. Called
  // after commits, outside of them. Fails silently. Cost: an atomic load; else 20 ms or more.
  void refill_reserve(std::chrono::milliseconds timeout) noexcept;
  // For how long `transaction` has not been the last commit any more: that long at least, as far as
  // this process knows of commits (of one a second of its own, and of the last one here). nullopt:
  // it is the last one.
  std::optional<std::chrono::steady_clock::duration> age_of(uint64_t transaction);

  MDB_env* raw() const noexcept { return env_; }
  unsigned database_handle(Database database) const noexcept {
    return handles_[static_cast<size_t>(database)];
  }

 private:
  friend class Registry;
  friend class ReadTransaction;
  friend class WriteTransaction;
  friend class ThreadReader;
  friend class VacuumLock;
  friend class Puncher;
  struct State;

  Environment();
  static void write_new_file(const std::string& path, std::optional<uint64_t> max_size,
                             uint32_t format_version, const Initialize& initialize);
  void map();
  void close_now() noexcept;
  void close_lmdb() noexcept;
  void check_options(const OpenOptions& options) const;
  void check_owned() const;
  WriteTransaction begin_in(std::chrono::milliseconds timeout, bool explicit_transaction);
  [[noreturn]] void refuse_busy(const std::string& why) const;
  void take_threads_lock(std::chrono::milliseconds timeout, bool explicit_transaction);
  void take_write_lock(std::chrono::milliseconds timeout, bool explicit_transaction);
  void release_write_lock() noexcept;
  MDB_txn* begin_raw_write(bool explicit_transaction);
  void write_ended(bool committed) noexcept;
  void after_commit() noexcept;
  void before_removing(uint64_t pages) noexcept;
  MDB_txn* begin_raw_read(uint64_t& serial);
  int renew(MDB_txn* txn) const noexcept;
  bool enter(uint64_t& serial) noexcept;
  void leave() noexcept;
  void recover(uint64_t failed_serial);
  void with_file_closed(std::chrono::steady_clock::time_point deadline,
                        const std::function<void()>& exchange);
  [[noreturn]] void refuse_readers() const;
  int file_descriptor() const noexcept;

  void check_mapped_file(MDB_env* env) const;
  void watch_metas();

  MDB_env* env_ = nullptr;
  std::atomic<const MetaWatch*> watch_{nullptr};  // the last of state_->watches
  unsigned handles_[kDatabaseCount] = {};
  std::atomic<uint64_t> serial_{0};
  std::atomic<uint64_t> device_{0};  // both change where the file is compacted
  std::atomic<uint64_t> inode_{0};
  bool read_only_ = false;
  std::atomic<Durability> durability_{Durability::kFull};
  std::string path_;
  std::unique_ptr<State> state_;
};

// The calling thread's cached read transaction on `environment`, renewed; reset when this dies.
// Nested uses on one thread share the outer one's snapshot. Cost: 15-25 ns for both ends.
// Errors: kClosed in a forked child; kIo.
class OOCMAP_API ThreadReader {
 public:
  struct Slot;
  explicit ThreadReader(Environment& environment);
  ~ThreadReader();
  ThreadReader(const ThreadReader&) = delete;
  ThreadReader& operator=(const ThreadReader&) = delete;
  const Transaction& transaction() const noexcept { return *transaction_; }

 private:
  static Slot* attach(Environment& environment);
  Slot* slot_ = nullptr;
  const Transaction* transaction_ = nullptr;
};

// Number of the calling thread, never 0 and never given twice in a process. Cost: 1 ns.
OOCMAP_API uint64_t this_thread_number() noexcept;

// The path of this image (oocmap.so, or a test binary), from dladdr.
OOCMAP_API const std::string& image_path();
// Its build id: the native Python module compares it with the one it was compiled against.
OOCMAP_API const char* image_build_id();
// Makes this image the one that may open files in this process, for good; called when it is loaded
// and when a file is first opened. Returns: the path of another image that was first, else nullopt.
// Cost: the first time a scan of the loaded objects.
OOCMAP_API std::optional<std::string> take_process();
// Path of another image in the process, were it one that was refused; nullopt where there is none.
std::optional<std::string> other_image_path();

}  // namespace oocmap
