// Files that are deleted, replaced, renamed and truncated while they are open.
#include <fcntl.h>

#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

struct ReplacedTest : LmdbTest {
  // A process that has the file open until `done`; `opened` is raised when it has.
  template <typename Body>
  int user(Signal& opened, Signal& done, Body body) {
    const auto environment = open();
    put(*environment, "k", "old");
    opened.raise();
    done.await();
    return body(*environment);
  }
  static bool says(const Error& error, const std::string& part) {
    return error.message().find(part) != std::string::npos;
  }
};

TEST_F(ReplacedTest, ADeletedFileIsNotWrittenTo) {
  const auto environment = open();
  put(*environment, "k", "v");
  std::filesystem::remove(path);
  const Error error = error_of([&] { put(*environment, "k", "lost"); });
  EXPECT_EQ(error.code(), ErrorCode::kFilesystem);
  EXPECT_TRUE(says(error, "deleted or replaced")) << error.message();
  EXPECT_TRUE(says(error, "open it again")) << error.message();
  EXPECT_EQ(get(*environment, "k"), "v");  // what it had can still be read, and saved
  // The lock was given back: the same error, not a wait.
  EXPECT_EQ(error_of([&] { environment->begin_explicit(kSoon); }).code(), ErrorCode::kFilesystem);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ReplacedTest, AReplacedFileIsNotWrittenTo) {
  const std::string next = folder.file("next.ooc");
  put(*open_file(next), "k", "new");
  auto environment = open();
  put(*environment, "k", "old");
  std::filesystem::rename(next, path);
  EXPECT_EQ(error_of([&] { put(*environment, "k", "lost"); }).code(), ErrorCode::kFilesystem);
  // Nor is the new one opened beside it: both would use one lock file.
  const Error error = error_of([&] { open(); });
  EXPECT_EQ(error.code(), ErrorCode::kFilesystem);
  EXPECT_TRUE(says(error, "this process still has a file open")) << error.message();
  environment.reset();
  EXPECT_EQ(get(*open(), "k"), "new");
}

// With an odd number of commits between the two, LMDB would show the next opener the new file as it
// was before its last commit, and write over that.
TEST_F(ReplacedTest, TheLockFileOfAnotherProcesssOldFileIsRefused) {
  Signal opened;
  Signal done;
  Child other([&] {
    return user(opened, done, [&](Environment& environment) {
      const Error error = error_of([&] { put(environment, "k", "lost"); });
      return error.code() == ErrorCode::kFilesystem ? 0 : 1;
    });
  });
  opened.await();
  std::filesystem::remove(path);
  for (int i = 0; i < 2; ++i) {  // the first of these makes the file, which the second finds
    const Error error = error_of([&] { open(); });
    EXPECT_EQ(error.code(), ErrorCode::kFilesystem);
    EXPECT_TRUE(says(error, path + "-lock")) << error.message();
    EXPECT_TRUE(says(error, "process " + std::to_string(other.pid()))) << error.message();
  }
  done.raise();
  EXPECT_EQ(other.wait(), 0);
  put(*open(), "k", "new");
  EXPECT_EQ(get(*open(), "k"), "new");
}

// As a deployment does it that moves old files aside.
TEST_F(ReplacedTest, ARenamedFileIsRefusedUnderItsNewNameOnly) {
  Signal opened;
  Signal done;
  Child other([&] {
    return user(opened, done, [&](Environment& environment) {
      put(environment, "k", "kept");
      return 0;
    });
  });
  opened.await();
  const std::string moved = folder.file("moved.ooc");
  std::filesystem::rename(path, moved);
  const Error error = error_of([&] { open_file(moved); });
  EXPECT_EQ(error.code(), ErrorCode::kFilesystem);
  EXPECT_TRUE(says(error, "another lock file")) << error.message();
  EXPECT_EQ(error_of([&] { open(); }).code(), ErrorCode::kFilesystem);
  done.raise();
  EXPECT_EQ(other.wait(), 0);
  EXPECT_EQ(get(*open_file(moved), "k"), "kept");
}

TEST_F(ReplacedTest, ATruncatedFileIsNotWrittenTo) {
  for (const off_t size : {0, 4096, 12288}) {
    std::filesystem::remove(path);
    Child child([&] {
      const auto environment = open();
      put(*environment, "k", std::string(100'000, 'v'));
      if (truncate(path.c_str(), size) != 0) return 1;
      const Error error = error_of([&] { put(*environment, "k", "lost"); });
      if (error.code() != ErrorCode::kCorrupt || !says(error, "truncated")) return 2;
      return says(error, "has " + std::to_string(size) + " bytes") ? 0 : 3;
    });
    EXPECT_EQ(child.wait(), 0) << size;
  }
}

TEST_F(ReplacedTest, AFileThatAnotherProcessMadeLargerIsIntact) {
  const auto environment = open();
  Child child([&] {
    put(*open(), "large", std::string(1'000'000, 'v'));
    return 0;
  });
  ASSERT_EQ(child.wait(), 0);
  put(*environment, "k", "v");
  EXPECT_EQ(get(*environment, "k"), "v");
}

// Nobody can open the second name, so who has the first one open goes on.
TEST_F(ReplacedTest, AHardLinkMadeAfterOpeningIsNoticedByTheNextOpener) {
  Signal opened;
  Signal done;
  Child other([&] {
    return user(opened, done, [&](Environment& environment) {
      put(environment, "k", "kept");
      return 0;
    });
  });
  opened.await();
  const std::string second = folder.file("second.ooc");
  std::filesystem::create_hard_link(path, second);
  for (const std::string& name : {path, second}) {
    const Error error = error_of([&] { open_file(name); });
    EXPECT_EQ(error.code(), ErrorCode::kFilesystem);
    EXPECT_TRUE(says(error, "hard links")) << error.message();
  }
  done.raise();
  EXPECT_EQ(other.wait(), 0);
  std::filesystem::remove(second);
  EXPECT_EQ(get(*open(), "k"), "kept");
}

}  // namespace
}  // namespace oocmap
