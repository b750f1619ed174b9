#include "core/lmdb/transaction.h"

#include <thread>
#include <vector>

#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

struct TransactionTest : LmdbTest {
  std::shared_ptr<Environment> environment = open();
  WriteTransaction begin() const { return environment->begin_write(kSoon); }
  bool stored(Bytes key) const { return get(*environment, key).has_value(); }
};

TEST_F(TransactionTest, PutGetErase) {
  WriteTransaction transaction = begin();
  transaction.put(Database::kEntries, "a", "1");
  transaction.put(Database::kRecords, 42, "record");
  EXPECT_EQ(transaction.get(Database::kEntries, "a"), "1");
  EXPECT_EQ(transaction.get(Database::kRecords, 42), "record");
  EXPECT_EQ(transaction.get(Database::kRecords, 43), std::nullopt);
  EXPECT_EQ(transaction.get(Database::kEntries, ""), std::nullopt);
  EXPECT_EQ(transaction.get(Database::kEntries, std::string(1000, 'x')), std::nullopt);
  EXPECT_EQ(transaction.size(Database::kRecords), 1u);
  EXPECT_TRUE(transaction.erase(Database::kRecords, 42));
  EXPECT_FALSE(transaction.erase(Database::kRecords, 42));
  EXPECT_FALSE(transaction.erase(Database::kEntries, ""));
  EXPECT_EQ(transaction.size(Database::kRecords), 0u);
}

TEST_F(TransactionTest, AppendFallsBackToPut) {
  WriteTransaction transaction = begin();
  for (const uint64_t key : {1, 5, 3, 5}) {
    transaction.append(Database::kRecords, key, std::to_string(key));
  }
  transaction.append(Database::kEntries, "b", "1");
  transaction.append(Database::kEntries, "a", "2");
  EXPECT_EQ(transaction.size(Database::kRecords), 3u);
  EXPECT_EQ(transaction.get(Database::kEntries, "a"), "2");
}

TEST_F(TransactionTest, BadKeysAreRefusedAndHarmless) {
  WriteTransaction transaction = begin();
  for (const std::string& key : {std::string(), std::string(512, 'x')}) {
    EXPECT_EQ(error_of([&] { transaction.put(Database::kEntries, key, "v"); }).code(),
              ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(error_of([&] { transaction.put(Database::kRecords, "short", "v"); }).code(),
            ErrorCode::kInvalidArgument);
  EXPECT_FALSE(transaction.failed());
  transaction.put(Database::kMeta, std::string(511, 'x'), "v");
  transaction.commit();
  EXPECT_TRUE(stored(std::string(511, 'x')));
}

// Ids with gaps of every small size, asked for forwards, backwards and at random, with absent ones.
TEST_F(TransactionTest, KeptPlacesFindWhatADescentFinds) {
  constexpr uint64_t kIds = 3000;
  const auto there = [](uint64_t id) { return id % 7 != 0 && id % 11 > 3; };
  WriteTransaction writing = begin();
  for (uint64_t id = 1; id < kIds; ++id) {
    if (there(id)) writing.append(Database::kRecords, id, std::string(id % 5 * 900, 'x'));
  }
  writing.commit();
  ReadTransaction reading = environment->begin_read();
  reading.keep_places();
  const auto check = [&](uint64_t id) {
    const auto found = reading.get(Database::kRecords, id);
    ASSERT_EQ(found.has_value(), id < kIds && there(id)) << id;
    if (found) {
      ASSERT_EQ(found->size(), id % 5 * 900) << id;
    }
  };
  for (int round = 0; round < 2; ++round) {
    for (uint64_t id = 1; id < kIds + 9; ++id) check(id);
    for (uint64_t id = 2; id < kIds + 9; id += 2) check(id);
    for (uint64_t id = kIds + 9; id > 0; --id) check(id);
    uint64_t random = 1;
    for (int i = 0; i < 20'000; ++i) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      check(1 + (random >> 33) % (i % 2 == 0 ? kIds + 9 : 12));
    }
    WriteTransaction more = begin();
    more.put(Database::kMeta, "k", "v");
    more.commit();
    reading.renew();
  }
}

TEST_F(TransactionTest, DestructionAborts) {
  begin().put(Database::kMeta, "k", "v");
  EXPECT_FALSE(stored("k"));
}

TEST_F(TransactionTest, MovingKeepsTheTransaction) {
  WriteTransaction first = begin();
  first.put(Database::kMeta, "k", "v");
  WriteTransaction second = std::move(first);
  EXPECT_FALSE(first.active());
  second.put(Database::kMeta, "l", "v");
  second.commit();
  EXPECT_TRUE(stored("k") && stored("l"));
}

TEST_F(TransactionTest, NestedCommitAndAbort) {
  WriteTransaction outer = begin();
  outer.put(Database::kMeta, "outer", "");
  {
    WriteTransaction kept = outer.begin_nested();
    kept.put(Database::kMeta, "kept", "");
    WriteTransaction lost = kept.begin_nested();
    lost.put(Database::kMeta, "lost", "");
    EXPECT_TRUE(lost.get(Database::kMeta, "outer").has_value());
    lost.abort();
    kept.commit();
  }
  EXPECT_FALSE(outer.get(Database::kMeta, "lost").has_value());
  outer.commit();
  EXPECT_TRUE(stored("outer") && stored("kept"));
  EXPECT_FALSE(stored("lost"));
}

TEST_F(TransactionTest, DepthIsLimited) {
  std::vector<WriteTransaction> stack;
  stack.push_back(begin());
  stack.back().put(Database::kMeta, "k", "v");
  for (int i = 0; i < WriteTransaction::kMaxDepth; ++i) {
    stack.push_back(stack.back().begin_nested());
  }
  EXPECT_EQ(error_of([&] { stack.back().begin_nested(); }).code(), ErrorCode::kTransactionTooBig);
  while (!stack.empty()) {
    stack.back().commit();
    stack.pop_back();
  }
  EXPECT_TRUE(stored("k"));
}

TEST_F(TransactionTest, EveryWriteChangesTheStamp) {
  WriteTransaction outer = begin();
  std::vector<Stamp> seen{outer.stamp()};
  const auto expect_new = [&](const Transaction& transaction) {
    for (const Stamp& old : seen) EXPECT_FALSE(old == transaction.stamp());
    seen.push_back(transaction.stamp());
  };
  outer.put(Database::kMeta, "k", "v");
  expect_new(outer);
  outer.erase(Database::kMeta, "k");
  expect_new(outer);
  outer.append(Database::kRecords, 1, "v");
  expect_new(outer);
  WriteTransaction inner = outer.begin_nested();
  expect_new(inner);
  inner.put(Database::kMeta, "k", "v");
  expect_new(inner);
  inner.commit();
  expect_new(outer);
  outer.begin_nested().abort();
  expect_new(outer);
  outer.restart();
  expect_new(outer);
  outer.commit();
  const ReadTransaction after = environment->begin_read();
  expect_new(after);
  EXPECT_EQ(after.stamp().write_generation, 0u);
}

TEST_F(TransactionTest, ReadersSeeOneMoment) {
  put(*environment, "k", "old");
  ReadTransaction snapshot = environment->begin_read();
  const Stamp before = snapshot.stamp();
  put(*environment, "k", "new");
  EXPECT_EQ(snapshot.get(Database::kMeta, "k"), "old");
  EXPECT_EQ(snapshot.stamp(), before);
  snapshot.renew();
  EXPECT_EQ(snapshot.get(Database::kMeta, "k"), "new");
  EXPECT_FALSE(snapshot.stamp() == before);
}

TEST_F(TransactionTest, RestartUndoesAndKeepsTheLock) {
  for (const bool is_explicit : {false, true}) {
    WriteTransaction transaction =
        is_explicit ? environment->begin_explicit(kSoon) : environment->begin_write(kSoon);
    transaction.put(Database::kMeta, "lost", "v");
    transaction.restart();
    EXPECT_FALSE(transaction.get(Database::kMeta, "lost").has_value());
    std::thread other([&] {
      const Error error =
          error_of([&] { environment->begin_write(std::chrono::milliseconds(20)); });
      EXPECT_EQ(error.code(), ErrorCode::kBusy);
    });
    other.join();
    transaction.put(Database::kMeta, "kept", "v");
    transaction.commit();
    EXPECT_TRUE(stored("kept"));
    EXPECT_FALSE(stored("lost"));
  }
}

TEST_F(TransactionTest, AFailedPutCannotBeCommitted) {
  OpenOptions options;
  options.path = folder.file("small");
  options.max_size = 1 << 20;
  const auto small = Environment::open(options, kTestFormat, nullptr);
  WriteTransaction outer = small->begin_write(kSoon);
  outer.put(Database::kMeta, "outer", "v");
  WriteTransaction inner = outer.begin_nested();
  const std::string big(2 << 20, 'x');
  EXPECT_EQ(error_of([&] { inner.put(Database::kMeta, "big", big); }).code(), ErrorCode::kMapFull);
  EXPECT_TRUE(inner.failed());
  EXPECT_EQ(error_of([&] { inner.commit(); }).code(), ErrorCode::kTransactionFailed);
  outer.put(Database::kMeta, "after", "v");
  outer.commit();
  EXPECT_TRUE(get(*small, "outer").has_value() && get(*small, "after").has_value());
  EXPECT_FALSE(get(*small, "big").has_value());
}

TEST_F(TransactionTest, AMillionSmallPutsInOneSavepoint) {
  WriteTransaction outer = begin();
  WriteTransaction inner = outer.begin_nested();
  for (uint64_t i = 0; i < 1'000'000; ++i) inner.append(Database::kRecords, i, "0123456789");
  inner.commit();
  EXPECT_EQ(outer.size(Database::kRecords), 1'000'000u);
  outer.commit();
}

TEST_F(TransactionTest, SavepointsAreRefusedBeforeLmdbRunsOutOfPages) {
  const std::string value(3000, 'x');  // two pages each
  WriteTransaction outer = begin();
  uint64_t kept = 0;
  bool refused = false;
  while (!refused) {
    constexpr uint64_t kPuts = 5000;
    try {
      WriteTransaction inner = outer.begin_nested();
      for (uint64_t i = 0; i < kPuts; ++i) inner.append(Database::kRecords, kept + i, value);
      inner.commit();
      kept += kPuts;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kTransactionTooBig) << error.message();
      refused = true;
    }
    ASSERT_LT(kept, 500'000u);
  }
  EXPECT_GT(kept, 40'000u);
  EXPECT_EQ(outer.size(Database::kRecords), kept);
  outer.put(Database::kMeta, "after", "v");
  outer.commit();
  EXPECT_EQ(environment->begin_read().size(Database::kRecords), kept);
  EXPECT_TRUE(stored("after"));
}

TEST_F(TransactionTest, SavepointsThatAreRolledBackCountForNothing) {
  const std::string value(3000, 'x');
  WriteTransaction outer = begin();
  for (int round = 0; round < 30; ++round) {
    WriteTransaction inner = outer.begin_nested();
    for (uint64_t i = 0; i < 5000; ++i) inner.append(Database::kRecords, i, value);
  }
  EXPECT_EQ(outer.size(Database::kRecords), 0u);
}

}  // namespace
}  // namespace oocmap
