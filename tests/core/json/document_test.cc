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
