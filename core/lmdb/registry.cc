#include "core/lmdb/registry.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <thread>

#include "core/lmdb/creation.h"
#include "core/lmdb/environment_state.h"
#include "core/lmdb/errors.h"
#include "core/lmdb/file_check.h"
#include "core/lmdb/lock_file.h"
#include "core/lmdb/new_file.h"
#include "core/lmdb/page_check.h"
#include "core/lmdb/platform_linux.h"
#include "core/lmdb/process.h"
#include "core/lmdb/waiting.h"

namespace oocmap {
std::string resolve_path(const std::string& path) {
  if (path.find('\0') != std::string::npos) {
    throw Error(ErrorCode::kInvalidArgument, "a path cannot contain a NUL character");
  }
  const auto real = [](const std::string& name) {
    const std::unique_ptr<char, decltype(&std::free)> found(realpath(name.c_str(), nullptr),
                                                            &std::free);
    return found == nullptr ? std::string() : std::string(found.get());
  };
  const auto missing = [](const std::string& name) {
    struct stat info;
    if (lstat(name.c_str(), &info) != 0) return true;
    if (!S_ISLNK(info.st_mode)) return false;
    throw Error(ErrorCode::kIo,
                "cannot open '" + name +
                    "': it is a link to a file that does not exist, and none is made through a "
                    "link; name the file itself, or remove the link",
                ENOENT, name);
  };
  std::string resolved;
  do {  // again where another process has made it since
    resolved = real(path);
    if (!resolved.empty()) return resolved;
    if (errno != ENOENT || path.empty()) throw_system("open", path, errno);
  } while (!missing(path));
  const size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty()) throw_system("open", path, EISDIR);
  std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  resolved = real(folder);
  if (resolved.empty()) throw_system("open", path, errno);
  return resolved == "/" ? resolved + name : resolved + "/" + name;
}

namespace {

// Runs `body` while the mutex is free for others. Returns what it returns.
template <typename Body>
auto without(std::unique_lock<std::mutex>& lock, const Body& body) {
  lock.unlock();
  struct Again {
    std::unique_lock<std::mutex>& lock;
    ~Again() { lock.lock(); }
  };
  const Again again{lock};
  return body();
}

PageProgress unless_interrupted(const std::string& path) {
  return [&path](uint64_t, uint64_t) {
    if (!stop_waiting()) return;
    throw Error(ErrorCode::kBusy,
                "cannot open '" + path + "': the check of its pages was interrupted", 0, path);
  };
}

void check_kind(const std::string& path, const struct stat& info, OpenMode mode) {
  if (mode == OpenMode::kExclusive) throw_system("create", path, EEXIST);
  if (S_ISDIR(info.st_mode)) throw_system("open", path, EISDIR);
  if (!S_ISREG(info.st_mode)) {
    throw Error(ErrorCode::kCorrupt, "'" + path + "' is not a regular file", 0, path);
  }
  if (info.st_size == 0 && mode != OpenMode::kCreate) {
    throw Error(ErrorCode::kCorrupt,
                "'" + path + "' is empty, and not an OOCMap file (mode c would make it one)", 0,
                path);
  }
}

void check_max_size(const std::string& path, const std::optional<uint64_t>& max_size) {
  // An empty map takes seven pages, and a change of it as many again, until the old ones are free.
  const uint64_t least = 32 * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  if (!max_size || *max_size >= least) return;
  throw Error(ErrorCode::kInvalidArgument,
              "a max_size of " + std::to_string(*max_size) + " bytes is too small for '" + path +
                  "': the least is " + std::to_string(least),
              0, path);
}

// Two names are two lock files, and so two writers at once. A file that is being made may have a
// second name for a moment, or for good where its maker was killed in that moment.
void check_single_name(const std::string& path) {
  constexpr int kAttempts = 100;
  struct stat info;
  for (int i = 0; i < kAttempts; ++i) {
    if (::stat(path.c_str(), &info) != 0) throw_system("open", path, errno);
    if (info.st_nlink <= 1) return;
    remove_abandoned(path, kCreationMark);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  throw Error(ErrorCode::kFilesystem,
              "'" + path + "' has " + std::to_string(info.st_nlink) +
                  " names (hard links): users of different names would overwrite each other's "
                  "data; remove all names but one, or make a copy",
              0, path);
}

// No lock file is made beside a file of others.
void provide_lock_file(FileGuard& guard, const std::string& path, uint32_t format_version) {
  if (check_lock_file(path)) return;
  // One at a time: nobody writes to the file before there is a lock file, so that it can be looked
  // at without one.
  const FileGuard::Creation creation(guard);
  if (check_lock_file(path)) return;
  try {
    check_format_version_of(path, format_version);
  } catch (const Error& error) {
    // Two who only read are in here together, and a lock file can be deleted: with a writer there
    // since, what was read may have been overwritten.
    const bool in_use = platform::locked_by_another(guard.fd(), kLockFileBytes, kLockFileRange) ||
                        check_lock_file(path);
    if (error.code() != ErrorCode::kCorrupt || !in_use) throw;
  }
  make_lock_file(path, guard.status());
}

}  // namespace

Registry& Registry::instance() {
  // Never destroyed: environments may outlive main().
  static Registry* const registry = [] {
    install_fork_handlers(before_fork, after_fork_in_parent, after_fork_in_child);
    return new Registry;
  }();
  return *registry;
}

std::shared_ptr<Environment> Registry::open(const OpenOptions& options, uint32_t format_version,
                                            const Environment::Initialize& initialize) {
  const WriteFile write = [&](const std::string& path) {
    Environment::write_new_file(path, options.max_size, format_version, initialize);
  };
  check_max_size(options.path, options.max_size);
  constexpr int kAttempts = 100;  // each lost to somebody who made, replaced or removed the file
  std::shared_ptr<Environment> environment;  // let go only after the mutex: see close()
  std::unique_lock lock(mutex_);
  OpenMode mode = options.mode;
  for (int i = 0; i < kAttempts; ++i) {
    const std::string path = resolve_path(options.path);
    if (options.resolved && path != options.path) refuse_link(options.path);
    struct stat info;
    if (mode == OpenMode::kRead) platform::settle_overlay(path.c_str());
    if (::stat(path.c_str(), &info) != 0) {
      const bool missing = errno == ENOENT;
      if (!missing || mode == OpenMode::kRead || mode == OpenMode::kWrite) {
        throw_system("open", options.path, errno);
      }
      // Ours may be used though it exists now.
      if (create_file(path, write)) mode = OpenMode::kCreate;
      continue;
    }
    check_kind(options.path, info, mode);
    const FileId file(info.st_dev, info.st_ino);
    check_no_lock_file(options.path, file);
    environment = find(file, path, lock);
    if (environment != nullptr) {
      if (options.resolved && environment->path_ != path) refuse_link(path);
      environment->check_options(options);
      lock.unlock();
      if (options.verify == Verify::kFull) check_pages(*environment, unless_interrupted(path));
      return environment;
    }
    if (lock_file_was_busy(path, lock)) continue;
    check_single_name(path);
    if (info.st_size == 0) {
      fill_empty_file(path, write);
      continue;
    }
    environment = attach(path, info, options, format_version, lock);
    if (environment == nullptr) continue;
    return environment;
  }
  throw Error(ErrorCode::kBusy, "cannot open '" + options.path + "': it is replaced all the time");
}

// A lock file that is opened and closed once more loses all locks that this process has on it.
void Registry::check_no_lock_file(const std::string& path, const FileId& file) const {
  for (const auto& [data_file, entry] : entries_) {
    const auto& [device, inode] = entry.environment->state_->lock_file;
    if (FileId(device, inode) != file) continue;
    throw Error(ErrorCode::kCorrupt,
                "'" + path + "' is not an OOCMap file but the lock file of '" +
                    entry.environment->path_ + "', which is open in this process",
                0, path);
  }
}

// In the map while it lives. The mutex is held where one begins and ends.
class Registry::Opening {
 public:
  Opening(Registry& registry, const FileId& file, FileGuard& guard)
      : registry_(registry), file_(file), guard_(&guard), thread_(this_thread_number()) {
    registry.openings_[file] = this;
  }
  ~Opening() {
    registry_.openings_.erase(file_);
    registry_.changed_.notify_all();
  }
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;

  bool by_this_thread() const noexcept { return thread_ == this_thread_number(); }
  // Its environment has an entry now, and sees to the guard.
  void registered() noexcept { guard_ = nullptr; }
  // For a fork's child, where its thread is not.
  void forget() noexcept {
    if (guard_ != nullptr) guard_->forget();
  }

 private:
  Registry& registry_;
  FileId file_;
  FileGuard* guard_;
  uint64_t thread_;
};

// For changed_; what is waited for is to be looked at again. Errors: kBusy where it is interrupted.
void Registry::wait(const std::string& path, std::unique_lock<std::mutex>& lock) {
  if (changed_.wait_for(lock, kWaitSlice) == std::cv_status::no_timeout) return;
  bool stop = false;
  without(lock, [&] { stop = stop_waiting(); });
  if (!stop) return;
  throw Error(ErrorCode::kBusy,
              "cannot open '" + path +
                  "': the wait for another thread, which opens or closes it, was interrupted",
              0, path);
}

std::shared_ptr<Environment> Registry::find(const FileId& file, const std::string& path,
                                            std::unique_lock<std::mutex>& lock) {
  for (;;) {
    const auto opening = openings_.find(file);
    if (opening != openings_.end()) {
      if (opening->second->by_this_thread()) {
        throw Error(ErrorCode::kBusy,
                    "cannot open '" + path + "': this thread is in the middle of opening it", 0,
                    path);
      }
      wait(path, lock);
      continue;
    }
    const auto entry = entries_.find(file);
    if (entry == entries_.end()) return nullptr;
    if (auto environment = entry->second.reference.lock()) return environment;
    wait(path, lock);  // its last owner let it go: close() comes
  }
}

std::shared_ptr<Environment> Registry::attach(const std::string& path, const struct stat& file,
                                              const OpenOptions& options, uint32_t format_version,
                                              std::unique_lock<std::mutex>& lock) {
  if (const auto other = take_process()) {
    throw Error(ErrorCode::kSecondImage,
                "cannot open '" + path + "': this process uses another copy of this library, '" +
                    *other +
                    "', and a file opened by both would lose data; load that one instead "
                    "of '" +
                    image_path() + "'");
  }
  const bool writable = options.mode != OpenMode::kRead;
  const FileId id(file.st_dev, file.st_ino);
  auto guard = std::make_unique<FileGuard>(path, writable);
  Opening opening(*this, id, *guard);
  struct stat opened;
  bool verify = false;
  bool verified = false;
  const bool same = without(lock, [&] {
    check_filesystem(guard->fd(), path);
    if (!guard->attach()) return false;
    opened = guard->status();
    if (FileId(opened.st_dev, opened.st_ino) != id) return false;
    guard->claim_process();
    // Of a compaction that was killed: there is none now, for that has the file for itself.
    if (writable) unlink((path + kCompactionMark).c_str());
    check_file(guard->fd(), path);
    check_entrance(guard->fd(), path);
    verify = options.verify == Verify::kFull ||
             (options.verify == Verify::kAuto && opened.st_uid != geteuid());
    PageReport report;
    verified = verify && check_pages(guard->fd(), path, report, unless_interrupted(path));
    return true;
  });
  if (!same) return nullptr;

  const bool lockless = !writable && platform::mounted_read_only(guard->fd());
  if (!lockless) {
    wait_for_opening_of_lock_file(path, lock);
    provide_lock_file(*guard, path, format_version);
    check_lock_file_users(guard->fd(), path);
  }
  std::shared_ptr<Environment> environment(new Environment);
  Environment::State& state = *environment->state_;
  environment->path_ = path;
  environment->device_ = opened.st_dev;
  environment->inode_ = opened.st_ino;
  environment->read_only_ = !writable;
  environment->durability_ = options.durability.value_or(Durability::kFull);
  state.request = {.path = path,
                   .flags = (writable ? 0U : MDB_RDONLY) | (lockless ? MDB_NOLOCK : 0U),
                   .max_size = options.max_size,
                   .mode = lock_file_mode(opened)};
  state.format_version = format_version;
  state.guard = std::move(guard);
  environment->map();
  if (writable && environment->last_transaction_id() <= kCreationTransactions) sync_folder(path);
  entries_[id] = {environment, environment.get()};
  state.registered = true;
  opening.registered();
  if (verify && !verified) {
    without(lock, [&] {
      try {
        check_pages(*environment, unless_interrupted(path));
      } catch (...) {
        environment.reset();  // while the mutex is free: see close()
        throw;
      }
    });
  }
  return environment;
}

// A thread that takes the lock file for a map has a descriptor of it, and closing that would drop
// the locks which LMDB is about to take.
void Registry::wait_for_opening_of_lock_file(const std::string& path,
                                             std::unique_lock<std::mutex>& lock) {
  struct stat info;
  while (::stat(lock_path_of(path).c_str(), &info) == 0 &&
         openings_.contains(FileId(info.st_dev, info.st_ino))) {
    wait(path, lock);
  }
}

// Refuses to open `path` where its lock file is that of another file that this process has open.
// Returns true after it waited for such a one that was being closed.
bool Registry::lock_file_was_busy(const std::string& path, std::unique_lock<std::mutex>& lock) {
  struct stat info;
  if (::stat(lock_path_of(path).c_str(), &info) != 0) return false;
  const std::pair<dev_t, ino_t> lock_file(info.st_dev, info.st_ino);
  for (const auto& [file, entry] : entries_) {
    if (entry.environment->state_->lock_file != lock_file) continue;
    if (!entry.reference.expired()) refuse_own_lock_file(path);
    wait(path, lock);
    return true;
  }
  return false;
}

void Registry::close(Environment& environment) noexcept {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find({environment.device_, environment.inode_});
  const bool ours = entry != entries_.end() && entry->second.environment == &environment;
  environment.close_now();
  if (ours) entries_.erase(entry);
  changed_.notify_all();
}

void Registry::exchange(Environment& environment, const std::string& by) {
  // No fork either meanwhile: a child would keep the descriptor, and with it the locks.
  const std::lock_guard lock(mutex_);
  FileGuard next(by, /*writable=*/true);
  next.attach_alone(std::chrono::milliseconds(0), "compact");
  next.claim_process();
  const struct stat status = next.status();
  auto entry = entries_.extract({environment.device(), environment.inode()});
  entry.key() = {status.st_dev, status.st_ino};
  const auto failed = [&](const char* doing, int error) {
    entry.key() = {environment.device(), environment.inode()};
    entries_.insert(std::move(entry));
    throw_system(doing, environment.path_, error);
  };
  if (std::rename(by.c_str(), environment.path_.c_str()) != 0) failed("replace", errno);
  entries_.insert(std::move(entry));
  environment.device_ = status.st_dev;
  environment.inode_ = status.st_ino;
  environment.state_->guard->take_over(next);
}

void Registry::before_fork() {
  instance().mutex_.lock();
  reader_mutex().lock();
}

void Registry::after_fork_in_parent() {
  reader_mutex().unlock();
  instance().mutex_.unlock();
}

// The child has the memory of the parent's environments and none of its threads. It must not close
// them: that would end the parent's readers, and closing LMDB's lock file drops the locks of a
// process.
void Registry::after_fork_in_child() {
  Registry& registry = instance();
  for (auto& [file, entry] : registry.entries_) {
    entry.environment->serial_.store(0, std::memory_order_seq_cst);
    entry.environment->state_->guard->forget();
  }
  registry.entries_.clear();
  for (auto& [file, opening] : registry.openings_) opening->forget();
  registry.openings_.clear();
  new (&registry.changed_) std::condition_variable;  // whoever waited is not here
  reader_mutex().unlock();
  registry.mutex_.unlock();
}

}  // namespace oocmap
