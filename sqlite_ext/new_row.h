// The columns that an INSERT or UPDATE gives. An INSERT gives NULL for those it does not name; an
// UPDATE tells which it leaves alone.
#pragma once

#include <optional>
#include <vector>

#include "sqlite_ext/named_columns.h"
#include "sqlite_ext/table.h"

namespace oocmap::sql {

// Whether a column is given, and not as NULL.
bool has_value(sqlite3_value* value);

class NewRow {
 public:
  // `arguments`: xUpdate's. Lifetime: as the table and they.
  NewRow(const Table& table, const std::vector<sqlite3_value*>& arguments, bool insert);

  // Each is nullptr where it is not given. In a table with each= `key` is the column item, and
  // `parent` the column key.
  sqlite3_value* parent = nullptr;
  sqlite3_value* key = nullptr;
  sqlite3_value* value = nullptr;
  sqlite3_value* type = nullptr;
  sqlite3_value* path = nullptr;
  sqlite3_value* key_type = nullptr;
  sqlite3_value* json = nullptr;
  sqlite3_value* handle = nullptr;
  sqlite3_value* row_id = nullptr;
  std::vector<NamedValue> named;

  // The value as a whole, or at `path`: json or value.
  bool whole() const { return json || value; }
  // Whether every column is given: UPDATE ... FROM, where SQLite does not tell which are set.
  bool full() const { return full_; }

 private:
  sqlite3_value* column(sqlite3_value* given);
  void read(const Column& column, sqlite3_value* given);

  const Table& table_;
  bool insert_;
  bool full_ = true;
};

// Where an UPDATE that sets the column `path` writes its value: inside the row.
struct PlaceInside {
  Path path;
  std::string text;
};
// nullopt where `path` is not set. Errors: kInvalidArgument for a path that is no text, is NULL, or
// is given to an INSERT or without a value; kInvalidPath.
std::optional<PlaceInside> place_inside(const Table& table, const NewRow& row, bool insert);

}  // namespace oocmap::sql
