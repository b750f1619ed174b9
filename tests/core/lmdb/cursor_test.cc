#include <thread>
#include <vector>

#include "core/lmdb/transaction.h"
#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

struct CursorTest : LmdbTest {
  CursorTest() {
    WriteTransaction transaction = environment->begin_write(kSoon);
    for (const char* key : {"b", "d", "f"}) transaction.put(Database::kEntries, key, key);
    for (uint64_t key = 10; key <= 1000; key += 10)
      transaction.append(Database::kRecords, key, "v");
    transaction.commit();
  }
  std::shared_ptr<Environment> environment = open();
};

TEST_F(CursorTest, WalksBothWays) {
  const ReadTransaction transaction = environment->begin_read();
  Cursor cursor(transaction, Database::kEntries);
  ASSERT_TRUE(cursor.first());
  EXPECT_EQ(cursor.key(), "b");
  ASSERT_TRUE(cursor.next());
  EXPECT_EQ(cursor.key(), "d");
  EXPECT_EQ(cursor.value(), "d");
  ASSERT_TRUE(cursor.next());
  EXPECT_FALSE(cursor.next());
  ASSERT_TRUE(cursor.last());
  EXPECT_EQ(cursor.key(), "f");
  ASSERT_TRUE(cursor.previous());
  ASSERT_TRUE(cursor.previous());
  EXPECT_FALSE(cursor.previous());
}

TEST_F(CursorTest, Seeks) {
  const ReadTransaction transaction = environment->begin_read();
  Cursor cursor(transaction, Database::kEntries);
  ASSERT_TRUE(cursor.seek("c"));
  EXPECT_EQ(cursor.key(), "d");
  ASSERT_TRUE(cursor.seek("d"));
  EXPECT_EQ(cursor.key(), "d");
  ASSERT_TRUE(cursor.seek(""));
  EXPECT_EQ(cursor.key(), "b");
  EXPECT_FALSE(cursor.seek("g"));
  ASSERT_TRUE(cursor.seek_before("d"));
  EXPECT_EQ(cursor.key(), "b");
  ASSERT_TRUE(cursor.seek_before("z"));
  EXPECT_EQ(cursor.key(), "f");
  EXPECT_FALSE(cursor.seek_before("b"));
  Cursor numbers(transaction, Database::kRecords);
  ASSERT_TRUE(numbers.seek(255));
  EXPECT_EQ(numbers.integer_key(), 260u);
  ASSERT_TRUE(numbers.seek_before(260));
  EXPECT_EQ(numbers.integer_key(), 250u);
}

TEST_F(CursorTest, AnEmptyDatabase) {
  const ReadTransaction transaction = environment->begin_read();
  Cursor cursor(transaction, Database::kChunks);
  EXPECT_FALSE(cursor.first());
  EXPECT_FALSE(cursor.last());
  EXPECT_FALSE(cursor.seek("x"));
  EXPECT_FALSE(cursor.seek_before("x"));
}

TEST_F(CursorTest, UsableOnlyInItsMoment) {
  Cursor none;
  ThreadReader reader(*environment);
  EXPECT_FALSE(none.usable(reader.transaction()));
  Cursor cursor(reader.transaction(), Database::kRecords);
  EXPECT_TRUE(cursor.usable(reader.transaction()));
  std::thread other([&] {
    const ThreadReader theirs(*environment);
    EXPECT_EQ(theirs.transaction().stamp(), reader.transaction().stamp());
    EXPECT_FALSE(cursor.usable(theirs.transaction())) << "another thread's transaction";
  });
  other.join();
  WriteTransaction writer = environment->begin_write(kSoon);
  Cursor in_writer(writer, Database::kRecords);
  EXPECT_TRUE(in_writer.usable(writer));
  writer.put(Database::kMeta, "k", "v");
  EXPECT_FALSE(in_writer.usable(writer));
}

TEST_F(CursorTest, GoesOnAfterTheReaderWasRenewedToTheSameMoment) {
  std::optional<ThreadReader> reader(std::in_place, *environment);
  Cursor cursor(reader->transaction(), Database::kRecords);
  ASSERT_TRUE(cursor.first());
  for (uint64_t key = 20; key <= 1000; key += 10) {
    reader.reset();
    reader.emplace(*environment);
    ASSERT_TRUE(cursor.usable(reader->transaction()));
    ASSERT_TRUE(cursor.next());
    EXPECT_EQ(cursor.integer_key(), key);
  }
}

TEST_F(CursorTest, OutlivesEveryKindOfTransaction) {
  std::vector<Cursor> kept;
  {
    const ReadTransaction transaction = environment->begin_read();
    kept.emplace_back(transaction, Database::kRecords).first();
  }
  for (const bool commit : {true, false}) {
    WriteTransaction transaction = environment->begin_write(kSoon);
    kept.emplace_back(transaction, Database::kRecords).first();
    WriteTransaction inner = transaction.begin_nested();
    kept.emplace_back(inner, Database::kRecords).first();
    inner.put(Database::kMeta, "k", "v");
    commit ? inner.commit() : inner.abort();
    commit ? transaction.commit() : transaction.abort();
    EXPECT_EQ(error_of([&] { kept.back().next(); }).code(), ErrorCode::kInvalidArgument);
  }
  environment.reset();
  kept.clear();
}

TEST_F(CursorTest, AWriteTransactionUsesItsCursorsAgain) {
  WriteTransaction transaction = environment->begin_write(kSoon);
  for (uint64_t i = 0; i < 10'000; ++i) {
    Cursor cursor(transaction, Database::kRecords);
    ASSERT_TRUE(cursor.seek(i % 1000));
    transaction.put(Database::kRecords, 5000 + i, "v");
  }
  Cursor a(transaction, Database::kRecords);
  Cursor b(transaction, Database::kRecords);
  ASSERT_TRUE(a.first() && b.last());
  EXPECT_NE(a.integer_key(), b.integer_key());
}

TEST_F(CursorTest, MayDieOnAnotherThreadWhileTheTransactionWrites) {
  WriteTransaction transaction = environment->begin_write(kSoon);
  std::vector<Cursor> cursors;
  for (int i = 0; i < 500; ++i) cursors.emplace_back(transaction, Database::kRecords).first();
  std::thread other([&] { cursors.clear(); });
  for (uint64_t i = 0; i < 5000; ++i) transaction.put(Database::kRecords, 5000 + i, "v");
  other.join();
  transaction.commit();
}

}  // namespace
}  // namespace oocmap
