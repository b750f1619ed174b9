#include "core/json/path.h"

#include <gtest/gtest.h>

#include <iterator>
#include <random>

#include "core/base/error.h"
#include "core/json/document.h"
#include "core/json/literal.h"

namespace oocmap {
namespace {

std::string get(const char* json, const char* path) {
  const Document document = Document::parse(json);
  const auto node = document.find(Path::parse(path));
  if (!node) return "nothing";
  Buffer text;
  document.write(*node, text);
  return text;
}

std::string message(const char* path) {
  try {
    Path::parse(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidPath);
    return error.message();
  }
  return "no error";
}

TEST(Path, LeadsWhereSqlitesDoes) {
  const char* json = R"({"a":{"b":[10,20,30]},"odd.key":1,"":2,"é":3})";
  EXPECT_EQ(get(json, "$.a.b[1]"), "20");
  EXPECT_EQ(get(json, "$.a.b[#-1]"), "30");
  EXPECT_EQ(get(json, "$.a.b[#]"), "nothing");
  EXPECT_EQ(get(json, "$.a.b[#-4]"), "nothing");
  EXPECT_EQ(get(json, "$.a.b[3]"), "nothing");
  EXPECT_EQ(get(json, "$.a.b[99999999999999999999]"), "nothing");
  EXPECT_EQ(get(json, "$.\"odd.key\""), "1");
  EXPECT_EQ(get(json, "$.\"\""), "2");
  EXPECT_EQ(get(json, "$.é"), "3");
  EXPECT_EQ(get(json, "$.a"), R"({"b":[10,20,30]})");
  EXPECT_EQ(get(json, "$.a.b.c"), "nothing");
  EXPECT_EQ(get("5", "$"), "5");
}

// The answers are those of SQLite 3.54.
TEST(Path, QuotedNamesHaveTheEscapesOfJson) {
  const char* json =
      R"({"q\"z":1,"a\\b":2,"ab":3,"\n\t\u0001":4,"\ud83d\ude00":5,"a\b":6,"\u00e9]":7})";
  EXPECT_EQ(get(json, R"($."q\"z")"), "1");
  EXPECT_EQ(get(json, R"($."a\\b")"), "2");
  EXPECT_EQ(get(json, R"($."\u0061b")"), "3");
  EXPECT_EQ(get(json, R"($."\x61\u0062")"), "3");
  EXPECT_EQ(get(json, R"($."\n\t\u0001")"), "4");
  EXPECT_EQ(get(json, R"($."\uD83D\uDE00")"), "5");
  EXPECT_EQ(get(json, R"($."😀")"), "5");
  EXPECT_EQ(get(json, R"($."a\b")"), "6");
  EXPECT_EQ(get(json, R"($."é]")"), "7");
  EXPECT_EQ(get(R"({"a\\b":1})", R"($.a\b)"), "1") << "a bare name has no escapes";
  EXPECT_EQ(Path::parse(R"($."\ud83d\u0041")").steps()[0].key, Key::payload(PayloadKind::kWtf8,
                                                                            "\xed\xa0\xbd"
                                                                            "A"));
  EXPECT_EQ(Path::parse(R"($."\0\/\'\v")").steps()[0].key, Key::text(Bytes("\0/'\v", 4)));
}

TEST(Path, BadEscapesSayWhere) {
  EXPECT_EQ(message("$.a.\xff"), "bad JSON path '$.a.\xff' at character 4: the name is not UTF-8");
  EXPECT_EQ(message("$.\"a\xff\""),
            "bad JSON path '$.\"a\xff\"' at character 2: the name is not UTF-8");
  EXPECT_EQ(message(R"($."é\q")"),
            R"(bad JSON path '$."é\q"' at character 4: expected an escape of JSON: )"
            R"(\" \\ \/ \b \f \n \r \t \uhhhh)");
  EXPECT_EQ(message(R"($."\u12")"),
            R"(bad JSON path '$."\u12"' at character 7: expected 4 hexadecimal digits)");
  EXPECT_EQ(message(R"($."\ud800\u1")"),
            R"(bad JSON path '$."\ud800\u1"' at character 12: expected 4 hexadecimal digits)");
  for (const char* path :
       {R"($.")", R"($."a)", R"($."a\)", R"($."a\")", R"($."a\u)", R"($."\01")"}) {
    EXPECT_NE(message(path), "no error") << path;
  }
}

TEST(Path, LiteralOfTextIsAName) {
  EXPECT_EQ(get(R"({"x]":1})", "$['x]']"), "1");
  EXPECT_EQ(get(R"({"7":1})", "$[7]"), "nothing");  // the int 7 is another key than "7"
}

TEST(Path, ALaterDuplicateWins) { EXPECT_EQ(get(R"({"a":1,"a":2})", "$.a"), "2"); }

TEST(Path, StepsKeepIndexAndKey) {
  const Path path = Path::parse("$[7][#-2][None].x");
  ASSERT_EQ(path.steps().size(), 4u);
  EXPECT_EQ(path.steps()[0].kind, PathStep::Kind::kIndex);
  EXPECT_EQ(path.steps()[0].key, Key::integer(7));
  EXPECT_EQ(path.steps()[1].kind, PathStep::Kind::kFromEnd);
  EXPECT_EQ(path.steps()[1].index, 2);
  EXPECT_FALSE(path.steps()[1].key);
  EXPECT_EQ(path.steps()[2].key, Key::none());
  EXPECT_EQ(path.steps()[3].key, Key::text("x"));
}

// Anything at all: steps, or an error whose position is in the text.
TEST(HostilePath, IsReadOrRefusedInWords) {
  constexpr uint64_t kSeed = 91;
  std::mt19937_64 random(kSeed);
  static constexpr std::string_view kParts[] = {
      "$",           ".",  "[",      "]", "\"", "\\",     "\\u",   "\\ud83d", "\\x",
      "d83d",        "7",  "#-",     "a", "x'", "cf4f4b", "01",    "'",       "(",
      ",",           ")",  "b'",     " ", "é",  "None",   "1e999", "\xff",    "\xed\xa0\x80",
      "frozenset({", "})", {"\0", 1}};
  size_t read = 0;
  size_t refused = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text = random() % 16 == 0 ? "" : "$";
    if (random() % 2 == 0) text += random() % 2 == 0 ? ".\"" : "[";
    for (uint64_t i = random() % 8; i > 0; --i) text += kParts[random() % std::size(kParts)];
    if (random() % 2 == 0) text += random() % 2 == 0 ? "\"" : "]";
    try {
      const Path path = Path::parse(text);
      for (const PathStep& step : path.steps()) {
        if (step.key) key_literal(*step.key);
      }
      ++read;
    } catch (const Error& error) {
      ++refused;
      ASSERT_EQ(error.code(), ErrorCode::kInvalidPath) << "seed " << kSeed << ": " << text;
      const std::string before = "at character ";
      const size_t at = error.message().rfind(before);
      ASSERT_NE(at, std::string::npos) << text;
      ASSERT_LE(std::stoul(error.message().substr(at + before.size())), text.size()) << text;
    }
  }
  EXPECT_GT(read, 2'000u);
  EXPECT_GT(refused, 10'000u);
}

TEST(Path, ErrorsSayWhereInCharacters) {
  EXPECT_EQ(message("a"), "bad JSON path 'a' at character 0: a path starts with '$'");
  EXPECT_EQ(message("$x"), "bad JSON path '$x' at character 1: expected '.', '[' or the end");
  EXPECT_EQ(message("$.é."), "bad JSON path '$.é.' at character 4: expected a name after '.'");
  EXPECT_EQ(message("$.\"open"),
            "bad JSON path '$.\"open' at character 2: the quoted name does not end");
  EXPECT_EQ(message("$[1"), "bad JSON path '$[1' at character 3: expected ']'");
  EXPECT_EQ(message("$[#-]"), "bad JSON path '$[#-]' at character 4: expected digits after '#-'");
  EXPECT_NE(message("$[x]").find("at character 2"), std::string::npos);
  EXPECT_NE(message("").find("at character 0"), std::string::npos);
}

}  // namespace
}  // namespace oocmap
