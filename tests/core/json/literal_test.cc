#include "core/json/literal.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace oocmap {
namespace {

std::string round_trip(std::string_view text) {
  size_t at = 0;
  const Key key = read_literal_key(text, at);
  EXPECT_EQ(at, text.size()) << text;
  return key_literal(key);
}

TEST(Literal, EveryKindComesBackAsPythonWritesIt) {
  for (const char* text : {"None",
                           "True",
                           "False",
                           "7",
                           "-7",
                           "0",
                           "1.5",
                           "-0.0",
                           "1e+16",
                           "'text'",
                           "\"it's\"",
                           "b'a\\x00\\xff'",
                           "()",
                           "(1,)",
                           "(1, 'a')",
                           "((), (1,), ((2,), 3))",
                           "frozenset()",
                           "frozenset({1, 'a', (2,), frozenset({None})})",
                           "(frozenset(), frozenset({(1,)}))",
                           "123456789012345678901234567890",
                           "'\\ud800'"}) {
    EXPECT_EQ(round_trip(text), text);
  }
}

TEST(Literal, OtherSpellingsMeanTheSame) {
  EXPECT_EQ(round_trip("(1)"), "1");
  EXPECT_EQ(round_trip("( 1 , 'a' , )"), "(1, 'a')");
  EXPECT_EQ(round_trip("\"a\""), "'a'");
  EXPECT_EQ(round_trip("'\\u00e9'"), "'é'");
  EXPECT_EQ(round_trip("1e3"), "1000.0");
  EXPECT_EQ(round_trip("frozenset( { 'b', 2,1 , 'a', 1.0,} )"), "frozenset({1, 2, 'a', 'b'})");
}

TEST(Literal, EqualNumbersAreOneKey) {
  size_t at = 0;
  const Key one = read_literal_key("1", at);
  at = 0;
  EXPECT_EQ(one, read_literal_key("1.0", at));
  at = 0;
  EXPECT_EQ(one, read_literal_key("True", at));
}

TEST(Literal, WhatDoesNotParseIsRefused) {
  for (const char* text : {"",
                           "abc",
                           "'open",
                           "(1 2)",
                           "(1",
                           "--1",
                           "1.2.3",
                           "'\\q'",
                           "'\\x1'",
                           "b'\\u0041'",
                           "'\\U00110000'",
                           "nan",
                           "+1",
                           "frozenset",
                           "frozenset(",
                           "frozenset({",
                           "frozenset({1)",
                           "frozenset({})",
                           "frozenset({1}",
                           "frozenset(1)",
                           "{1}"}) {
    size_t at = 0;
    EXPECT_THROW(read_literal_key(text, at), Error) << text;
  }
}

TEST(Literal, NestingBeyondReasonIsRefusedInWords) {
  size_t at = 0;
  EXPECT_THROW(read_literal_key(std::string(100'000, '('), at), Error);
  std::string sets;
  for (int i = 0; i < 10'000; ++i) sets += "frozenset({";
  at = 0;
  EXPECT_THROW(read_literal_key(sets, at), Error);
}

}  // namespace
}  // namespace oocmap
