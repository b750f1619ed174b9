#include "core/base/hash.h"

#include <gtest/gtest.h>

namespace oocmap {
namespace {

// On disk: these may never change. The empty one is the published value of XXH3.
TEST(Hash, GoldenValues) {
  EXPECT_EQ(hash64(""), 0x2d06800538d394c2u);
  EXPECT_EQ(hash64("oocmap"), 0x1cc97f995faa076bu);
  EXPECT_EQ(hash64("oocmap", 1), 0x4e9fd2aed0b8be3bu);
  const auto empty = hash128("");
  EXPECT_EQ(Bytes(empty.data(), empty.size()),
            Bytes("\x99\xaa\x06\xd3\x01\x47\x98\xd8\x60\x01\xc3\x24\x46\x8d\x49\x7f", 16));
}

TEST(Hash, SeedsAndContentMatter) {
  EXPECT_NE(hash64("a", 1), hash64("a", 2));
  EXPECT_NE(hash64("a"), hash64("b"));
  EXPECT_NE(hash128("a", 1), hash128("a", 2));
  EXPECT_EQ(hash128("a", 1), hash128("a", 1));
}

}  // namespace
}  // namespace oocmap
