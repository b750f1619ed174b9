#include <dlfcn.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/lmdb/environment.h"

namespace oocmap {
namespace {

TEST(Image, KnowsItsOwnPath) {
  EXPECT_TRUE(std::filesystem::exists(image_path())) << image_path();
  EXPECT_EQ(std::filesystem::canonical(image_path()), std::filesystem::canonical("/proc/self/exe"));
}

TEST(Image, IsAlone) {
  EXPECT_EQ(other_image_path(), std::nullopt);
  EXPECT_EQ(take_process(), std::nullopt);
  EXPECT_EQ(take_process(), std::nullopt);
}

}  // namespace
}  // namespace oocmap
