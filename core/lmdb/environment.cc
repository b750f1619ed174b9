#include "core/lmdb/environment.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <new>
#include <system_error>
#include <thread>

#include "core/lmdb/dirty_pages.h"
#include "core/lmdb/environment_state.h"
#include "core/lmdb/errors.h"
#include "core/lmdb/kept_cursors.h"
#include "core/lmdb/lock_file.h"
#include "core/lmdb/process.h"
#include "core/lmdb/punch.h"
#include "core/lmdb/registry.h"

namespace oocmap {
namespace {

// An environment that LMDB wants opened again: a commit failed while it wrote the meta page, or
// another process made the file larger than our map.
bool wants_reopening(int code) { return code == MDB_PANIC || code == MDB_MAP_RESIZED; }

}  // namespace

uint64_t next_serial() noexcept {
  static std::atomic<uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

uint64_t next_write_generation() noexcept {
  static std::atomic<uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

int Environment::State::clear_readers(MDB_env* env) const noexcept {
  int cleared = 0;
  try {
    if (lock_fd >= 0 && process_without_lock(guard->fd(), lock_fd)) return 0;
  } catch (const std::bad_alloc&) {
    return 0;  // the next time will do
  }
  mdb_reader_check(env, &cleared);
  return cleared;
}

void Environment::State::close_lock_file() noexcept {
  if (lock_fd >= 0) ::close(lock_fd);
  lock_fd = -1;
}

std::shared_ptr<Environment> Environment::open(const OpenOptions& options, uint32_t format_version,
                                               const Initialize& initialize) {
  return Registry::instance().open(options, format_version, initialize);
}

Environment::Environment() : state_(std::make_unique<State>()) { state_->epoch = process_epoch(); }

Environment::~Environment() {
  if (state_->registered) {
    Registry::instance().close(*this);
  } else {
    close_now();
  }
}

void Environment::close_now() noexcept {
  {
    const std::unique_lock readers(reader_mutex());
    serial_.store(0, std::memory_order_seq_cst);
    end_cached_readers(state_->readers, /*only_if_idle=*/false);
  }
  if (!owned_by_this_process()) {
    // The parent's: neither LMDB's handles nor locks that other threads may have held can be ended
    // here, so they are left where they are.
    static_cast<void>(state_.release());
    return;
  }
  state_->writer.reset();
  close_lmdb();
  state_->close_lock_file();
  state_->guard.reset();  // last: until now nobody else may open the file in this process
}

void Environment::close_lmdb() noexcept {
  if (env_ == nullptr) return;
  if (state_->guard != nullptr) state_->guard->leave_lmdb_locks();
  mdb_env_close(env_);
  env_ = nullptr;
}

void Environment::map() {
  if (state_->guard != nullptr) state_->guard->check_named();
  state_->close_lock_file();
  MapRequest request = state_->request;
  request.flags |= durability_flags(durability());
  EnvironmentHandle handle = map_file(request);
  if (state_->guard != nullptr) check_mapped_file(handle.get());
  const bool lockless = (state_->request.flags & MDB_NOLOCK) != 0;
  if (state_->guard != nullptr && lockless) state_->guard->claim_no_lock_file();
  if (state_->guard != nullptr && !lockless) {
    const std::string lock_path = lock_path_of(path_);
    struct stat lock_file;
    if (::stat(lock_path.c_str(), &lock_file) != 0) throw_system("examine", lock_path, errno);
    state_->guard->claim_lock_file(lock_file);
    const std::pair<dev_t, ino_t> opened(lock_file.st_dev, lock_file.st_ino);
    state_->lock_fd = ::open(lock_path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (state_->lock_fd < 0) throw_system("open", lock_path, errno);
    // Once: other threads read it, under the registry's mutex, which the first opener holds.
    if (state_->lock_file == std::pair<dev_t, ino_t>()) state_->lock_file = opened;
  }
  state_->clear_readers(handle.get());
  check_format_version(handle.get(), path_, state_->format_version);
  open_databases(handle.get(), path_, /*create=*/false, handles_);
  if (state_->lock_fd >= 0) state_->guard->claim_lmdb_locks();
  env_ = handle.release();
  watch_metas();
  state_->read_ahead.mapped();
  if (state_->guard != nullptr) state_->read_ahead.fit(env_, state_->guard->note_size());
  serial_.store(next_serial(), std::memory_order_seq_cst);
}

void Environment::watch_metas() {
  int fd = -1;
  MDB_stat stat = {};
  mdb_env_get_fd(env_, &fd);
  mdb_env_stat(env_, &stat);
  state_->watches.push_back(std::make_unique<const MetaWatch>(fd, stat.ms_psize, path_));
  watch_.store(state_->watches.back().get(), std::memory_order_release);
}

// The file is known to nobody yet: no guard, no lock file.
void Environment::write_new_file(const std::string& path, std::optional<uint64_t> max_size,
                                 uint32_t format_version, const Initialize& initialize) {
  const std::shared_ptr<Environment> environment(new Environment);
  environment->path_ = path;
  EnvironmentHandle handle =
      map_file({.path = path, .flags = MDB_NOLOCK | MDB_NOSYNC, .max_size = max_size});
  open_databases(handle.get(), path, /*create=*/true, environment->handles_);
  environment->env_ = handle.release();
  environment->serial_ = next_serial();
  WriteTransaction transaction = environment->begin_write(std::chrono::milliseconds(0));
  Buffer version;
  append_le(version, format_version);
  transaction.put(Database::kMeta, kFormatVersionKey, version);
  if (initialize) initialize(transaction);
  transaction.commit();
}

void Environment::check_options(const OpenOptions& options) const {
  const auto differs = [this](const std::string& how) {
    throw Error(ErrorCode::kInvalidArgument,
                "'" + path_ + "' is open in this process already, " + how);
  };
  if (options.mode == OpenMode::kRead) return;
  if (read_only_) differs("for reading only: close that map before opening it for writing");
  const Durability mine = durability();
  const bool enough = options.durability_at_least && mine < options.durability;
  if (options.durability && *options.durability != mine && !enough) {
    differs(std::string("with durability ") + durability_name(mine) + " instead of " +
            durability_name(*options.durability));
  }
  if (options.max_size && options.max_size != state_->request.max_size) {
    const auto& size = state_->request.max_size;
    differs("with " + (size ? "a max_size of " + std::to_string(*size) : "no max_size") +
            " instead of " + std::to_string(*options.max_size));
  }
}

bool Environment::owned_by_this_process() const noexcept {
  return state_ != nullptr && state_->epoch == process_epoch();
}

void Environment::check_owned() const {
  if (owned_by_this_process()) return;
  throw Error(ErrorCode::kClosed, "'" + path_ +
                                      "' was opened before this process was forked, and belongs to "
                                      "the parent: open it again");
}

// Counts the caller among the users of env_, or returns false where it is being opened again.
bool Environment::enter(uint64_t& serial) noexcept {
  state_->live.fetch_add(1, std::memory_order_seq_cst);
  serial = serial_.load(std::memory_order_seq_cst);
  if (serial != 0) return true;
  leave();
  return false;
}

void Environment::leave() noexcept { state_->live.fetch_sub(1, std::memory_order_seq_cst); }

// Closes the map and opens it again in place; a new serial makes every stamp and cached reader of
// the old one worthless. Does nothing where another thread has done so.
void Environment::recover(uint64_t failed_serial) {
  constexpr std::chrono::milliseconds kPatience{100};
  check_owned();
  const std::lock_guard lock(state_->reopening);
  const uint64_t current = serial_.exchange(0, std::memory_order_seq_cst);
  if (current != 0 && current != failed_serial) {
    serial_.store(current, std::memory_order_seq_cst);
    return;
  }
  if (env_ != nullptr) {
    const Deadline deadline = deadline_in(kPatience);
    const auto idle = [this] {
      const std::lock_guard readers(reader_mutex());
      return state_->live.load(std::memory_order_seq_cst) == 0 &&
             end_cached_readers(state_->readers, /*only_if_idle=*/true);
    };
    while (!idle()) {
      if (std::chrono::steady_clock::now() >= deadline) {
        serial_.store(current, std::memory_order_seq_cst);
        throw Error(ErrorCode::kIo,
                    "'" + path_ +
                        "' has to be opened again after a failed commit or because another process "
                        "made it larger than max_size, and waits for the snapshots and reads under "
                        "way to end",
                    EAGAIN, path_);
      }
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    close_lmdb();
  }
  map();
}

MDB_txn* Environment::begin_raw_read(uint64_t& serial) {
  check_owned();
  constexpr int kAttempts = 4;
  int code = 0;
  for (int i = 0; i < kAttempts; ++i) {
    if (!enter(serial)) {
      recover(0);
      continue;
    }
    MDB_txn* txn = nullptr;
    code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
    if (code == 0) {
      mdb_txn_reset(txn);
      code = renew(txn);
      if (code == 0) return txn;
      mdb_txn_abort(txn);
    }
    leave();
    if (wants_reopening(code)) {
      recover(serial);
    } else if (code != MDB_READERS_FULL || clear_stale_readers() == 0) {
      break;
    }
  }
  throw_lmdb("read", path_, code == 0 ? EAGAIN : code);
}

// mdb_txn_renew of one that was reset, until it has the commit that its id says. Returns LMDB's
// error.
int Environment::renew(MDB_txn* txn) const noexcept {
  constexpr int kFew = 2;      // a commit can take long to be written
  constexpr int kMany = 1000;  // only where the file is damaged
  const MetaWatch* watch = watch_.load(std::memory_order_acquire);
  for (int i = 1;; ++i) {
    if (const int code = mdb_txn_renew(txn); code != 0) return code;
    const uint64_t id = mdb_txn_id(txn);
    if (watch == nullptr || watch->copied(id)) return 0;
    if ((i >= kFew && watch->holds(id)) || i >= kMany) return 0;
    mdb_txn_reset(txn);
  }
}

WriteTransaction Environment::begin_write(std::chrono::milliseconds timeout) {
  return begin_in(timeout, /*explicit_transaction=*/false);
}

WriteTransaction Environment::begin_explicit(std::chrono::milliseconds timeout) {
  return begin_in(timeout, /*explicit_transaction=*/true);
}

WriteTransaction Environment::begin_in(std::chrono::milliseconds timeout,
                                       bool explicit_transaction) {
  check_owned();
  if (read_only_) {
    throw Error(ErrorCode::kReadOnly, "'" + path_ + "' is open for reading only", 0, path_);
  }
  // All that may fail comes first: a transaction that has begun is ended by its destructor.
  WriteTransaction transaction;
  transaction.environment_ = this;
  transaction.writable_ = true;
  transaction.dirty_ = std::make_unique<DirtyPages>(nullptr);
  transaction.places_ = std::make_unique<KeptCursors>();
  transaction.on_writer_thread_ = explicit_transaction;
  take_write_lock(timeout, explicit_transaction);
  try {
    if (state_->guard != nullptr) state_->guard->check_intact();
    transaction.txn_ = begin_raw_write(explicit_transaction);
  } catch (...) {
    release_write_lock();
    throw;
  }
  transaction.stamp_ = {serial(), mdb_txn_id(transaction.txn_), next_write_generation()};
  return transaction;
}

void Environment::refuse_busy(const std::string& why) const {
  throw Error(ErrorCode::kBusy, "cannot write to '" + path_ + "': " + why, 0, path_);
}

// Keeps out the other threads of this process.
void Environment::take_threads_lock(std::chrono::milliseconds timeout, bool explicit_transaction) {
  const Deadline deadline = deadline_in(timeout);
  const auto busy = [this](const std::string& why) { refuse_busy(why); };
  const auto waited = [&] { return " (waited " + std::to_string(timeout.count()) + " ms)"; };
  switch (state_->write_lock.acquire(this_thread_number(), explicit_transaction, deadline)) {
    case WriteLock::Outcome::kAcquired:
      break;
    case WriteLock::Outcome::kTimeout:
      busy("another thread of this process is writing" + waited());
      break;
    case WriteLock::Outcome::kStopped:
      busy("the wait for another thread of this process was interrupted");
      break;
    case WriteLock::Outcome::kHeldByThread:
      busy("this thread is in the middle of a write to it already");
      break;
    case WriteLock::Outcome::kHeldBySession:
      busy("this thread has a transaction open on it already, through another connection");
      break;
  }
}

void Environment::take_write_lock(std::chrono::milliseconds timeout, bool explicit_transaction) {
  const Deadline deadline = deadline_in(timeout);
  take_threads_lock(timeout, explicit_transaction);
  if (state_->guard == nullptr) return;  // under creation
  Wait entered = Wait::kTimeout;
  try {
    entered = state_->guard->enter_write_gate(deadline);
  } catch (...) {
    state_->write_lock.release();
    throw;
  }
  if (entered == Wait::kGot) return;
  state_->write_lock.release();
  const std::string holder = holder_text(state_->guard->writer(), state_->guard->fd());
  if (entered == Wait::kStopped) {
    refuse_busy("the wait for another process" + holder + " was interrupted");
  }
  refuse_busy("another process is writing" + holder + " (waited " +
              std::to_string(timeout.count()) + " ms)");
}

void Environment::release_write_lock() noexcept {
  if (state_->guard != nullptr) state_->guard->leave_write_gate();
  state_->write_lock.release();
}

MDB_txn* Environment::begin_raw_write(bool explicit_transaction) {
  constexpr int kAttempts = 3;
  int code = 0;
  WriterThread* const writer = explicit_transaction ? &writer_thread() : nullptr;
  for (int i = 0; i < kAttempts; ++i) {
    uint64_t serial = 0;
    if (!enter(serial)) {
      recover(0);
      continue;
    }
    MDB_txn* txn = nullptr;
    const auto begin = [&] { code = mdb_txn_begin(env_, nullptr, 0, &txn); };
    if (writer != nullptr) {
      writer->run(std::ref(begin));  // which allocates nothing
    } else {
      begin();
    }
    if (code == 0) return txn;
    leave();
    if (!wants_reopening(code)) break;
    recover(serial);
  }
  throw_lmdb("write to", path_, code == 0 ? EAGAIN : code);
}

void Environment::write_ended(bool committed) noexcept {
  if (committed) after_commit();
  if (state_->guard != nullptr) {
    const uint64_t allocated = state_->guard->note_size();
    if (state_->lock_fd >= 0) state_->reserve.ended(state_->lock_fd, allocated, committed);
    state_->read_ahead.fit(env_, allocated);
  }
  leave();
  release_write_lock();
}

void Environment::before_removing(uint64_t pages) noexcept {
  if (state_->lock_fd >= 0) state_->reserve.before_removing(state_->lock_fd, pages);
}

bool Environment::nearly_full() const noexcept {
  return state_->lock_fd >= 0 && state_->reserve.nearly_full(state_->lock_fd, 0);
}

void Environment::fit_reserve(std::chrono::milliseconds timeout) {
  const WriteTransaction lock = begin_write(timeout);
  if (state_->lock_fd >= 0) state_->reserve.fit(state_->lock_fd, allocated_size());
}

// Now and then: a reader that died keeps pages from being used again until its slot is cleared.
void Environment::after_commit() noexcept {
  const auto now = CommitTimes::Clock::now();
  if (!state_->commit_times.committed(last_transaction_id(), now)) return;
  state_->clear_readers(env_);
}

std::optional<std::chrono::steady_clock::duration> Environment::age_of(uint64_t transaction) {
  const auto now = CommitTimes::Clock::now();
  state_->commit_times.note(last_transaction_id(), now);
  return state_->commit_times.age(transaction, now);
}

void Environment::refill_reserve(std::chrono::milliseconds timeout) noexcept {
  constexpr std::chrono::milliseconds kStep{20};
  if (!state_->reserve.low()) return;
  try {
    Puncher puncher(*this);
    while (puncher.step(timeout, kStep) && puncher.bytes() < reserve_for(UINT64_MAX)) {
    }
    fit_reserve(timeout);
  } catch (const std::exception&) {  // the commit that it follows has succeeded
  }
}

WriterThread& Environment::writer_thread() {
  try {
    std::call_once(state_->writer_once,
                   [this] { state_->writer = std::make_unique<WriterThread>(); });
  } catch (const std::system_error& error) {
    throw_system("start a thread that writes to", path_, error.code().value());
  }
  return *state_->writer;
}

uint64_t Environment::map_size() const noexcept {
  auto& self = const_cast<Environment&>(*this);
  uint64_t serial = 0;
  if (!self.enter(serial)) return 0;
  MDB_envinfo info = {};
  mdb_env_info(env_, &info);
  self.leave();
  return info.me_mapsize;
}

uint64_t Environment::file_size() const {
  check_owned();
  return static_cast<uint64_t>(state_->guard->status().st_size);
}

uint64_t Environment::allocated_size() const {
  check_owned();
  return static_cast<uint64_t>(state_->guard->status().st_blocks) * 512;
}

int Environment::file_descriptor() const noexcept {
  return state_->guard == nullptr ? -1 : state_->guard->fd();
}

int Environment::clear_stale_readers() {
  check_owned();
  uint64_t serial = 0;
  if (!enter(serial)) return 0;
  const int cleared = state_->clear_readers(env_);
  leave();
  return cleared;
}

}  // namespace oocmap
