#include "core/json/document.h"

#include <gtest/gtest.h>

#include "core/base/error.h"

namespace oocmap {
namespace {

std::string again(std::string_view json) {
  Buffer text;
  Document::parse(json).write(0, text);
  return text;
}

std::string message(std::string_view json) {
  try {
    Document::parse(json);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidJson);
    return error.message();
  }
  return "no error";
}

TEST(Document, CompactTextComesBack) {
  for (const char* json : {"null", "true", "-5", "1.5", "\"x\"", "[]", "{}", "[[],{},[[1]]]",
                           R"({"a":[1,{"b":null}],"c":"d"})", "123456789012345678901234567890",
                           R"(["\u0001\"\\\n"])", R"(["é","😀"])"}) {
    EXPECT_EQ(again(json), json);
  }
}

TEST(Document, BlanksGoAndEscapesBecomeText) {
  EXPECT_EQ(again(" [ 1 , 2 ] "), "[1,2]");
  EXPECT_EQ(again(R"(["\u00e9\ud83d\ude00\/"])"), R"(["é😀/"])");
}

TEST(Document, LoneSurrogatesAreKept) {
  EXPECT_EQ(again(R"(["\ud800"])"), R"(["\ud800"])");
  EXPECT_EQ(again(R"(["\uDC00x\ud83d\ude00\ud801"])"), "[\"\\udc00x😀\\ud801\"]");
  EXPECT_EQ(again(R"({"\udfff":"\uffff"})"), "{\"\\udfff\":\"\xef\xbf\xbf\"}");
  EXPECT_EQ(again("[\"\\ud800\xef\xbf\xbf\"]"), "[\"\\ud800\xef\xbf\xbf\"]");
  EXPECT_EQ(again(R"(["\\ud800"])"), R"(["\\ud800"])");
}

TEST(Document, NumbersBeyondADoubleAreInfinite) {
  EXPECT_EQ(again("[1e999,-1E+999,1e-999,2.5e-100,\"1e999\",true]"),
            "[9.0e+999,-9.0e+999,0.0,2.5e-100,\"1e999\",true]");
  EXPECT_EQ(again(std::string(400, '9') + ".5"), "9.0e+999");
  EXPECT_EQ(again(std::string(400, '9')), std::string(400, '9'));
  EXPECT_NE(message("[1e999,1e]"), "no error");
  EXPECT_NE(message("[1e999,1e-]"), "no error");
}

// Where such a number stands decides by which of its bytes it is found.
TEST(Document, LargeNumbersAreFoundAnywhere) {
  const std::string digits(300, '7');
  for (size_t before = 0; before < 310; ++before) {
    const std::string start = "[\"" + std::string(before, 'x') + "\",";
    EXPECT_EQ(again(start + digits + "]"), start + digits + "]");
    EXPECT_EQ(again(start + digits + "." + digits + "]"), again(start + digits + ".0]"));
  }
  EXPECT_EQ(again(R"(["\\",1e999])"), R"(["\\",9.0e+999])");
  EXPECT_EQ(again(R"(["\"",1e999])"), R"(["\"",9.0e+999])");
  EXPECT_EQ(again(R"(["\\\"",1e999])"), R"(["\\\"",9.0e+999])");
  EXPECT_EQ(again(R"({"1e999\"":1e999})"), R"({"1e999\"":9.0e+999})");
  EXPECT_NE(message(R"(["1e999)"), "no error");
}

TEST(Document, TextThatIsNotUtf8SaysWhere) {
  EXPECT_EQ(message("[\"ok\", \"\xc3\xa9\xff\"]"), message("[\"ok\", \"\xc3\xa9\xc0\"]"));
  EXPECT_EQ(message("[\"\xed\xa0\x80\"]").substr(0, 16), "bad JSON at byte");  // a surrogate
  EXPECT_NE(message("[\"\xf0\x9f\x98\"]"), "no error");
}

TEST(Document, TextWithNulIsWhole) {
  const Document document = Document::parse(R"("a\u0000b")");
  EXPECT_EQ(document.value(0).payload(), Bytes("a\0b", 3));
}

TEST(Document, WalksItsMembers) {
  const Document document = Document::parse(R"({"a":[1,2],"b":3})");
  const auto a = document.first_child(0);
  ASSERT_TRUE(a);
  EXPECT_EQ(document.key(*a), "a");
  EXPECT_EQ(document.size(*a), 2u);
  const auto b = document.next(*a);
  ASSERT_TRUE(b);
  EXPECT_EQ(document.key(*b), "b");
  EXPECT_FALSE(document.next(*b));
  EXPECT_FALSE(document.first_child(*b));
}

TEST(Document, ErrorsSayWhere) {
  EXPECT_EQ(message("[1,]").substr(0, 18), "bad JSON at byte 3");
  EXPECT_EQ(message("").substr(0, 18), "bad JSON at byte 0");
  EXPECT_EQ(message("[1] x").substr(0, 18), "bad JSON at byte 4");
  EXPECT_EQ(message(std::string_view("1\0x", 3)).substr(0, 18), "bad JSON at byte 1");
  EXPECT_NE(message("[\"\xff\"]"), "no error");
  EXPECT_NE(message("{\"a\":NaN}"), "no error");
  EXPECT_NE(message("[\"\\ud800\",]"), "no error");
}

TEST(Document, DeepNestingNeedsNoStack) {
  const size_t depth = 1'000'000;
  const std::string json = std::string(depth, '[') + std::string(depth, ']');
  EXPECT_EQ(again(json), json);
}

}  // namespace
}  // namespace oocmap
