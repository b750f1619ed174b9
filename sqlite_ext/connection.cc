#include "sqlite_ext/connection.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>
#include <unordered_map>

#include "core/lmdb/page_check.h"
#include "core/lmdb/process.h"
#include "core/lmdb/waiting.h"
#include "core/store/connections.h"
#include "sqlite_ext/arguments.h"
#include "sqlite_ext/errors.h"
#include "sqlite_ext/file_policy.h"
#include "sqlite_ext/statement.h"
#include "sqlite_ext/table.h"

namespace oocmap::sql {
namespace {

// Under the mutex. Never destroyed: connections may outlive static objects.
std::mutex registry_mutex;  // kept over forks from the first find() on, which comes before enter()
std::unordered_map<sqlite3*, std::weak_ptr<Connection>>& registry() {
  static auto* const connections = new std::unordered_map<sqlite3*, std::weak_ptr<Connection>>;
  return *connections;
}

bool is_file_of(const std::string& path, const Environment& environment) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && status.st_dev == environment.device() &&
         status.st_ino == environment.inode();
}

// Writing needs the file, and its lock file or the folder to make that in.
bool is_writable(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0) return true;  // let opening say what is wrong
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return ::access(path.c_str(), W_OK) == 0 &&
         (::access((path + "-lock").c_str(), W_OK) == 0 || ::access(folder.c_str(), W_OK) == 0);
}

OpenMode open_mode(const std::string& path, bool create) {
  if (!is_writable(path)) return OpenMode::kRead;
  return create ? OpenMode::kCreate : OpenMode::kWrite;
}

[[noreturn]] void refuse_closed() {
  throw Error(ErrorCode::kClosed, "oocmap: the connection is closed");
}

}  // namespace

// SQLite's own mutex of the connection, which keeps that from being closed. It can only be tried:
// the thread that closes holds it while leave() waits for ours, and then it is freed.
class Connection::DatabaseLock {
 public:
  DatabaseLock(Connection& connection, std::chrono::milliseconds timeout) {
    constexpr std::chrono::microseconds kFirstPause{20};
    constexpr std::chrono::microseconds kLongestPause{1000};
    const auto started = std::chrono::steady_clock::now();
    for (auto pause = kFirstPause; !try_lock(connection);
         pause = std::min(2 * pause, kLongestPause)) {
      const auto waited = std::chrono::steady_clock::now() - started;
      if (waited > kWaitSlice && stop_waiting()) {
        throw Error(ErrorCode::kBusy, "the wait for another thread's SQL was interrupted");
      }
      if (waited > timeout) {
        throw Error(ErrorCode::kBusy, "another thread ran SQL on the connection for all of " +
                                          std::to_string(timeout.count()) + " ms");
      }
      std::this_thread::sleep_for(pause);
    }
  }
  ~DatabaseLock() { sqlite3_mutex_leave(mutex_); }
  DatabaseLock(const DatabaseLock&) = delete;
  DatabaseLock& operator=(const DatabaseLock&) = delete;

 private:
  bool try_lock(Connection& connection) {
    const std::lock_guard lock(connection.mutex_);
    if (connection.closed_) refuse_closed();
    mutex_ = sqlite3_db_mutex(connection.db);
    return sqlite3_mutex_try(mutex_) == SQLITE_OK;
  }
  sqlite3_mutex* mutex_ = nullptr;
};

std::shared_ptr<Connection> Connection::find(sqlite3* db) {
  keep_connections_over_forks();  // first, as enter() and leave() take its mutex inside ours
  keep_over_forks<registry_mutex>();
  const std::lock_guard lock(registry_mutex);
  const auto found = registry().find(db);
  return found == registry().end() ? nullptr : found->second.lock();
}

void Connection::enter() {
  const std::lock_guard lock(registry_mutex);
  registry()[db] = weak_from_this();
  connection_opened(db, [weak = weak_from_this()](const std::shared_ptr<Store>& store) {
    const auto self = weak.lock();
    if (!self) refuse_closed();
    return self->session_on(store, false);
  });
}

void Connection::leave() noexcept {
  {
    const std::lock_guard lock(registry_mutex);
    registry().erase(db);
    connection_closed(db);
  }
  std::vector<std::weak_ptr<Session>> sessions;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    sessions.swap(sessions_);
    places_.clear();
  }
  for (const auto& weak : sessions) {
    if (const auto session = weak.lock()) session->close();
  }
}

std::shared_ptr<Session> Connection::session_on(const std::shared_ptr<Store>& store,
                                                bool for_table) {
  const std::lock_guard lock(mutex_);
  if (closed_) refuse_closed();
  std::erase_if(sessions_, [](const auto& weak) { return weak.expired(); });
  for (const auto& weak : sessions_) {
    auto session = weak.lock();
    if (session && &session->store() == store.get() && !session->closed()) return session;
  }
  std::shared_ptr<Session> session = Session::create(store);
  // weak: a session that outlives its connection (a Python map) is closed, not dangling.
  session->set_join_hooks({[weak = weak_from_this()] {
                             const auto self = weak.lock();
                             return self && self->in_transaction();
                           },
                           [weak = weak_from_this(), raw = session.get()] {
                             const auto self = weak.lock();
                             if (!self) refuse_closed();
                             self->join(*raw);
                           }});
  if (for_table) session->set_timeout(std::chrono::milliseconds(0));
  sessions_.push_back(session);
  return session;
}

std::shared_ptr<Session> Connection::open_session(const std::string& path, bool create,
                                                  Verify verify) {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& weak : sessions_) {
      auto session = weak.lock();
      if (session && !session->closed() && is_file_of(path, session->store().environment())) {
        if (verify == Verify::kFull) check_pages(session->store().environment());
        return session;
      }
    }
  }
  OpenOptions options;
  options.path = path;
  options.resolved = true;
  options.verify = verify;
  options.mode = open_mode(path, create);
  return session_on(Store::open(options), true);
}

std::shared_ptr<Session> Connection::session_with(uint64_t store_id) {
  const std::lock_guard lock(mutex_);
  for (const auto& weak : sessions_) {
    auto session = weak.lock();
    if (session && !session->closed() && session->store().id() == store_id) return session;
  }
  return nullptr;
}

void Connection::allow(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (std::find(allowed_.begin(), allowed_.end(), path) == allowed_.end()) allowed_.push_back(path);
}

std::vector<std::string> Connection::allowed() {
  const std::lock_guard lock(mutex_);
  return allowed_;
}

// SQLite has no getter. Asked only when the lock is held by somebody else, which is when it
// matters.
std::chrono::milliseconds Connection::busy_timeout() {
  Statement statement(db, "PRAGMA busy_timeout");
  const bool row = statement.prepared() && statement.step() == SQLITE_ROW;
  return std::chrono::milliseconds(row ? sqlite3_column_int(statement.raw(), 0) : 0);
}

// Not sqlite3_is_interrupted(), which is newer than the oldest SQLite: any statement says it.
bool Connection::interrupted() {
  Statement statement(db, "SELECT 1");
  if (statement.prepared()) statement.step();
  return sqlite3_errcode(db) == SQLITE_INTERRUPT;
}

CheckOptions Connection::unless_interrupted() {
  CheckOptions options;
  options.progress = [this](uint64_t, uint64_t) {
    if (interrupted()) throw SqliteError(SQLITE_INTERRUPT, "interrupted");
  };
  return options;
}

void Connection::begin(Session& session) {
  try {
    return session.begin(View::kSession, std::chrono::milliseconds(0));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBusy) {
      failed_begin_ = std::current_exception();
      throw;
    }
  } catch (const std::bad_alloc&) {
    failed_begin_ = std::current_exception();
    throw;
  }
  const StopWaitingScope asks([this] { return interrupted(); });
  try {
    session.begin(View::kSession, busy_timeout());
  } catch (const Error&) {
    if (asks.stopped()) throw SqliteError(SQLITE_INTERRUPT, "interrupted");
    throw;
  }
}

Connection::Place* Connection::place_of(const std::string& schema, const std::string& name) {
  for (Place& place : places_) {
    if (place.schema == schema && place.name == name) return &place;
  }
  return nullptr;
}

void Connection::connected(Table& table) {
  const std::string path = absolute_path(db, table.schema, table.arguments.file);
  const std::lock_guard lock(mutex_);
  Place place{table.schema, table.name, path, &table};
  if (Place* known = place_of(table.schema, table.name)) {
    *known = std::move(place);
  } else {
    places_.push_back(std::move(place));
  }
}

void Connection::disconnected(Table& table) {
  const std::lock_guard lock(mutex_);
  for (Place& place : places_) {
    if (place.table == &table) place.table = nullptr;
  }
}

void Connection::renamed(const Table& table, const std::string& new_name) {
  const std::lock_guard lock(mutex_);
  if (Place* place = place_of(table.schema, table.name)) place->name = new_name;
}

void Connection::dropped(const Table& table) {
  const std::lock_guard lock(mutex_);
  std::erase_if(places_, [&table](const Place& place) {
    return place.schema == table.schema && place.name == table.name;
  });
}

std::vector<Connection::Place> Connection::places_on(const Environment& environment) {
  std::vector<Place> places;
  {
    const std::lock_guard lock(mutex_);
    places = places_;
  }
  std::erase_if(
      places, [&environment](const Place& place) { return !is_file_of(place.path, environment); });
  return places;
}

// SQLite's lock is only tried while ours is held: who closes the connection holds SQLite's and
// takes ours (leave()), and newer versions of sqlite3_get_autocommit() take SQLite's.
bool Connection::in_transaction() {
  constexpr std::chrono::microseconds kPause{100};
  for (;; std::this_thread::sleep_for(kPause)) {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    const ApiScope scope(api);
    sqlite3_mutex* const theirs = sqlite3_db_mutex(db);
    if (sqlite3_mutex_try(theirs) != SQLITE_OK) continue;
    const bool inside = sqlite3_get_autocommit(db) == 0;
    sqlite3_mutex_leave(theirs);
    return inside;
  }
}

// Prepared, stepped and finalized each time: a statement kept would make sqlite3_close() fail.
bool Connection::try_join(const Place& place) {
  const std::string column = quoted_name(place.name);
  Statement statement(db, "INSERT INTO " + quoted_name(place.schema) + "." + column + "(" + column +
                              ") VALUES ('join')");
  if (!statement.prepared()) {
    if (sqlite3_errcode(db) == SQLITE_NOMEM) throw std::bad_alloc();
    return false;
  }
  {  // A name may have passed to an ordinary table meanwhile: nothing is written to that one.
    const std::lock_guard lock(mutex_);
    const Place* now = place_of(place.schema, place.name);
    if (!now || !now->table) return false;
  }
  failed_begin_ = nullptr;
  const int code = statement.step();
  // SQLite was told of an ordinary error, or would have ended the transaction: errors.h.
  if (failed_begin_) std::rethrow_exception(std::exchange(failed_begin_, nullptr));
  if (code != SQLITE_DONE) throw error_of(code, sqlite3_errmsg(db));
  return true;
}

void Connection::join(Session& session) {
  const ApiScope scope(api);
  const DatabaseLock lock(*this, session.timeout());
  for (const Place& place : places_on(session.store().environment())) {
    if (try_join(place)) return;
  }
  throw Error(ErrorCode::kInvalidArgument,
              "the connection is in a transaction, and has no table on '" + session.store().path() +
                  "' through which a write beside SQL could join it: create one first");
}

}  // namespace oocmap::sql
