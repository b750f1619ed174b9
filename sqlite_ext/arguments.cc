#include "sqlite_ext/arguments.h"

#include <optional>

#include "core/base/error.h"
#include "sqlite_ext/tokens.h"

namespace oocmap::sql {
namespace {

constexpr char kExpected[] =
    "expected root='$.path', each='$.path', create=1, flat=1, verify=full, key TYPE or a "
    "column: name TYPE PATH '$.path'";

[[noreturn]] void fail(const std::string& message) {
  throw Error(ErrorCode::kInvalidArgument, "oocmap: " + message);
}

std::string file_argument(const std::vector<std::string>& arguments) {
  static constexpr char kForm[] = "expected the file's path in quotes first: oocmap('data.ooc')";
  if (arguments.empty() || arguments[0].empty()) fail(std::string("no file is named; ") + kForm);
  const std::vector<Token> tokens = split_tokens(arguments[0]);
  const bool is_quoted =
      tokens[0].kind == Token::Kind::kString || tokens[0].kind == Token::Kind::kQuotedName;
  if (tokens.size() != 1 || !is_quoted) {
    fail("unexpected \"" + arguments[0] + "\"; " + kForm);
  }
  if (tokens[0].text.empty()) fail(std::string("the file's path is empty; ") + kForm);
  if (tokens[0].text.find('\0') != std::string::npos) fail("the file's path has a NUL in it");
  return tokens[0].text;
}

// The value of a switch: 0 or 1.
bool switch_value(const std::vector<Token>& tokens, const std::string& argument) {
  if (tokens.size() == 3 && (tokens[2].text == "1" || tokens[2].text == "0")) {
    return tokens[2].text == "1";
  }
  fail("bad value in \"" + argument + "\"; expected " + tokens[0].text + "=1 or " + tokens[0].text +
       "=0");
}

Path parse_path(const std::string& text, const std::string& argument) {
  try {
    return Path::parse(text);
  } catch (const Error& error) {
    throw Error(error.code(), "oocmap: in \"" + argument + "\": " + error.message());
  }
}

// The text of the option's path.
std::string path_value(const std::vector<Token>& tokens, const std::string& argument) {
  if (tokens.size() == 3 && tokens[2].kind == Token::Kind::kString) return tokens[2].text;
  fail("bad value in \"" + argument + "\"; expected a path in quotes: " + tokens[0].text +
       "='$.path'");
}

void read_option(const std::vector<Token>& tokens, const std::string& argument, Arguments& to,
                 std::vector<std::string>& seen) {
  const Token& name = tokens[0];
  for (const std::string& other : seen) {
    if (same_name(other, name.text)) fail("the option \"" + name.text + "\" is given twice");
  }
  seen.push_back(name.text);
  if (name.is_keyword("ROOT")) {
    to.root_text = path_value(tokens, argument);
    to.root = parse_path(to.root_text, argument);
  } else if (name.is_keyword("EACH")) {
    to.each_text = path_value(tokens, argument);
    to.each = parse_path(to.each_text, argument);
  } else if (name.is_keyword("CREATE")) {
    to.create = switch_value(tokens, argument);
  } else if (name.is_keyword("FLAT")) {
    to.flat = switch_value(tokens, argument);
  } else if (name.is_keyword("VERIFY")) {
    if (tokens.size() != 3 || !tokens[2].is_keyword("FULL")) {
      fail("bad value in \"" + argument + "\"; expected verify=full");
    }
    to.verify = true;
  } else {
    fail("unknown option \"" + name.text + "\" in \"" + argument + "\"; " + kExpected);
  }
}

// Words that would make the column something else than a column with a type.
bool is_type_token(const Token& token) {
  static constexpr std::string_view kRefused[] = {
      "NOT",   "NULL",       "PRIMARY",   "KEY", "UNIQUE",     "DEFAULT",       "COLLATE",
      "CHECK", "REFERENCES", "GENERATED", "AS",  "CONSTRAINT", "AUTOINCREMENT", "HIDDEN"};
  if (token.kind == Token::Kind::kSign)
    return std::string_view("(),+-").find(token.text) != std::string_view::npos;
  if (token.kind != Token::Kind::kWord) return false;
  for (const std::string_view word : kRefused) {
    if (token.is_keyword(word)) return false;
  }
  return true;
}

// The declared type that begins at tokens[at], which is moved to PATH or the end.
std::string read_type(const std::vector<Token>& tokens, size_t& at, const std::string& argument,
                      const char* form) {
  std::string type;
  for (; at < tokens.size() && !tokens[at].is_keyword("PATH"); ++at) {
    if (!is_type_token(tokens[at])) {
      fail("unexpected \"" + tokens[at].raw + "\" in \"" + argument + "\"" + form);
    }
    const bool glue = tokens[at].kind == Token::Kind::kSign || type.empty() || type.back() == '(' ||
                      type.back() == ',';
    if (!glue) type += ' ';
    type += tokens[at].text;
  }
  return type;
}

bool is_name(const Token& token) {
  return token.kind == Token::Kind::kWord || token.kind == Token::Kind::kQuotedName;
}

// `key TYPE`: what clients that bind all keys as text need to know.
void read_key_type(const std::vector<Token>& tokens, const std::string& argument, Arguments& to) {
  static constexpr char kForm[] =
      "; expected the key's type alone: key INTEGER (a column of another name can have a PATH)";
  if (!to.key_type.empty()) fail("the type of \"key\" is given twice");
  size_t at = 1;
  to.key_type = read_type(tokens, at, argument, kForm);
  if (at < tokens.size())
    fail("unexpected \"" + tokens[at].raw + "\" in \"" + argument + "\"" + kForm);
  if (to.key_type.empty()) fail("no type in \"" + argument + "\"" + kForm);
  to.key_affinity = affinity_of(to.key_type);
}

NamedColumn read_column(const std::vector<Token>& tokens, const std::string& argument) {
  static constexpr char kForm[] = "; expected a column: name TYPE PATH '$.path'";
  NamedColumn column;
  if (!is_name(tokens[0])) {
    fail("unexpected \"" + tokens[0].raw + "\" in \"" + argument + "\"; " + kExpected);
  }
  column.name = tokens[0].text;
  size_t at = 1;
  column.type = read_type(tokens, at, argument, kForm);
  if (at == tokens.size()) fail("no PATH in \"" + argument + "\"" + kForm);
  if (at + 2 != tokens.size() || tokens[at + 1].kind != Token::Kind::kString) {
    const std::string bad = at + 1 < tokens.size() ? tokens.back().raw : "PATH";
    fail("unexpected \"" + bad + "\" in \"" + argument + "\"" + kForm);
  }
  column.path_text = tokens[at + 1].text;
  column.path = parse_path(column.path_text, argument);
  return column;
}

// Names a table's own columns have, but the handle. A flat table has few.
std::vector<std::string> own_names(const Arguments& arguments) {
  std::vector<std::string> names = {"key"};
  if (arguments.each) names.insert(names.end(), {"item", "rowid"});
  if (!arguments.flat) names.insert(names.end(), {"value", "type", "key_type", "json"});
  return names;
}

std::string own_names_text(const Arguments& arguments) {
  return arguments.each ? "key, item, value, type, key_type, json, rowid"
                        : "key, value, type, key_type, json";
}

}  // namespace

std::string quoted_name(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

void check_column_names(const Arguments& arguments, const std::string& table) {
  std::vector<std::string> taken = own_names(arguments);
  const auto is_taken = [&taken](const std::string& name) {
    for (const std::string& other : taken) {
      if (same_name(name, other)) return true;
    }
    return false;
  };
  if (!arguments.function && same_name(table, "oocmap")) {
    fail("a table cannot be named \"" + table +
         "\": it would hide the table-valued function oocmap('data.ooc' [, '$.path'])");
  }
  if (is_taken(table)) {
    fail("a table cannot be named \"" + table +
         "\": its handle column has the table's name, and there is a column of that name");
  }
  taken.push_back(table);
  for (const NamedColumn& column : arguments.columns) {
    if (is_taken(column.name)) {
      fail("there is more than one column \"" + column.name + "\" (the names " +
           quoted_name(table) + " and " + own_names_text(arguments) + " are the table's own)");
    }
    taken.push_back(column.name);
  }
}

void check_commas(std::string_view create_statement) {
  const std::optional<char> sign = sign_behind_nothing(create_statement);
  if (!sign) return;
  fail(std::string("unexpected \"") + *sign + "\" where an argument should stand; " + kExpected);
}

Arguments parse_arguments(const std::string& table, const std::vector<std::string>& arguments) {
  Arguments parsed;
  parsed.file = file_argument(arguments);
  std::vector<std::string> seen;
  for (size_t i = 1; i < arguments.size(); ++i) {
    const std::vector<Token> tokens = split_tokens(arguments[i]);
    if (tokens.empty()) fail(std::string("an argument is empty; ") + kExpected);
    if (tokens.size() > 1 && tokens[1].is_sign('=')) {
      read_option(tokens, arguments[i], parsed, seen);
    } else if (is_name(tokens[0]) && same_name(tokens[0].text, "key")) {
      read_key_type(tokens, arguments[i], parsed);
    } else {
      parsed.columns.push_back(read_column(tokens, arguments[i]));
    }
  }
  check_column_names(parsed, table);
  return parsed;
}

// Not where the table or a named column has its name, and not in a flat table: that shows no value
// to set.
bool has_path_column(const Arguments& arguments, const std::string& table) {
  bool taken = same_name(table, "path");
  for (const NamedColumn& column : arguments.columns) {
    taken = taken || same_name(column.name, "path");
  }
  return !taken && !arguments.flat && !arguments.function;
}

std::vector<Column> table_columns(const Arguments& arguments, const std::string& table) {
  std::vector<Column> columns = {{ColumnKind::kKey}};
  if (arguments.each) columns.push_back({ColumnKind::kItem});
  if (!arguments.flat) {
    columns.push_back({ColumnKind::kValue});
    columns.push_back({ColumnKind::kType});
  }
  for (size_t i = 0; i < arguments.columns.size(); ++i) columns.push_back({ColumnKind::kNamed, i});
  if (arguments.function) {  // first of the hidden ones: arguments are bound to those in order
    columns.push_back({ColumnKind::kFile});
    columns.push_back({ColumnKind::kRoot});
  }
  if (has_path_column(arguments, table)) columns.push_back({ColumnKind::kPath});
  if (!arguments.flat) {
    columns.push_back({ColumnKind::kKeyType});
    columns.push_back({ColumnKind::kJson});
  }
  columns.push_back({ColumnKind::kHandle});
  if (arguments.each || arguments.function) columns.push_back({ColumnKind::kRowId});
  return columns;
}

std::string table_declaration(const Arguments& arguments, const std::string& table) {
  // `key` has no type unless one is asked for: the type ANY would mean numeric affinity.
  std::string sql = "CREATE TABLE x(key " + arguments.key_type + " NOT NULL";
  if (!arguments.each && !arguments.function) sql += " PRIMARY KEY";
  for (const Column& column : table_columns(arguments, table)) {
    switch (column.kind) {
      case ColumnKind::kKey:
        break;
      case ColumnKind::kItem:
        sql += ", item";
        break;
      case ColumnKind::kValue:
        sql += ", value";
        break;
      case ColumnKind::kType:
        sql += ", type TEXT";
        break;
      case ColumnKind::kNamed: {
        const NamedColumn& named = arguments.columns[column.named];
        sql += ", " + quoted_name(named.name) + " " + named.type;
        break;
      }
      case ColumnKind::kPath:
        sql += ", path TEXT HIDDEN";
        break;
      case ColumnKind::kFile:
        sql += ", file TEXT HIDDEN";
        break;
      case ColumnKind::kRoot:
        sql += ", root TEXT HIDDEN";
        break;
      case ColumnKind::kKeyType:
        sql += ", key_type TEXT HIDDEN";
        break;
      case ColumnKind::kJson:
        sql += ", json TEXT HIDDEN";
        break;
      case ColumnKind::kHandle:
        sql += ", " + quoted_name(table) + " BLOB HIDDEN";
        break;
      case ColumnKind::kRowId:  // a table that is written needs one column as its primary key
        sql += ", rowid TEXT HIDDEN NOT NULL PRIMARY KEY";
        break;
    }
  }
  return sql + ") WITHOUT ROWID";
}

}  // namespace oocmap::sql
