// Splits one argument of CREATE VIRTUAL TABLE into SQL tokens.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oocmap::sql {

struct Token {
  enum class Kind { kWord, kString, kQuotedName, kSign };
  Kind kind;
  std::string text;  // without its quotes
  std::string raw;   // as written

  // Whether this is the keyword `word` (given in capitals).
  bool is_keyword(std::string_view word) const;
  bool is_sign(char sign) const { return kind == Kind::kSign && text[0] == sign; }
};

// Errors: kInvalidArgument for a quote that does not end.
std::vector<Token> split_tokens(std::string_view text);

// The first comma or bracket of `CREATE VIRTUAL TABLE name USING module(...)` before which an
// argument is missing: SQLite tells a module nothing of arguments that are empty. nullopt where
// there is none; for no arguments at all, too.
std::optional<char> sign_behind_nothing(std::string_view create_statement);

// The table that a statement `CREATE VIRTUAL TABLE [IF NOT EXISTS] [schema.]name USING ...` makes;
// nullopt for any other statement.
struct TableName {
  std::string schema;  // empty where none is written
  std::string name;
};
std::optional<TableName> created_table(std::string_view statement);

// Compares as SQL names are: ASCII letters without case.
bool same_name(std::string_view a, std::string_view b);

}  // namespace oocmap::sql
