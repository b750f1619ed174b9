// CREATE VIRTUAL TABLE m USING oocmap('data.ooc'): each callback enters the guard and calls the one
// function that does its work.
//
// SELECT * FROM oocmap('data.ooc'), the table-valued form, is the same module: SQLite offers one
// where xCreate is xConnect. So creating and connecting are told apart here (is_created()).
//
// What SQLite does that its documentation does not say, and is relied on here:
//   - xSync and xCommit come for a table made in the transaction, without xBegin;
//   - xCommit's answer is ignored: what can fail is done in xSync, which may come twice;
//   - a table joining late gets only the innermost xSavepoint, and may get xRollbackTo below it.
#include "sqlite_ext/module.h"

#include <cstring>
#include <memory>

#include "core/store/check.h"
#include "sqlite_ext/functions.h"
#include "sqlite_ext/planner.h"
#include "sqlite_ext/statement.h"
#include "sqlite_ext/table.h"
#include "sqlite_ext/table_function.h"
#include "sqlite_ext/tokens.h"
#include "sqlite_ext/update.h"

namespace oocmap::sql {
namespace {

constexpr char kModuleName[] = "oocmap";

std::shared_ptr<Connection> connection_of(void* client_data) {
  return *static_cast<std::shared_ptr<Connection>*>(client_data);
}

template <typename Work>
int with_table(sqlite3_vtab* table, const Work& work) noexcept {
  Table& self = Table::of(table);
  return guarded(self.connection->api, self.connection->db, table, [&] { work(self); });
}

template <typename Work>
int with_cursor(sqlite3_vtab_cursor* cursor, const Work& work) noexcept {
  Rows& self = Rows::of(cursor);
  const Connection& connection = *self.table.connection;
  return guarded(connection.api, connection.db, cursor->pVtab, [&] { work(self); });
}

// argv: module, schema, table, then the arguments.
std::unique_ptr<Table> make_table(const std::shared_ptr<Connection>& connection, int argc,
                                  const char* const* argv) {
  const std::string name = argv[2];
  Arguments arguments = parse_arguments(name, std::vector<std::string>(argv + 3, argv + argc));
  const std::string declaration = table_declaration(arguments, name);
  if (sqlite3_declare_vtab(connection->db, declaration.c_str()) != SQLITE_OK) {
    throw Error(ErrorCode::kInvalidArgument,
                std::string("oocmap: ") + sqlite3_errmsg(connection->db));
  }
  // OR REPLACE and OR IGNORE are done in xUpdate.
  sqlite3_vtab_config(connection->db, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1);
  return std::make_unique<Table>(connection, argv[1], name, std::move(arguments));
}

// The statement that is making the table: SQLite has written it into the schema by now. Nothing
// where an authorizer keeps it from us.
std::string create_statement(const Connection& connection, const Table& table) {
  const Statement statement(connection.db, "SELECT sql FROM " + quoted_name(table.schema) +
                                               ".sqlite_master WHERE type = 'table' AND name = ?");
  if (!statement.prepared()) return {};
  sqlite3_bind_text(statement.raw(), 1, table.name.c_str(), -1, SQLITE_STATIC);
  if (sqlite3_step(statement.raw()) != SQLITE_ROW) return {};
  const unsigned char* const text = sqlite3_column_text(statement.raw(), 0);
  return text ? reinterpret_cast<const char*>(text) : "";
}

// Whether a statement is running that creates this table. A table that is there is connected while
// a statement is prepared, which may be inside another one that runs; but none of its name and
// schema is there where one is created.
bool is_created(sqlite3* db, const std::string& schema, const std::string& name) {
  for (sqlite3_stmt* statement = sqlite3_next_stmt(db, nullptr); statement;
       statement = sqlite3_next_stmt(db, statement)) {
    const char* const text = sqlite3_stmt_busy(statement) ? sqlite3_sql(statement) : nullptr;
    const auto made = text ? created_table(text) : std::nullopt;
    if (made && same_name(made->name, name) &&
        same_name(made->schema.empty() ? "main" : made->schema, schema)) {
      return true;
    }
  }
  return false;
}

// The table-valued form is no table of a schema.
std::unique_ptr<Table> make_function(const std::shared_ptr<Connection>& connection) {
  Arguments arguments = function_arguments();
  const std::string declaration = table_declaration(arguments, kModuleName);
  const int code = sqlite3_declare_vtab(connection->db, declaration.c_str());
  if (code != SQLITE_OK) throw SqliteError(code, sqlite3_errmsg(connection->db));
  sqlite3_vtab_config(connection->db, SQLITE_VTAB_DIRECTONLY);
  return std::make_unique<Table>(connection, "temp", kModuleName, std::move(arguments));
}

// xCreate and xConnect.
int connect(sqlite3* db, void* data, int argc, const char* const* argv, sqlite3_vtab** table,
            char** error) noexcept {
  const auto connection = connection_of(data);
  return guarded(connection->api, db, error, [&] {
    const bool created = is_created(db, argv[1], argv[2]);
    if (argc == 3 && !created && same_name(argv[2], kModuleName)) {
      *table = make_function(connection).release();
      return;
    }
    auto made = make_table(connection, argc, argv);
    if (created) {
      check_commas(create_statement(*connection, *made));
      made->create_file();
    }
    *table = made.release();
  });
}

int disconnect(sqlite3_vtab* table) noexcept {
  const auto api = Table::of(table).connection->api;
  char* unused = nullptr;
  return guarded(api, nullptr, &unused, [&] { delete &Table::of(table); });
}

// DROP TABLE. The file stays as it is. SQLite would never call xSync on a table that is gone: what
// it wrote in this transaction would neither be committed nor undone.
int destroy(sqlite3_vtab* table) noexcept {
  const int code = with_table(table, [](Table& self) {
    if (self.enlisted && self.session().in_transaction()) {
      throw SqliteError(SQLITE_LOCKED, "oocmap: the table " + self.name +
                                           " was written to in this transaction: COMMIT or "
                                           "ROLLBACK before DROP TABLE");
    }
    self.connection->dropped(self);
  });
  return code == SQLITE_OK ? disconnect(table) : code;
}

int best_index(sqlite3_vtab* table, sqlite3_index_info* info) noexcept {
  bool found = false;
  const int code =
      with_table(table, [info, &found](Table& self) { found = choose_plan(self, info); });
  return code == SQLITE_OK && !found ? SQLITE_CONSTRAINT : code;
}

int open(sqlite3_vtab* table, sqlite3_vtab_cursor** cursor) noexcept {
  return with_table(table, [cursor](Table& self) {
    std::unique_ptr<Rows> made;
    if (self.arguments.function) {
      made = std::make_unique<FunctionCursor>(self);
    } else {
      made = std::make_unique<TableCursor>(self);
    }
    *cursor = made.release();
  });
}

int close(sqlite3_vtab_cursor* cursor) noexcept {
  return with_cursor(cursor, [](Rows& self) { delete &self; });
}

int filter(sqlite3_vtab_cursor* cursor, int plan, const char*, int argc,
           sqlite3_value** argv) noexcept {
  return with_cursor(cursor, [=](Rows& self) { self.filter(plan, {argv, argv + argc}); });
}

int next(sqlite3_vtab_cursor* cursor) noexcept {
  return with_cursor(cursor, [](Rows& self) { self.next(); });
}

int eof(sqlite3_vtab_cursor* cursor) noexcept { return Rows::of(cursor).eof(); }

int column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int index) noexcept {
  return with_cursor(cursor, [=](Rows& self) { self.column(context, index); });
}

int rowid(sqlite3_vtab_cursor*, sqlite3_int64*) noexcept { return SQLITE_ERROR; }  // WITHOUT ROWID

int update(sqlite3_vtab* table, int argc, sqlite3_value** argv, sqlite3_int64*) noexcept {
  return with_table(table, [=](Table& self) { update_table(self, {argv, argv + argc}); });
}

int begin(sqlite3_vtab* table) noexcept {
  return with_table(table, [](Table& self) {
    if (self.arguments.function) refuse_function_write();
    self.connection->begin(self.session());
    self.enlisted = true;
  });
}

int sync(sqlite3_vtab* table) noexcept {
  return with_table(table, [](Table& self) {
    if (self.opened() && self.session().in_transaction()) self.session().commit();
  });
}

int commit(sqlite3_vtab* table) noexcept {
  return with_table(table, [](Table& self) {
    self.enlisted = false;
    if (self.opened()) self.session().end();
  });
}

int rollback(sqlite3_vtab* table) noexcept {
  return with_table(table, [](Table& self) {
    self.enlisted = false;
    if (self.opened()) self.session().rollback();
  });
}

int savepoint(sqlite3_vtab* table, int level) noexcept {
  return with_table(table, [level](Table& self) {
    if (self.opened() && self.session().in_transaction()) self.session().savepoint(level);
  });
}

int release(sqlite3_vtab* table, int level) noexcept {
  return with_table(table, [level](Table& self) {
    if (self.opened() && self.session().in_transaction()) self.session().release(level);
  });
}

int rollback_to(sqlite3_vtab* table, int level) noexcept {
  return with_table(table, [level](Table& self) {
    if (self.opened() && self.session().in_transaction()) self.session().rollback_to(level);
  });
}

// The handle column has the table's name: SQLite connects the table again under the new one.
int rename(sqlite3_vtab* table, const char* new_name) noexcept {
  return with_table(table, [new_name](Table& self) {
    check_column_names(self.arguments, new_name);
    self.connection->renamed(self, new_name);
  });
}

// PRAGMA integrity_check, and quick_check (flags 1), which looks at the pages only. What is wrong
// is no error but a text.
int integrity(sqlite3_vtab* table, const char* schema, const char* name, int flags,
              char** problems) noexcept {
  constexpr size_t kMost = 10;
  return with_table(table, [=](Table& self) {
    std::string found;
    try {
      Store& store = self.session().store();
      if ((flags & 1) != 0) {
        check_pages(store.environment());
      } else {
        found = check_file_and_store(store, self.connection->unless_interrupted()).summary(kMost);
      }
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCorrupt) throw;
      found = error.message();
    }
    if (found.empty()) return;
    const std::string text =
        "oocmap: in the file of " + std::string(schema) + "." + name + ": " + found;
    *problems = sqlite3_mprintf("%s", text.c_str());
  });
}

constexpr int kVersionWithIntegrity = 3'044'000;

constexpr sqlite3_module make_module(int version) {
  return {
    .iVersion = version, .xCreate = connect, .xConnect = connect, .xBestIndex = best_index,
    .xDisconnect = disconnect, .xDestroy = destroy, .xOpen = open, .xClose = close,
    .xFilter = filter, .xNext = next, .xEof = eof, .xColumn = column, .xRowid = rowid,
    .xUpdate = update, .xBegin = begin, .xSync = sync, .xCommit = commit, .xRollback = rollback,
    .xFindFunction = find_arrow, .xRename = rename, .xSavepoint = savepoint, .xRelease = release,
    .xRollbackTo = rollback_to, .xShadowName = nullptr,
#if SQLITE_VERSION_NUMBER >= 3044000
    .xIntegrity = integrity,
#endif
  };
}

// What SQLite reads from 3.44 on, whatever header this was compiled with: the member that the newer
// struct has behind those of the older one.
struct ModuleWithIntegrity {
  sqlite3_module module;
#if SQLITE_VERSION_NUMBER < 3044000
  int (*xIntegrity)(sqlite3_vtab*, const char*, const char*, int, char**);
#endif
};
static_assert(sizeof(ModuleWithIntegrity) == 25 * sizeof(void*));

constexpr sqlite3_module kModule = make_module(3);
constexpr ModuleWithIntegrity kModuleWithIntegrity = {
    .module = make_module(4),
#if SQLITE_VERSION_NUMBER < 3044000
    .xIntegrity = integrity,
#endif
};

}  // namespace

const sqlite3_module* table_module() {
  const bool knows_integrity = sqlite3_libversion_number() >= kVersionWithIntegrity;
  return knows_integrity ? &kModuleWithIntegrity.module : &kModule;
}

}  // namespace oocmap::sql
