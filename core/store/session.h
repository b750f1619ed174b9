// A session: one user of a store - a SQLite connection with its tables, or a C++ caller - and its
// transaction. The two front doors meet here and nowhere else: SQL tells the session when its
// transaction begins, gets savepoints and ends; direct operations (the Python lazies) join whatever
// is open, ask SQL to open one where SQL is in a transaction, or make a transaction of their own.
//
// Threads: every function takes the session's mutex. A transaction begun by begin() lives on the
//          environment's writer thread; it belongs to the thread that called begin() (its owner):
//          the owner's direct operations are part of it, another thread's direct writes wait for
//          its end (kBusy after the timeout) and its direct reads see the last commit. SQL
//          callbacks use the session's transaction whichever thread runs them (View::kSession).
// Locks:   the environment's write lock, then the session mutex; who holds only the mutex never
//          waits for the write lock. Callers holding the GIL release it before calling anything
//          here that may wait.
// Fork:    in a child every function raises kClosed, or does nothing where it cannot raise; all but
//          open_since().
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/export.h"
#include "core/lmdb/environment.h"
#include "core/store/store.h"

namespace oocmap {

// Who asks: a direct operation of the calling thread, or SQL on the session's connection.
enum class View { kThread, kSession };

class OOCMAP_API Session : public std::enable_shared_from_this<Session> {
 public:
  static std::shared_ptr<Session> create(std::shared_ptr<Store> store);
  // A session that reads one moment, that of this call, as long as it is open; writes raise
  // kReadOnly. Meanwhile the pages of that moment are not used again, so the file grows with what
  // others write. Errors: kClosed, kIo. Cost of a read: a mutex more.
  static std::shared_ptr<Session> create_snapshot(std::shared_ptr<Store> store);
  // Keeps the moment of a snapshot, and the file open, as long as what it returns lives, after
  // close() too: for views that outlive every scope. Null where this is no snapshot.
  // Errors: kClosed.
  std::shared_ptr<const void> hold_moment() const;
  ~Session();  // rolls back
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Store& store() const noexcept { return *store_; }
  const std::shared_ptr<Store>& store_ptr() const noexcept { return store_; }
  // Process-unique, random: marks handles of uncommitted values.
  uint64_t nonce() const noexcept { return nonce_; }

  void set_timeout(std::chrono::milliseconds timeout) noexcept;  // default 5 s
  std::chrono::milliseconds timeout() const noexcept;
  void set_read_only(bool read_only) noexcept;  // later writes raise kReadOnly
  bool read_only() const noexcept;
  // Ends the session: rolls back; every later use raises kClosed.
  void close() noexcept;
  bool closed() const noexcept;

  // How a direct write joins the transaction of the connection that owns this session. Set once by
  // the SQL layer. `in_transaction`: whether the connection is inside a transaction (autocommit is
  // 0). `join`: makes SQLite call xBegin on this session's table (which calls begin()), or throws.
  struct JoinHooks {
    std::function<bool()> in_transaction;
    std::function<void()> join;
  };
  void set_join_hooks(JoinHooks hooks);

  // --- The transaction, as SQLite drives it, callback by callback.
  // One stack of (level, LMDB transaction); levels need not start at 0 nor come one by one.
  // xBegin; idempotent; takes the write lock and makes the calling thread the owner. With
  // View::kThread it is idempotent for the owner only: another thread waits for the transaction's
  // end. `wait`: for the write lock, instead of timeout(). Errors: kBusy, kReadOnly, kClosed,
  // kTransactionFailed, kIo.
  void begin(View view = View::kSession, std::optional<std::chrono::milliseconds> wait = {});
  // xSavepoint(level): opens one level; idempotent per level. SQLite would drop an error's message
  // and, where it wanted the savepoint for a statement, roll back to it all the same: so where it
  // cannot be opened, a write inside it says why, and the transaction is as it was.
  void savepoint(int level);
  void release(int level);      // xRelease(level): merges every level >= `level`; one that cannot
                                // be merged poisons the level around it
  void rollback_to(int level);  // xRollbackTo(level): undoes everything since savepoint(level) and
                                // keeps that level open; a level below the first seen, or -1:
                                // everything since begin()
  void commit();                // xSync: commits; after it the session stays joined, the next
                                // write begins anew. Errors: what begin and commit raise;
                                // kTransactionFailed where the session is poisoned
  void end() noexcept;          // xCommit: cleans up only
  void rollback() noexcept;     // xRollback, close
  bool in_transaction() const noexcept {
    return has(kInTransaction);
  }  // begin() to end()/rollback()
  // Whether a direct read would see the last commit: open, no snapshot, and in no transaction.
  // Cost: a load.
  bool at_rest() const noexcept {
    return (attention_.load(std::memory_order_acquire) & (kClosed | kInTransaction | kPinned)) == 0;
  }
  // Ends the open transaction, whoever owns it, where nothing has been written in it: who only
  // holds the lock gives it back. Returns whether none is open now.
  bool end_unwritten() noexcept;
  // Refuses what cannot be part of a transaction: `what` is a verb, for the message.
  // Errors: kInvalidArgument where the calling thread has one open on this session, or the
  // connection that owns the session is in one; kReadOnly; kClosed.
  void check_outside_transaction(const char* what) const;
  // In a forked child: the first birth of the transaction that was open when its parent forked, 0
  // where none was.
  uint64_t open_since() const noexcept;
  // Whether the calling thread called the begin() of the open transaction.
  bool owned_by_this_thread() const noexcept;

  // A failure after the first put of an operation in an open transaction: every further use raises
  // kTransactionFailed (with `reason`) until rollback() or a rollback_to() below it.
  void poison(std::string_view reason) noexcept;

  // --- Auto vacuum (auto_vacuum.cc). Once this session has removed `threshold` entries of dicts,
  // lists and sets, at any depth, in transactions that were committed, it vacuums the file: after
  // the commit of the outermost transaction, before whoever committed goes on. 0: it does not.
  // The count starts anew.
  void set_auto_vacuum(uint64_t threshold) noexcept;
  uint64_t auto_vacuum() const noexcept;
  // Before the session is closed: does what is due and had to be put off, waiting for up to
  // timeout(). Errors: none, as of what auto vacuum does.
  void finish_auto_vacuum() noexcept;

  // Number that changes with every commit and rollback (whole or partial) of this session: a cursor
  // that sees it change seeks afresh.
  uint64_t generation() const noexcept;

  // One snapshot shared by the session's open SQL cursors: starts with the first, ends with the
  // last; the session's own commit, rollback or write ends it early. Used by
  // ReadScope(View::kSession).
  void cursor_opened();
  void cursor_closed() noexcept;

 private:
  friend class ReadScope;
  friend class WriteScope;
  explicit Session(std::shared_ptr<Store> store);
  struct State;
  // Reasons for a reader not to use its thread's cached transaction without looking closer.
  // kSnapshot: SQL's cursors have one. kPinned: the whole session is one.
  enum Attention : uint32_t { kClosed = 1, kInTransaction = 2, kSnapshot = 4, kPinned = 8 };
  bool has(Attention bit) const noexcept {
    return (attention_.load(std::memory_order_acquire) & bit) != 0;
  }
  void set(Attention bit) noexcept { attention_.fetch_or(bit, std::memory_order_acq_rel); }
  void clear(Attention bit) noexcept { attention_.fetch_and(~bit, std::memory_order_acq_rel); }
  // False in a forked child.
  bool usable() const noexcept { return store_->environment().owned_by_this_process(); }
  void check_open() const {
    if (has(kClosed) || !usable()) refuse();
  }
  [[noreturn]] void refuse() const;
  bool takes_part(View view) const noexcept;
  void check_writable() const;
  void open_level(int level);
  void merge_from(size_t index);
  void poison_outwards(size_t index, std::string reason) noexcept;
  void undo_from(size_t index) noexcept;
  void undo_everything();
  void drop_snapshot() noexcept;
  void after_own_commit(uint64_t removed) noexcept;
  void count_removed(uint64_t entries) noexcept;
  void vacuum_if_due(std::chrono::milliseconds wait) noexcept;
  void vacuum_after_commit() noexcept;
  std::shared_ptr<Store> store_;
  uint64_t nonce_ = 0;
  std::atomic<uint32_t> attention_{0};
  std::unique_ptr<State> state_;
};

// A consistent view for one operation: the open transaction where the caller takes part in it, the
// cursors' snapshot (kSession), else the thread's renewed read transaction. Never kept between
// calls. Errors: kClosed, kTransactionFailed (poisoned), kIo. Cost: 20-30 ns without a transaction.
class OOCMAP_API ReadScope {
 public:
  explicit ReadScope(Session& session, View view = View::kThread);
  ~ReadScope();
  ReadScope(const ReadScope&) = delete;
  ReadScope& operator=(const ReadScope&) = delete;
  const Transaction& transaction() const noexcept {
    return transaction_ != nullptr ? *transaction_ : innermost();
  }

 private:
  friend class KeptMoment;
  void attach(Session& session, View view);
  const Transaction& innermost() const noexcept;
  const Transaction* transaction_ = nullptr;
  const Session* joined_ = nullptr;  // in its transaction, whose savepoints may come and go
  std::optional<ThreadReader> reader_;
  std::unique_lock<std::recursive_mutex> lock_;
};

// The moment that a ReadScope reads, kept readable after the scope has ended and without a lock:
// for long copies, during which other threads shall get on. Views stay valid as long as it lives;
// the transaction itself may not be used.
// Threads: to be destroyed on the thread that made it, before that uses the store for anything
// else.
class OOCMAP_API KeptMoment {
 public:
  // `scope`: of a direct operation on `session`, still alive. Null where the moment cannot be kept:
  // in an open transaction that the caller takes part in, whose next write (of another thread too:
  // SQL's) changes its pages in place. Errors: kClosed. Cost: an allocation.
  static std::unique_ptr<const KeptMoment> of(const ReadScope& scope, Session& session);

 private:
  std::shared_ptr<const void> pinned_;  // of a snapshot
  std::shared_ptr<Store> store_;        // outlives the reader
  std::optional<ThreadReader> reader_;  // else: within the scope's, so of the same moment
};

// One write operation: in the session's transaction where the caller takes part in one (joining
// SQL's first where there is one), else in a transaction of its own on the calling thread.
//   WriteScope scope(session);  ...puts...;  scope.commit();
// Destroyed without commit(): a transaction of its own is aborted; in a joined one, the session is
// poisoned if anything was written that was not rolled back since, untouched if nothing was.
// Savepoints may be opened and closed meanwhile: transaction() is always the innermost.
// Errors: kBusy, kReadOnly, kClosed, kTransactionFailed, kTransactionTooBig (inside a savepoint
// that could not be opened), and what commit raises.
class OOCMAP_API WriteScope {
 public:
  explicit WriteScope(Session& session, View view = View::kThread);
  ~WriteScope();
  WriteScope(const WriteScope&) = delete;
  WriteScope& operator=(const WriteScope&) = delete;
  WriteTransaction& transaction() noexcept { return joined_ ? innermost() : own_; }
  void commit();

 private:
  bool join_open(View view);
  WriteTransaction& innermost() const noexcept;
  Session& session_;
  WriteTransaction own_;
  std::unique_lock<std::recursive_mutex> lock_;
  uint64_t first_event_ = 0;
  uint64_t start_writes_ = 0;
  bool joined_ = false;
  bool done_ = false;
};

}  // namespace oocmap
