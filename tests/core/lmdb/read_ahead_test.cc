#include "core/lmdb/read_ahead.h"

#include <unistd.h>

#include <sstream>

#include "core/lmdb/platform_linux.h"
#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

struct ReadAheadTest : LmdbTest {
  // Whether the map of the file is read page by page: "rr" among its flags. Another map of the file
  // is that of its meta pages (MetaWatch).
  bool single_pages() const {
    std::istringstream maps(read_file("/proc/self/smaps"));
    bool ours = false;
    bool found = false;
    for (std::string line; std::getline(maps, line);) {
      if (line.ends_with(".ooc") || line.ends_with(".ooc-lock")) ours = line.ends_with(path);
      if (!ours || !line.starts_with("VmFlags:")) continue;
      found = true;
      ours = false;
      if (line.find(" rr") != std::string::npos) return true;
    }
    EXPECT_TRUE(found);
    return false;
  }
};

TEST_F(ReadAheadTest, EndsOnceTheFileTakesMuchOfTheMemory) {
  const auto environment = open();
  put(*environment, "k", "v");
  EXPECT_FALSE(single_pages());
  ReadAhead read_ahead;
  const uint64_t half = platform::memory() / 2;
  read_ahead.fit(environment->raw(), half);
  EXPECT_FALSE(single_pages());
  read_ahead.fit(environment->raw(), half + 1);
  EXPECT_TRUE(single_pages());
  EXPECT_EQ(get(*environment, "k"), "v");
  put(*environment, "k", "w");
  EXPECT_EQ(get(*environment, "k"), "w");
  environment->compact(std::chrono::seconds(5), nullptr);  // maps a file that is small again
  EXPECT_FALSE(single_pages());
}

TEST_F(ReadAheadTest, TheMemoryIsTheMachinesAtMost) {
  const auto machine =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  EXPECT_GT(platform::memory(), 0u);
  EXPECT_LE(platform::memory(), machine);
}

}  // namespace
}  // namespace oocmap
