// What this library knows of a SQLite connection: its API pointer, its tables and its sessions.
//
// Made when the extension is loaded, ended by the xDestroy of its module, which SQLite calls when
// the connection closes. Threads: the tables run under SQLite's connection mutex; session_of() and
// joins come from any thread, so the lists have a mutex of their own, held for no call of core, and
// for none of SQLite that waits.
#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/store/check.h"
#include "core/store/session.h"
#include "sqlite_ext/api.h"
#include "sqlite_ext/counters.h"

namespace oocmap::sql {

struct Table;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(sqlite3* database, const sqlite3_api_routines* routines, int api_slot)
      : db(database), api(routines), slot(api_slot) {}

  sqlite3* const db;
  const sqlite3_api_routines* const api;
  const int slot;  // the functions' template argument
  Counters counters;
  std::string last_stats;   // JSON: what the command 'stats' found last
  std::string last_vacuum;  // JSON: what the command 'vacuum' did last

  // The connection of a handle, nullptr where the extension is not loaded on it.
  static std::shared_ptr<Connection> find(sqlite3* db);
  // Makes it known to find(). Called once, when the extension is loaded.
  void enter();
  // The connection closes: closes its sessions, forgets it.
  void leave() noexcept;

  // The session on `store`, made where there is none. A transaction waits as long as PRAGMA
  // busy_timeout says; a single write beside SQL as long as the user of session_of() set, and not
  // at all in a session made for a table.
  std::shared_ptr<Session> session_on(const std::shared_ptr<Store>& store, bool for_table);
  // The session on the file at `path`, opened where it is not. `path` is absolute and has its links
  // resolved: one that was put there since is not followed. Errors: those of Store::open.
  std::shared_ptr<Session> open_session(const std::string& path, bool create,
                                        Verify verify = Verify::kAuto);
  // The session whose store has this id (handles); nullptr where no table of this connection is
  // open on it.
  std::shared_ptr<Session> session_with(uint64_t store_id);

  // Files and folders that tables stored in a database file may open besides those beside it, as
  // absolute paths without links. They stay until the connection closes.
  void allow(const std::string& path);
  std::vector<std::string> allowed();

  // Takes the write lock (xBegin). Errors: kBusy after PRAGMA busy_timeout; SqliteError with
  // SQLITE_INTERRUPT where sqlite3_interrupt() was called meanwhile.
  void begin(Session& session);
  // Whether sqlite3_interrupt() was called during the statement that runs. Cost: a statement.
  bool interrupted();
  // Has a check end with SqliteError SQLITE_INTERRUPT then.
  CheckOptions unless_interrupted();
  // PRAGMA busy_timeout. Cost: a statement.
  std::chrono::milliseconds busy_timeout();

  // Tables of this connection, so that a join finds one. A table that SQLite disconnected (it does,
  // when a schema is read again) is still there under its name.
  void connected(Table& table);
  void disconnected(Table& table);
  void renamed(const Table& table, const std::string& new_name);
  void dropped(const Table& table);

 private:
  struct Place {
    std::string schema;
    std::string name;
    std::string path;  // absolute, as the table names it
    Table* table;      // nullptr while disconnected
  };
  Place* place_of(const std::string& schema, const std::string& name);
  // Whether autocommit is off; false once the connection closes.
  bool in_transaction();
  // Makes SQLite call xBegin on a table of this session's store. Errors: kClosed; kBusy where
  // another thread runs SQL for all of the session's timeout.
  void join(Session& session);
  bool try_join(const Place& place);
  std::vector<Place> places_on(const Environment& environment);

  class DatabaseLock;
  std::mutex mutex_;
  bool closed_ = false;  // `db` is as good as freed; while false under the mutex, it is not
  std::vector<std::weak_ptr<Session>> sessions_;
  std::vector<Place> places_;
  std::vector<std::string> allowed_;
  // What begin() threw last, for the join that asked for it. Under SQLite's mutex of `db`.
  std::exception_ptr failed_begin_;
};

}  // namespace oocmap::sql
