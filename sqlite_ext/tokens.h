// Splits one argument of CREATE VIRTUAL TABLE into SQL tokens.
#pragma once

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

// Compares as SQL names are: ASCII letters without case.
bool same_name(std::string_view a, std::string_view b);

}  // namespace oocmap::sql
