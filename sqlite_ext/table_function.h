// SELECT key, value FROM oocmap('data.ooc', '$.people') WHERE key >= 'b';
//
// The table-valued form: the rows of a table on the file and root that its arguments name, without
// creating one. Read only. Only SQL that is run directly can use it, and what is in the temp
// schema: a view or trigger stored in a database file could open any file by it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sqlite_ext/table_cursor.h"

namespace oocmap::sql {

// What the module is connected with for the table-valued form: no schema names it.
Arguments function_arguments();

// The columns `file` and `root`: index of their constraints.
struct FunctionConstraints {
  int file = -1;
  int root = -1;
};
// nullopt where an argument is not known yet in this plan: it is no plan. Without a file there is
// one, for the error in words; SQLite asks so for the sides of an OR, too.
std::optional<FunctionConstraints> read_function_constraints(const Table& table,
                                                             const sqlite3_index_info& info);

// Errors: SqliteError, always: the table-valued form is read only.
[[noreturn]] void refuse_function_write();

// A cursor over the rows of whichever table its arguments mean. The file is open as long as the
// cursor is on it.
struct FunctionCursor final : Rows {
  explicit FunctionCursor(Table& of) : Rows(of) {}
  bool eof() const noexcept override { return !rows_ || rows_->eof(); }
  void filter(int plan, const std::vector<sqlite3_value*>& values) override;
  void next() override { rows_->next(); }
  void column(sqlite3_context* context, int index) override;

 private:
  void open(const std::string& file, const std::string& root);

  std::unique_ptr<Table> meant_;
  std::unique_ptr<TableCursor> rows_;  // on `meant_`
};

}  // namespace oocmap::sql
