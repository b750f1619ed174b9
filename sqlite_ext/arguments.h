// The arguments of CREATE VIRTUAL TABLE:
//   USING oocmap('file' [, root='$.path'] [, each='$.path'] [, create=1] [, flat=1] [, key TYPE]
//                [, verify=full] [, name TYPE PATH '$.x', ...])
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/path.h"
#include "sqlite_ext/affinity.h"

namespace oocmap::sql {

struct NamedColumn {
  std::string name;
  std::string type;  // as declared; may be empty
  std::string path_text;
  Path path;
};

struct Arguments {
  std::string file;
  std::string root_text = "$";
  Path root;
  std::string each_text;
  std::optional<Path> each;  // the rows are the members of what it leads to in each root's member
  bool create = false;
  bool flat = false;
  bool verify = false;    // every page of the file is checked before it is used
  bool function = false;  // the table-valued form oocmap('file', '$.path')
  std::string key_type;   // as declared by `key TYPE`; may be empty
  Affinity key_affinity = Affinity::kBlob;
  std::vector<NamedColumn> columns;
};

// `arguments`: what stands between the parentheses, split at the commas, as SQLite hands it over.
// Errors: kInvalidArgument; the message quotes the bad token and says what was expected.
Arguments parse_arguments(const std::string& table, const std::vector<std::string>& arguments);

// Refuses a statement in which a comma stands before or behind nothing, of which SQLite tells a
// module nothing. Errors: kInvalidArgument.
void check_commas(std::string_view create_statement);

// Whether a table of this name can have these columns. Errors: kInvalidArgument where two share a
// name.
void check_column_names(const Arguments& arguments, const std::string& table);

// What a column of the table shows.
enum class ColumnKind {
  kKey,
  kItem,
  kValue,
  kType,
  kNamed,
  kPath,  // where in the row an UPDATE writes
  kFile,  // the table-valued form's arguments
  kRoot,
  kKeyType,
  kJson,
  kHandle,
  kRowId,
};
struct Column {
  ColumnKind kind;
  size_t named = 0;  // kNamed: index into Arguments::columns
};
// The columns in the order they are declared.
std::vector<Column> table_columns(const Arguments& arguments, const std::string& table);
// The CREATE TABLE text for sqlite3_declare_vtab.
std::string table_declaration(const Arguments& arguments, const std::string& table);

// "name" with its quotes doubled.
std::string quoted_name(const std::string& name);

}  // namespace oocmap::sql
