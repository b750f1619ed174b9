// SQLite's functions, and the one shape of every callback.
//
// sqlite3ext.h turns sqlite3_step(...) into sqlite3_api->step(...). The usual static sqlite3_api
// breaks where a process has two SQLite libraries (Python's sqlite3 and apsw bring one each): the
// second to load us overwrites the first one's pointer. So the pointer is thread-local here and set
// at every entry: from the connection a table belongs to, or from the slot a function was made for.
#pragma once

#include <sqlite3ext.h>

#include "sqlite_ext/errors.h"

namespace oocmap::sql {

// initial-exec: every call of SQLite's goes through it.
[[gnu::tls_model(
    "initial-exec")]] extern constinit thread_local const sqlite3_api_routines* sqlite3_api;

// SQLite calls us, we call SQLite, which may call us again through another library: each entry
// restores what it found.
class ApiScope {
 public:
  explicit ApiScope(const sqlite3_api_routines* api) noexcept : before_(sqlite3_api) {
    sqlite3_api = api;
  }
  ~ApiScope() { sqlite3_api = before_; }
  ApiScope(const ApiScope&) = delete;
  ApiScope& operator=(const ApiScope&) = delete;

 private:
  const sqlite3_api_routines* before_;
};

// Where a callback's failure goes. Each takes `failure.message` over and returns the SQLite code.
int report_to(char** error, const Failure& failure) noexcept;         // xCreate, xConnect
int report_to(sqlite3_vtab* table, const Failure& failure) noexcept;  // the table's other callbacks
int report_to(sqlite3_context* context, const Failure& failure) noexcept;  // functions, xColumn

// Runs a callback's work: nothing it throws leaves, whatever it is. `db` is the connection that
// called; null where it is none of SQLite's statements.
template <typename Work, typename Target>
int guarded(const sqlite3_api_routines* api, sqlite3* db, Target* target,
            const Work& work) noexcept {
  const ApiScope scope(api);
  try {
    work();
    return SQLITE_OK;
  } catch (...) {
    return report_to(target, current_failure(db));
  }
}

}  // namespace oocmap::sql
