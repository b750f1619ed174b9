#include "core/json/path.h"

#include "core/base/error.h"
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
    std::string_view name;
    if (peek() == '"') {
      const size_t end = text_.find('"', at_ + 1);
      if (end == std::string_view::npos) fail("the quoted name does not end");
      name = text_.substr(at_ + 1, end - at_ - 1);
      at_ = end + 1;
    } else {
      const size_t end = std::min(text_.find_first_of(".[", at_), text_.size());
      name = text_.substr(at_, end - at_);
      if (name.empty()) fail("expected a name after '.'");
      at_ = end;
    }
    return {PathStep::Kind::kName, 0, literal_text_key(name)};
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
  for (const PathStep& step : path.steps()) {
    if (!at.container()) return std::nullopt;
    const NodeView node = store.locate(transaction, at.word);
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
