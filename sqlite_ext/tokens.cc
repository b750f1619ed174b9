#include "sqlite_ext/tokens.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "core/base/error.h"

namespace oocmap::sql {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool is_quote(char c) { return c == '\'' || c == '"' || c == '`' || c == '['; }

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

// A comment is a blank.
std::string without_comments(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    size_t length = 1;
    if (is_quote(rest[0])) {
      length = quoted(text, at).raw.size();
      out += rest.substr(0, length);
    } else if (rest.starts_with("--")) {
      length = std::min(rest.find('\n'), rest.size());
    } else if (rest.starts_with("/*")) {
      length = std::min(rest.find("*/", 2), rest.size() - 2) + 2;
      out += ' ';
    } else {
      out += rest[0];
    }
    at += length;
  }
  return out;
}

// The length of what SQLite passes over before a statement.
size_t blanks_before(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const std::string_view rest = text.substr(at);
    const bool mark = rest.starts_with("\xef\xbb\xbf");  // a byte order mark
    if (!mark && !is_blank(rest[0]) && rest[0] != ';') break;
    at += mark ? 3 : 1;
  }
  return at;
}

}  // namespace

std::optional<char> sign_behind_nothing(std::string_view create_statement) {
  int depth = 0;
  int arguments = 0;
  bool empty = true;  // the argument that is being read
  for (const Token& token : split_tokens(without_comments(create_statement))) {
    const bool at_top = depth == 1;
    if (token.is_sign('(')) ++depth;
    if (token.is_sign(')')) --depth;
    const bool ends = at_top && (token.is_sign(',') || depth == 0);
    if (ends && empty && (arguments > 0 || depth > 0)) return token.text[0];
    if (ends) ++arguments;
    if (at_top) empty = ends;
  }
  return std::nullopt;
}

std::optional<TableName> created_table(std::string_view statement) {
  std::vector<Token> tokens;
  try {
    const std::string text = without_comments(statement);
    tokens = split_tokens(std::string_view(text).substr(blanks_before(text)));
  } catch (const Error&) {
    return std::nullopt;  // a quote inside a parameter's name ($a('b)): in no such statement
  }
  size_t at = 0;
  const auto follow = [&](std::initializer_list<std::string_view> words) {
    const size_t start = at;
    for (const std::string_view word : words) {
      if (at == tokens.size() || !tokens[at].is_keyword(word)) {
        at = start;
        return false;
      }
      ++at;
    }
    return true;
  };
  if (!follow({"CREATE", "VIRTUAL", "TABLE"})) return std::nullopt;
  follow({"IF", "NOT", "EXISTS"});
  TableName found;
  // A dot is part of a word here, so it stands at a word's end, at its start, or inside.
  for (; at < tokens.size() && !tokens[at].is_keyword("USING"); ++at) {
    const Token& token = tokens[at];
    const size_t dot = token.kind == Token::Kind::kWord ? token.text.find('.') : std::string::npos;
    if (dot == std::string::npos) {
      found.name += token.text;
    } else {
      found.schema = found.name + token.text.substr(0, dot);
      found.name = token.text.substr(dot + 1);
    }
  }
  return at < tokens.size() ? std::optional(std::move(found)) : std::nullopt;
}

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
    if (is_quote(c)) {
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
