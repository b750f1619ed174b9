// Free pages give their disk space back, and nothing else does: whoever reads an older moment, or
// recovers after a crash, finds it whole.
#include "core/lmdb/punch.h"

#include <atomic>
#include <thread>
#include <vector>

#include "core/lmdb/statistics.h"
#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

using std::chrono::milliseconds;

struct PunchTest : LmdbTest {
  std::shared_ptr<Environment> environment = open_file(path);

  static std::string value(uint64_t key, uint64_t round) {
    return std::string(1000 + key % 3000, static_cast<char>('a' + (key + round) % 26));
  }
  void put(uint64_t first, uint64_t last, uint64_t round = 0) {
    WriteTransaction transaction = environment->begin_write(kSoon);
    for (uint64_t i = first; i <= last; ++i)
      transaction.put(Database::kRecords, i, value(i, round));
    transaction.commit();
  }
  void erase(uint64_t first, uint64_t last, uint64_t step = 1) {
    WriteTransaction transaction = environment->begin_write(kSoon);
    for (uint64_t i = first; i <= last; i += step) transaction.erase(Database::kRecords, i);
    transaction.commit();
  }
  // So that what was freed before is in no commit that a crash may bring back.
  void commit_twice() {
    for (int i = 0; i < 2; ++i) oocmap::put(*environment, "beat", std::to_string(i));
  }
  uint64_t punch_all(milliseconds at_once = milliseconds(50)) {
    Puncher puncher(*environment);
    for (int i = 0; i < 10'000; ++i) {
      if (!puncher.step(kSoon, at_once)) return puncher.bytes();
    }
    ADD_FAILURE() << "punching does not end";
    return 0;
  }
  void expect_rows(const Transaction& transaction, uint64_t first, uint64_t last,
                   uint64_t round = 0) {
    for (uint64_t i = first; i <= last; ++i) {
      const auto found = transaction.get(Database::kRecords, i);
      ASSERT_TRUE(found) << i;
      ASSERT_EQ(*found, value(i, round)) << i;
    }
  }
};

TEST_F(PunchTest, AnEmptiedFileTakesLittleMoreThanANewOne) {
  const uint64_t fresh = environment->allocated_size();
  put(1, 3000);
  const uint64_t full = environment->allocated_size();
  EXPECT_GT(full, 7'000'000u);
  erase(1, 3000);
  commit_twice();
  const uint64_t size = environment->file_size();
  const uint64_t bytes = punch_all();
  EXPECT_GT(bytes, 6'000'000u);
  EXPECT_LT(environment->allocated_size(), fresh + 64 * 4096);
  EXPECT_EQ(environment->file_size(), size);  // truncating would be SIGBUS for who has it mapped
  EXPECT_EQ(punch_all(), 0u);                 // what is a hole is not punched again
  put(1, 3000, 1);                            // holes are filled
  expect_rows(environment->begin_read(), 1, 3000, 1);
}

TEST_F(PunchTest, WhatIsLeftIsWhole) {
  put(1, 400);
  erase(1, 399, 2);
  commit_twice();
  const uint64_t before = environment->allocated_size();
  punch_all();
  EXPECT_LT(environment->allocated_size(), before);
  {
    const ReadTransaction now = environment->begin_read();
    for (uint64_t i = 2; i <= 400; i += 2) expect_rows(now, i, i);
  }
  environment.reset();
  environment = open_file(path, OpenMode::kWrite);
  const ReadTransaction again = environment->begin_read();
  for (uint64_t i = 2; i <= 400; i += 2) expect_rows(again, i, i);
}

TEST_F(PunchTest, AnOldReaderKeepsItsPages) {
  put(1, 1000);
  {
    const ReadTransaction old = environment->begin_read();
    put(1, 1000, 1);
    erase(1, 1000);
    commit_twice();
    punch_all();
    expect_rows(old, 1, 1000);
    EXPECT_GT(environment->allocated_size(), 2'000'000u);
  }
  punch_all();
  EXPECT_LT(environment->allocated_size(), 500'000u);
}

TEST_F(PunchTest, TheCommitBeforeTheLastStaysWhole) {
  put(1, 1000);
  commit_twice();
  erase(1, 1000);  // the last commit: its free pages are the one's before
  punch_all();
  const uint64_t newest = environment->last_transaction_id();
  environment.reset();
  // As if the newest meta page had never reached the disk: the other's content in its place.
  std::string bytes = read_file(path);
  const auto meta = [&](uint64_t id) {
    return bytes.begin() + static_cast<std::ptrdiff_t>((id & 1) * 4096);
  };
  std::copy_n(meta(newest + 1) + 16, 4096 - 16, meta(newest) + 16);
  write_file(path, bytes);
  environment = open_file(path, OpenMode::kWrite);
  EXPECT_EQ(environment->last_transaction_id(), newest - 1);
  expect_rows(environment->begin_read(), 1, 1000);
}

TEST_F(PunchTest, HoldsTheLockForTheTimeThatIsAsked) {
  put(2000, 2200);  // a page each
  erase(2000, 2200, 2);
  commit_twice();
  Puncher puncher(*environment);
  int steps = 1;
  while (puncher.step(kSoon, milliseconds(0))) ++steps;
  EXPECT_GT(steps, 20);  // one hole a step
  environment->begin_write(milliseconds(0));
}

TEST_F(PunchTest, WaitsForTheWriteLockAndNoLonger) {
  put(1, 10);
  std::atomic<bool> ready{false};
  std::atomic<bool> done{false};
  std::thread writer([&] {
    const WriteTransaction other = environment->begin_write(kSoon);
    ready = true;
    while (!done) std::this_thread::yield();
  });
  while (!ready) std::this_thread::yield();
  Puncher puncher(*environment);
  EXPECT_EQ(error_of([&] { puncher.step(milliseconds(20), milliseconds(50)); }).code(),
            ErrorCode::kBusy);
  done = true;
  writer.join();
}

TEST_F(PunchTest, ConcurrentReadersAndWritersSeeNothingOfIt) {
  constexpr uint64_t kRows = 400;
  put(1, kRows);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> wrong{0};
  std::atomic<uint64_t> reads{0};
  std::atomic<uint64_t> bytes{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        const ReadTransaction now = environment->begin_read();
        const auto round = now.get(Database::kMeta, "round");
        const uint64_t expected = round ? std::stoull(std::string(*round)) : 0;
        for (uint64_t i = 1; i <= kRows; ++i) {
          const auto found = now.get(Database::kRecords, i);
          if (!found || *found != value(i, expected)) ++wrong;
          ++reads;
        }
      }
    });
  }
  threads.emplace_back([&] {
    // On a busy machine the readers may keep every page for long.
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    const auto punched = [&] { return bytes > 0 || std::chrono::steady_clock::now() > limit; };
    for (uint64_t round = 1; round <= 60 || !punched(); ++round) {
      WriteTransaction transaction = environment->begin_write(std::chrono::seconds(10));
      for (uint64_t i = 1; i <= kRows; ++i) transaction.put(Database::kRecords, i, value(i, round));
      transaction.put(Database::kMeta, "round", std::to_string(round));
      transaction.commit();
    }
    stop = true;
  });
  while (!stop) {
    Puncher puncher(*environment);
    while (puncher.step(std::chrono::seconds(10), milliseconds(5))) {
    }
    bytes += puncher.bytes();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(reads, kRows);
  EXPECT_GT(bytes, 0u);
}

}  // namespace
}  // namespace oocmap
