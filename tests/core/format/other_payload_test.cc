// The payloads 0x04-0x0d: exact bytes, refusals of what Python's types could not hold, hostile
// bytes.
#include "core/format/other_payload.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/format/key_encoding.h"
#include "core/format/order_other.h"

namespace oocmap {
namespace {

Buffer hex(Bytes bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  Buffer out;
  for (const char c : bytes) {
    out.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    out.push_back(kDigits[static_cast<uint8_t>(c) & 0xf]);
  }
  return out;
}

Buffer ints(std::initializer_list<int64_t> values) {
  Buffer out;
  for (const int64_t value : values) pack_int(out, value);
  return out;
}

DatetimeFields moment(Zone zone) { return {{2020, 11, 1}, {1, 30, 2, 1, 3, zone}}; }

Zone new_york() { return {ZoneKind::kZone, -14'400'000'000, -18'000'000'000, "a/b"}; }

Buffer order_of(PayloadKind kind, Bytes payload) {
  return hex(Key::payload(kind, payload).order());
}

ErrorCode refusal(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "was not refused";
  return ErrorCode::kIo;
}

TEST(OtherPayload, GoldenBytes) {
  EXPECT_EQ(hex(encode_complex({1.5, -0.0})), "000000000000f83f0000000000000080");
  EXPECT_EQ(hex(encode_date({2020, 11, 1})), "e4070b01");
  EXPECT_EQ(hex(encode_timedelta({-1, 86'399, 5})), "ffffffff7f51010005000000");
  EXPECT_EQ(hex(encode_time({1, 30, 2, 0, 3, {}})), "011e02000300000000");
  EXPECT_EQ(hex(encode_time({1, 30, 2, 0, 3, {ZoneKind::kFixed, -1, -1, {}}})),
            "011e02000300000001ffffffffffffffff");
  EXPECT_EQ(hex(encode_time({1, 30, 2, 0, 3, {ZoneKind::kNamed, 1, 1, "n"}})),
            "011e0200030000000201000000000000006e");
  EXPECT_EQ(hex(encode_time({1, 30, 2, 0, 3, {ZoneKind::kZoneAlone, 0, 0, "a/b"}})),
            "011e02000300000004612f62");
  EXPECT_EQ(hex(encode_datetime(moment(new_york()))),
            "e4070b01011e020103000000"
            "030070b1a5fcffffff00cc1dcffbffffff612f62");
}

TEST(OtherPayload, GoldenOrderBytes) {
  EXPECT_EQ(order_of(PayloadKind::kComplex, encode_complex({1.5, 0})), "1b013fe0000000000000");
  EXPECT_EQ(order_of(PayloadKind::kComplex, encode_complex({-0.0, 1})),
            "50118000ff00ff00ff00ff00ff00ff00ffbff000ff00ff00ff00ff00ff00ff00");
  EXPECT_EQ(order_of(PayloadKind::kDecimal, "0.50"), "1a3fe0000000000000");
  EXPECT_EQ(order_of(PayloadKind::kDecimal, "-0E+9999999"), "1a");
  EXPECT_EQ(order_of(PayloadKind::kDecimal, "1E+2"), "1b64");
  EXPECT_EQ(order_of(PayloadKind::kDecimal, "18446744073709551617"), "500309010000000000000001");
  EXPECT_EQ(order_of(PayloadKind::kDecimal, "-0.1"), "501200ff0101010a00");
  EXPECT_EQ(order_of(PayloadKind::kFraction, ints({2, 6})), "5012010101010300");
  EXPECT_EQ(order_of(PayloadKind::kDate, encode_date({2020, 11, 1})), "501407e40b0100");
  EXPECT_EQ(order_of(PayloadKind::kRange, ints({3, 9, 4})),
            "5018030200ff00ff00ff00ff00ff00ff00ff030300ff00ff00ff00ff00ff00ff00ff030400ff00ff00ff00"
            "ff00ff00ff00ff00");
  EXPECT_EQ(order_of(PayloadKind::kTimedelta, encode_timedelta({-1, 1, 2})),
            "50167fffffff00ff00ff00ff0100ff00ff00ff0200");
}

NumpyScalar float32(Bytes plain) { return {11, true, plain, "", Bytes("\0\0\0\x3f", 4)}; }

TEST(OtherPayload, NumpyScalars) {
  Buffer plain;
  pack_float(plain, 0.5);
  const Buffer bytes = encode_numpy(float32(plain));
  EXPECT_EQ(hex(bytes), "0b0104000000000000e03f000000003f");
  EXPECT_EQ(decode_numpy(bytes).raw, Bytes("\0\0\0\x3f", 4));
  EXPECT_EQ(Key::payload(PayloadKind::kNumpyScalar, bytes), Key::floating(0.5));
  NumpyScalar time{19, false, plain, "<M8[D]", "12345678"};
  EXPECT_EQ(hex(encode_numpy(time)), "130004000000000000e03f063c4d385b445d3132333435363738");
  const NumpyScalar record{21, false, plain, "|V8", "12345678"};
  EXPECT_EQ(refusal([&] { Key::payload(PayloadKind::kNumpyScalar, encode_numpy(record)); }),
            ErrorCode::kTypeMismatch);
  Buffer tuple;
  pack_tuple(tuple, 0);
  EXPECT_EQ(refusal([&] { decode_numpy(encode_numpy(float32(tuple))); }), ErrorCode::kCorrupt);
}

TEST(OtherPayload, DatetimesAreReadBack) {
  const Buffer bytes = encode_datetime(moment(new_york()));
  const DatetimeFields read = decode_datetime(bytes);
  EXPECT_EQ(read.date.year, 2020);
  EXPECT_EQ(read.time.zone.name, "a/b");
  EXPECT_EQ(read.time.offset_now(), -18'000'000'000);
  EXPECT_EQ(encode_datetime(read), bytes);
}

TEST(OtherPayload, WhatPythonCouldNotHoldIsCorrupt) {
  using Fields = std::vector<std::function<void()>>;
  const auto date = [](uint16_t year, uint8_t month, uint8_t day) {
    return [=] { decode_date(encode_date({year, month, day})); };
  };
  const auto time = [](TimeFields fields) { return [=] { decode_time(encode_time(fields)); }; };
  const int64_t day = 86'400'000'000;
  const Fields all = {date(0, 1, 1),
                      date(10'000, 1, 1),
                      date(2020, 0, 1),
                      date(2020, 13, 1),
                      date(2020, 4, 31),
                      date(2019, 2, 29),
                      date(1900, 2, 29),
                      date(2020, 1, 0),
                      time({24, 0, 0, 0, 0, {}}),
                      time({0, 60, 0, 0, 0, {}}),
                      time({0, 0, 60, 0, 0, {}}),
                      time({0, 0, 0, 2, 0, {}}),
                      time({0, 0, 0, 0, 1'000'000, {}}),
                      time({0, 0, 0, 0, 0, {ZoneKind::kFixed, day, day, {}}}),
                      time({0, 0, 0, 0, 0, {ZoneKind::kFixed, -day, -day, {}}}),
                      time({0, 0, 0, 0, 0, {ZoneKind::kFixed, 0, 0, "x"}}),
                      time({0, 0, 0, 0, 0, {static_cast<ZoneKind>(5), 0, 0, {}}}),
                      [] {
                        decode_datetime(encode_datetime(moment({ZoneKind::kZoneAlone, 0, 0, "x"})));
                      },
                      [] {
                        decode_timedelta(encode_timedelta({1'000'000'000, 0, 0}));
                      },
                      [] {
                        decode_timedelta(encode_timedelta({0, 86'400, 0}));
                      },
                      [] {
                        decode_timedelta(encode_timedelta({0, 0, 1'000'000}));
                      },
                      [] {
                        decode_range(ints({1, 2, 0}));
                      },
                      [] {
                        decode_range(ints({1, 2}));
                      },
                      [] {
                        decode_range(ints({1, 2, 3, 4}));
                      },
                      [] {
                        decode_fraction(ints({1, 0}));
                      },
                      [] {
                        decode_fraction(ints({1, -2}));
                      },
                      [] { decode_fraction(Bytes("\0\0", 2)); },
                      [] {
                        uint8_t safe;
                        decode_uuid("short", safe);
                      },
                      [] {
                        uint8_t safe;
                        decode_uuid(std::string(17, '\3'), safe);
                      },
                      [] {
                        uint8_t safe;
                        decode_uuid(std::string(17, '\0'), safe);
                      }};
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(refusal(all[i]), ErrorCode::kCorrupt) << i;
  }
}

TEST(OtherPayload, DaysFollowTheCalendar) {
  EXPECT_EQ(day_number({1, 1, 1}), 0);
  EXPECT_EQ(day_number({1970, 1, 1}), 719'162);
  EXPECT_EQ(day_number({2000, 3, 1}) - day_number({2000, 2, 28}), 2);
  EXPECT_EQ(day_number({1900, 3, 1}) - day_number({1900, 2, 28}), 1);
  EXPECT_EQ(day_number({9999, 12, 31}), 3'652'058);
}

TEST(OtherKey, NanAndHugeDecimalsAreRefused) {
  for (const char* text : {"NaN", "-sNaN7", "1E+100000", "1E-100001", "-1E+999999999999999999"}) {
    EXPECT_EQ(refusal([text] { Key::payload(PayloadKind::kDecimal, text); }),
              ErrorCode::kInvalidArgument)
        << text;
  }
  for (const char* text : {"", "-", "1E", "1E5x", "1..2", "x", "+1", "1E99999999999999999999"}) {
    EXPECT_EQ(refusal([text] { Key::payload(PayloadKind::kDecimal, text); }), ErrorCode::kCorrupt)
        << text;
  }
  EXPECT_EQ(refusal([] { Key::payload(PayloadKind::kBytearray, "x"); }), ErrorCode::kTypeMismatch);
}

TEST(OtherKey, KeepsThePackedValueBesideIt) {
  const Key key = Key::payload(PayloadKind::kDecimal, "1.50");
  EXPECT_EQ(key, Key::floating(1.5));
  Buffer packed;
  pack_payload(packed, PayloadKind::kDecimal, "1.50");
  EXPECT_EQ(key.form(), KeyForm::kExplicit);
  EXPECT_EQ(key.pack(), packed);
  Buffer tuple;
  pack_tuple(tuple, 1);
  tuple += packed;
  EXPECT_EQ(Key::packed(tuple).pack(), tuple);
  // Order bytes that stand alone do not say what was written.
  const Key date = Key::payload(PayloadKind::kDate, encode_date({2020, 1, 1}));
  const Key alone = Key::stored(date.order(), KeyForm::kCanonical, {});
  EXPECT_EQ(refusal([&] { alone.pack(); }), ErrorCode::kCorrupt);
  Buffer element;
  append_element(element, date.order());
  Bytes rest = element;
  EXPECT_EQ(read_element(rest), date.order());
}

// Each payload, mutated, cut and random, as a key: refused in words, or a key whose element ends
// where it should.
TEST(HostileOtherPayload, IsRefusedOrAKey) {
  const std::vector<std::pair<PayloadKind, Buffer>> inputs = {
      {PayloadKind::kComplex, encode_complex({1, 2})},
      {PayloadKind::kRange, ints({3, 9, 4})},
      {PayloadKind::kDatetime, encode_datetime(moment(new_york()))},
      {PayloadKind::kDate, encode_date({2020, 1, 1})},
      {PayloadKind::kTime, encode_time({1, 2, 3, 1, 5, {ZoneKind::kNamed, 1, 1, "n"}})},
      {PayloadKind::kTimedelta, encode_timedelta({1, 2, 3})},
      {PayloadKind::kDecimal, "-12.50E+7"},
      {PayloadKind::kFraction, ints({2, 6})},
      {PayloadKind::kUuid, Buffer(17, '\1')},
      {PayloadKind::kNumpyScalar, encode_numpy(float32(ints({7})))}};
  constexpr uint64_t kSeed = 77;
  std::mt19937_64 random(kSeed);
  size_t keys = 0;
  size_t refused = 0;
  for (const auto& [kind, input] : inputs) {
    for (int round = 0; round < 4'000; ++round) {
      Buffer bytes = input;
      if (round % 8 == 0) bytes.resize(random() % (bytes.size() + 1));
      for (uint64_t i = random() % 3; i > 0 && !bytes.empty(); --i) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      // An allocation of its exact size, for the sanitizers.
      const std::vector<char> exact(bytes.begin(), bytes.end());
      try {
        const Key key = Key::payload(kind, {exact.data(), exact.size()});
        Buffer element;
        append_element(element, key.order());
        Bytes rest = element;
        ASSERT_EQ(read_element(rest), key.order()) << "seed " << kSeed;
        ASSERT_TRUE(rest.empty());
        ++keys;
      } catch (const Error& error) {
        const bool expected =
            error.code() == ErrorCode::kCorrupt || error.code() == ErrorCode::kInvalidArgument ||
            (kind == PayloadKind::kNumpyScalar && error.code() == ErrorCode::kTypeMismatch);
        ASSERT_TRUE(expected) << error.what();
        ++refused;
      }
    }
  }
  EXPECT_GT(keys, 1'000u);
  EXPECT_GT(refused, 1'000u);
}

}  // namespace
}  // namespace oocmap
