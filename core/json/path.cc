#include "core/json/path.h"

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/json/literal.h"
#include "core/store/registered.h"

namespace oocmap {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// Walks the text of a path; `at` is a byte offset, messages count characters.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::vector<PathStep> run() {
    if (text_.empty() || text_[0] != '$') fail("a path starts with '$'");
    at_ = 1;
    std::vector<PathStep> steps;
    while (at_ < text_.size()) steps.push_back(step());
    return steps;
  }

 private:
  [[noreturn]] void fail(const std::string& expected) const {
    size_t characters = 0;
    for (size_t i = 0; i < at_ && i < text_.size(); ++i) {
      characters += (static_cast<unsigned char>(text_[i]) & 0xc0) != 0x80;
    }
    throw Error(ErrorCode::kInvalidPath, "bad JSON path '" + std::string(text_) +
                                             "' at character " + std::to_string(characters) + ": " +
                                             expected);
  }

  char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }

  PathStep step() {
    if (peek() == '.') {
      ++at_;
      return name_step();
    }
    if (peek() == '[') {
      ++at_;
      return bracket_step();
    }
    fail("expected '.', '[' or the end");
  }

  PathStep name_step() {
    const size_t start = at_;
    if (peek() == '"') return named(quoted_name(), start);
    const size_t end = std::min(text_.find_first_of(".[", at_), text_.size());
    const std::string_view name = text_.substr(at_, end - at_);
    if (name.empty()) fail("expected a name after '.'");
    at_ = end;
    return named(name, start);
  }

  PathStep named(std::string_view name, size_t start) {
    if (text_form(name) == TextForm::kNone) {
      at_ = start;
      fail("the name is not UTF-8");
    }
    return {PathStep::Kind::kName, 0, literal_text_key(name)};
  }

  // A backslash escapes as in SQLite's paths: as in a JSON5 string.
  Buffer quoted_name() {
    const size_t start = at_++;
    const size_t plain = std::min(text_.find_first_of("\"\\", at_), text_.size());
    Buffer name(text_.substr(at_, plain - at_));
    at_ = plain;
    while (peek() != '"') {
      if (at_ >= text_.size()) {
        at_ = start;
        fail("the quoted name does not end");
      }
      if (peek() == '\\') {
        escape(name);
      } else {
        name.push_back(text_[at_++]);
      }
    }
    ++at_;
    return name;
  }

  void escape(Buffer& name) {
    static constexpr std::string_view kLetters = "\"\\/'bfnrtv";
    static constexpr std::string_view kMeant = "\"\\/'\b\f\n\r\t\v";
    const size_t start = at_;
    const char letter = ++at_ < text_.size() ? text_[at_++] : '\0';
    const size_t known = kLetters.find(letter);
    if (letter != '\0' && known != std::string_view::npos) {
      name.push_back(kMeant[known]);
    } else if (letter == '0' && !is_digit(peek())) {
      name.push_back('\0');
    } else if (letter == 'x') {
      append_codepoint(name, hex_digits(2));
    } else if (letter == 'u') {
      append_codepoint(name, utf16_codepoint());
    } else {
      at_ = start;
      fail("expected an escape of JSON: \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uhhhh");
    }
  }

  // Behind "\u"; a pair of surrogates is one character.
  uint32_t utf16_codepoint() {
    const uint32_t high = hex_digits(4);
    if (high < 0xd800 || high >= 0xdc00 || text_.substr(at_, 2) != "\\u") return high;
    const size_t behind_high = at_;
    at_ += 2;
    const uint32_t low = hex_digits(4);
    if (low >= 0xdc00 && low < 0xe000) return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    at_ = behind_high;
    return high;
  }

  uint32_t hex_digits(int count) {
    uint32_t value = 0;
    for (int i = 0; i < count; ++i, ++at_) {
      const char c = peek();
      const char lower = static_cast<char>(c | 0x20);
      if (is_digit(c)) {
        value = value << 4 | static_cast<uint32_t>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        value = value << 4 | static_cast<uint32_t>(lower - 'a' + 10);
      } else {
        fail("expected " + std::to_string(count) + " hexadecimal digits");
      }
    }
    return value;
  }

  PathStep bracket_step() {
    if (peek() == '#') return from_end_step();
    const size_t digits = text_.find_first_not_of("0123456789", at_);
    const bool plain = is_digit(peek()) && digits != std::string_view::npos && text_[digits] == ']';
    PathStep step;
    step.kind = PathStep::Kind::kLiteral;
    const size_t start = at_;
    try {
      step.key = read_literal_key(text_, at_);
    } catch (const Error& error) {
      fail(error.message());
    }
    int64_t index = 0;
    if (plain && parse_small(text_.substr(start, digits - start), index)) {
      step.kind = PathStep::Kind::kIndex;
      step.index = index;
    }
    close_bracket();
    return step;
  }

  PathStep from_end_step() {
    ++at_;
    PathStep step;
    step.kind = PathStep::Kind::kFromEnd;
    if (peek() == '-') {
      ++at_;
      const size_t end = std::min(text_.find_first_not_of("0123456789", at_), text_.size());
      if (!is_digit(peek())) fail("expected digits after '#-'");
      // An index past every list leads nowhere; it needs no exact value.
      if (!parse_small(text_.substr(at_, end - at_), step.index)) step.index = INT64_MAX;
      at_ = end;
    }
    close_bracket();
    return step;
  }

  static bool parse_small(std::string_view digits, int64_t& value) noexcept {
    value = 0;
    for (const char c : digits) {
      if (value > (INT64_MAX - 9) / 10) return false;
      value = value * 10 + (c - '0');
    }
    return true;
  }

  void close_bracket() {
    if (peek() != ']') fail("expected ']'");
    ++at_;
  }

  std::string_view text_;
  size_t at_ = 0;
};

std::optional<Member> list_step(Store& store, const Transaction& transaction, const NodeView& node,
                                const PathStep& step) {
  const uint64_t count = node.count();
  uint64_t index = 0;
  if (step.kind == PathStep::Kind::kIndex) {
    index = static_cast<uint64_t>(step.index);
  } else if (step.kind == PathStep::Kind::kFromEnd && static_cast<uint64_t>(step.index) <= count) {
    index = count - static_cast<uint64_t>(step.index);
  } else {
    return std::nullopt;
  }
  if (index >= count) return std::nullopt;
  return list_get(store, transaction, node, index);
}

}  // namespace

Path Path::parse(std::string_view text) {
  Path path;
  path.steps_ = Parser(text).run();
  return path;
}

Path Path::of_name(std::string_view name) {
  Path path;
  path.steps_.push_back({PathStep::Kind::kName, 0, literal_text_key(name)});
  return path;
}

Path Path::of_index(int64_t index) {
  Path path;
  const auto kind = index < 0 ? PathStep::Kind::kFromEnd : PathStep::Kind::kIndex;
  // Negated as unsigned: INT64_MIN has no positive counterpart.
  const auto distance = static_cast<int64_t>(0 - static_cast<uint64_t>(index));
  path.steps_.push_back({kind, index < 0 ? distance : index, Key::integer(index)});
  return path;
}

std::optional<Member> get_path(Store& store, const Transaction& transaction, const Member& start,
                               const Path& path) {
  Member at = shown_member(store, transaction, start);
  uint64_t record_id = UINT64_MAX;  // none; what was stored together is in one record
  Bytes record;
  for (const PathStep& step : path.steps()) {
    if (!at.container()) return std::nullopt;
    if (record_of(at.word) != record_id) {
      record_id = record_of(at.word);
      record = store.record(transaction, record_id);
    }
    const NodeView node = NodeView::locate(record, at.word);
    std::optional<Member> next;
    if (node.container_kind() == WordKind::kDict) {
      if (step.key) next = dict_get(store, transaction, node, *step.key);
    } else if (!is_set(node.container_kind())) {  // a set's members have neither name nor place
      next = list_step(store, transaction, node, step);
    }
    if (!next) return std::nullopt;
    at = shown_member(store, transaction, *next);
  }
  return at;
}

}  // namespace oocmap
