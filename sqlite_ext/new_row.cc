#include "sqlite_ext/new_row.h"

#include "sqlite_ext/keys.h"

namespace oocmap::sql {

bool has_value(sqlite3_value* value) { return value && sqlite3_value_type(value) != SQLITE_NULL; }

NewRow::NewRow(const Table& table, const std::vector<sqlite3_value*>& arguments, bool insert)
    : table_(table), insert_(insert) {
  // Before the columns stand the old and the new primary key.
  for (size_t i = 0; i < table.columns.size(); ++i) {
    read(table.columns[i], column(arguments[i + 2]));
  }
}

sqlite3_value* NewRow::column(sqlite3_value* given) {
  if (sqlite3_value_nochange(given)) {
    full_ = false;
    return nullptr;
  }
  return insert_ && !has_value(given) ? nullptr : given;
}

void NewRow::read(const Column& column, sqlite3_value* given) {
  switch (column.kind) {
    case ColumnKind::kKey:
      (table_.arguments.each ? parent : key) = given;
      break;
    case ColumnKind::kItem:
      key = given;
      break;
    case ColumnKind::kValue:
      value = given;
      break;
    case ColumnKind::kType:
      type = given;
      break;
    case ColumnKind::kNamed:
      if (given) named.push_back({&table_.arguments.columns[column.named], given});
      break;
    case ColumnKind::kPath:
      path = given;
      break;
    case ColumnKind::kKeyType:
      key_type = given;
      break;
    case ColumnKind::kJson:
      json = given;
      break;
    case ColumnKind::kHandle:
      handle = given;
      break;
    case ColumnKind::kRowId:
      row_id = given;
      break;
    case ColumnKind::kFile:
    case ColumnKind::kRoot:
      break;  // of a table that is not written
  }
}

std::optional<PlaceInside> place_inside(const Table& table, const NewRow& row, bool insert) {
  if (!row.path) return std::nullopt;
  const auto fail = [&table](const char* why) -> Error {
    return {ErrorCode::kInvalidArgument,
            "oocmap: the column path of the table " + table.name + " " + why +
                ": UPDATE ... SET path = '$.a', value = ... (or json) sets what is there"};
  };
  if (insert) throw fail("is not for INSERT");
  if (sqlite3_value_type(row.path) != SQLITE_TEXT) throw fail("takes a JSON path as text");
  if (!row.whole()) throw fail("says where a value goes, and there is none");
  const Bytes text = text_bytes(row.path);
  return PlaceInside{Path::parse(text), std::string(text)};
}

}  // namespace oocmap::sql
