#include "core/json/other_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/base/error.h"
#include "core/format/other_payload.h"
#include "core/format/packed.h"

namespace oocmap {
namespace {

Buffer text(PayloadKind kind, Bytes payload) {
  Buffer out;
  append_payload_text(kind, payload, out);
  return out;
}

Buffer duration(int32_t days, uint32_t seconds, uint32_t microseconds) {
  return text(PayloadKind::kTimedelta, encode_timedelta({days, seconds, microseconds}));
}

Buffer complex_text(double real, double imaginary) {
  return text(PayloadKind::kComplex, encode_complex({real, imaginary}));
}

TEST(OtherText, TimesAreIso8601) {
  const Zone zone{ZoneKind::kZone, -14'400'000'000, -18'000'000'000, "America/New_York"};
  const DateFields date{2020, 11, 1};
  EXPECT_EQ(text(PayloadKind::kDatetime, encode_datetime({date, {1, 30, 0, 0, 0, zone}})),
            "2020-11-01T01:30:00-04:00");
  EXPECT_EQ(text(PayloadKind::kDatetime, encode_datetime({date, {1, 30, 0, 1, 50, zone}})),
            "2020-11-01T01:30:00.000050-05:00");
  EXPECT_EQ(text(PayloadKind::kDate, encode_date({1, 2, 3})), "0001-02-03");
  const Zone odd{ZoneKind::kNamed, 3'661'000'001, 3'661'000'001, "x"};
  EXPECT_EQ(text(PayloadKind::kTime, encode_time({1, 2, 3, 0, 0, odd})),
            "01:02:03+01:01:01.000001");
}

TEST(OtherText, TimedeltasAreIsoDurations) {
  EXPECT_EQ(duration(0, 0, 0), "PT0S");
  EXPECT_EQ(duration(1, 7384, 500'000), "P1DT2H3M4.5S");
  EXPECT_EQ(duration(2, 0, 0), "P2D");
  EXPECT_EQ(duration(-1, 86'399, 999'999), "-PT0.000001S");
  EXPECT_EQ(duration(-2, 82'800, 0), "-P1DT1H");
  EXPECT_EQ(duration(0, 60, 0), "PT1M");
}

TEST(OtherText, ComplexIsAsPythonWritesIt) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(complex_text(0, 1), "1j");
  EXPECT_EQ(complex_text(-0.0, 1), "(-0+1j)");
  EXPECT_EQ(complex_text(1.5, -0.0), "(1.5-0j)");
  EXPECT_EQ(complex_text(-kInf, std::nan("")), "(-inf+nanj)");
  EXPECT_EQ(complex_text(1e16, 0), "(1e+16+0j)");
}

// Mutated payloads: refused in words, or text that is valid and needs no escapes in JSON.
TEST(HostileOtherText, IsRefusedOrPlain) {
  Buffer ints;
  for (const int64_t part : {3, 9, 4}) pack_int(ints, part);
  const std::vector<std::pair<PayloadKind, Buffer>> inputs = {
      {PayloadKind::kComplex, encode_complex({1, 2})},
      {PayloadKind::kRange, ints},
      {PayloadKind::kDatetime, encode_datetime({{2020, 1, 2}, {}})},
      {PayloadKind::kDate, encode_date({2020, 1, 2})},
      {PayloadKind::kTime, encode_time({1, 2, 3, 0, 0, {ZoneKind::kFixed, 5, 5, {}}})},
      {PayloadKind::kTimedelta, encode_timedelta({1, 2, 3})},
      {PayloadKind::kDecimal, "-12.5E+7"},
      {PayloadKind::kFraction, ints.substr(0, 18)},
      {PayloadKind::kUuid, Buffer(16, '\1')}};
  constexpr uint64_t kSeed = 78;
  std::mt19937_64 random(kSeed);
  size_t shown = 0;
  size_t refused = 0;
  for (const auto& [kind, input] : inputs) {
    for (int round = 0; round < 4'000; ++round) {
      Buffer bytes = input;
      if (round % 8 == 0) bytes.resize(random() % (bytes.size() + 1));
      for (uint64_t i = random() % 3; i > 0 && !bytes.empty(); --i) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      const std::vector<char> exact(bytes.begin(), bytes.end());
      try {
        const Buffer out = text(kind, {exact.data(), exact.size()});
        for (const char c : out) {
          const bool plain = c >= ' ' && c <= '~' && c != '"' && c != '\\';
          ASSERT_TRUE(plain) << "seed " << kSeed << ": " << out;
        }
        ++shown;
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), ErrorCode::kCorrupt) << error.what();
        ++refused;
      }
    }
  }
  EXPECT_GT(shown, 1'000u);
  EXPECT_GT(refused, 1'000u);
}

}  // namespace
}  // namespace oocmap
