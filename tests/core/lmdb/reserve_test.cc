#include "core/lmdb/reserve.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "core/lmdb/platform_linux.h"
#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr int kSkip = 77;

TEST(ReserveTest, IsAnEighthUpTo4MiB) {
  EXPECT_EQ(reserve_for(0), 0u);
  EXPECT_EQ(reserve_for(kMiB - 1), 0u);
  EXPECT_EQ(reserve_for(kMiB), kMiB / 4);
  EXPECT_EQ(reserve_for(16 * kMiB), 2 * kMiB);
  EXPECT_EQ(reserve_for(32 * kMiB), 4 * kMiB);
  EXPECT_EQ(reserve_for(uint64_t{1} << 40), 4 * kMiB);
}

struct ReserveFileTest : LmdbTest {
  static void put_much(Environment& environment, uint64_t first, uint64_t mebibytes) {
    WriteTransaction transaction = environment.begin_write(kSoon);
    for (uint64_t i = 0; i < mebibytes * 256; ++i) {
      transaction.put(Database::kRecords, first + i, std::string(4000, 'x'));
    }
    transaction.commit();
  }
  // What the lock file takes beyond the places of readers.
  uint64_t reserve() const {
    struct stat info;
    if (stat((path + "-lock").c_str(), &info) != 0) return 0;
    const auto taken = static_cast<uint64_t>(info.st_blocks) * 512;
    return taken / (kMiB / 4) * (kMiB / 4);
  }
  // In a child, in `folder`: a tmpfs of its own.
  bool small_disk(const char* options) const {
    return unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           mount("none", folder.path().c_str(), "tmpfs", 0, options) == 0;
  }
};

TEST_F(ReserveFileTest, IsTakenGrowsAndBecomesLess) {
  Child child([&] {
    if (!small_disk("size=256m")) return kSkip;
    const auto environment = open();
    if (reserve() != 0) return 1;
    put_much(*environment, 1, 2);
    if (reserve() != kMiB / 4) return 2;
    put_much(*environment, 10'000, 80);
    if (reserve() != 4 * kMiB) return 3;
    environment->fit_reserve(kSoon);
    if (reserve() != 4 * kMiB) return 4;
    WriteTransaction transaction = environment->begin_write(kSoon);
    for (uint64_t i = 0; i < 80 * 256; ++i) transaction.erase(Database::kRecords, 10'000 + i);
    transaction.commit();
    environment->compact(kSoon, {});
    return reserve() == kMiB / 4 ? 0 : 5;
  });
  const int status = child.wait();
  if (status == kSkip) GTEST_SKIP() << "needs the right to mount";
  EXPECT_EQ(status, 0);
}

// Each transaction removes every 100th row, which changes nearly all pages it reads: more than the
// free pages there are.
TEST_F(ReserveFileTest, RemovingGetsThroughOnAFullDiskAndKeepsTheRest) {
  Child child([&] {
    if (!small_disk("size=24m")) return kSkip;
    const auto environment = open();
    put_much(*environment, 1, 9);
    const uint64_t before = reserve();
    if (before < kMiB) return 1;
    // All else that is free goes to another file.
    const int fd = ::open(folder.file("other").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, std::string(4096, 'x').data(), 4096) == 4096) {
    }
    const auto remove = [&](bool counted, uint64_t first) {
      WriteTransaction transaction = environment->begin_write(kSoon);
      for (uint64_t i = first; i < 9 * 256; i += 100) transaction.erase(Database::kRecords, i);
      if (counted) transaction.count_removed(23);
      transaction.commit();
    };
    // What is not known to remove has no right to it.
    const Error error = error_of([&] {
      for (uint64_t i = 1; i < 9; ++i) put_much(*environment, 100'000 * i, 1);
    });
    if (error.code() != ErrorCode::kDiskFull) return 2;
    if (reserve() != before) return 3;
    remove(/*counted=*/true, 1);
    remove(/*counted=*/true, 2);
    if (reserve() > before || reserve() == 0) return 4;
    return platform::free_space(fd) < kMiB / 4 ? 0 : 5;
  });
  const int status = child.wait();
  if (status == kSkip) GTEST_SKIP() << "needs the right to mount";
  EXPECT_EQ(status, 0);
}

// A file system or a limit that refuses is no error: all goes on without.
TEST_F(ReserveFileTest, FailsSilently) {
  Reserve reserve;
  reserve.ended(-1, 100 * kMiB, /*committed=*/true);
  reserve.before_removing(-1, 10);
  reserve.met_failure(ENOSPC);
  reserve.before_removing(-1, 10);
  reserve.fit(-1, 100 * kMiB);
  const int fd = ::open(folder.path().c_str(), O_RDONLY | O_CLOEXEC);
  reserve.ended(fd, 100 * kMiB, /*committed=*/true);
  reserve.fit(fd, 100 * kMiB);
  close(fd);
}

}  // namespace
}  // namespace oocmap
