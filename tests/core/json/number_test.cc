#include "core/json/number.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/base/error.h"

namespace oocmap {
namespace {

TEST(ParseInt, Int64BordersStaySmall) {
  EXPECT_EQ(parse_int("9223372036854775807").value, std::numeric_limits<int64_t>::max());
  EXPECT_EQ(parse_int("-9223372036854775808").value, std::numeric_limits<int64_t>::min());
  EXPECT_FALSE(parse_int("-9223372036854775808").big);
}

TEST(ParseInt, OneBeyondInt64IsExact) {
  const ParsedInt parsed = parse_int("9223372036854775808");
  ASSERT_TRUE(parsed.big);
  EXPECT_EQ(parsed.payload, Buffer("\0\0\0\0\0\0\0\0\x80", 9));
  EXPECT_EQ(big_int_text(parsed.payload), "9223372036854775808");
}

TEST(ParseInt, NegativeKeepsItsSign) {
  const ParsedInt parsed = parse_int("-123456789012345678901234567890");
  ASSERT_TRUE(parsed.big);
  EXPECT_EQ(big_int_text(parsed.payload), "-123456789012345678901234567890");
}

TEST(ParseInt, HundredThousandDigitsComeBack) {
  const std::string digits(100'000, '7');
  EXPECT_EQ(big_int_text(parse_int(digits).payload), digits);
}

TEST(ParseInt, WhatIsNoIntegerIsRefused) {
  for (const char* text : {"", "-", "1.5", "1 ", "0x10", "1e3"})
    EXPECT_THROW(parse_int(text), Error) << text;
}

TEST(BigIntText, BrokenPayloadIsCorrupt) {
  EXPECT_THROW(big_int_text(""), Error);
  EXPECT_THROW(big_int_text(Buffer("\2\1", 2)), Error);
}

TEST(ParseFloat, OverflowIsInfiniteAndUnderflowZero) {
  double value = 1;
  ASSERT_TRUE(parse_float("-1e999", value));
  EXPECT_EQ(value, -std::numeric_limits<double>::infinity());
  ASSERT_TRUE(parse_float("-1e-999", value));
  EXPECT_EQ(value, 0.0);
  EXPECT_TRUE(std::signbit(value));
}

TEST(FloatRepr, ReadsAsPythonWritesIt) {
  EXPECT_EQ(float_repr(1.0), "1.0");
  EXPECT_EQ(float_repr(-0.0), "-0.0");
  EXPECT_EQ(float_repr(0.1), "0.1");
  EXPECT_EQ(float_repr(1e15), "1000000000000000.0");
  EXPECT_EQ(float_repr(1e16), "1e+16");
  EXPECT_EQ(float_repr(123456789012345680.0), "1.2345678901234568e+17");
  EXPECT_EQ(float_repr(0.0001), "0.0001");
  EXPECT_EQ(float_repr(0.00001), "1e-05");
  EXPECT_EQ(float_repr(5e-324), "5e-324");
  EXPECT_EQ(float_repr(std::nan("")), "nan");
}

TEST(WriteJsonFloat, WhatJsonLacksIsAsSqliteWritesIt) {
  Buffer text;
  write_json_float(std::numeric_limits<double>::infinity(), text);
  text += ' ';
  write_json_float(-std::numeric_limits<double>::infinity(), text);
  text += ' ';
  write_json_float(std::nan(""), text);
  EXPECT_EQ(text, "9.0e+999 -9.0e+999 null");
}

}  // namespace
}  // namespace oocmap
