// The second file: one that is none, cannot be used, or belongs to somebody else.
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

struct LockFileTest : LmdbTest {
  std::string lock_path = path + "-lock";

  void expect_refused(const std::string& why) const {
    for (const OpenMode mode : {OpenMode::kRead, OpenMode::kCreate}) {
      const Error error = error_of([&] { open(mode); });
      EXPECT_EQ(error.code(), ErrorCode::kFilesystem) << error.message();
      EXPECT_EQ(error.message(), "cannot open '" + path + "': its lock file would be '" +
                                     lock_path + "', which is " + why +
                                     "; move that away, or give the map another name");
    }
  }
  static struct stat status(const std::string& file) {
    struct stat info = {};
    EXPECT_EQ(lstat(file.c_str(), &info), 0) << file;
    return info;
  }
  // As somebody who owns nothing here; 77 where this process may not become that.
  template <typename Body>
  static int as_nobody(Body body) {
    Child child([&] {
      if (geteuid() == 0 && (setegid(65534) != 0 || seteuid(65534) != 0)) return 77;
      return geteuid() == 0 ? 77 : body();
    });
    return child.wait();
  }
};

// LMDB would write its own over it.
TEST_F(LockFileTest, AFileOfSomethingElseIsNotOverwritten) {
  open();
  for (const std::string& content :
       {std::string("eggs\n"), std::string("- eggs\n- milk\n- bread and butter\n"),
        std::string(5, '\0'),
        std::string("\0\0\0\x18"
                    "ftypmp42 and then the film",
                    30)}) {
    write_file(lock_path, content);
    expect_refused("a file of something else and would be overwritten");
    EXPECT_EQ(read_file(lock_path), content);
  }
}

TEST_F(LockFileTest, AMapIsNotTheLockFileOfAnother) {
  open();
  std::filesystem::remove(lock_path);
  put(*open_file(lock_path), "k", "of the map with the odd name");
  expect_refused("a file of something else and would be overwritten");
  EXPECT_EQ(get(*open_file(lock_path), "k"), "of the map with the odd name");
}

// Opened and closed once more, it would lose the locks that this process has on it: the next one to
// come would take the file for unused, and its readers' pages for free.
TEST_F(LockFileTest, ItIsNoMapAndKeepsItsLocks) {
  const auto environment = open();
  const auto locked_by = [&] {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    const int fd = ::open(lock_path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0 || fcntl(fd, F_GETLK, &lock) != 0) return -1;
    close(fd);
    return lock.l_type == F_UNLCK ? 0 : static_cast<int>(lock.l_pid);
  };
  for (const OpenMode mode : {OpenMode::kRead, OpenMode::kCreate}) {
    const Error error = error_of([&] { open_file(lock_path, mode); });
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
    EXPECT_EQ(error.message(), "'" + lock_path + "' is not an OOCMap file but the lock file of '" +
                                   path + "', which is open in this process");
  }
  Child other([&] {
    if (locked_by() != getppid()) return 1;
    const Error error = error_of([&] { open_file(lock_path); });
    if (error.message().find("but the lock file of one") == std::string::npos) return 2;
    return locked_by() == getppid() ? 0 : 3;
  });
  EXPECT_EQ(other.wait(), 0);
}

// As a copy of the folder does it. LMDB knows by its locks who is alive.
struct LostLocksTest : LockFileTest {
  static constexpr int kRows = 200;
  static void put_all(Environment& environment, const std::string& value) {
    WriteTransaction transaction = environment.begin_write(std::chrono::seconds(5));
    for (int i = 0; i < kRows; ++i) {
      transaction.put(Database::kMeta, "row " + std::to_string(i), value + std::string(900, 'x'));
    }
    transaction.commit();
  }
  static int read_all(const ReadTransaction& transaction, char value) {
    int right = 0;
    for (int i = 0; i < kRows; ++i) {
      const auto row = transaction.get(Database::kMeta, "row " + std::to_string(i));
      right += row && row->size() == 901 && row->front() == value ? 1 : 0;
    }
    return right;
  }
  void lose_locks() const { close(::open(lock_path.c_str(), O_RDONLY | O_CLOEXEC)); }
};

TEST_F(LostLocksTest, NobodyBeginsAnewBesideTheirLoser) {
  Signal lost;
  Signal tried;
  put_all(*open(), "a");
  Child loser([&] {
    const auto environment = open();
    const ReadTransaction snapshot = environment->begin_read();
    lose_locks();
    lost.raise();
    tried.await();
    return read_all(snapshot, 'a') == kRows ? 0 : 1;
  });
  lost.await();
  const std::string holder = "process " + std::to_string(loser.pid()) + " (";
  for (const OpenMode mode : {OpenMode::kRead, OpenMode::kCreate}) {
    const Error error = error_of([&] { open(mode); });
    EXPECT_EQ(error.code(), ErrorCode::kFilesystem) << error.message();
    EXPECT_NE(error.message().find(holder), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("close the map there first"), std::string::npos);
  }
  tried.raise();
  EXPECT_EQ(loser.wait(), 0);
  put_all(*open(), "b");
}

TEST_F(LostLocksTest, TheirLosersSnapshotIsNotTakenForADeadOnes) {
  Signal lost;
  Signal written;
  const auto environment = open();
  put_all(*environment, "a");
  Child loser([&] {
    const auto mine = open();
    const ReadTransaction snapshot = mine->begin_read();
    lose_locks();
    lost.raise();
    written.await();
    return read_all(snapshot, 'a') == kRows ? 0 : 1;
  });
  lost.await();
  EXPECT_EQ(environment->clear_stale_readers(), 0);
  for (int i = 0; i < 1100; ++i) put_all(*environment, "b");  // the thousandth looks by itself
  written.raise();
  EXPECT_EQ(loser.wait(), 0) << "pages of its snapshot were given away";
  EXPECT_EQ(environment->clear_stale_readers(), 0);
}

TEST_F(LockFileTest, ALinkIsNotFollowed) {
  open();
  std::filesystem::remove(lock_path);
  const std::string target = folder.file("precious");
  std::filesystem::create_symlink(target, lock_path);
  const std::string refused = "a link: what it leads to would be overwritten";
  expect_refused(refused);
  EXPECT_FALSE(std::filesystem::exists(target));
  write_file(target, "");
  expect_refused(refused);
  EXPECT_EQ(read_file(target), "");
}

TEST_F(LockFileTest, WhatIsNoFile) {
  open();
  std::filesystem::remove(lock_path);
  std::filesystem::create_directory(lock_path);
  expect_refused("not a regular file");
  std::filesystem::remove(lock_path);
  ASSERT_EQ(mkfifo(lock_path.c_str(), 0600), 0);
  expect_refused("not a regular file");
}

// What a maker that was killed, or one that may write where we may not, has left.
TEST_F(LockFileTest, AnUnfinishedOneIsFinished) {
  put(*open(), "k", "v");
  const std::string whole = read_file(lock_path);
  std::string without_magic = whole;
  without_magic.replace(0, 8, 8, '\0');
  for (const std::string& content :
       {std::string(), std::string(whole.size(), '\0'), without_magic}) {
    write_file(lock_path, content);
    put(*open(), "k", "again");
    EXPECT_EQ(get(*open(OpenMode::kRead), "k"), "again");
  }
}

TEST_F(LockFileTest, OneThatCannotBeWrittenToSaysWhoseItIs) {
  open();
  ASSERT_EQ(chmod(folder.path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  ASSERT_EQ(chmod(lock_path.c_str(), 0640), 0);
  const struct stat info = status(lock_path);
  const std::string owner = "belongs to user " + std::to_string(info.st_uid) + " and group " +
                            std::to_string(info.st_gid) + " and has mode 0640";
  const int code = as_nobody([&] {
    const Error error = error_of([&] { open(OpenMode::kRead); });
    if (error.code() != ErrorCode::kIo || error.system_error() != EACCES) return 1;
    if (error.path() != lock_path) return 2;
    if (error.message().find(owner) == std::string::npos) return 3;
    return error.message().find("chmod") == std::string::npos ? 4 : 0;
  });
  if (code == 77) GTEST_SKIP() << "needs the right to become another user";
  EXPECT_EQ(code, 0);
}

TEST_F(LockFileTest, OneThatCannotBeMadeSaysWhatToDo) {
  open();
  std::filesystem::remove(lock_path);
  ASSERT_EQ(chmod(folder.path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  const int code = as_nobody([&] {
    const Error error = error_of([&] { open(OpenMode::kRead); });
    if (error.code() != ErrorCode::kIo || error.system_error() != EACCES) return 1;
    return error.message().find("make an empty file of this name") == std::string::npos ? 2 : 0;
  });
  if (code == 77) GTEST_SKIP() << "needs the right to become another user";
  EXPECT_EQ(code, 0);
  // And that does it.
  write_file(lock_path, "");
  ASSERT_EQ(chmod(lock_path.c_str(), 0666), 0);
  EXPECT_EQ(as_nobody([&] {
              open(OpenMode::kRead)->begin_read();
              return 0;
            }),
            0);
}

// A lock file with the mode of the data could not be opened by LMDB.
TEST_F(LockFileTest, AReadOnlyFileIsReadByItsOwner) {
  put(*open(), "k", "v");
  std::filesystem::remove(lock_path);
  ASSERT_EQ(chmod(path.c_str(), 0400), 0);
  ASSERT_EQ(chmod(folder.path().c_str(), 0777), 0);
  if (geteuid() == 0) {
    ASSERT_EQ(chown(path.c_str(), 65534, 65534), 0);
  }
  const auto read = [&] {
    if (error_of([&] { open(OpenMode::kWrite); }).system_error() != EACCES) return 1;
    return get(*open(OpenMode::kRead), "k") == "v" ? 0 : 2;
  };
  const int code = geteuid() == 0 ? as_nobody(read) : read();
  if (code == 77) GTEST_SKIP() << "needs the right to become another user";
  EXPECT_EQ(code, 0);
  EXPECT_EQ(status(lock_path).st_mode & 07777, 0600u);
}

// Else the owner could not open his map any more.
TEST_F(LockFileTest, RootLeavesItToTheOwnerOfTheData) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  open();
  std::filesystem::remove(lock_path);
  ASSERT_EQ(chown(path.c_str(), 65534, 65533), 0);
  ASSERT_EQ(chmod(path.c_str(), 0660), 0);
  const mode_t mask = umask(077);
  open();
  umask(mask);
  const struct stat info = status(lock_path);
  EXPECT_EQ(info.st_uid, 65534u);
  EXPECT_EQ(info.st_gid, 65533u);
  EXPECT_EQ(info.st_mode & 07777, 0660u);
}

// The version stands behind the magic number. Nobody may go on with a file that is in use.
TEST_F(LockFileTest, OneOfAnotherLmdbIsRefusedWhileInUse) {
  Signal opened;
  Signal done;
  Child other([&] {
    const auto environment = open();
    put(*environment, "k", "theirs");
    opened.raise();
    done.await();
    put(*environment, "k", "still theirs");
    return 0;
  });
  opened.await();
  const int fd = ::open(lock_path.c_str(), O_WRONLY | O_CLOEXEC);
  const uint32_t version = 0x7777;
  ASSERT_EQ(pwrite(fd, &version, sizeof version, 4), 4);
  close(fd);
  const Error error = error_of([&] { open(); });
  EXPECT_EQ(error.code(), ErrorCode::kFilesystem);
  EXPECT_EQ(error.message(),
            "cannot open '" + path +
                "': it is in use by a program with another version of LMDB (or for another "
                "processor), whose lock file '" +
                lock_path + "' cannot be shared; end that first, or let all use one version");
  done.raise();
  EXPECT_EQ(other.wait(), 0);
  EXPECT_EQ(get(*open(), "k"), "still theirs");
}

}  // namespace
}  // namespace oocmap
