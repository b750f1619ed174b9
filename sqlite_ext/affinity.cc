#include "sqlite_ext/affinity.h"

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <new>
#include <string>

#include "sqlite_ext/row_source.h"

namespace oocmap::sql {
namespace {

// Of ASCII only, whatever the locale.
char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool is_numeric(Affinity affinity) noexcept { return affinity >= Affinity::kNumeric; }

// A value after the affinity was applied. A copy: a conversion in place would show in other
// columns of the statement, where the same constant stands in one register.
class Converted {
 public:
  Converted(sqlite3_value* value, Affinity affinity) : value_(value) {
    const int type = sqlite3_value_type(value);
    const bool to_number = type == SQLITE_TEXT && is_numeric(affinity);
    const bool to_text =
        (type == SQLITE_INTEGER || type == SQLITE_FLOAT) && affinity == Affinity::kText;
    if (!to_number && !to_text) return;
    copy_.reset(sqlite3_value_dup(value));
    if (!copy_) throw std::bad_alloc();
    value_ = copy_.get();
    if (to_number) sqlite3_value_numeric_type(value_);
    as_text_ = to_text;
  }
  sqlite3_value* value() const noexcept { return value_; }
  // The number's text; sqlite3_value_type may still call it a number.
  bool as_text() const noexcept { return as_text_; }

 private:
  struct Free {
    void operator()(sqlite3_value* value) const noexcept { sqlite3_value_free(value); }
  };
  std::unique_ptr<sqlite3_value, Free> copy_;
  sqlite3_value* value_;
  bool as_text_ = false;
};

// As SQLite's sqlite3AtoF: blanks around a decimal number of which at least one digit is there.
bool reads_as_number(Bytes text) noexcept {
  size_t at = 0;
  const auto skip = [&](std::string_view characters) {
    const size_t start = at;
    at = std::min(text.find_first_not_of(characters, at), text.size());
    return at - start;
  };
  constexpr std::string_view kDigits = "0123456789";
  constexpr std::string_view kBlanks = " \t\n\v\f\r";
  const auto sign = [&] { at += at < text.size() && (text[at] == '-' || text[at] == '+'); };
  skip(kBlanks);
  sign();
  size_t digits = skip(kDigits);
  if (at < text.size() && text[at] == '.') {
    ++at;
    digits += skip(kDigits);
  }
  if (digits == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    sign();
    if (skip(kDigits) == 0) return false;
  }
  skip(kBlanks);
  return at == text.size();
}

bool is_number(const Key& key) noexcept {
  const auto first = static_cast<uint8_t>(key.order().front());
  return first >= kClassNumberFirst && first <= kClassNumberLast;
}

// An int that REAL rounds is another number then.
bool is_exact_real(const Key& key) {
  if (key.form() == KeyForm::kFloat) return true;
  const std::optional<int64_t> integer = integer_of(key);
  if (!integer) return true;  // a float, or shown as one
  constexpr double kBehindInts = 9223372036854775808.0;
  const auto real = static_cast<double>(*integer);
  return real < kBehindInts && static_cast<int64_t>(real) == *integer;
}

}  // namespace

Affinity affinity_of(std::string_view type) {
  std::string text(type);
  for (char& c : text) c = upper(c);
  const auto has = [&text](std::initializer_list<std::string_view> words) {
    for (const std::string_view word : words) {
      if (text.find(word) != std::string::npos) return true;
    }
    return false;
  };
  if (has({"INT"})) return Affinity::kInteger;
  if (has({"CHAR", "CLOB", "TEXT"})) return Affinity::kText;
  if (text.empty() || has({"BLOB"})) return Affinity::kBlob;
  return has({"REAL", "FLOA", "DOUB"}) ? Affinity::kReal : Affinity::kNumeric;
}

bool is_kept(const Key& key, Affinity affinity) {
  if (affinity == Affinity::kBlob) return true;
  if (affinity == Affinity::kText) return !is_number(key);
  if (static_cast<uint8_t>(key.order().front()) == kClassText) {
    return !reads_as_number(key.order().substr(1));
  }
  return affinity != Affinity::kReal || is_exact_real(key);
}

std::optional<Key> asked_key(sqlite3_value* value, Affinity affinity) {
  const Converted converted(value, affinity);
  if (converted.as_text()) return Key::text(text_bytes(converted.value()));
  return key_from(converted.value());
}

KeyPlace asked_place(sqlite3_value* value, Affinity affinity) {
  const Converted converted(value, affinity);
  if (converted.as_text()) return place_of(Key::text(text_bytes(converted.value())));
  return place_from(converted.value());
}

std::optional<Key> written_key(sqlite3_value* value, Affinity affinity) {
  std::optional<Key> key = asked_key(value, affinity);
  if (!key || !is_numeric(affinity)) return key;
  const std::optional<int64_t> integer = integer_of(*key);
  if (!integer) return key;
  if (affinity == Affinity::kReal) {  // a float is one already; -0.0 would lose its sign
    return key->form() == KeyForm::kCanonical ? Key::floating(static_cast<double>(*integer)) : key;
  }
  return Key::integer(*integer);
}

}  // namespace oocmap::sql
