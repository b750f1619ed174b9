// A file made small: what stays, who is refused, what a crash leaves.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "core/lmdb/locks.h"
#include "core/lmdb/platform_linux.h"
#include "core/lmdb/statistics.h"
#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience{5000};

struct CompactionTest : LmdbTest {
  std::string copy = path + ".oocmap-vacuum";

  static void fill_and_erase(Environment& environment, int commits = 1) {
    for (int commit = 0; commit < commits; ++commit) {
      WriteTransaction transaction = environment.begin_write(kPatience);
      for (int i = 0; i < 300; ++i) {
        transaction.put(Database::kMeta, "k" + std::to_string(i), std::string(3000, 'x'));
      }
      transaction.commit();
    }
    WriteTransaction transaction = environment.begin_write(kPatience);
    for (int i = 1; i < 300; ++i) transaction.erase(Database::kMeta, "k" + std::to_string(i));
    transaction.commit();
  }
  uint64_t inode() const {
    struct stat info = {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return info.st_ino;
  }
};

TEST_F(CompactionTest, MakesTheFileSmallAndKeepsWhatItHolds) {
  for (const int commits : {1, 2}) {  // an odd and an even number in all
    const auto environment = open();
    fill_and_erase(*environment, commits);
    const uint64_t before = environment->file_size();
    const uint64_t last = environment->last_transaction_id();
    const uint64_t serial = environment->serial();
    environment->compact(kPatience, nullptr);
    EXPECT_LT(environment->file_size(), before / 10);
    EXPECT_GT(environment->last_transaction_id(), last);
    EXPECT_NE(environment->serial(), serial);
    EXPECT_EQ(get(*environment, "k0"), std::string(3000, 'x'));
    EXPECT_EQ(environment->inode(), inode());
    EXPECT_EQ(open().get(), environment.get());
    for (int i = 0; i < 3; ++i) {
      put(*environment, "n" + std::to_string(i), "v");
      EXPECT_EQ(get(*environment, "n" + std::to_string(i)), "v");
      Child reader([&] {
        const auto own = open();
        return get(*own, "n" + std::to_string(i)) == "v" && get(*own, "k0") ? 0 : 1;
      });
      EXPECT_EQ(reader.wait(), 0);
    }
    EXPECT_FALSE(std::filesystem::exists(copy));
  }
}

TEST_F(CompactionTest, CanBeDoneAgainAndAgain) {
  const auto environment = open();
  for (int i = 0; i < 10; ++i) {
    put(*environment, "k", std::to_string(i));
    environment->compact(kPatience, nullptr);
    EXPECT_EQ(get(*environment, "k"), std::to_string(i));
    EXPECT_EQ(get(*open(), "k"), std::to_string(i));
  }
}

TEST_F(CompactionTest, OwnerAndPermissionsStay) {
  const auto environment = open();
  ASSERT_EQ(chmod(path.c_str(), 0664), 0);
  const bool root = geteuid() == 0;
  if (root) {
    ASSERT_EQ(chown(path.c_str(), 12345, 54321), 0);
  }
  environment->compact(kPatience, nullptr);
  struct stat info = {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, mode_t{0664});
  if (root) {
    EXPECT_EQ(info.st_uid, uid_t{12345});
    EXPECT_EQ(info.st_gid, gid_t{54321});
  }
}

TEST_F(CompactionTest, TheAccessControlListStays) {
  // Version 2; then tag, permissions and number of: the owner rw, user 1234 rw, the group r, the
  // mask rw, others none.
  const unsigned char list[] = {2,    0,    0,    0,    1,    0,    6,    0,    0xff, 0xff, 0xff,
                                0xff, 2,    0,    6,    0,    0xd2, 4,    0,    0,    4,    0,
                                4,    0,    0xff, 0xff, 0xff, 0xff, 0x10, 0,    6,    0,    0xff,
                                0xff, 0xff, 0xff, 0x20, 0,    0,    0,    0xff, 0xff, 0xff, 0xff};
  constexpr char kName[] = "system.posix_acl_access";
  const auto environment = open();
  if (setxattr(path.c_str(), kName, list, sizeof list, 0) != 0) {
    GTEST_SKIP() << "no access control lists on the file system of " << path;
  }
  environment->compact(kPatience, nullptr);
  char found[256];
  ASSERT_EQ(getxattr(path.c_str(), kName, found, sizeof found), ssize_t{sizeof list});
  EXPECT_EQ(std::memcmp(found, list, sizeof list), 0);
  // And none where the file has none, though its folder gives one to new files.
  ASSERT_EQ(removexattr(path.c_str(), kName), 0);
  ASSERT_EQ(setxattr(folder.path().c_str(), "system.posix_acl_default", list, sizeof list, 0), 0);
  environment->compact(kPatience, nullptr);
  EXPECT_EQ(getxattr(path.c_str(), kName, found, sizeof found), -1);
  EXPECT_EQ(errno, ENODATA);
}

// Whoever moved the map and put a file there has not asked for it to be overwritten.
TEST_F(CompactionTest, AnotherFileThatTookTheNameStays) {
  const std::string moved = folder.file("moved.ooc");
  for (const bool meanwhile : {false, true}) {
    const auto environment = open();
    put(*environment, "k", "v");
    bool done = false;
    const auto exchange = [&] {
      if (std::exchange(done, true)) return;
      std::filesystem::rename(path, moved);
      write_file(path, "somebody's");
    };
    if (!meanwhile) exchange();
    const Error error =
        error_of([&] { environment->compact(kPatience, [&](uint64_t, uint64_t) { exchange(); }); });
    EXPECT_TRUE(done);
    EXPECT_EQ(error.code(), ErrorCode::kFilesystem) << error.message();
    EXPECT_EQ(read_file(path), "somebody's");
    EXPECT_FALSE(std::filesystem::exists(copy));
    std::filesystem::rename(moved, path);
  }
  EXPECT_EQ(get(*open(), "k"), "v");
}

TEST_F(CompactionTest, IsRefusedWhileAnotherProcessHasTheFile) {
  open();
  Signal attached;
  Signal done;
  Child holder([&] {
    const auto environment = open();
    attached.raise();
    done.await();
    put(*environment, "theirs", "kept");
    return 0;
  });
  attached.await();
  const auto environment = open();
  const uint64_t before = inode();
  const Error error = error_of([&] { environment->compact(milliseconds(30), nullptr); });
  EXPECT_EQ(error.code(), ErrorCode::kBusy);
  EXPECT_NE(error.message().find("process " + std::to_string(holder.pid()) + " ("),
            std::string::npos)
      << error.message();
  EXPECT_EQ(error.message().find(std::to_string(getpid()) + " ("), std::string::npos);
  put(*environment, "mine", "kept");
  done.raise();
  EXPECT_EQ(holder.wait(), 0);
  EXPECT_EQ(inode(), before);
  environment->compact(kPatience, nullptr);
  EXPECT_NE(inode(), before);
  EXPECT_EQ(get(*environment, "mine"), "kept");
  EXPECT_EQ(get(*environment, "theirs"), "kept");
}

TEST_F(CompactionTest, IsRefusedWhileThisProcessReadsOrWrites) {
  const auto environment = open();
  put(*environment, "k", "v");
  {
    const ReadTransaction snapshot = environment->begin_read();
    const Error error = error_of([&] { environment->compact(milliseconds(10), nullptr); });
    EXPECT_EQ(error.code(), ErrorCode::kBusy);
    EXPECT_NE(error.message().find("snapshots"), std::string::npos) << error.message();
    EXPECT_EQ(snapshot.get(Database::kMeta, "k"), Bytes("v"));
  }
  {
    const WriteTransaction writing = environment->begin_write(kSoon);
    EXPECT_EQ(error_of([&] { environment->compact(kPatience, nullptr); }).code(), ErrorCode::kBusy);
  }
  // One that begins while the copy is made, and stays.
  std::optional<ReadTransaction> late;
  const Error error = error_of([&] {
    environment->compact(milliseconds(10), [&](uint64_t, uint64_t) {
      if (!late) late = environment->begin_read();
    });
  });
  EXPECT_EQ(error.code(), ErrorCode::kBusy);
  late.reset();
  EXPECT_FALSE(std::filesystem::exists(copy));
  put(*environment, "k", "w");
  environment->compact(kPatience, nullptr);
  EXPECT_EQ(get(*environment, "k"), "w");
}

TEST_F(CompactionTest, IsRefusedBesideAProgramWithoutTheseLocks) {
  const auto environment = open();
  const int fd = ::open((path + "-lock").c_str(), O_RDWR);
  ASSERT_GE(fd, 0);
  // As LMDB of another program has it; OFD, so that it is not this process' own.
  ASSERT_EQ(platform::try_lock(fd, platform::LockKind::kShared, 0, 1), 0);
  const uint64_t before = inode();
  const Error error = error_of([&] { environment->compact(milliseconds(10), nullptr); });
  EXPECT_NE(error.message().find("LMDB without OOCMap"), std::string::npos) << error.message();
  EXPECT_EQ(inode(), before);
  platform::unlock(fd, 0, 1);
  put(*environment, "k", "v");
  environment->compact(kPatience, nullptr);
  EXPECT_EQ(get(*environment, "k"), "v");
  ::close(fd);
}

TEST_F(CompactionTest, AnErrorOfTheCallerEndsItAndLeavesTheFile) {
  const auto environment = open();
  fill_and_erase(*environment);
  const uint64_t before = inode();
  const Error error = error_of([&] {
    environment->compact(kPatience,
                         [](uint64_t, uint64_t) { throw Error(ErrorCode::kBusy, "enough"); });
  });
  EXPECT_EQ(error.message(), "enough");
  EXPECT_EQ(inode(), before);
  EXPECT_FALSE(std::filesystem::exists(copy));
  put(*environment, "k", "v");
  Child other([&] { return get(*open(), "k") == "v" ? 0 : 1; });
  EXPECT_EQ(other.wait(), 0);
}

TEST_F(CompactionTest, WhatAKilledOneLeftGoesWithTheNextOpening) {
  open();
  Child killed([&] {
    open()->compact(kPatience, [](uint64_t, uint64_t) { raise(SIGKILL); });
    return 0;
  });
  EXPECT_EQ(killed.wait(), 1000 + SIGKILL);
  EXPECT_TRUE(std::filesystem::exists(copy));
  open(OpenMode::kRead);
  EXPECT_TRUE(std::filesystem::exists(copy));  // a reader changes nothing
  open();
  EXPECT_FALSE(std::filesystem::exists(copy));
}

TEST_F(CompactionTest, ReadersOfThisProcessGoOnConcurrently) {
  const auto environment = open();
  put(*environment, "k", "v");
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        const ThreadReader reader(*environment);
        if (reader.transaction().get(Database::kMeta, "k") != Bytes("v")) ++wrong;
      }
    });
  }
  std::atomic<int> written{0};
  threads.emplace_back([&] {
    while (!stop) {
      put(*environment, "w", std::to_string(written + 1));
      ++written;
    }
  });
  threads.emplace_back([&] {
    while (!stop) {
      if (open() != environment) ++wrong;
      if (environment->file_size() == 0) ++wrong;
    }
  });
  for (int i = 0; i < 30; ++i) environment->compact(kPatience, nullptr);
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(get(*environment, "w"), std::to_string(written));
}

TEST_F(CompactionTest, ProcessesThatOpenMeanwhileWaitAndLoseNothing) {
  open();
  constexpr int kRounds = 60;
  std::vector<std::unique_ptr<Child>> writers;
  writers.reserve(3);
  for (int i = 0; i < 3; ++i) {
    writers.push_back(std::make_unique<Child>([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        const auto environment = open();
        put(*environment, "w" + std::to_string(i) + "." + std::to_string(round), "v");
      }
      return 0;
    }));
  }
  int compactions = 0;
  for (int i = 0; i < 30; ++i) {
    open()->compact(kPatience, nullptr);
    ++compactions;
  }
  for (auto& writer : writers) EXPECT_EQ(writer->wait(), 0);
  const auto environment = open();
  for (int i = 0; i < 3; ++i) {
    for (int round = 0; round < kRounds; ++round) {
      EXPECT_EQ(get(*environment, "w" + std::to_string(i) + "." + std::to_string(round)), "v");
    }
  }
  EXPECT_EQ(compactions, 30);
}

}  // namespace
}  // namespace oocmap
