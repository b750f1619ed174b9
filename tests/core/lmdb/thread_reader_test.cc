#include <fcntl.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

using ThreadReaderTest = LmdbTest;

std::string value_in(const ThreadReader& reader) {
  return std::string(reader.transaction().get(Database::kMeta, "k").value_or("none"));
}

TEST_F(ThreadReaderTest, SeesTheNewestCommit) {
  const auto environment = open();
  for (const char* value : {"1", "2", "3"}) {
    put(*environment, "k", value);
    EXPECT_EQ(value_in(ThreadReader(*environment)), value);
  }
}

TEST_F(ThreadReaderTest, NestedUsesShareTheOuterSnapshot) {
  const auto environment = open();
  put(*environment, "k", "old");
  {
    const ThreadReader outer(*environment);
    put(*environment, "k", "new");
    const ThreadReader inner(*environment);
    EXPECT_EQ(value_in(inner), "old");
    EXPECT_EQ(inner.transaction().stamp(), outer.transaction().stamp());
  }
  EXPECT_EQ(value_in(ThreadReader(*environment)), "new");
}

// While a compaction waits for the outer use, too.
TEST_F(ThreadReaderTest, NestedUsesShareItWhileTheFileIsToBeClosed) {
  const auto environment = open();
  put(*environment, "k", "old");
  const ThreadReader outer(*environment);
  put(*environment, "k", "new");
  std::atomic<bool> done = false;
  bool refused = false;
  std::thread compaction([&] {
    try {
      environment->compact(std::chrono::milliseconds(300), nullptr);
    } catch (const Error& error) {
      refused = error.code() == ErrorCode::kBusy;
    }
    done = true;
  });
  uint64_t closing = 0;
  while (!done) {
    closing += environment->serial() == 0 ? 1 : 0;
    const ThreadReader inner(*environment);
    EXPECT_EQ(value_in(inner), "old");
  }
  compaction.join();
  EXPECT_TRUE(refused);
  EXPECT_GT(closing, 0u);
}

// LMDB takes the id and the commit's meta page apart: readers that did not run in between, of which
// there are more than cores here, must not have a later commit under an earlier id.
TEST_F(ThreadReaderTest, AReaderHasTheCommitOfItsId) {
  const auto environment = open();
  put(*environment, "k", "none");
  std::atomic<bool> done = false;
  std::atomic<uint64_t> wrong = 0;
  std::atomic<uint64_t> backwards = 0;
  const auto look = [&](const Transaction& transaction, uint64_t& last) {
    const uint64_t id = transaction.stamp().transaction_id;
    const std::string value(transaction.get(Database::kMeta, "k").value_or(""));
    if (value != "none" && value != std::to_string(id)) ++wrong;
    if (id < last) ++backwards;
    last = id;
  };
  std::vector<std::thread> readers;
  readers.reserve(8);
  for (int i = 0; i < 8; ++i) {
    readers.emplace_back([&, i] {
      ReadTransaction kept = environment->begin_read();
      for (uint64_t last = 0; !done;) {
        if (i % 3 == 0) {
          look(ThreadReader(*environment).transaction(), last);
        } else if (i % 3 == 1) {
          look(environment->begin_read(), last);
        } else {
          kept.renew();
          look(kept, last);
        }
      }
    });
  }
  for (int i = 0; i < 20'000; ++i) {
    WriteTransaction transaction = environment->begin_write(std::chrono::seconds(5));
    transaction.put(Database::kMeta, "k", std::to_string(transaction.stamp().transaction_id));
    transaction.commit();
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(backwards, 0u);
}

TEST_F(ThreadReaderTest, TwoFilesInTurn) {
  const auto first = open();
  const auto second = open_file(folder.file("second"));
  put(*first, "k", "first");
  put(*second, "k", "second");
  for (int i = 0; i < 3; ++i) {
    const ThreadReader a(*first);
    const ThreadReader b(*second);
    EXPECT_EQ(value_in(a), "first");
    EXPECT_EQ(value_in(b), "second");
    EXPECT_EQ(value_in(ThreadReader(*first)), "first");
  }
}

TEST_F(ThreadReaderTest, HoldsNoSnapshotBetweenUses) {
  const auto environment = open();
  { const ThreadReader reader(*environment); }
  // A held snapshot would keep the pages of every one of these from being used again.
  for (int i = 0; i < 200; ++i) put(*environment, "k", std::string(20'000, 'x'));
  EXPECT_LT(environment->file_size(), 1u << 20);
}

TEST_F(ThreadReaderTest, ManyThreadsComeAndGo) {
  const auto environment = open();
  put(*environment, "k", "v");
  for (int round = 0; round < 50; ++round) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 50; ++t) {
      threads.emplace_back([&] { EXPECT_EQ(value_in(ThreadReader(*environment)), "v"); });
    }
    for (auto& thread : threads) thread.join();  // 2,500 in all, of 2,048 places for readers
  }
}

TEST_F(ThreadReaderTest, ReopeningManyTimes) {
  for (int i = 0; i < 30; ++i) {
    const auto environment = open();
    put(*environment, "k", std::to_string(i));
    EXPECT_EQ(value_in(ThreadReader(*environment)), std::to_string(i));
  }
}

TEST_F(ThreadReaderTest, ReadersBesideAWriter) {
  const auto environment = open();
  put(*environment, "k", "0");
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      int last = 0;
      while (!stop) {
        const int now = std::stoi(value_in(ThreadReader(*environment)));
        EXPECT_GE(now, last);
        last = now;
      }
    });
  }
  for (int i = 1; i <= 500; ++i) put(*environment, "k", std::to_string(i));
  stop = true;
  for (auto& reader : readers) reader.join();
}

// LMDB's descriptor for meta pages: the one that writes through.
int meta_descriptor(const std::string& path) {
  for (int fd = 3; fd < 1024; ++fd) {
    char target[4096] = {};
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    if (readlink(link.c_str(), target, sizeof target - 1) < 0 || path != target) continue;
    if ((fcntl(fd, F_GETFL) & O_DSYNC) != 0) return fd;
  }
  return -1;
}

TEST_F(ThreadReaderTest, ACommitThatFailsHalfWayReopensTheMap) {
  const auto environment = open_file(path, OpenMode::kCreate, Durability::kFull);
  put(*environment, "k", "kept");
  { const ThreadReader reader(*environment); }
  std::thread other([&] { EXPECT_EQ(value_in(ThreadReader(*environment)), "kept"); });
  other.join();
  const uint64_t serial = environment->serial();
  const int fd = meta_descriptor(path);
  ASSERT_GE(fd, 0);
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(dup2(full, fd), 0);
  close(full);

  const Error error = error_of([&] { put(*environment, "k", "lost"); });
  EXPECT_EQ(error.code(), ErrorCode::kDiskFull) << error.message();
  EXPECT_EQ(error.system_error(), ENOSPC);
  EXPECT_EQ(value_in(ThreadReader(*environment)), "kept");
  EXPECT_NE(environment->serial(), serial);
  put(*environment, "k", "new");
  EXPECT_EQ(value_in(ThreadReader(*environment)), "new");
  EXPECT_EQ(get(*environment, "k"), "new");
}

TEST_F(ThreadReaderTest, AfterAFailedCommitManyThreadsGoOn) {
  const auto environment = open_file(path, OpenMode::kCreate, Durability::kFull);
  put(*environment, "k", "kept");
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      while (!stop) {
        try {
          EXPECT_EQ(value_in(ThreadReader(*environment)), "kept");
          EXPECT_EQ(get(*environment, "k"), "kept");
        } catch (const Error& error) {
          EXPECT_EQ(error.code(), ErrorCode::kIo) << error.message();  // others are reading: later
        }
      }
    });
  }
  for (int i = 0; i < 5; ++i) {
    const int fd = meta_descriptor(path);
    ASSERT_GE(fd, 0);
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    dup2(full, fd);
    close(full);
    error_of([&] { put(*environment, "k", "lost"); });
    put(*environment, "other", "works");
  }
  stop = true;
  for (auto& reader : readers) reader.join();
}

}  // namespace
}  // namespace oocmap
