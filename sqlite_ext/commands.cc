#include "sqlite_ext/commands.h"

#include "core/store/check.h"
#include "core/store/optimize.h"
#include "core/store/vacuum.h"
#include "sqlite_ext/json_object.h"
#include "sqlite_ext/keys.h"
#include "sqlite_ext/stats.h"

namespace oocmap::sql {
namespace {

// xBegin has taken the write lock by the time a command runs, except on a table that was created in
// the same transaction: SQLite does not call it there.
void take_lock(Table& table) { table.connection->begin(table.session()); }

void check_file(Table& table) {
  const CheckReport report =
      check_file_and_store(table.session().store(), table.connection->unless_interrupted());
  if (!report.ok()) {
    throw Error(ErrorCode::kCorrupt,
                "oocmap: '" + table.session().store().path() + "' is damaged: " + report.summary());
  }
}

// INSERT has no rows to answer with: oocmap_debug() shows what was found.
void keep_stats(Table& table) { table.connection->last_stats = stats_json(table.session()); }

void optimize(Table& table) {
  take_lock(table);
  WriteScope scope(table.session(), View::kSession);
  free_garbage(table.session().store(), scope.transaction());
  scope.commit();
}

// As SQLite's VACUUM it is no part of a transaction; but SQLite has begun one for the statement.
void vacuum_file(Table& table) {
  Session& session = table.session();
  Connection& connection = *table.connection;
  if (sqlite3_get_autocommit(connection.db) == 0 || !session.end_unwritten()) {
    throw Error(ErrorCode::kInvalidArgument,
                "oocmap: cannot vacuum '" + session.store().path() +
                    "' inside a transaction, or in a statement that writes: COMMIT or ROLLBACK "
                    "first");
  }
  VacuumOptions options;
  options.timeout = connection.busy_timeout();
  options.progress = [&connection](const VacuumProgress&) { return !connection.interrupted(); };
  const VacuumReport report = vacuum(session, options);
  if (!report.finished) throw SqliteError(SQLITE_INTERRUPT, "interrupted");
  JsonObject object;
  object.add("containers", report.containers);
  object.add("immutables", report.immutables);
  object.add("punched_bytes", report.punched_bytes);
  object.add("can_punch", uint64_t{report.can_punch});
  object.add("allocated_before", report.allocated_before);
  object.add("allocated_after", report.allocated_after);
  connection.last_vacuum = object.finish();
}

struct Command {
  Bytes name;
  void (*run)(Table& table);
};

constexpr Command kCommands[] = {
    {"check", check_file},   // every page and record of the last commit
    {"join", take_lock},     // what a write beside SQL runs to take part in SQL's transaction
    {"lock", take_lock},     // the write lock now, before the transaction reads
    {"optimize", optimize},  // frees what removals left for later
    {"stats", keep_stats},  {"vacuum", vacuum_file},  // frees what is left behind, and disk space
};

}  // namespace

std::string command_names() {
  std::string names;
  for (const Command& command : kCommands) {
    if (!names.empty()) names += ", ";
    names += "'" + std::string(command.name) + "'";
  }
  return names;
}

void run_command(Table& table, sqlite3_value* command) {
  const bool is_text = sqlite3_value_type(command) == SQLITE_TEXT;
  const Bytes name = is_text ? text_bytes(command) : Bytes();
  for (const Command& known : kCommands) {
    if (known.name == name) return known.run(table);
  }
  const std::string what =
      is_text ? "unknown command '" + std::string(name) + "'" : "a command is text";
  throw Error(ErrorCode::kInvalidArgument, "oocmap: " + what + " in the column " +
                                               quoted_name(table.name) + "; there are " +
                                               command_names());
}

}  // namespace oocmap::sql
