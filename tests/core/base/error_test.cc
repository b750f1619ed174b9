#include "core/base/error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace oocmap {
namespace {

TEST(Error, CarriesWhatHappened) {
  const Error plain(ErrorCode::kCorrupt, "what was found");
  EXPECT_EQ(plain.code(), ErrorCode::kCorrupt);
  EXPECT_EQ(plain.message(), "what was found");
  EXPECT_STREQ(plain.what(), "what was found");
  EXPECT_EQ(plain.system_error(), 0);
  EXPECT_EQ(plain.path(), "");
  const Error system(ErrorCode::kIo, "cannot open 'f'", ENOENT, "f");
  EXPECT_EQ(system.system_error(), ENOENT);
  EXPECT_EQ(system.path(), "f");
}

TEST(Error, IsAStandardException) {
  try {
    throw Error(ErrorCode::kBusy, "busy");
  } catch (const std::exception& error) {
    EXPECT_STREQ(error.what(), "busy");
  }
}

}  // namespace
}  // namespace oocmap
