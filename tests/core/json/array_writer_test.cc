// JSON text of arrays: each kind of element, each order of storage.
#include <gtest/gtest.h>

#include <string>

#include "core/base/error.h"
#include "core/json/array_element.h"
#include "core/json/datetime_text.h"
#include "core/json/writer.h"
#include "core/store/encoder.h"
#include "tests/core/store/container_fixture.h"

namespace oocmap {
namespace {

template <typename... Numbers>
Buffer bytes_of(Numbers... numbers) {
  Buffer bytes;
  (append_le(bytes, numbers), ...);
  return bytes;
}

Buffer element(Bytes type, Bytes item) {
  Buffer text;
  ElementWriter(type, static_cast<uint32_t>(item.size())).write(item, text);
  return text;
}

TEST(ArrayElement, NumbersAreNumbers) {
  EXPECT_EQ(element("|b1", Bytes("\0", 1)), "false");
  EXPECT_EQ(element("|b1", "\2"), "true");
  EXPECT_EQ(element("|i1", "\xff"), "-1");
  EXPECT_EQ(element("|u1", "\xff"), "255");
  EXPECT_EQ(element("<i8", bytes_of(INT64_MIN)), "-9223372036854775808");
  EXPECT_EQ(element("<u8", bytes_of(UINT64_MAX)), "18446744073709551615");
  EXPECT_EQ(element(">i2", "\x01\x02"), "258");
  EXPECT_EQ(element("<f8", bytes_of(0.1)), "0.1");
  EXPECT_EQ(element("<f4", bytes_of(1.5f)), "1.5");
  EXPECT_EQ(element(">f4", Bytes("\x3f\xc0\0\0", 4)), "1.5");
  EXPECT_EQ(element("bfloat16", "\xc0\x3f"), "1.5");
  EXPECT_EQ(element("<f16", bytes_of(2.5L)), "2.5");
}

TEST(ArrayElement, HalfFloats) {
  EXPECT_EQ(element("<f2", bytes_of(uint16_t{0x3c00})), "1.0");
  EXPECT_EQ(element("<f2", bytes_of(uint16_t{0xc100})), "-2.5");
  EXPECT_EQ(element("<f2", bytes_of(uint16_t{0x7bff})), "65504.0");
  EXPECT_EQ(element("<f2", bytes_of(uint16_t{0x0001})), "5.960464477539063e-08");
  EXPECT_EQ(element("<f2", bytes_of(uint16_t{0x8000})), "-0.0");
  EXPECT_EQ(element("<f2", bytes_of(uint16_t{0x7c00})), "9.0e+999");
  EXPECT_EQ(element("<f2", bytes_of(uint16_t{0x7e00})), "null");
}

TEST(ArrayElement, ComplexNumbersAreAsPythonWritesThem) {
  EXPECT_EQ(element("<c16", bytes_of(1.0, 2.5)), "\"(1+2.5j)\"");
  EXPECT_EQ(element("<c16", bytes_of(0.0, -2.0)), "\"-2j\"");
  EXPECT_EQ(element("<c16", bytes_of(-0.0, -0.0)), "\"(-0-0j)\"");
  EXPECT_EQ(element("<c8", bytes_of(1.0f, 2.0f)), "\"(1+2j)\"");
  EXPECT_EQ(element(">c8", Bytes("\x3f\xc0\0\0\x40\0\0\0", 8)), "\"(1.5+2j)\"");
}

TEST(ArrayElement, TextAndBytes) {
  EXPECT_EQ(element("|S4", Bytes("ab\0\0", 4)), "\"YWI=\"");
  EXPECT_EQ(element("|V2", Bytes("a\0", 2)), "\"YQA=\"");
  EXPECT_EQ(element("<U3", bytes_of(0x61, 0xe9, 0)), "\"a\u00e9\"");
  EXPECT_EQ(element(">U2", Bytes("\0\0\0\x61\0\0\0\x62", 8)), "\"ab\"");
  EXPECT_EQ(element("<U1", bytes_of(0x110000)), "\"\ufffd\"");
  EXPECT_EQ(element("<U1", bytes_of(0xd800)), "\"\\ud800\"");
  EXPECT_EQ(element("|S0", ""), "\"\"");
}

TEST(ArrayElement, Times) {
  EXPECT_EQ(element("<M8[D]", bytes_of(int64_t{10'957})), "\"2000-01-01\"");
  EXPECT_EQ(element("<M8[D]", bytes_of(kNotATime)), "null");
  EXPECT_EQ(element("<M8", bytes_of(int64_t{5})), "5");
  EXPECT_EQ(element("<m8[25s]", bytes_of(int64_t{-5})), "-5");
  EXPECT_EQ(element("<m8[s]", bytes_of(kNotATime)), "null");
  EXPECT_EQ(element("<M8[25s]", bytes_of(int64_t{2})), "\"1970-01-01T00:00:50\"");
}

TEST(ArrayElement, UnknownTypesAreBase64) {
  for (const char* type : {"", "f", "<f3", "float8_e5m2", "{\"names\":[]}", "<i3", "|O1",
                           "<f99999999999999", "<U9", "?b3"}) {
    EXPECT_EQ(element(type, "abc"), "\"YWJj\"") << type;
  }
  EXPECT_EQ(element("<i8", "abc"), "\"YWJj\"");  // of another size than it says
}

// Texts as numpy 2 writes them.
TEST(DatetimeText, IsNumpys) {
  const auto text = [](int64_t count, const char* unit, int64_t multiple = 1) {
    return datetime_text(count, multiple, time_unit(unit));
  };
  EXPECT_EQ(text(30, "Y"), "2000");
  EXPECT_EQ(text(-2'000, "Y"), "-030");
  EXPECT_EQ(text(8'100, "Y"), "10070");
  EXPECT_EQ(text(-1, "M"), "1969-12");
  EXPECT_EQ(text(0, "W"), "1970-01-01");
  EXPECT_EQ(text(-1, "D"), "1969-12-31");
  EXPECT_EQ(text(11'016, "D"), "2000-02-29");
  EXPECT_EQ(text(-719'529, "D"), "-001-12-31");
  EXPECT_EQ(text(-1, "h"), "1969-12-31T23");
  EXPECT_EQ(text(61, "m"), "1970-01-01T01:01");
  EXPECT_EQ(text(-1, "s"), "1969-12-31T23:59:59");
  EXPECT_EQ(text(-1, "ms"), "1969-12-31T23:59:59.999");
  EXPECT_EQ(text(1, "ns"), "1970-01-01T00:00:00.000000001");
  EXPECT_EQ(text(-1, "as"), "1969-12-31T23:59:59.999999999999999999");
  EXPECT_EQ(text(INT64_MAX, "ns"), "2262-04-11T23:47:16.854775807");
  EXPECT_EQ(text(2, "h", 12), "1970-01-02T00");
  EXPECT_EQ(text(INT64_MAX, "D"), "9223372036854775807");
  EXPECT_EQ(text(INT64_MIN + 1, "Y"), "-9223372036854775807");
  EXPECT_EQ(text(INT64_MAX, "W", 2), "9223372036854775807");
  EXPECT_EQ(time_unit("x"), -1);
  EXPECT_EQ(time_unit(""), -1);
}

class ArrayJsonTest : public ContainerTest {
 protected:
  Buffer json(ArrayHead head, Bytes data, size_t max_bytes = 1000) {
    ValueEncoder encoder;
    encoder.begin_list();
    encoder.array(std::move(head), data);
    encoder.end();
    EncodedValue value = encoder.finish();
    const Member list = store_value(store(), txn(), value);
    Buffer text;
    write_json(store(), txn(), list, text, max_bytes);
    return text;
  }
  static ArrayHead head_of(std::vector<uint64_t> shape) {
    ArrayHead head;
    head.item_size = 1;
    head.type = "|i1";
    head.shape = std::move(shape);
    return head;
  }
};

TEST_F(ArrayJsonTest, NestsAsTheShapeDoes) {
  EXPECT_EQ(json(head_of({2, 3}), "\1\2\3\4\5\6"), "[[[1,2,3],[4,5,6]]]");
  EXPECT_EQ(json(head_of({}), "\1"), "[1]");
  EXPECT_EQ(json(head_of({0}), ""), "[[]]");
  EXPECT_EQ(json(head_of({2, 0}), ""), "[[[],[]]]");
  ArrayHead fortran = head_of({2, 3});
  fortran.fortran = true;
  EXPECT_EQ(json(fortran, "\1\4\2\5\3\6"), "[[[1,2,3],[4,5,6]]]");
}

TEST_F(ArrayJsonTest, LengthIsBounded) {
  EXPECT_THROW(json(head_of({2'000}), Buffer(2'000, '\1')), Error);
  EXPECT_THROW(json(head_of({uint64_t{1} << 40, 0}), ""), Error);
}

}  // namespace
}  // namespace oocmap
