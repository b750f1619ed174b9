// What a creator that was killed, or lost power, leaves beside a map.
#include "core/lmdb/creation.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <memory>
#include <string>

#include "core/lmdb/locks.h"
#include "core/lmdb/new_file.h"
#include "core/lmdb/platform_linux.h"
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
  const NewFile living = NewFile::beside(path, kCreationMark);
  open_file(path);
  EXPECT_TRUE(exists(living.path()));
}

TEST_F(CreationTest, ATemporaryFileGoesUnlessItWasKept) {
  std::string name;
  {
    const NewFile file = NewFile::beside(path, kCreationMark);
    name = file.path();
    struct stat info = {};
    ASSERT_EQ(fstat(file.fd(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600U);
    EXPECT_EQ(fcntl(file.fd(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  }
  EXPECT_FALSE(exists(name));
}

TEST_F(CreationTest, AChildForkedMeanwhileDoesNotKeepTheLock) {
  std::string name;
  std::unique_ptr<Bystander> child;
  {
    NewFile file = NewFile::beside(path, kCreationMark);
    name = file.path();
    child = std::make_unique<Bystander>();
    file.keep();
  }
  remove_abandoned(path, kCreationMark);
  EXPECT_FALSE(exists(name));
}

TEST_F(CreationTest, AFolderThatCannotBeSyncedIsAnError) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the undefined-behaviour sanitizer needs descriptors to look at an object";
#endif
  Child child([&] {
    const rlimit none = {0, 0};
    setrlimit(RLIMIT_NOFILE, &none);
    const Error error = error_of([&] { sync_folder(path); });
    return error.code() == ErrorCode::kIo && error.system_error() == EMFILE ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
  sync_folder(path);
}

TEST_F(CreationTest, AnEmptyFileKeepsItsOwner) {
  if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  std::ofstream(path).close();
  ASSERT_EQ(chown(path.c_str(), 12345, 54321), 0);
  open_file(path);
  struct stat info = {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, uid_t{12345});
  EXPECT_EQ(info.st_gid, gid_t{54321});
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
