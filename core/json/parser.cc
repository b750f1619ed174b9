#include "core/json/parser.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <new>
#include <optional>

// RapidJSON reports errors by assertion only where its caller broke a rule.
#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/json/number.h"

namespace oocmap {
namespace {

// RapidJSON refuses two things that Python's and SQLite's JSON accept: the escape of a lone
// surrogate, and a number beyond a double. This stream shows the parser something else in their
// place, which the handler turns back:
//   a lone surrogate   \uffff and a private character for it (U+FFFF itself: \uffff twice)
//   a number           text: \uffff, n, the number
// Used only for texts that need it.
constexpr std::string_view kMarker = "\\uffff";
constexpr char kMarkerBytes[] = "\xef\xbf\xbf";
constexpr std::string_view kNumberMark = "\xef\xbf\xbfn";

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

size_t digits_from(std::string_view text, size_t at) noexcept {
  size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end - at;
}

// Length of the JSON number `text` begins with, 0 where it begins with none.
size_t number_length(std::string_view text) noexcept {
  const auto at = [text](size_t i) { return i < text.size() ? text[i] : '\0'; };
  size_t end = at(0) == '-';
  const size_t whole = digits_from(text, end);
  if (whole == 0 || (whole > 1 && at(end) == '0')) return 0;
  end += whole;
  if (at(end) == '.') {
    const size_t fraction = digits_from(text, end + 1);
    if (fraction == 0) return 0;
    end += 1 + fraction;
  }
  if (at(end) != 'e' && at(end) != 'E') return end;
  const size_t sign = at(end + 1) == '-' || at(end + 1) == '+';
  const size_t exponent = digits_from(text, end + 1 + sign);
  return exponent == 0 ? 0 : end + 1 + sign + exponent;
}

// RapidJSON names what a stream and a handler must have.
// NOLINTBEGIN(readability-identifier-naming)
class ShownStream {
 public:
  using Ch = char;
  explicit ShownStream(std::string_view text) : text_(text) { advance(); }
  Ch Peek() const { return shown_.empty() ? '\0' : shown_.front(); }
  Ch Take() {
    const Ch c = Peek();
    if (!shown_.empty()) shown_.remove_prefix(1);
    if (shown_.empty()) advance();
    return c;
  }
  size_t Tell() const { return start_; }
  // Only in-situ parsing writes; RapidJSON's interface names these all the same.
  Ch* PutBegin() { return nullptr; }
  void Put(Ch) {}
  void Flush() {}
  size_t PutEnd(Ch*) { return 0; }

 private:
  static std::optional<uint32_t> escape(std::string_view at) {
    if (at.size() < 6 || at[0] != '\\' || at[1] != 'u') return std::nullopt;
    uint32_t unit = 0;
    const auto [end, error] = std::from_chars(at.data() + 2, at.data() + 6, unit, 16);
    if (error != std::errc() || end != at.data() + 6) return std::nullopt;
    return unit;
  }

  static bool is_low(std::optional<uint32_t> unit) {
    return unit && *unit >= 0xdc00 && *unit < 0xe000;
  }

  // Shows the next token of the text: an escape as a whole (so that a backslash pair never starts
  // another), a character otherwise.
  void advance() {
    start_ = next_;
    const std::string_view rest = text_.substr(next_);
    if (rest.empty()) return;
    if (in_text_ ? show_text(rest) : show_number(rest)) return;
    const size_t length = rest[0] == '\\' ? std::min<size_t>(rest.size(), 2) : 1;
    if (rest[0] == '"') in_text_ = !in_text_;
    shown_ = rest.substr(0, length);
    next_ += length;
  }

  bool show_text(std::string_view rest) {
    const std::optional<uint32_t> unit = escape(rest);
    if (unit && *unit >= 0xd800 && *unit < 0xdc00 && is_low(escape(rest.substr(6)))) {
      shown_ = rest.substr(0, 12);
      next_ += 12;
      return true;
    }
    if (unit && ((*unit >= 0xd800 && *unit < 0xe000) || *unit == 0xffff)) {
      show_unit(*unit, 6);
      return true;
    }
    if (rest.substr(0, 3) == kMarkerBytes) {
      show_unit(0xffff, 3);
      return true;
    }
    return false;
  }

  // U+FFFF, then U+E000 + the surrogate's number (a private character), or U+FFFF again.
  void show_unit(uint32_t unit, size_t length) {
    static constexpr char kHex[] = "0123456789abcdef";
    const uint32_t second = unit == 0xffff ? 0xffff : 0xe000 + (unit - 0xd800);
    buffer_ = kMarker;
    buffer_ += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) buffer_.push_back(kHex[second >> shift & 0xf]);
    shown_ = buffer_;
    next_ += length;
  }

  bool show_number(std::string_view rest) {
    const size_t length = number_length(rest);
    if (length == 0) return false;  // something else, or an error: shown as it is
    buffer_ = "\"";
    buffer_ += kMarker;
    buffer_ += "n";
    buffer_ += rest.substr(0, length);
    buffer_ += "\"";
    shown_ = buffer_;
    next_ += length;
    return true;
  }

  std::string_view text_;
  std::string_view shown_;
  Buffer buffer_;
  size_t next_ = 0;
  size_t start_ = 0;
  bool in_text_ = false;
};

Buffer decode_surrogates(Bytes text) {
  Buffer out;
  for (size_t at = 0; at < text.size();) {
    const uint32_t codepoint = next_codepoint(text, at);
    if (codepoint != 0xffff) {
      append_codepoint(out, codepoint);
      continue;
    }
    const uint32_t second = next_codepoint(text, at);
    append_codepoint(out, second == 0xffff ? 0xffff : second - 0xe000 + 0xd800);
  }
  return out;
}

// RapidJSON's handler: numbers come as text, so that integers stay exact.
class Handler {
 public:
  // `shown`: whether the text came through ShownStream.
  Handler(JsonEvents& events, bool shown) : events_(events), shown_(shown) {}

  bool Null() { return events_.null(), true; }
  bool Bool(bool value) { return events_.boolean(value), true; }
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(int64_t) { return false; }
  bool Uint64(uint64_t) { return false; }
  bool Double(double) { return false; }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) { return number({text, size}); }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    const Bytes shown(text, size);
    if (is_number(shown)) return number(shown.substr(kNumberMark.size()));
    with_text(shown, [this](PayloadKind kind, Bytes bytes) { events_.payload(kind, bytes); });
    return true;
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    const Bytes shown(text, size);
    if (is_number(shown)) {
      throw Error(ErrorCode::kInvalidJson, "bad JSON: the number " +
                                               Buffer(shown.substr(kNumberMark.size())) +
                                               " stands where a key must be text");
    }
    with_text(shown, [this](PayloadKind kind, Bytes bytes) { events_.key(kind, bytes); });
    return true;
  }
  bool StartObject() { return events_.begin_object(), true; }
  bool EndObject(rapidjson::SizeType) { return events_.end(), true; }
  bool StartArray() { return events_.begin_array(), true; }
  bool EndArray(rapidjson::SizeType) { return events_.end(), true; }

 private:
  bool is_number(Bytes shown) const noexcept {
    return shown_ && shown.substr(0, kNumberMark.size()) == kNumberMark;
  }

  bool number(std::string_view digits) {
    double value = 0;
    if (digits.find_first_of(".eE") != std::string_view::npos) {
      if (!parse_float(digits, value)) return false;
      events_.floating(value);
      return true;
    }
    const ParsedInt parsed = parse_int(digits);
    parsed.big ? events_.payload(PayloadKind::kBigInt, parsed.payload)
               : events_.integer(parsed.value);
    return true;
  }

  template <typename Use>
  void with_text(Bytes text, const Use& use) {
    if (!shown_ || text.find(kMarkerBytes) == Bytes::npos) return use(PayloadKind::kStr, text);
    const Buffer decoded = decode_surrogates(text);
    use(text_form(decoded) == TextForm::kUtf8 ? PayloadKind::kStr : PayloadKind::kWtf8, decoded);
  }

  JsonEvents& events_;
  bool shown_;
};

// RapidJSON's own allocator gives it null, which it does not look at.
class Memory {
 public:
  [[maybe_unused]] static constexpr bool kNeedFree = true;
  static void* Malloc(size_t size) { return size == 0 ? nullptr : given(std::malloc(size)); }
  static void* Realloc(void* old, size_t, size_t size) {
    if (size != 0) return given(std::realloc(old, size));
    std::free(old);
    return nullptr;
  }
  static void Free(void* memory) noexcept { std::free(memory); }

 private:
  static void* given(void* memory) {
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }
};
// NOLINTEND(readability-identifier-naming)

constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;

// `valid`: the text is known to be UTF-8. RapidJSON looks at every byte of it by itself else.
template <typename Stream>
void parse(Stream& stream, Handler& handler, size_t size, bool valid) {
  rapidjson::GenericReader<rapidjson::UTF8<>, rapidjson::UTF8<>, Memory> reader;
  const rapidjson::ParseResult result =
      valid ? reader.Parse<kFlags>(stream, handler)
            : reader.Parse<kFlags | rapidjson::kParseValidateEncodingFlag>(stream, handler);
  if (result.IsError()) {
    throw Error(ErrorCode::kInvalidJson, "bad JSON at byte " +
                                             std::to_string(std::min(result.Offset(), size)) +
                                             ": " + rapidjson::GetParseError_En(result.Code()));
  }
  // RapidJSON takes a NUL for the end of its input.
  if (stream.Tell() < size) {
    throw Error(ErrorCode::kInvalidJson, "bad JSON at byte " + std::to_string(stream.Tell()) +
                                             ": a NUL character where the text should end");
  }
}

bool has_surrogate_escape(std::string_view text) noexcept {
  return text.find("\\ud") != std::string_view::npos || text.find("\\uD") != std::string_view::npos;
}

// Whether as many digits in a row as no double needs may be somewhere: each of such a row's bytes
// would do to find it, so few are looked at.
bool has_long_digits(std::string_view text) noexcept {
  constexpr size_t kDoubleDigits = 300;
  for (size_t i = kDoubleDigits - 1; i < text.size(); i += kDoubleDigits) {
    if (!is_digit(text[i])) continue;
    size_t first = i;
    while (first > 0 && is_digit(text[first - 1])) --first;
    if (digits_from(text, first) >= kDoubleDigits) return true;
  }
  return false;
}

// Where the text that begins at `at`, behind its quote, ends: behind its closing quote.
size_t end_of_text(std::string_view text, size_t at) noexcept {
  for (size_t from = at;;) {
    const size_t quote = text.find('"', from);
    if (quote == std::string_view::npos) return text.size();
    size_t backslashes = 0;
    while (quote - backslashes > at && text[quote - backslashes - 1] == '\\') ++backslashes;
    from = quote + 1;
    if (backslashes % 2 == 0) return from;
  }
}

// Whether some number has three digits behind an e.
bool has_large_exponent(std::string_view text) noexcept {
  for (size_t i = 0; i < text.size();) {
    const char c = text[i++];
    if (c == '"') {
      i = end_of_text(text, i);
    } else if (c == 'e' || c == 'E') {
      const bool sign = i < text.size() && (text[i] == '-' || text[i] == '+');
      if (digits_from(text, i + sign) >= 3) return true;
    }
  }
  return false;
}

}  // namespace

void parse_json(std::string_view text, JsonEvents& events) {
  const bool shown =
      has_surrogate_escape(text) || has_long_digits(text) || has_large_exponent(text);
  const bool valid = text_form(text) == TextForm::kUtf8;
  Handler handler(events, shown);
  if (shown) {
    ShownStream stream(text);
    parse(stream, handler, text.size(), valid);
    return;
  }
  rapidjson::MemoryStream memory(text.data(), text.size());
  parse(memory, handler, text.size(), valid);
}

}  // namespace oocmap
