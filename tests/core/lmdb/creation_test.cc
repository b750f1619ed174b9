// What a creator that was killed, or lost power, leaves beside a map.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>

#include "core/lmdb/locks.h"
#include "core/lmdb/platform_linux.h"
#include "core/lmdb/temporary_file.h"
#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

class CreationTest : public LmdbTest {
 protected:
  std::string left_behind(const std::string& end) {
    std::string name = path + end;
    std::ofstream(name) << "half a map";
    return name;
  }
  static bool exists(const std::string& name) { return access(name.c_str(), F_OK) == 0; }
};

TEST_F(CreationTest, TheNextCreatorRemovesWhatADeadOneLeft) {
  const std::string stale = left_behind(".oocmap-new-AbC123");
  const std::string link = path + ".oocmap-new-SymLnk";
  const std::string target = left_behind("-target");
  ASSERT_EQ(symlink(target.c_str(), link.c_str()), 0);
  const std::string longer = left_behind(".oocmap-new-AbC1234");
  const std::string other = left_behind("2.oocmap-new-AbC123");
  open_file(path);
  EXPECT_FALSE(exists(stale));
  EXPECT_TRUE(exists(link)) << "no creator makes links";
  EXPECT_TRUE(exists(target));
  EXPECT_TRUE(exists(longer));
  EXPECT_TRUE(exists(other)) << "of another map";
}

TEST_F(CreationTest, WhoFillsAnEmptyFileRemovesItToo) {
  const std::string stale = left_behind(".oocmap-new-AbC123");
  std::ofstream(path).close();
  open_file(path);
  EXPECT_FALSE(exists(stale));
}

TEST_F(CreationTest, ALivingCreatorsFileStays) {
  const TemporaryFile living(path);
  open_file(path);
  EXPECT_TRUE(exists(living.path()));
}

TEST_F(CreationTest, ATemporaryFileGoesUnlessItWasKept) {
  std::string name;
  {
    const TemporaryFile file(path);
    name = file.path();
    struct stat info = {};
    ASSERT_EQ(fstat(file.fd(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U);
    EXPECT_EQ(fcntl(file.fd(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  }
  EXPECT_FALSE(exists(name));
}

// Where renameat2() knows no RENAME_NOREPLACE, the name is a link first: a crash leaves both.
TEST_F(CreationTest, ASecondNameThatACreatorLeftIsRemoved) {
  put(*open_file(path), "k", "v");
  const std::string second = path + ".oocmap-new-AbC123";
  ASSERT_EQ(link(path.c_str(), second.c_str()), 0);
  EXPECT_EQ(get(*open_file(path, OpenMode::kWrite), "k"), "v");
  EXPECT_FALSE(exists(second));
}

}  // namespace
}  // namespace oocmap
