// Who may write when: threads, processes, other names of one file.
#include "core/lmdb/locks.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>
#include <vector>

#include "core/lmdb/platform_linux.h"
#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

using LocksTest = LmdbTest;

template <typename Body>
milliseconds time_of(Body body) {
  const auto start = steady_clock::now();
  body();
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
}

TEST_F(LocksTest, SecondWriteOfAThreadIsRefusedAtOnce) {
  const auto environment = open();
  for (const bool is_explicit : {false, true}) {
    const WriteTransaction held =
        is_explicit ? environment->begin_explicit(kSoon) : environment->begin_write(kSoon);
    const milliseconds waited = time_of([&] {
      const Error direct = error_of([&] { environment->begin_write(milliseconds(5000)); });
      EXPECT_EQ(direct.code(), ErrorCode::kBusy);
      const char* expected = is_explicit ? "another connection" : "in the middle of a write";
      EXPECT_NE(direct.message().find(expected), std::string::npos) << direct.message();
      EXPECT_EQ(error_of([&] { environment->begin_explicit(milliseconds(5000)); }).code(),
                ErrorCode::kBusy);
    });
    EXPECT_LT(waited, milliseconds(1000));
  }
}

TEST_F(LocksTest, AnotherThreadWaitsUntilTheTimeout) {
  const auto environment = open();
  const WriteTransaction held = environment->begin_write(kSoon);
  std::thread other([&] {
    const milliseconds waited = time_of([&] {
      const Error error = error_of([&] { environment->begin_write(milliseconds(100)); });
      EXPECT_EQ(error.code(), ErrorCode::kBusy);
      EXPECT_NE(error.message().find("another thread"), std::string::npos) << error.message();
    });
    EXPECT_GE(waited, milliseconds(100));
    EXPECT_LT(waited, milliseconds(3000));
  });
  other.join();
}

TEST_F(LocksTest, AnotherThreadGoesOnWhenTheLockIsFree) {
  const auto environment = open();
  std::optional<WriteTransaction> held = environment->begin_explicit(kSoon);
  std::atomic<bool> written{false};
  std::thread other([&] {
    put(*environment, "k", "v");
    written = true;
  });
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_FALSE(written);
  held.reset();
  other.join();
  EXPECT_TRUE(written);
}

TEST_F(LocksTest, AnotherProcessWaitsUntilTheTimeout) {
  Signal holding;
  Signal tried;
  Child holder([&] {
    const auto environment = open();
    const WriteTransaction held = environment->begin_write(kSoon);
    holding.raise();
    tried.await();
    return 0;
  });
  holding.await();
  const auto environment = open();
  const Error error = error_of([&] { environment->begin_write(milliseconds(50)); });
  EXPECT_EQ(error.code(), ErrorCode::kBusy);
  const std::string named = "another process is writing, process " + std::to_string(holder.pid());
  EXPECT_NE(error.message().find(named), std::string::npos) << error.message();
  EXPECT_EQ(get(*environment, "k"), std::nullopt) << "readers never wait";
  tried.raise();
  EXPECT_EQ(holder.wait(), 0);
  put(*environment, "k", "v");
}

TEST_F(LocksTest, AStoppedWriterIsNamedAndGoesOn) {
  Signal holding;
  Child holder([&] {
    const auto environment = open();
    WriteTransaction held = environment->begin_write(kSoon);
    held.put(Database::kMeta, "k", "v");
    holding.raise();
    raise(SIGSTOP);
    held.commit();
    return 0;
  });
  holding.await();
  int status = 0;
  ASSERT_EQ(waitpid(holder.pid(), &status, WUNTRACED), holder.pid());
  const auto environment = open();
  const Error error = error_of([&] { environment->begin_write(milliseconds(50)); });
  EXPECT_EQ(error.code(), ErrorCode::kBusy);
  const std::string advice = "kill -CONT " + std::to_string(holder.pid());
  EXPECT_NE(error.message().find(advice), std::string::npos) << error.message();
  kill(holder.pid(), SIGCONT);
  EXPECT_EQ(holder.wait(), 0);
  EXPECT_EQ(get(*environment, "k"), "v");
}

TEST_F(LocksTest, AWaitForAnotherProcessIsAskedWhetherItShallStop) {
  Signal holding;
  Signal tried;
  Child holder([&] {
    const auto environment = open();
    const WriteTransaction held = environment->begin_write(kSoon);
    holding.raise();
    tried.await();
    return 0;
  });
  holding.await();
  const auto environment = open();
  int asked = 0;
  const StopWaitingScope scope([&] { return ++asked == 2; });
  const milliseconds waited = time_of([&] {
    const Error error = error_of([&] { environment->begin_write(milliseconds(20'000)); });
    EXPECT_EQ(error.code(), ErrorCode::kBusy);
    EXPECT_NE(error.message().find("interrupted"), std::string::npos) << error.message();
  });
  EXPECT_EQ(asked, 2);
  EXPECT_TRUE(scope.stopped());
  EXPECT_LT(waited, milliseconds(10'000));
  tried.raise();
  EXPECT_EQ(holder.wait(), 0);
  put(*environment, "k", "v");  // the lock of this process was given back
}

// The question is asked while no mutex is held: others take and give the lock meanwhile.
TEST_F(LocksTest, AThreadIsAskedWhetherItShallStop) {
  const auto environment = open();
  std::optional<WriteTransaction> held = environment->begin_write(kSoon);
  std::thread other([&] {
    int asked = 0;
    const StopWaitingScope scope([&] { return ++asked == 2; });
    const Error error = error_of([&] { environment->begin_write(milliseconds(20'000)); });
    EXPECT_NE(error.message().find("interrupted"), std::string::npos) << error.message();
    EXPECT_EQ(asked, 2);
  });
  other.join();
  held.reset();
  put(*environment, "k", "v");
}

TEST_F(LocksTest, AWriterThatDiedHoldsNothing) {
  Signal holding;
  Child holder([&] {
    const auto environment = open();
    WriteTransaction held = environment->begin_write(kSoon);
    held.put(Database::kMeta, "lost", "v");
    holding.raise();
    pause();
    return 0;
  });
  holding.await();
  kill(holder.pid(), SIGKILL);
  EXPECT_EQ(holder.wait(), 1000 + SIGKILL);
  const auto environment = open();
  put(*environment, "k", "v");
  EXPECT_EQ(get(*environment, "lost"), std::nullopt);
}

TEST_F(LocksTest, ReadersThatDiedAreCleared) {
  Signal reading;
  Child reader([&] {
    const auto environment = open();
    const ReadTransaction held = environment->begin_read();
    reading.raise();
    pause();
    return 0;
  });
  reading.await();
  const auto environment = open();
  EXPECT_EQ(environment->clear_stale_readers(), 0);
  kill(reader.pid(), SIGKILL);
  reader.wait();
  EXPECT_EQ(environment->clear_stale_readers(), 1);
}

TEST_F(LocksTest, ThreadsAndProcessesCountTogether) {
  constexpr int kEach = 300;
  const auto count = [&] {
    const auto environment = open();
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          WriteTransaction transaction = t == 0
                                             ? environment->begin_write(std::chrono::minutes(1))
                                             : environment->begin_explicit(std::chrono::minutes(1));
          const auto old = transaction.get(Database::kMeta, "n");
          const int next = (old ? std::stoi(std::string(*old)) : 0) + 1;
          transaction.put(Database::kMeta, "n", std::to_string(next));
          transaction.commit();
        }
      });
    }
    for (auto& thread : threads) thread.join();
    return 0;
  };
  Child first(count);
  Child second(count);
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(second.wait(), 0);
  EXPECT_EQ(get(*open(), "n"), std::to_string(4 * kEach));
}

TEST_F(LocksTest, AForeignLockFileIsNoticed) {
  open();
  Signal opened;
  Signal done;
  Child other([&] {
    const auto environment = open();
    opened.raise();
    done.await();
    return 0;
  });
  opened.await();
  std::filesystem::remove(path + "-lock");  // the next opener makes another one
  const Error error = error_of([&] { open(); });
  EXPECT_EQ(error.code(), ErrorCode::kFilesystem);
  EXPECT_NE(error.message().find("lock file"), std::string::npos) << error.message();
  done.raise();
  EXPECT_EQ(other.wait(), 0);
  open();
}

// What a second copy of the library would do: it knows nothing of our registry.
TEST_F(LocksTest, ASecondImageIsNoticed) {
  const auto environment = open();
  for (const bool writable : {true, false}) {
    FileGuard second(path, writable);
    EXPECT_TRUE(second.attach());
    const Error error = error_of([&] { second.claim_process(); });
    EXPECT_EQ(error.code(), ErrorCode::kSecondImage);
    EXPECT_NE(error.message().find(image_path()), std::string::npos) << error.message();
  }
}

TEST_F(LocksTest, TwoImagesThatOnlyReadAreNoticed) {
  open();
  const auto reader = open(OpenMode::kRead);
  FileGuard second(path, /*writable=*/false);
  EXPECT_EQ(error_of([&] { second.claim_process(); }).code(), ErrorCode::kSecondImage);
}

TEST_F(LocksTest, AFileReplacedWhileItIsOpenedIsNoticed) {
  open();
  FileGuard guard(path, /*writable=*/true);
  std::filesystem::rename(path, path + ".old");
  open();
  EXPECT_FALSE(guard.attach());
}

TEST_F(LocksTest, LocksAreGivenBack) {
  { const auto environment = open(); }
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  EXPECT_FALSE(platform::locked_by_another(fd, kLockBase, uint64_t{1} << 40));
  {
    const auto environment = open();
    EXPECT_TRUE(platform::locked_by_another(fd, kAttachedByte, 1));
    EXPECT_FALSE(platform::locked_by_another(fd, kWriteGateByte, 1));
    const WriteTransaction held = environment->begin_write(kSoon);
    EXPECT_TRUE(platform::locked_by_another(fd, kWriteGateByte, 1));
  }
  EXPECT_FALSE(platform::locked_by_another(fd, kLockBase, uint64_t{1} << 40));
  close(fd);
}

TEST_F(LocksTest, TimeoutsOfAnySizeAreUnderstood) {
  const auto environment = open();
  environment->begin_write(milliseconds::max());
  environment->begin_write(milliseconds(-1));
  environment->begin_write(milliseconds(0));
}

}  // namespace
}  // namespace oocmap
