// Copies of files in use, and having a file for oneself.
#include "core/lmdb/backup.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

#include "core/lmdb/locks.h"
#include "core/lmdb/platform_linux.h"
#include "core/lmdb/statistics.h"
#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

using std::chrono::milliseconds;

struct BackupTest : LmdbTest {
  std::string target = folder.file("copy.ooc");

  BackupRequest request() const {
    BackupRequest made;
    made.target = target;
    return made;
  }
  size_t files() const {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      static_cast<void>(entry);
      ++count;
    }
    return count;
  }
};

TEST_F(BackupTest, HoldsTheLastCommitAndNoFreePages) {
  const auto environment = open();
  for (int i = 0; i < 200; ++i) put(*environment, "k" + std::to_string(i), std::string(3000, 'x'));
  WriteTransaction erasing = environment->begin_write(kSoon);
  for (int i = 1; i < 200; ++i) erasing.erase(Database::kMeta, "k" + std::to_string(i));
  erasing.commit();
  const uint64_t bytes = back_up(*environment, request());
  EXPECT_LT(bytes, uint64_t{100'000});
  EXPECT_GT(environment->file_size(), uint64_t{600'000});
  const auto copy = open_file(target);
  EXPECT_EQ(get(*copy, "k0"), std::string(3000, 'x'));
  EXPECT_EQ(get(*copy, "k1"), std::nullopt);
  EXPECT_LE(read_statistics(*copy).free_pages, uint64_t{8});
  put(*copy, "k0", "changed");
  EXPECT_EQ(get(*environment, "k0"), std::string(3000, 'x'));
}

TEST_F(BackupTest, WithoutCompactItWouldDeadlockUnderTheOwnWriteLock) {
  const auto environment = open();
  put(*environment, "k", "before");
  WriteTransaction transaction = environment->begin_write(kSoon);
  transaction.put(Database::kMeta, "k", "after");
  back_up(*environment, request());
  transaction.commit();
  EXPECT_EQ(get(*open_file(target), "k"), "before");
  EXPECT_EQ(get(*environment, "k"), "after");
}

TEST_F(BackupTest, AChildThatWasForkedMeanwhileDoesNotKeepItLocked) {
  const auto environment = open();
  put(*environment, "k", "v");
  std::unique_ptr<Bystander> child;
  BackupRequest wanted = request();
  wanted.progress = [&](uint64_t, uint64_t) {
    if (child == nullptr) child = std::make_unique<Bystander>();
  };
  back_up(*environment, wanted);
  ASSERT_NE(child, nullptr);
  EXPECT_EQ(get(*open_file(target), "k"), "v");
}

TEST_F(BackupTest, NeverTakesThePlaceOfALockFile) {
  const auto environment = open();
  const auto other = open_file(folder.file("other.ooc"));
  for (const bool overwrite : {false, true}) {
    for (const Environment* of : {environment.get(), other.get()}) {
      BackupRequest wanted = request();
      wanted.target = of->path() + "-lock";
      wanted.overwrite = overwrite;
      const Error error = error_of([&] { back_up(*environment, wanted); });
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(error.message().find("lock file of '" + of->path()), std::string::npos)
          << error.message();
    }
  }
  BackupRequest wanted = request();
  wanted.target = folder.file("door-lock");
  back_up(*environment, wanted);
}

TEST_F(BackupTest, AFullDiskLeavesNothing) {
  const auto environment = open();
  for (int i = 0; i < 100; ++i) put(*environment, "k" + std::to_string(i), std::string(3000, 'x'));
  const size_t before = files();
  Child limited([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const auto own = open();
    const rlimit limit{100'000, 100'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    const Error error = error_of([&] { back_up(*own, request()); });
    EXPECT_EQ(error.code(), ErrorCode::kDiskFull) << error.message();
    EXPECT_NE(error.message().find("'" + target + "'"), std::string::npos) << error.message();
    EXPECT_EQ(get(*own, "k1"), std::string(3000, 'x'));
    return testing::Test::HasFailure() ? 1 : 0;
  });
  EXPECT_EQ(limited.wait(), 0);
  EXPECT_EQ(files(), before);
}

TEST_F(BackupTest, NoSignalOfTheProgramIsHandledByItsThread) {
  const auto environment = open();
  put(*environment, "k", std::string(8'000'000, 'x'));
  BackupRequest stopped = request();
  stopped.progress = [](uint64_t, uint64_t) { throw Error(ErrorCode::kBusy, "enough"); };
  for (int i = 0; i < 20; ++i) {  // SIGPIPE would end the process
    EXPECT_EQ(error_of([&] { back_up(*environment, stopped); }).message(), "enough");
  }
  EXPECT_EQ(files(), size_t{2});
}

TEST_F(BackupTest, CountsThatDoNotAgreeAreFound) {
  constexpr size_t kEntriesAt = 32;  // in LMDB's description of a database, which follows its name
  uint64_t entries = 0;
  {
    const auto environment = open();
    // Opening looks at `meta` itself.
    WriteTransaction write = environment->begin_write(kSoon);
    for (int i = 0; i < 6; ++i) write.put(Database::kOrder, "k" + std::to_string(i), "v");
    write.commit();
    const ReadTransaction transaction = environment->begin_read();
    check_counts(transaction, path);
    entries = transaction.size(Database::kOrder);
  }
  std::string bytes = read_file(path);
  int changed = 0;
  for (size_t at = 0; (at = bytes.find("order", at)) != std::string::npos; ++at) {
    char* const number = bytes.data() + at + 5 + kEntriesAt;
    if (at + 5 + kEntriesAt + 8 > bytes.size() || load_le<uint64_t>(number) != entries) continue;
    *number += 1;
    ++changed;
  }
  ASSERT_GT(changed, 0);
  write_file(path, bytes);
  const auto environment = open();
  const Error error = error_of([&] { back_up(*environment, request()); });
  EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
  EXPECT_NE(error.message().find("has 6 entries, and says that it has 7"), std::string::npos)
      << error.message();
  EXPECT_FALSE(std::filesystem::exists(target));
}

TEST_F(BackupTest, AnErrorInTheChangeLeavesNothing) {
  const auto environment = open();
  BackupRequest failing = request();
  failing.change = [](WriteTransaction&) { throw Error(ErrorCode::kCorrupt, "found"); };
  EXPECT_EQ(error_of([&] { back_up(*environment, failing); }).message(), "found");
  EXPECT_EQ(files(), size_t{2});
}

using AttachAloneTest = LmdbTest;

TEST_F(AttachAloneTest, SaysWhoHasTheFileOpen) {
  open();
  Signal attached;
  Signal done;
  Child holder([&] {
    const auto environment = open(OpenMode::kRead);
    attached.raise();
    done.await();
    return 0;
  });
  attached.await();
  {
    FileGuard guard(path, true);
    const Error error = error_of([&] { guard.attach_alone(milliseconds(20), "compact"); });
    EXPECT_EQ(error.code(), ErrorCode::kBusy);
    EXPECT_NE(error.message().find("open in process " + std::to_string(holder.pid()) + " ("),
              std::string::npos)
        << error.message();
    EXPECT_NE(error.message().find("waited 20 ms"), std::string::npos) << error.message();
  }
  EXPECT_NE(open(), nullptr);  // the gate is open again
  done.raise();
  EXPECT_EQ(holder.wait(), 0);
  FileGuard guard(path, true);
  guard.attach_alone(milliseconds(0), "compact");
}

TEST_F(AttachAloneTest, IsNotStarvedByUsersThatComeAndGoConcurrently) {
  open();
  std::vector<std::unique_ptr<Child>> users;
  users.reserve(4);
  for (int i = 0; i < 4; ++i) {
    users.push_back(std::make_unique<Child>([&, i] {
      for (int round = 0; round < 400; ++round) {
        const auto environment = open();
        std::this_thread::sleep_for(std::chrono::microseconds(200 + 50 * i));
      }
      return 0;
    }));
  }
  for (int i = 0; i < 20; ++i) {
    FileGuard guard(path, true);
    guard.attach_alone(milliseconds(5000), "compact");
  }
  for (auto& user : users) EXPECT_EQ(user->wait(), 0);
}

TEST_F(AttachAloneTest, LocksOfOthersAreAllFound) {
  open();
  FileGuard one(path, true);
  const FileGuard two(path, true);
  const FileGuard three(path, true);
  constexpr uint64_t kAt = kLockBase + 100;
  for (const uint64_t at : {5, 7, 90}) {
    ASSERT_EQ(platform::try_lock(two.fd(), platform::LockKind::kExclusive, kAt + at, 1), 0);
  }
  ASSERT_EQ(platform::try_lock(three.fd(), platform::LockKind::kShared, kAt + 6, 1), 0);
  ASSERT_EQ(platform::try_lock(one.fd(), platform::LockKind::kExclusive, kAt + 50, 1), 0);
  const auto found = platform::bytes_locked_by_others(one.fd(), kAt, 200, 100);
  EXPECT_EQ(found, (std::vector<uint64_t>{kAt + 5, kAt + 6, kAt + 7, kAt + 90}));
  EXPECT_EQ(platform::bytes_locked_by_others(one.fd(), kAt, 200, 2).size(), size_t{2});
  EXPECT_TRUE(platform::bytes_locked_by_others(one.fd(), kAt + 50, 10, 9).empty());
}

}  // namespace
}  // namespace oocmap
