#include "core/lmdb/statistics.h"

#include <csignal>
#include <thread>

#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

struct StatisticsTest : LmdbTest {
  std::shared_ptr<Environment> environment = open_file(path);

  void put(uint64_t first, uint64_t last) {
    WriteTransaction transaction = environment->begin_write(kSoon);
    for (uint64_t i = first; i <= last; ++i) {
      transaction.put(Database::kRecords, i, std::string(1000, 'x'));
    }
    transaction.commit();
  }
  void erase(uint64_t first, uint64_t last) {
    WriteTransaction transaction = environment->begin_write(kSoon);
    for (uint64_t i = first; i <= last; ++i) transaction.erase(Database::kRecords, i);
    transaction.commit();
  }
};

TEST_F(StatisticsTest, AreTheFiles) {
  put(1, 1000);
  const Statistics now = read_statistics(*environment);
  EXPECT_EQ(now.file_bytes, std::filesystem::file_size(path));
  EXPECT_EQ(now.allocated_bytes, environment->allocated_size());
  EXPECT_EQ(now.max_bytes, environment->map_size());
  EXPECT_EQ(now.page_bytes, 4096u);
  EXPECT_GT(now.pages, 250u);
  EXPECT_LE(now.pages * now.page_bytes, now.file_bytes);
  EXPECT_EQ(now.transaction, environment->last_transaction_id());
  put(1001, 1001);
  EXPECT_EQ(read_statistics(*environment).transaction, now.transaction + 1);
}

TEST_F(StatisticsTest, FreePagesAreWhatErasingLeaves) {
  put(1, 1000);
  const Statistics full = read_statistics(*environment);
  erase(1, 1000);
  const Statistics empty = read_statistics(*environment);
  EXPECT_GT(empty.free_pages, full.free_pages + 250);
  EXPECT_LT(empty.free_pages, empty.pages);
  put(1, 1);     // the commit before a commit's is kept whole
  put(1, 1000);  // takes them again
  const Statistics again = read_statistics(*environment);
  EXPECT_LT(again.free_pages, empty.free_pages);
  EXPECT_LT(again.pages, empty.pages + 50);
}

TEST_F(StatisticsTest, ReadersAndTheOldestOfThem) {
  put(1, 1);
  EXPECT_EQ(read_statistics(*environment).readers, 0u);
  EXPECT_EQ(read_statistics(*environment).oldest_reader, 0u);
  const ReadTransaction old = environment->begin_read();
  for (uint64_t i = 2; i <= 4; ++i) put(i, i);
  const ReadTransaction recent = environment->begin_read();
  put(5, 5);
  const Statistics now = read_statistics(*environment);
  EXPECT_EQ(now.readers, 2u);
  EXPECT_EQ(now.oldest_reader, 4u);
}

TEST_F(StatisticsTest, WhoTheOldestReaderIsAndHowOld) {
  put(1, 1);
  EXPECT_EQ(read_statistics(*environment).oldest_reader_process, 0u);
  environment.reset();
  Signal reading;
  Signal done;
  Child child([&] {
    const auto own = open_file(path);
    const ReadTransaction reader = own->begin_read();
    reading.raise();
    done.await();
    return 0;
  });
  reading.await();
  environment = open_file(path);
  put(2, 2);
  put(3, 3);
  const ReadTransaction own = environment->begin_read();
  put(4, 4);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const Statistics now = read_statistics(*environment);
  EXPECT_EQ(now.readers, 2u);
  EXPECT_EQ(now.oldest_reader, 3u);
  EXPECT_EQ(now.oldest_reader_process, static_cast<uint64_t>(child.pid()));
  EXPECT_GE(now.oldest_reader_seconds, 0.02);
  EXPECT_LT(now.oldest_reader_seconds, 60);
  done.raise();
  EXPECT_EQ(child.wait(), 0);
  const Statistics later = read_statistics(*environment);
  EXPECT_EQ(later.oldest_reader, 1u);
  EXPECT_EQ(later.oldest_reader_process, static_cast<uint64_t>(getpid()));
}

TEST_F(StatisticsTest, AReaderHeldOpenMakesTheFileGrow) {
  put(1, 100);
  for (int i = 0; i < 10; ++i) put(1, 100);
  const uint64_t before = read_statistics(*environment).pages;
  for (int i = 0; i < 50; ++i) put(1, 100);
  EXPECT_LT(read_statistics(*environment).pages, before + 10) << "nobody reads";
  {
    const ReadTransaction held = environment->begin_read();
    for (int i = 0; i < 50; ++i) put(1, 100);
    const Statistics now = read_statistics(*environment);
    EXPECT_GT(now.pages, before + 50 * 25) << "what the reader sees now and later is kept";
    EXPECT_EQ(now.oldest_reader, 50u);
  }
  const uint64_t grown = read_statistics(*environment).pages;
  for (int i = 0; i < 50; ++i) put(1, 100);
  EXPECT_LE(read_statistics(*environment).pages, grown);
}

// A writer that stays, and neither opens the file nor asks for figures.
TEST_F(StatisticsTest, AWriterClearsReadersOfDeadProcessesEveryThousandCommits) {
  put(1, 1);
  Signal reading;
  environment.reset();
  Child child([&] {
    const auto own = open_file(path);
    const ReadTransaction reader = own->begin_read();
    reading.raise();
    pause();
    return 1;
  });
  reading.await();
  environment = open_file(path);
  kill(child.pid(), SIGKILL);
  EXPECT_EQ(child.wait(), 1000 + SIGKILL);
  for (int i = 0; i < 999; ++i) put(1, 1);
  EXPECT_NE(oldest_read_transaction(*environment), environment->last_transaction_id());
  put(1, 1);
  EXPECT_EQ(oldest_read_transaction(*environment), environment->last_transaction_id());
}

TEST_F(StatisticsTest, ReadersOfADeadProcessAreCleared) {
  put(1, 1);
  environment.reset();
  const pid_t child = fork();
  if (child == 0) {
    const auto own = open_file(path);
    const ReadTransaction reader = own->begin_read();
    raise(SIGKILL);
  }
  ASSERT_GT(child, 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  environment = open_file(path);
  EXPECT_EQ(read_statistics(*environment).readers, 0u);
}

TEST_F(StatisticsTest, InsideAWriteTransactionThoseOfTheLastCommit) {
  put(1, 1);
  const Statistics before = read_statistics(*environment);
  WriteTransaction transaction = environment->begin_write(kSoon);
  transaction.put(Database::kRecords, 2, "x");
  EXPECT_EQ(read_statistics(*environment).transaction, before.transaction);
}

}  // namespace
}  // namespace oocmap
