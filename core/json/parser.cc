#include "core/json/parser.h"

#include <optional>

// RapidJSON reports errors by assertion only where its caller broke a rule.
#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/json/number.h"

namespace oocmap {
namespace {

// RapidJSON refuses the escape of a lone surrogate, which Python's and SQLite's JSON accept. This
// stream shows the parser U+FFFF and a letter for it (and U+FFFF twice for a U+FFFF of the text);
// decode_surrogates() turns them back. Used only for texts that have \ud somewhere.
constexpr std::string_view kMarker = "\\uffff";
constexpr char kMarkerBytes[] = "\xef\xbf\xbf";

class SurrogateStream {
 public:
  using Ch = char;
  explicit SurrogateStream(std::string_view text) : text_(text) { advance(); }
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
    for (const char c : at.substr(2, 4)) {
      const char lower = static_cast<char>(c | 0x20);
      if (c >= '0' && c <= '9') {
        unit = unit << 4 | static_cast<uint32_t>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        unit = unit << 4 | static_cast<uint32_t>(lower - 'a' + 10);
      } else {
        return std::nullopt;
      }
    }
    return unit;
  }

  // Shows the next token of the text: an escape as a whole (so that \\ never starts another), a
  // character otherwise.
  void advance() {
    start_ = next_;
    const std::string_view rest = text_.substr(next_);
    const std::optional<uint32_t> unit = escape(rest);
    size_t length = std::min<size_t>(rest.size(), rest.substr(0, 1) == "\\" ? 2 : 1);
    if (unit && *unit >= 0xd800 && *unit < 0xdc00 && is_low(escape(rest.substr(6)))) {
      length = 12;
    } else if (unit && *unit >= 0xd800 && *unit < 0xe000) {
      next_ += 6;
      return show(*unit);
    } else if (unit && *unit == 0xffff) {
      next_ += 6;
      return show(0xffff);
    } else if (rest.substr(0, 3) == kMarkerBytes) {
      next_ += 3;
      return show(0xffff);
    }
    shown_ = rest.substr(0, length);
    next_ += length;
  }

  static bool is_low(std::optional<uint32_t> unit) {
    return unit && *unit >= 0xdc00 && *unit < 0xe000;
  }

  // U+FFFF, then U+E000 + the surrogate's number (a private character), or U+FFFF again.
  void show(uint32_t unit) {
    static constexpr char kHex[] = "0123456789abcdef";
    const uint32_t second = unit == 0xffff ? 0xffff : 0xe000 + (unit - 0xd800);
    buffer_ = kMarker;
    buffer_ += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) buffer_.push_back(kHex[second >> shift & 0xf]);
    shown_ = buffer_;
  }

  std::string_view text_;
  std::string_view shown_;
  Buffer buffer_;
  size_t next_ = 0;
  size_t start_ = 0;
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
  Handler(JsonEvents& events, bool surrogates) : events_(events), surrogates_(surrogates) {}

  bool Null() { return events_.null(), true; }
  bool Bool(bool value) { return events_.boolean(value), true; }
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(int64_t) { return false; }
  bool Uint64(uint64_t) { return false; }
  bool Double(double) { return false; }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    const std::string_view digits(text, size);
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
  bool String(const char* text, rapidjson::SizeType size, bool) {
    with_text({text, size},
              [this](PayloadKind kind, Bytes bytes) { events_.payload(kind, bytes); });
    return true;
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    with_text({text, size}, [this](PayloadKind kind, Bytes bytes) { events_.key(kind, bytes); });
    return true;
  }
  bool StartObject() { return events_.begin_object(), true; }
  bool EndObject(rapidjson::SizeType) { return events_.end(), true; }
  bool StartArray() { return events_.begin_array(), true; }
  bool EndArray(rapidjson::SizeType) { return events_.end(), true; }

 private:
  template <typename Use>
  void with_text(Bytes text, const Use& use) {
    if (!surrogates_ || text.find(kMarkerBytes) == Bytes::npos) return use(PayloadKind::kStr, text);
    const Buffer decoded = decode_surrogates(text);
    use(text_form(decoded) == TextForm::kUtf8 ? PayloadKind::kStr : PayloadKind::kWtf8, decoded);
  }

  JsonEvents& events_;
  bool surrogates_;
};

template <typename Stream>
void parse(Stream& stream, Handler& handler, size_t size) {
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag |
                              rapidjson::kParseNumbersAsStringsFlag |
                              rapidjson::kParseValidateEncodingFlag;
  rapidjson::Reader reader;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, handler);
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

}  // namespace

void parse_json(std::string_view text, JsonEvents& events) {
  Handler handler(events, has_surrogate_escape(text));
  if (has_surrogate_escape(text)) {
    SurrogateStream stream(text);
    parse(stream, handler, text.size());
    return;
  }
  rapidjson::MemoryStream memory(text.data(), text.size());
  parse(memory, handler, text.size());
}

}  // namespace oocmap
