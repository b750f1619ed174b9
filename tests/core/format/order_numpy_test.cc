// numpy's times and text as keys: the bytes, what is one key, and what hostile bytes do.
#include "core/format/order_numpy.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/format/key_encoding.h"
#include "core/format/other_payload.h"
#include "core/format/packed.h"

namespace oocmap {
namespace {

constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();

std::string hex(Bytes bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    out.push_back(kDigits[static_cast<uint8_t>(c) & 0xf]);
  }
  return out;
}

Buffer time(uint8_t type, int64_t count, Bytes dtype) {
  Buffer plain;
  pack_payload(plain, PayloadKind::kStr, "shown");
  Buffer raw;
  append_le(raw, count);
  return encode_numpy({type, false, plain, dtype, raw});
}

Key key_of_time(uint8_t type, int64_t count, Bytes dtype) {
  return Key::payload(PayloadKind::kNumpyScalar, time(type, count, dtype));
}

Key date(int64_t count, const std::string& unit) {
  return key_of_time(19, count, "<M8[" + unit + "]");
}
Key delta(int64_t count, const std::string& unit) {
  return key_of_time(20, count, "<m8[" + unit + "]");
}

template <typename F>
ErrorCode refusal(F&& use) {
  try {
    use();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "nothing was refused";
  return ErrorCode::kCorrupt;
}

TEST(OrderNumpy, ADatetime64IsTheDatetimeOfItsMoment) {
  const Key day = Key::payload(PayloadKind::kDatetime, encode_datetime({{2020, 3, 1}, {}}));
  for (const auto& [count, unit] :
       std::vector<std::pair<int64_t, std::string>>{{602, "M"},
                                                    {18322, "D"},
                                                    {439728, "h"},
                                                    {1583020800, "s"},
                                                    {63320832, "25s"},
                                                    {1583020800000, "ms"},
                                                    {1583020800000000, "us"},
                                                    {1583020800000000000, "ns"}}) {
    EXPECT_EQ(date(count, unit), day) << unit;
    EXPECT_EQ(date(count, unit).form(), KeyForm::kExplicit);
    EXPECT_NE(date(count + 1, unit), day) << unit;
  }
  EXPECT_EQ(date(-1, "us"),
            Key::payload(PayloadKind::kDatetime,
                         encode_datetime({{1969, 12, 31}, {23, 59, 59, 0, 999'999, {}}})));
  EXPECT_EQ(date(8029, "Y"), Key::payload(PayloadKind::kDatetime, encode_datetime({{9999}, {}})));
  EXPECT_NE(date(18322, "D"), Key::payload(PayloadKind::kDate, encode_date({2020, 3, 1})));
}

TEST(OrderNumpy, ATimedelta64IsTheTimedeltaOfItsLength) {
  const Key day = Key::payload(PayloadKind::kTimedelta, encode_timedelta({-1, 0, 0}));
  EXPECT_EQ(delta(-24, "h"), day);
  EXPECT_EQ(delta(-86'400'000'000'000, "ns"), day);
  EXPECT_EQ(delta(-2, "12h"), day);
  EXPECT_EQ(delta(999'999'999, "D"),
            Key::payload(PayloadKind::kTimedelta, encode_timedelta({999'999'999, 0, 0})));
  EXPECT_EQ(delta(7'000'000'000, "D"), delta(1'000'000'000, "W"));
  EXPECT_NE(delta(0, "s"), date(0, "s"));
}

TEST(OrderNumpy, GoldenBytesOfWhatNoDatetimeIs) {
  // Year 10000 begins 253,402,300,800 s after 1970. Each 0x00 is followed by 0xff.
  const auto zeros = [](int count) {
    std::string out;
    while (count-- > 0) out += "00ff";
    return out;
  };
  EXPECT_EQ(hex(date(8030, "Y").order()), "501a80" + zeros(10) + "3afff44180" + zeros(8) + "00");
  EXPECT_EQ(hex(delta(1, "ns").order()),
            "501b80" + zeros(15) + zeros(4) + "3b9aca" + zeros(1) + "00");
  EXPECT_EQ(date(8030, "Y"), date(8030 * 12, "M"));
  EXPECT_EQ(date(-1970, "Y"), date(-719'528, "D"));
  EXPECT_EQ(date(-719'528, "D"), date(-719'528LL * 86'400, "s"));
  EXPECT_LT(date(-719'528, "D").order(), date(8030, "Y").order());
  EXPECT_LT(date(kLowest + 1, "2147483647Y").order(), date(kLowest + 1, "Y").order());
  EXPECT_LT(date(kHighest, "Y").order(), date(kHighest, "2147483647Y").order());
  EXPECT_LT(delta(-1, "as").order(), delta(1, "as").order());
  EXPECT_LT(delta(kHighest, "D").order(), delta(kHighest, "2147483647W").order());
}

// A key of each class has the order bytes of what it equals, and gives its own bytes back.
TEST(OrderNumpy, TextIsTheKeyOfItsStr) {
  Buffer plain;
  pack_payload(plain, PayloadKind::kStr, "ab");
  const Buffer scalar = encode_numpy({17, true, plain, "", ""});
  const Key key = Key::payload(PayloadKind::kNumpyScalar, scalar);
  EXPECT_EQ(key, Key::text("ab"));
  EXPECT_EQ(key.form(), KeyForm::kExplicit);
  Buffer packed;
  pack_payload(packed, PayloadKind::kNumpyScalar, scalar);
  EXPECT_EQ(key.pack(), packed);
  EXPECT_TRUE(key_equals(heap_tag(PayloadKind::kNumpyScalar), 0, scalar, Key::text("ab")));
  Buffer inside;
  pack_tuple(inside, 1);
  inside += packed;
  Buffer alone;
  pack_tuple(alone, 1);
  alone += plain;
  EXPECT_EQ(Key::packed(inside), Key::packed(alone));
  EXPECT_EQ(Key::packed(inside).pack(), inside);
}

TEST(OrderNumpy, WhatIsNoKeyIsRefused) {
  EXPECT_EQ(refusal([] { date(kLowest, "s"); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal([] { key_of_time(20, kLowest, "<m8"); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refusal([] { key_of_time(20, 1, "<m8"); }), ErrorCode::kTypeMismatch);
  EXPECT_EQ(refusal([] { delta(1, "Y"); }), ErrorCode::kTypeMismatch);
  EXPECT_EQ(refusal([] { delta(12, "2M"); }), ErrorCode::kTypeMismatch);
  EXPECT_EQ(refusal([] { key_of_time(21, 1, "|V8"); }), ErrorCode::kTypeMismatch);
  for (const char* unit :
       {"", "0s", "-1s", "2147483648s", "99999999999999999999s", "x", "ss", "1"}) {
    EXPECT_EQ(refusal([&] { date(1, unit); }), ErrorCode::kCorrupt) << unit;
  }
  for (const char* dtype : {"", ">M8[s]", "<m8[s]", "<M8s]", "<M8[s", "<M8]", "<M8["}) {
    EXPECT_EQ(refusal([&] { key_of_time(19, 1, dtype); }), ErrorCode::kCorrupt) << dtype;
  }
  Buffer plain;
  pack_bool(plain, true);
  EXPECT_EQ(refusal([&] {
              Key::payload(PayloadKind::kNumpyScalar,
                           encode_numpy({19, false, plain, "<M8[s]", "seven b"}));
            }),
            ErrorCode::kCorrupt);
}

TEST(HostileOrderNumpy, IsRefusedOrAKey) {
  constexpr uint64_t kSeed = 78;
  std::mt19937_64 random(kSeed);
  size_t keys = 0;
  size_t refused = 0;
  for (int round = 0; round < 40'000; ++round) {
    static constexpr const char* kTypes[] = {"<M8[Y]", "<M8[3M]", "<m8[ns]", "<M8[25us]", "<m8[W]"};
    const Bytes dtype = kTypes[random() % std::size(kTypes)];
    Buffer bytes = time(dtype[1] == 'M' ? 19 : 20, static_cast<int64_t>(random()), dtype);
    if (round % 8 == 0) bytes.resize(random() % (bytes.size() + 1));
    for (uint64_t i = random() % 3; i > 0 && !bytes.empty(); --i) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    // An allocation of its exact size, for the sanitizers.
    const std::vector<char> exact(bytes.begin(), bytes.end());
    try {
      const Key key = Key::payload(PayloadKind::kNumpyScalar, {exact.data(), exact.size()});
      Buffer element;
      append_element(element, key.order());
      Bytes rest = element;
      ASSERT_EQ(read_element(rest), key.order()) << "seed " << kSeed;
      ASSERT_TRUE(rest.empty());
      ++keys;
    } catch (const Error& error) {
      ASSERT_TRUE(error.code() == ErrorCode::kCorrupt || error.code() == ErrorCode::kTypeMismatch ||
                  error.code() == ErrorCode::kInvalidArgument)
          << error.what();
      ++refused;
    }
  }
  EXPECT_GT(keys, 1'000u);
  EXPECT_GT(refused, 1'000u);
}

}  // namespace
}  // namespace oocmap
