#include "core/base/utf8.h"

#include <gtest/gtest.h>

namespace oocmap {
namespace {

TEST(TextForm, ValidUtf8) {
  for (const char* text : {"", "a", "0123456789abcdef", "é", "€", "😀", "abcdefgh€ijklmnop"}) {
    EXPECT_EQ(text_form(text), TextForm::kUtf8) << text;
  }
}

TEST(TextForm, LoneSurrogatesAreGeneralised) {
  EXPECT_EQ(text_form("\xed\xa0\x80"), TextForm::kWtf8);
  EXPECT_EQ(text_form("\xed\xb0\x80\xed\xa0\x80"), TextForm::kWtf8);
}

TEST(TextForm, ASurrogatePairAsTwoIsNeither) {
  EXPECT_EQ(text_form("\xed\xa0\xbd\xed\xb8\x80"), TextForm::kNone);
}

TEST(TextForm, MalformedIsNeither) {
  for (const char* text :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xe2\x82", "\xff", "abcdefg\xe2"}) {
    EXPECT_EQ(text_form(text), TextForm::kNone) << text;
  }
}

TEST(Codepoints, ComeBack) {
  for (const uint32_t codepoint :
       {0u, 0x7fu, 0x80u, 0x7ffu, 0x800u, 0xd800u, 0xffffu, 0x10000u, 0x10ffffu}) {
    Buffer text;
    append_codepoint(text, codepoint);
    size_t at = 0;
    EXPECT_EQ(next_codepoint(text, at), codepoint);
    EXPECT_EQ(at, text.size());
  }
}

}  // namespace
}  // namespace oocmap
