#include "sqlite_ext/tokens.h"

#include <algorithm>

#include "core/base/error.h"

namespace oocmap::sql {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '_' || c == '$' ||
         c == '.' || static_cast<unsigned char>(c) >= 0x80;
}

// The token that starts with a quote at text[at]; a doubled quote stands for one.
Token quoted(std::string_view text, size_t at) {
  const char open = text[at];
  const char close = open == '[' ? ']' : open;
  Token token{open == '\'' ? Token::Kind::kString : Token::Kind::kQuotedName, {}, {}};
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == close) {
      const bool doubled = close != ']' && i + 1 < text.size() && text[i + 1] == close;
      if (!doubled) {
        token.raw = text.substr(at, i + 1 - at);
        return token;
      }
      ++i;
    }
    token.text.push_back(text[i]);
  }
  throw Error(ErrorCode::kInvalidArgument,
              "oocmap: the quote does not end: " + std::string(text.substr(at)));
}

}  // namespace

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool Token::is_keyword(std::string_view word) const {
  return kind == Kind::kWord && same_name(text, word);
}

std::vector<Token> split_tokens(std::string_view text) {
  std::vector<Token> tokens;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (is_blank(c)) {
      ++at;
      continue;
    }
    if (c == '\'' || c == '"' || c == '`' || c == '[') {
      tokens.push_back(quoted(text, at));
    } else {
      size_t end = at;
      while (end < text.size() && is_word(text[end])) ++end;
      const auto kind = end > at ? Token::Kind::kWord : Token::Kind::kSign;
      const std::string word(text.substr(at, std::max<size_t>(end - at, 1)));
      tokens.push_back({kind, word, word});
    }
    at += tokens.back().raw.size();
  }
  return tokens;
}

}  // namespace oocmap::sql
