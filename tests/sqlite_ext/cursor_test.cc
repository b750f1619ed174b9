// A SELECT that is half read goes on after commits, rollbacks and writes.
#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

class CursorTest : public MapTest {
 protected:
  CursorTest() { fill(300); }
  void fill(int n) {
    db.run("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < " +
           std::to_string(n - 1) + ") INSERT INTO m(key, value) SELECT i, 'v' || i FROM n");
  }
  // Reads the rest; returns how many rows there were and what the last one was.
  static std::string rest(Statement& statement) {
    int count = 0;
    std::string last = "nothing", row;
    while ((row = statement.next()) != "end") {
      last = row;
      if (++count > 10'000) return "endless";
    }
    return std::to_string(count) + " rows to " + last;
  }
  std::shared_ptr<Session> session = db.session(path);
};

class HalfReadTest : public CursorTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(HalfReadTest, GoesOnBehindItsRowWhateverEndsTheTransaction) {
  for (const char* order : {"", " ORDER BY key"}) {
    db.run("BEGIN");
    db.run("INSERT INTO m(key, value) VALUES (1000, 'new')");
    db.run("SAVEPOINT s");
    Statement read(db, std::string("SELECT key, value FROM m") + order);
    for (int i = 0; i < 100; ++i)
      EXPECT_EQ(read.next(), std::to_string(i) + "|v" + std::to_string(i));
    db.run(GetParam());
    const bool kept = std::string(GetParam()) != "ROLLBACK";
    EXPECT_EQ(rest(read), kept ? "201 rows to 1000|new" : "200 rows to 299|v299") << order;
    if (sqlite3_get_autocommit(db.raw()) == 0) db.run("COMMIT");
    db.run("DELETE FROM m WHERE key = 1000");
  }
}

INSTANTIATE_TEST_SUITE_P(Ends, HalfReadTest,
                         ::testing::Values("COMMIT", "ROLLBACK TO s", "RELEASE s", "ROLLBACK"));

TEST_F(CursorTest, WriteBesideSqlEndsTheSnapshotOfItsOwnSession) {
  Statement read(db, "SELECT key FROM m ORDER BY key");
  EXPECT_EQ(read.next(), "0");
  put(*session, Key::integer(5000), EncodedValue::none());
  EXPECT_EQ(rest(read), "300 rows to 5000");
}

TEST_F(CursorTest, OthersWritesAreNotSeenWhileACursorIsOpen) {
  Sqlite other;
  other.run("CREATE VIRTUAL TABLE temp.m USING oocmap('" + path + "')");
  Statement read(db, "SELECT key FROM m");
  EXPECT_EQ(read.next(), "0");
  other.run("DELETE FROM m");
  EXPECT_EQ(db.value("SELECT count(*) FROM m"), "300") << "one snapshot for all open cursors";
  EXPECT_EQ(rest(read), "299 rows to 299");
  EXPECT_EQ(db.value("SELECT count(*) FROM m"), "0");
}

TEST_F(CursorTest, RowThatIsErasedWhileItIsReadHasNullColumns) {
  const auto body = [](sqlite3_context* context, int, sqlite3_value** argv) {
    Session& its = **static_cast<std::shared_ptr<Session>*>(sqlite3_user_data(context));
    WriteScope scope(its);
    dict_erase(its.store(), scope.transaction(), its.store().root(),
               Key::integer(sqlite3_value_int64(argv[0])));
    scope.commit();
  };
  sqlite3_create_function(db.raw(), "write_beside", 1, SQLITE_UTF8, &session, body, nullptr,
                          nullptr);
  EXPECT_EQ(db.value("SELECT key, write_beside(key), value, type FROM m WHERE key = 7"),
            "7|NULL|NULL|NULL");
}

TEST_F(CursorTest, DeletingWhatIsReadVisitsEachRowOnce) {
  Statement read(db, "SELECT key FROM m");
  int count = 0;
  for (std::string key = read.next(); key != "end"; key = read.next()) {
    db.run("DELETE FROM m WHERE key = " + key);
    ++count;
  }
  EXPECT_EQ(count, 300);
  EXPECT_EQ(db.value("SELECT count(*) FROM m"), "0");
}

TEST_F(CursorTest, InsertingWhileReadingEnds) {
  Statement read(db, "SELECT key FROM m");
  int count = 0;
  for (std::string key = read.next(); key != "end" && count < 1000; key = read.next()) {
    db.run("INSERT INTO m(key) VALUES ('new" + key + "')");
    ++count;
  }
  EXPECT_EQ(count, 300);
}

TEST_F(CursorTest, ContainerReplacedWhileItIsReadSaysSo) {
  insert("'inner'", "{\"a\": 1, \"b\": 2}");
  db.run("CREATE VIRTUAL TABLE temp.inner USING oocmap('" + path + "', root='$.inner')");
  Statement read(db, "SELECT key FROM \"inner\"");
  EXPECT_EQ(read.next(), "a");
  db.run("DELETE FROM m WHERE key = 'inner'");
  const std::string next = read.next();
  EXPECT_NE(next, "end") << "gone, or still shown as it was";
}

TEST_F(CursorTest, CursorOfAClosedMapIsAnError) {
  Statement read(db, "SELECT key FROM m");
  EXPECT_EQ(read.next(), "0");
  session->close();
  EXPECT_EQ(read.next(), "the map '" + path + "' is closed");
}

TEST_F(CursorTest, EachCursorOutlivesTheCommit) {
  insert("'list'", "[1, 2, 3]");
  db.run("BEGIN; INSERT INTO m(key) VALUES ('x')");
  Statement read(db, "SELECT e.value FROM m, oocmap_each(m.m) e WHERE m.key = 'list'");
  EXPECT_EQ(read.next(), "1");
  db.run("COMMIT");
  EXPECT_EQ(rest(read), "2 rows to 3");
}

}  // namespace
}  // namespace oocmap
