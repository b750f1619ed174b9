#include "core/base/bytes.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace oocmap {
namespace {

Buffer varint(uint64_t value) {
  Buffer bytes;
  append_varint(bytes, value);
  return bytes;
}

// Values around every boundary of the encoding, and random ones of every length.
std::vector<uint64_t> interesting_values() {
  std::vector<uint64_t> values = {0, 1, 239, 240, 241, 2286, 2287, 2288, 67822, 67823, 67824};
  std::mt19937_64 random(7);
  for (int bits = 1; bits < 64; ++bits) {
    const uint64_t power = uint64_t{1} << bits;
    for (const uint64_t value : {power - 1, power, power + 1, power | (random() & (power - 1))}) {
      values.push_back(value);
    }
  }
  values.push_back(UINT64_MAX);
  return values;
}

TEST(Bytes, LittleAndBigEndian) {
  Buffer bytes;
  append_le<uint32_t>(bytes, 0x01020304);
  append_be64(bytes, 0x0102030405060708);
  EXPECT_EQ(bytes, std::string("\4\3\2\1\1\2\3\4\5\6\7\x8", 12));
  EXPECT_EQ(load_le<uint32_t>(bytes.data()), 0x01020304u);
  EXPECT_EQ(load_be64(bytes.data() + 4), 0x0102030405060708u);
  store_le<uint16_t>(bytes.data(), 0xabcd);
  EXPECT_EQ(load_le<uint16_t>(bytes.data()), 0xabcdu);
}

TEST(Bytes, BigEndianSortsAsNumbers) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t a = random() >> (random() % 64);
    const uint64_t b = random() >> (random() % 64);
    Buffer a_bytes;
    Buffer b_bytes;
    append_be64(a_bytes, a);
    append_be64(b_bytes, b);
    EXPECT_EQ(a < b, a_bytes < b_bytes);
  }
}

TEST(Varint, GoldenBytes) {
  EXPECT_EQ(varint(0), std::string("\0", 1));
  EXPECT_EQ(varint(240), "\xf0");
  EXPECT_EQ(varint(241), "\xf1\x01");
  EXPECT_EQ(varint(2287), "\xf8\xff");
  EXPECT_EQ(varint(2288), std::string("\xf9\0\0", 3));
  EXPECT_EQ(varint(67823), "\xf9\xff\xff");
  EXPECT_EQ(varint(67824), "\xfa\x01\x08\xf0");
  EXPECT_EQ(varint(UINT64_MAX), "\xff\xff\xff\xff\xff\xff\xff\xff\xff");
}

TEST(Varint, ComesBackWithItsSize) {
  for (const uint64_t value : interesting_values()) {
    const Buffer bytes = varint(value);
    EXPECT_EQ(bytes.size(), varint_size(value)) << value;
    EXPECT_LE(bytes.size(), kMaxVarint);
    const Buffer followed = bytes + "rest";
    Bytes from = followed;
    uint64_t read = 0;
    ASSERT_TRUE(read_varint(from, read));
    EXPECT_EQ(read, value);
    EXPECT_EQ(from, "rest");
  }
}

TEST(Varint, SortsAsNumbersAndNoneIsAnothersPrefix) {
  for (const uint64_t a : interesting_values()) {
    for (const uint64_t b : interesting_values()) {
      const Buffer a_bytes = varint(a);
      const Buffer b_bytes = varint(b);
      EXPECT_EQ(a < b, a_bytes < b_bytes) << a << " " << b;
      const bool prefix = a_bytes.substr(0, b_bytes.size()) == b_bytes;
      EXPECT_EQ(prefix, a == b) << a << " " << b;
    }
  }
}

TEST(Varint, TooShort) {
  uint64_t value = 0;
  for (const uint64_t written : interesting_values()) {
    const Buffer bytes = varint(written);
    for (size_t size = 0; size < bytes.size(); ++size) {
      Bytes from(bytes.data(), size);
      EXPECT_FALSE(read_varint(from, value)) << written << " cut to " << size;
    }
  }
}

}  // namespace
}  // namespace oocmap
