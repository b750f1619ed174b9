#include "core/json/literal.h"

#include <vector>

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/format/handle.h"
#include "core/format/other_payload.h"
#include "core/json/number.h"
#include "core/json/other_text.h"

namespace oocmap {
namespace {

constexpr int kMaxLiteralDepth = 100;  // containers in each other, of a key that a person typed

[[noreturn]] void fail(const std::string& expected) {
  throw Error(ErrorCode::kInvalidPath, expected);
}

void pack_text(Bytes text, Buffer& to) {
  switch (text_form(text)) {
    case TextForm::kUtf8:
      return pack_payload(to, PayloadKind::kStr, text);
    case TextForm::kWtf8:
      return pack_payload(to, PayloadKind::kWtf8, text);
    case TextForm::kNone:
      fail("the text is not UTF-8");
  }
}

// Reads one literal as a packed value.
class LiteralReader {
 public:
  LiteralReader(std::string_view text, size_t& at) : text_(text), at_(at) {}

  void read(Buffer& to, int depth) {
    skip_blanks();
    const char c = peek();
    if (c == '(') {
      tuple(to, depth);
    } else if (c == 'x' && peek(1) == '\'') {
      key_blob(to);
    } else if (c == '\'' || c == '"') {
      pack_text(quoted(false), to);
    } else if (c == 'b' && (peek(1) == '\'' || peek(1) == '"')) {
      ++at_;
      pack_payload(to, PayloadKind::kBytes, quoted(true));
    } else if (word("frozenset(")) {
      frozenset(to, depth);
    } else if (word("registered(")) {
      registered(to, depth);
    } else if (word("None")) {
      pack_none(to);
    } else if (word("True")) {
      pack_bool(to, true);
    } else if (word("False")) {
      pack_bool(to, false);
    } else {
      number(to);
    }
    skip_blanks();
  }

 private:
  char peek(size_t ahead = 0) const noexcept {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  void skip_blanks() noexcept {
    while (peek() == ' ') ++at_;
  }

  bool word(std::string_view name) noexcept {
    if (text_.substr(at_, name.size()) != name) return false;
    at_ += name.size();
    return true;
  }

  // Reads members up to `close`; returns whether the last was followed by a comma.
  template <typename Add>
  bool members(char close, int depth, const Add& add) {
    if (depth == kMaxLiteralDepth) fail("tuples are nested too deeply for a path");
    ++at_;
    bool comma = true;  // whether another member may follow
    for (skip_blanks(); peek() != close; skip_blanks()) {
      if (!comma) fail(std::string("expected ',' or '") + close + "'");
      add();
      comma = peek() == ',';
      if (comma) ++at_;
    }
    ++at_;
    return comma;
  }

  void tuple(Buffer& to, int depth) {
    Buffer packed;
    uint64_t count = 0;
    const bool comma = members(')', depth, [&] {
      read(packed, depth + 1);
      ++count;
    });
    if (count == 1 && !comma) {  // (1) is the number, as in Python
      to += packed;
      return;
    }
    pack_tuple(to, count);
    to += packed;
  }

  // Behind "frozenset(": as repr writes one, "{1, 2})" or ")".
  void frozenset(Buffer& to, int depth) {
    std::vector<Buffer> packed;
    skip_blanks();
    if (peek() == '{') {
      members('}', depth, [&] { read(packed.emplace_back(), depth + 1); });
      if (packed.empty()) fail("expected a member: '{}' is a dict");
      skip_blanks();
    }
    if (peek() != ')') fail("expected ')'");
    ++at_;
    pack_frozenset(to, packed);
  }

  // Behind "registered(": the class's name and the value, "'Color', 1)".
  void registered(Buffer& to, int depth) {
    if (depth == kMaxLiteralDepth) fail("tuples are nested too deeply for a path");
    skip_blanks();
    if (peek() != '\'' && peek() != '"') fail("expected the name of a registered class");
    const Buffer name = quoted(false);
    if (text_form(name) != TextForm::kUtf8) fail("the name of a registered class must be text");
    pack_registered(to, name, 0);
    skip_blanks();
    if (peek() != ',') fail("expected ','");
    ++at_;
    read(to, depth + 1);
    if (peek() != ')') fail("expected ')'");
    ++at_;
  }

  // x'...': an even number of hexadecimal digits.
  void key_blob(Buffer& to) {
    const size_t start = at_;
    Buffer blob;
    for (at_ += 2; peek() != '\'';) {
      Buffer byte;
      code(2, true, byte);
      blob += byte;
    }
    ++at_;
    try {
      to += decode_key_blob(blob).pack();
    } catch (const Error& error) {
      at_ = start;
      fail("expected the key BLOB of a key in x'...': " + error.message());
    }
  }

  void number(Buffer& to) {
    const size_t end = std::min(text_.find_first_not_of("+-.0123456789eEinfa", at_), text_.size());
    const std::string_view digits = text_.substr(at_, end - at_);
    const bool integral = digits.find_first_of(".eEinfa") == std::string_view::npos;
    const size_t sign = !digits.empty() && digits[0] == '-';
    if (digits.size() <= sign || digits[sign] == '+') {
      fail(
          "expected an index, '#-N' or a literal: None, True, 7, 1.5, 'text', b'bytes', (1, 'a'), "
          "frozenset({1})");
    }
    double value = 0;
    if (integral && digits.find_first_of("+-", 1) == std::string_view::npos) {
      const ParsedInt parsed = parse_int(digits);
      parsed.big ? pack_payload(to, PayloadKind::kBigInt, parsed.payload)
                 : pack_int(to, parsed.value);
    } else if (parse_float(digits, value)) {
      pack_float(to, value);
    } else {
      fail("expected a number, not '" + std::string(digits) + "'");
    }
    at_ = end;
  }

  Buffer quoted(bool bytes) {
    const char quote = peek();
    ++at_;
    Buffer out;
    while (peek() != quote) {
      if (at_ >= text_.size()) fail("the literal's quote does not end");
      if (peek() == '\\') {
        ++at_;
        escape(bytes, out);
      } else {
        out.push_back(peek());
        ++at_;
      }
    }
    ++at_;
    return out;
  }

  void escape(bool bytes, Buffer& out) {
    const char c = peek();
    ++at_;
    switch (c) {
      case '\\':
      case '\'':
      case '"':
        out.push_back(c);
        return;
      case 'n':
        out.push_back('\n');
        return;
      case 'r':
        out.push_back('\r');
        return;
      case 't':
        out.push_back('\t');
        return;
      case '0':
        out.push_back('\0');
        return;
      case 'x':
        return code(2, bytes, out);
      case 'u':
        if (!bytes) return code(4, bytes, out);
        break;
      case 'U':
        if (!bytes) return code(8, bytes, out);
        break;
      default:
        break;
    }
    --at_;
    fail("expected one of the escapes \\\\ \\' \\\" \\n \\r \\t \\0 \\xhh \\uhhhh \\Uhhhhhhhh");
  }

  void code(int digits, bool bytes, Buffer& out) {
    uint32_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const char c = peek();
      const char lower = static_cast<char>(c | 0x20);
      if (c >= '0' && c <= '9') {
        value = value << 4 | static_cast<uint32_t>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        value = value << 4 | static_cast<uint32_t>(lower - 'a' + 10);
      } else {
        fail("expected " + std::to_string(digits) + " hexadecimal digits");
      }
    }
    if (value > 0x10ffff) fail("there is no such character");
    if (bytes) {
      out.push_back(static_cast<char>(value));
    } else {
      append_codepoint(out, value);
    }
  }

  std::string_view text_;
  size_t& at_;
};

void append_hex(const char* prefix, uint32_t value, int digits, Buffer& to) {
  static constexpr char kHex[] = "0123456789abcdef";
  to += prefix;
  for (int i = digits - 1; i >= 0; --i) to.push_back(kHex[value >> (4 * i) & 0xf]);
}

// One character of a literal between `quote`s.
void write_escaped(uint32_t codepoint, char quote, bool bytes, Buffer& to) {
  if (codepoint == static_cast<uint32_t>(quote) || codepoint == '\\') {
    to.push_back('\\');
    to.push_back(static_cast<char>(codepoint));
  } else if (codepoint == '\n') {
    to += "\\n";
  } else if (codepoint == '\r') {
    to += "\\r";
  } else if (codepoint == '\t') {
    to += "\\t";
  } else if (codepoint < 0x20 || codepoint == 0x7f || (bytes && codepoint > 0x7f)) {
    append_hex("\\x", codepoint, 2, to);
  } else if (codepoint >= 0xd800 && codepoint < 0xe000) {
    append_hex("\\u", codepoint, 4, to);
  } else {
    append_codepoint(to, codepoint);
  }
}

void write_quoted(Bytes text, bool bytes, Buffer& to) {
  const bool single = text.find('\'') != Bytes::npos && text.find('"') == Bytes::npos;
  const char quote = single ? '"' : '\'';
  if (bytes) to.push_back('b');
  to.push_back(quote);
  for (size_t at = 0; at < text.size();) {
    const uint32_t codepoint = bytes ? static_cast<uint8_t>(text[at++]) : next_codepoint(text, at);
    write_escaped(codepoint, quote, bytes, to);
  }
  to.push_back(quote);
}

void write_scalar(const Packed& value, Buffer& to) {
  switch (value.tag) {
    case tag_of(WordKind::kNone):
      to += "None";
      return;
    case tag_of(WordKind::kFalse):
      to += "False";
      return;
    case tag_of(WordKind::kTrue):
      to += "True";
      return;
    case tag_of(WordKind::kInt):
      to += std::to_string(static_cast<int64_t>(value.word));
      return;
    case tag_of(WordKind::kFloat):
      to += float_repr(Member{value.tag, value.word}.as_float());
      return;
    case heap_tag(PayloadKind::kBigInt):
      to += big_int_text(value.payload);
      return;
    case heap_tag(PayloadKind::kBytes):
      return write_quoted(value.payload, true, to);
    case heap_tag(PayloadKind::kStr):
    case heap_tag(PayloadKind::kWtf8):
      return write_quoted(value.payload, false, to);
    case heap_tag(PayloadKind::kNumpyScalar): {
      const NumpyScalar scalar = decode_numpy(value.payload);
      Bytes plain = scalar.plain;
      const Packed head = read_packed(plain);
      // The text of a time is no key that equals it: shown as a datetime is, not as a str.
      if (!scalar.equals_plain && head.tag == heap_tag(PayloadKind::kStr)) {
        to.append(head.payload);
        return;
      }
      return write_scalar(head, to);
    }
    default:
      return append_payload_text(static_cast<PayloadKind>(value.tag & ~kLocationMask),
                                 value.payload, to);
  }
}

}  // namespace

Key literal_text_key(std::string_view text) {
  switch (text_form(text)) {
    case TextForm::kUtf8:
      return Key::text(text);
    case TextForm::kWtf8:
      return Key::payload(PayloadKind::kWtf8, text);
    case TextForm::kNone:
      break;
  }
  fail("the text is not UTF-8");
}

Key read_literal_key(std::string_view text, size_t& at) {
  Buffer packed;
  LiteralReader(text, at).read(packed, 0);
  return Key::packed(packed);
}

Buffer key_literal(const Key& key) {
  const Buffer packed = key.pack();
  Bytes rest = packed;
  Buffer out;
  struct Open {
    uint64_t left;
    const char* end;
  };
  std::vector<Open> open;
  for (;;) {
    Packed value = read_packed(rest);
    while (value.registered() && (value.word & kEqualsItsValue) != 0) {  // found by its value
      skip_packed(rest);
      value = read_packed(rest);
    }
    const bool tuple = value.tag == tag_of(WordKind::kTuple);
    if (value.registered()) {
      out += "registered(";
      open.push_back({value.count, ")"});
      continue;
    }
    if (value.has_members() && value.count > 0) {
      out += tuple ? "(" : "frozenset({";
      open.push_back({value.count, !tuple ? "})" : value.count == 1 ? ",)" : ")"});
      continue;
    }
    if (value.has_members()) {
      out += tuple ? "()" : "frozenset()";
    } else {
      write_scalar(value, out);
    }
    while (!open.empty() && --open.back().left == 0) {  // what this member completes
      out += open.back().end;
      open.pop_back();
    }
    if (open.empty()) return out;
    out += ", ";
  }
}

Buffer readable_key_literal(const Key& key) {
  Buffer literal = key_literal(key);
  const bool number = static_cast<uint8_t>(key.order().front()) <= kClassNumberLast;
  if (number && literal.find_first_not_of("-0123456789") == Buffer::npos) return literal;
  try {
    size_t at = 0;
    if (read_literal_key(literal, at) == key && at == literal.size()) return literal;
  } catch (const Error&) {  // it is no literal
  }
  static constexpr char kHex[] = "0123456789abcdef";
  Buffer hex = "x'";
  for (const char c : encode_key_blob(key)) {
    hex.push_back(kHex[static_cast<uint8_t>(c) >> 4]);
    hex.push_back(kHex[static_cast<uint8_t>(c) & 15]);
  }
  return hex + "'";
}

}  // namespace oocmap
