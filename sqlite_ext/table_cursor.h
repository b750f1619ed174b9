// A cursor over a table's rows. It outlives transactions: SQLite goes on reading after a commit or
// a rollback, so nothing it keeps points into the store unless the stamp says so.
#pragma once

#include <limits>
#include <memory>
#include <vector>

#include "sqlite_ext/row_source.h"
#include "sqlite_ext/table.h"

namespace oocmap::sql {

struct TableCursor : sqlite3_vtab_cursor {
  explicit TableCursor(Table& of);
  ~TableCursor();
  TableCursor(const TableCursor&) = delete;
  TableCursor& operator=(const TableCursor&) = delete;

  static TableCursor& of(sqlite3_vtab_cursor* cursor) { return *static_cast<TableCursor*>(cursor); }

  Table& table;
  bool eof() const noexcept { return eof_; }
  void filter(int plan, const std::vector<sqlite3_value*>& values);
  void next();
  void column(sqlite3_context* context, int index);

 private:
  void advance(const Transaction& transaction);
  std::optional<Member> member(const Transaction& transaction);
  const Key& row_key() const;  // of the root's member
  void column_of_value(sqlite3_context* context, const Column& column);

  // Kept by itself: SQLite may drop the table's other users first.
  std::shared_ptr<Session> session_;
  std::unique_ptr<RowSource> rows_;
  Identity container_ = 0;
  DictEntry entry_;
  Stamp stamp_;  // under which entry_.value was read
  uint64_t left_ = std::numeric_limits<uint64_t>::max();
  bool eof_ = true;
};

}  // namespace oocmap::sql
