#include "core/json/literal.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/format/other_payload.h"

namespace oocmap {
namespace {

std::string round_trip(std::string_view text) {
  size_t at = 0;
  const Key key = read_literal_key(text, at);
  EXPECT_EQ(at, text.size()) << text;
  return key_literal(key);
}

std::string readable(const Key& key) {
  const Buffer literal = readable_key_literal(key);
  size_t at = 0;
  EXPECT_EQ(read_literal_key(literal, at), key) << literal;
  EXPECT_EQ(at, literal.size()) << literal;
  return literal;
}

TEST(Literal, OfEveryKeyThereIsOneThatIsReadBack) {
  const Buffer date = encode_datetime({{2020, 1, 2}, {}});
  for (const auto& [kind, payload] : std::vector<std::pair<PayloadKind, Buffer>>{
           {PayloadKind::kDatetime, date},
           {PayloadKind::kDecimal, "0.1"},
           {PayloadKind::kDecimal, "-12.5E+7"},
           {PayloadKind::kDecimal, "1E+300"},
           {PayloadKind::kUuid, Buffer(16, '\x11')}}) {  // nothing but digits and '-'
    const Key key = Key::payload(kind, payload);
    readable(key);
    Buffer tuple;
    pack_tuple(tuple, 2);
    tuple += key.pack();
    tuple += key.pack();
    readable(Key::packed(tuple));
  }
  EXPECT_EQ(readable(Key::payload(PayloadKind::kDatetime, date)).substr(0, 8), "x'cf4f4b");
  EXPECT_EQ(readable(Key::payload(PayloadKind::kDecimal, "5")), "5") << "the key that it equals";
  EXPECT_EQ(readable(Key::integer(-7)), "-7");
  EXPECT_EQ(readable(Key::floating(-1.5)), "-1.5");
  EXPECT_EQ(readable(Key::none()), "None");
  Buffer deep;
  for (int i = 0; i < 200; ++i) pack_tuple(deep, 1);
  pack_tuple(deep, 0);
  EXPECT_EQ(readable(Key::packed(deep)).substr(0, 2), "x'") << "more levels than a literal has";
}

TEST(Literal, KeyBlobsAreChecked) {
  const Buffer whole =
      "x'" + readable_key_literal(Key::payload(PayloadKind::kDecimal, "0.1")).substr(2);
  for (size_t size = 0; size + 1 < whole.size(); ++size) {
    for (const char* end : {"", "'"}) {
      const Buffer text = whole.substr(0, size) + end;
      size_t at = 0;
      EXPECT_THROW(read_literal_key(text, at), Error) << text;
      EXPECT_LE(at, text.size()) << text;
    }
  }
  for (size_t i = 2; i + 1 < whole.size(); ++i) {  // every digit changed: an error or another key
    for (const char digit : {'0', '7', 'f', 'z'}) {
      Buffer text = whole;
      text[i] = digit;
      size_t at = 0;
      try {
        read_literal_key(text, at).pack();
      } catch (const Error&) {
      }
      EXPECT_LE(at, text.size()) << text;
    }
  }
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
