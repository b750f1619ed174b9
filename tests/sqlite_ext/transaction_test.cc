// How SQL's transactions and writes beside SQL go together: the rows of the research that the
// design stands on, through real SQL. `put` is what a Python lazy does.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>

#include <thread>

#include "core/base/error.h"
#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

using ::testing::HasSubstr;

class TransactionTest : public MapTest {
 protected:
  void put(const std::string& key) { oocmap::put(*session, key, "1"); }
  void insert_key(const std::string& key) {
    db.run("INSERT INTO m(key, value) VALUES ('" + key + "', 1)");
  }
  // What another connection of this process sees, that is: what is committed.
  std::string committed() {
    Sqlite other;
    other.run("CREATE VIRTUAL TABLE temp.m USING oocmap('" + path + "')");
    std::string out;
    for (const std::string& key : other.rows("SELECT key FROM m ORDER BY key")) {
      out += (out.empty() ? "" : " ") + key;
    }
    return out;
  }

  std::shared_ptr<Session> session = db.session(path);
};

TEST_F(TransactionTest, RollbackUndoesBothSides) {
  db.run("BEGIN");
  put("a");
  insert_key("b");
  EXPECT_EQ(keys("ORDER BY key"), "a b") << "each sees the other's";
  EXPECT_EQ(committed(), "");
  db.run("ROLLBACK");
  EXPECT_EQ(keys(), "");
}

TEST_F(TransactionTest, CommitKeepsBothSides) {
  db.run("BEGIN");
  put("a");
  insert_key("b");
  db.run("COMMIT");
  EXPECT_EQ(committed(), "a b");
}

TEST_F(TransactionTest, OutermostSavepoint) {
  db.run("SAVEPOINT sp");
  put("c");
  db.run("ROLLBACK TO sp");
  put("d");
  db.run("RELEASE sp");
  EXPECT_EQ(committed(), "d");
}

TEST_F(TransactionTest, SavepointsOpenedBeforeTheJoin) {
  db.run("BEGIN; SAVEPOINT s1; SAVEPOINT s2");
  put("e");
  db.run("SAVEPOINT s3");
  put("f");
  db.run("ROLLBACK TO s3");
  db.run("ROLLBACK TO s1");
  put("g");
  db.run("COMMIT");
  EXPECT_EQ(committed(), "g");
}

TEST_F(TransactionTest, ReleaseThenRollbackBelowTheJoin) {
  db.run("BEGIN; SAVEPOINT s1; SAVEPOINT s2");
  put("h");
  db.run("RELEASE s2; ROLLBACK TO s1; COMMIT");
  EXPECT_EQ(committed(), "");
}

TEST_F(TransactionTest, ReleasesAndRollbacksThroughThreeLevels) {
  db.run("BEGIN; SAVEPOINT s1; SAVEPOINT s2; INSERT INTO m(m) VALUES ('join'); SAVEPOINT s3");
  put("i");
  db.run("RELEASE s3; ROLLBACK TO s2");
  put("k");
  db.run("ROLLBACK TO s1");
  put("l");
  db.run("COMMIT");
  EXPECT_EQ(committed(), "l");
}

TEST_F(TransactionTest, StatementThatFailsHalfWayUndoesItselfAlone) {
  db.run("BEGIN");
  put("a");
  EXPECT_EQ(db.error("INSERT INTO m(key, value) VALUES ('x', 1), ('y', 1), ('a', 1)"),
            "UNIQUE constraint failed: m.key");
  put("b");
  db.run("COMMIT");
  EXPECT_EQ(committed(), "a b");
}

TEST_F(TransactionTest, NestedSavepointsInSql) {
  db.run(
      "BEGIN; INSERT INTO m(key) VALUES ('1'); SAVEPOINT a; INSERT INTO m(key) VALUES ('2'); "
      "SAVEPOINT b; INSERT INTO m(key) VALUES ('3'); ROLLBACK TO a; "
      "INSERT INTO m(key) VALUES ('4'); RELEASE a; COMMIT");
  EXPECT_EQ(committed(), "1 4");
}

TEST_F(TransactionTest, TableMadeInTheTransactionTakesPart) {
  const std::string other = folder.file("other.ooc");
  db.run("BEGIN; CREATE VIRTUAL TABLE temp.n USING oocmap('" + other +
         "', create=1); INSERT INTO n(key) VALUES (1); ROLLBACK");
  db.run("CREATE VIRTUAL TABLE temp.n USING oocmap('" + other + "')");
  EXPECT_EQ(db.value("SELECT count(*) FROM n"), "0");
  db.run("BEGIN; CREATE VIRTUAL TABLE temp.n2 USING oocmap('" + other +
         "'); INSERT INTO n2(key) VALUES (1); SAVEPOINT s; INSERT INTO n2(key) VALUES (2); "
         "ROLLBACK TO s; COMMIT");
  EXPECT_EQ(db.value("SELECT group_concat(key) FROM n"), "1");
}

TEST_F(TransactionTest, TablesOnOneFileShareTheTransaction) {
  db.run("CREATE VIRTUAL TABLE temp.n USING oocmap('" + path + "')");
  db.run("BEGIN; INSERT INTO m(key) VALUES ('a'); INSERT INTO n(key) VALUES ('b')");
  EXPECT_EQ(db.value("SELECT count(*) FROM m"), "2");
  db.run("SAVEPOINT s; INSERT INTO n(key) VALUES ('c'); ROLLBACK TO s; COMMIT");
  EXPECT_EQ(committed(), "a b");
}

TEST_F(TransactionTest, TwoFilesInOneTransaction) {
  db.run("CREATE VIRTUAL TABLE temp.n USING oocmap('" + folder.file("n.ooc") + "', create=1)");
  db.run("BEGIN; INSERT INTO m(key) VALUES (1); INSERT INTO n(key) VALUES (1); ROLLBACK");
  EXPECT_EQ(db.value("SELECT (SELECT count(*) FROM m), (SELECT count(*) FROM n)"), "0|0");
  db.run("BEGIN; INSERT INTO m(key) VALUES (1); INSERT INTO n(key) VALUES (1); COMMIT");
  EXPECT_EQ(db.value("SELECT (SELECT count(*) FROM m), (SELECT count(*) FROM n)"), "1|1");
}

// A virtual table whose commit fails as often as it is told to.
struct BusyTable : sqlite3_vtab {
  static inline int failures = 0;
};

const sqlite3_module* busy_module() {
  static sqlite3_module module = [] {
    sqlite3_module m{};
    m.iVersion = 1;
    m.xCreate =
        m.xConnect = [](sqlite3* db, void*, int, const char* const*, sqlite3_vtab** table, char**) {
          *table = new BusyTable{};
          return sqlite3_declare_vtab(db, "CREATE TABLE x(a)");
        };
    m.xDisconnect = m.xDestroy = [](sqlite3_vtab* table) {
      delete static_cast<BusyTable*>(table);
      return SQLITE_OK;
    };
    m.xBestIndex = [](sqlite3_vtab*, sqlite3_index_info*) { return SQLITE_OK; };
    m.xOpen = [](sqlite3_vtab*, sqlite3_vtab_cursor**) { return SQLITE_ERROR; };
    m.xClose = [](sqlite3_vtab_cursor*) { return SQLITE_OK; };
    m.xUpdate = [](sqlite3_vtab*, int, sqlite3_value**, sqlite3_int64* rowid) {
      *rowid = 1;
      return SQLITE_OK;
    };
    m.xBegin = [](sqlite3_vtab*) { return SQLITE_OK; };
    m.xSync = [](sqlite3_vtab*) { return BusyTable::failures-- > 0 ? SQLITE_BUSY : SQLITE_OK; };
    return m;
  }();
  return &module;
}

TEST_F(TransactionTest, CommitThatIsBusyBeforeTheMapsCanBeRolledBack) {
  sqlite3_create_module(db.raw(), "busy", busy_module(), nullptr);
  db.run("CREATE VIRTUAL TABLE temp.busy USING busy");
  BusyTable::failures = 1;
  db.run("BEGIN; INSERT INTO busy VALUES (1)");
  put("a");
  EXPECT_NE(db.error("COMMIT"), "");
  EXPECT_EQ(db.code(), SQLITE_BUSY);
  put("b");
  db.run("ROLLBACK");
  EXPECT_EQ(committed(), "");
}

TEST_F(TransactionTest, CommitThatIsBusyAfterTheMapsLeavesTheMapCommitted) {
  sqlite3_create_module(db.raw(), "busy", busy_module(), nullptr);
  db.run("CREATE VIRTUAL TABLE temp.busy USING busy");
  BusyTable::failures = 1;
  db.run("BEGIN");
  put("a");
  db.run("INSERT INTO busy VALUES (1)");
  EXPECT_NE(db.error("COMMIT"), "");
  put("b");  // begins anew
  EXPECT_EQ(committed(), "a") << "the window docs/sql.md names";
  db.run("ROLLBACK");
  EXPECT_EQ(committed(), "a");
}

TEST_F(TransactionTest, SyncTwiceCommitsBoth) {
  sqlite3_create_module(db.raw(), "busy", busy_module(), nullptr);
  db.run("CREATE VIRTUAL TABLE temp.busy USING busy");
  BusyTable::failures = 1;
  db.run("BEGIN; INSERT INTO m(key) VALUES ('a'); INSERT INTO busy VALUES (1)");
  EXPECT_NE(db.error("COMMIT"), "");
  db.run("INSERT INTO m(key) VALUES ('b'); COMMIT");
  EXPECT_EQ(committed(), "a b");
}

TEST_F(TransactionTest, CommitThatAReaderOfADatabaseFileBlocks) {
  const std::string file = folder.file("journal.db");
  db.run("ATTACH '" + file + "' AS j; CREATE TABLE j.t(a); INSERT INTO j.t VALUES (1)");
  Sqlite reader(file);
  Statement read(reader, "SELECT a FROM t");
  EXPECT_EQ(read.next(), "1");
  db.run("BEGIN; INSERT INTO j.t VALUES (2)");
  put("a");
  EXPECT_EQ(db.error("COMMIT"), "database is locked");
  EXPECT_EQ(committed(), "a") << "the window docs/sql.md names";
  read.reset();
  db.run("COMMIT");
  EXPECT_EQ(committed(), "a");
}

TEST_F(TransactionTest, FunctionInsideAStatementWrites) {
  const auto body = [](sqlite3_context* context, int, sqlite3_value**) {
    Session& its = **static_cast<std::shared_ptr<Session>*>(sqlite3_user_data(context));
    oocmap::put(its, "from the function", "1");
    sqlite3_result_int(context, 1);
  };
  sqlite3_create_function(db.raw(), "write_beside", 0, SQLITE_UTF8, &session, body, nullptr,
                          nullptr);
  db.run("INSERT INTO m(key, value) VALUES ('row', write_beside())");
  EXPECT_EQ(committed(), "from the function row");
  EXPECT_EQ(db.value("SELECT write_beside()"), "1") << "no transaction: one of its own";
}

TEST_F(TransactionTest, ClosedConnectionKeepsNothingOfAnOpenTransaction) {
  {
    Sqlite other;
    other.run("CREATE VIRTUAL TABLE temp.m USING oocmap('" + path + "')");
    const auto its = other.session(path);
    other.run("BEGIN");
    oocmap::put(*its, "a", "1");
    EXPECT_EQ(other.close(), SQLITE_OK);
    EXPECT_TRUE(its->closed());
    EXPECT_THROW(oocmap::put(*its, "b", "1"), Error);
  }
  put("c");
  EXPECT_EQ(committed(), "c");
}

TEST_F(TransactionTest, JoinKeepsNoStatementOpen) {
  db.run("BEGIN");
  put("a");
  EXPECT_EQ(sqlite3_next_stmt(db.raw(), nullptr), nullptr);
  db.run("COMMIT");
  session.reset();
  EXPECT_EQ(db.close(), SQLITE_OK);
}

TEST_F(TransactionTest, ReadBesideSqlSeesTheOpenTransaction) {
  db.run("BEGIN; INSERT INTO m(key) VALUES ('a')");
  const ReadScope scope(*session);
  Store& store = session->store();
  const NodeView root = store.locate(scope.transaction(), store.root());
  EXPECT_TRUE(dict_get(store, scope.transaction(), root, Key::text("a")).has_value());
}

TEST_F(TransactionTest, WriteBesideSqlWithoutATableToJoinThroughSaysSo) {
  db.run("DROP TABLE m; BEGIN");
  try {
    put("a");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(),
              "the connection is in a transaction, and has no table on '" + path +
                  "' through which a write beside SQL could join it: create one first");
  }
  db.run("COMMIT");
  put("b");
  EXPECT_EQ(committed(), "b");
}

TEST_F(TransactionTest, JoinSurvivesARolledBackSchemaChangeAndARename) {
  db.run("BEGIN; CREATE TABLE t(a); ROLLBACK");  // SQLite disconnects every virtual table
  db.run("BEGIN");
  put("a");
  db.run("COMMIT; ALTER TABLE temp.m RENAME TO \"new name\"; BEGIN");
  put("b");
  db.run("ROLLBACK");
  EXPECT_EQ(committed(), "a");
}

TEST_F(TransactionTest, OrdinaryTableOfTheSameNameIsNotWrittenTo) {
  db.run("BEGIN; CREATE VIRTUAL TABLE temp.z USING oocmap('" + path + "'); ROLLBACK");
  db.run("DROP TABLE m; CREATE TEMP TABLE z(z); CREATE TEMP TABLE m(m); BEGIN");
  EXPECT_THROW(put("a"), Error);
  db.run("COMMIT");
  EXPECT_EQ(db.value("SELECT (SELECT count(*) FROM z) + (SELECT count(*) FROM m)"), "0");
}

TEST_F(TransactionTest, DropOfATableWithUncommittedWritesIsRefused) {
  db.run("BEGIN; INSERT INTO m(key) VALUES ('a')");
  // SQLite would never call xSync on a table that is gone. It drops our message for its own.
  EXPECT_EQ(db.error("DROP TABLE m"), "database table is locked");
  db.run("COMMIT; DROP TABLE m");
  EXPECT_EQ(committed(), "a");
}

// A map with a max_size of 1 MiB, as temp.s of a connection of its own.
class FullMapTest : public ::testing::Test {
 protected:
  FullMapTest() {
    OpenOptions options;
    options.path = path;
    options.max_size = 1 << 20;
    session = session_of(db.raw(), Store::open(options));
    db.run("CREATE VIRTUAL TABLE temp.s USING oocmap('" + path +
           "'); INSERT INTO s(key, value) VALUES ('kept', 1)");
  }
  // Rows of 10,000 random bytes, one INSERT each, until one is refused. Returns the message.
  std::string fill_row_by_row() {
    for (int i = 0; i < 1000; ++i) {
      const std::string error = db.error("INSERT INTO s(key, value) VALUES (" + std::to_string(i) +
                                         ", hex(randomblob(5000)))");
      if (!error.empty()) return error;
    }
    return "";
  }
  static std::string too_many_rows() {
    return "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
           "INSERT INTO s(key, value) SELECT i, hex(randomblob(5000)) FROM n";
  }
  std::string stored() {
    Sqlite other;
    other.run("CREATE VIRTUAL TABLE temp.s USING oocmap('" + path + "')");
    return other.value("SELECT group_concat(key, ' ') FROM s");
  }
  bool in_transaction() { return sqlite3_get_autocommit(db.raw()) == 0; }
  // Nothing works but a ROLLBACK, and nothing was kept.
  void expect_to_be_rolled_back() {
    for (const std::string sql :
         {"INSERT INTO s(key, value) VALUES ('small', 1)", "SELECT * FROM s",
          "INSERT INTO s(key, value) VALUES ('two', 1), ('rows', 1)", "DELETE FROM s",
          "SAVEPOINT sp; INSERT INTO s(key, value) VALUES ('small', 1)", "COMMIT"}) {
      EXPECT_TRUE(in_transaction()) << sql;
      EXPECT_THAT(db.error(sql), HasSubstr("rolled back")) << sql;
    }
    EXPECT_FALSE(in_transaction()) << "the COMMIT that failed is its end";
    EXPECT_EQ(stored(), "kept");
    db.run("INSERT INTO s(key, value) VALUES ('again', 1)");
    EXPECT_EQ(stored(), "kept again");
  }

  Folder folder;
  std::string path = folder.file("small.ooc");
  Sqlite db;
  std::shared_ptr<Session> session;
};

TEST_F(FullMapTest, OutsideATransactionItIsSqliteFull) {
  EXPECT_NE(db.error(too_many_rows()), "");
  EXPECT_EQ(db.code(), SQLITE_FULL);
  EXPECT_EQ(stored(), "kept");
}

// SQLITE_FULL would make SQLite end the transaction: what follows would be committed by itself.
TEST_F(FullMapTest, InTheMidstOfATransactionNothingIsKept) {
  db.run("BEGIN; INSERT INTO s(key, value) VALUES ('first', 1)");
  EXPECT_THAT(fill_row_by_row(), HasSubstr("the map is full at its max_size of 1048576 bytes"));
  EXPECT_EQ(db.code(), SQLITE_ERROR);
  expect_to_be_rolled_back();
}

TEST_F(FullMapTest, InTheMidstOfATransactionRollbackIsTheUsers) {
  db.run("BEGIN");
  EXPECT_NE(fill_row_by_row(), "");
  db.run("ROLLBACK; BEGIN; INSERT INTO s(key, value) VALUES ('again', 1); COMMIT");
  EXPECT_EQ(stored(), "kept again");
}

TEST_F(FullMapTest, StatementOfSeveralRowsUndoesItselfAlone) {
  db.run("BEGIN; INSERT INTO s(key, value) VALUES ('first', 1)");
  EXPECT_THAT(db.error(too_many_rows()), HasSubstr("full at its max_size"));
  EXPECT_TRUE(in_transaction());
  db.run("INSERT INTO s(key, value) VALUES ('last', 1); COMMIT");
  EXPECT_EQ(stored(), "kept first last");
}

TEST_F(FullMapTest, SavepointAroundItCures) {
  db.run("BEGIN; INSERT INTO s(key, value) VALUES ('first', 1); SAVEPOINT sp");
  EXPECT_NE(fill_row_by_row(), "");
  EXPECT_THAT(db.error("SELECT * FROM s"), HasSubstr("rolled back"));
  db.run("ROLLBACK TO sp; INSERT INTO s(key, value) VALUES ('last', 1); RELEASE sp; COMMIT");
  EXPECT_EQ(stored(), "kept first last");
}

TEST_F(FullMapTest, ReleaseOfTheSavepointAroundItDoesNotCure) {
  db.run("BEGIN; INSERT INTO s(key, value) VALUES ('first', 1); SAVEPOINT sp");
  EXPECT_NE(fill_row_by_row(), "");
  db.run("RELEASE sp");
  expect_to_be_rolled_back();
}

TEST_F(FullMapTest, WriteBesideSqlPoisonsTheTransaction) {
  db.run("BEGIN");
  try {
    for (int i = 0; i < 1000; ++i) {
      oocmap::put(
          *session, Key::integer(i),
          EncodedValue::payload(PayloadKind::kStr, std::to_string(i) + std::string(10'000, 'x')));
    }
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kMapFull) << error.message();
  }
  expect_to_be_rolled_back();
}

// What a COMMIT cannot write: all of it is undone, and SQLite's transaction is over, too.
TEST_F(FullMapTest, DiskThatIsFullAtTheCommitKeepsNothing) {
  db.run("BEGIN; INSERT INTO s(key, value) VALUES (1, hex(randomblob(100000)))");
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 64 << 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string error = db.error("COMMIT");
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_THAT(error, HasSubstr("no space left"));
  EXPECT_THAT(error, HasSubstr("the transaction was rolled back"));
  EXPECT_EQ(db.code(), SQLITE_FULL);
  EXPECT_FALSE(in_transaction());
  EXPECT_EQ(stored(), "kept");
  db.run("INSERT INTO s(key, value) VALUES ('again', 1)");
  EXPECT_EQ(stored(), "kept again");
}

// A row of several puts stands in a savepoint of its own, the 65th here.
TEST_F(TransactionTest, RowWhoseSavepointIsRefusedChangesNothing) {
  db.run("CREATE VIRTUAL TABLE temp.n USING oocmap('" + path + "', a PATH '$.a', b PATH '$.b')");
  db.run("BEGIN; INSERT INTO m(key, json) VALUES ('k', '{\"a\": 1}')");
  for (int i = 0; i < 64; ++i) db.run("SAVEPOINT s" + std::to_string(i));
  EXPECT_THAT(db.error("UPDATE n SET a = 2, b = 2 WHERE key = 'k'"),
              HasSubstr("more than 64 savepoints"));
  EXPECT_EQ(db.code(), SQLITE_TOOBIG);
  insert_key("after");
  db.run("RELEASE s63; UPDATE n SET a = 3, b = 3 WHERE key = 'k'; COMMIT");
  EXPECT_EQ(committed(), "after k");
  EXPECT_EQ(db.value("SELECT json FROM m WHERE key = 'k'"), "{\"a\":3,\"b\":3}");
}

// SQLite would drop the message of a SAVEPOINT's error: the writes inside say why.
TEST_F(TransactionTest, SavepointThatIsRefusedLeavesTheTransactionAsItIs) {
  db.run("BEGIN");
  insert_key("a");
  for (int i = 0; i < 65; ++i) db.run("SAVEPOINT s" + std::to_string(i));
  for (const std::string rows : {"('b')", "('b'), ('c')"}) {
    EXPECT_THAT(db.error("INSERT INTO m(key) VALUES " + rows),
                HasSubstr("more than 64 savepoints"));
    EXPECT_EQ(db.code(), SQLITE_TOOBIG);
  }
  db.run("ROLLBACK TO s64; RELEASE s64");
  insert_key("d");
  EXPECT_EQ(committed(), "");
  db.run("RELEASE s0; COMMIT");
  EXPECT_EQ(committed(), "a d");
}

TEST_F(TransactionTest, SecondWriterIsBusyAtOnceOnTheSameThread) {
  db.run("BEGIN; INSERT INTO m(key) VALUES ('a')");
  Sqlite other;
  other.run("CREATE VIRTUAL TABLE temp.m USING oocmap('" + path + "'); PRAGMA busy_timeout = 9000");
  EXPECT_NE(other.error("INSERT INTO m(key) VALUES ('b')"), "");
  EXPECT_EQ(other.code(), SQLITE_BUSY);
  EXPECT_EQ(other.value("SELECT count(*) FROM m"), "0") << "readers never wait";
  db.run("COMMIT");
  other.run("INSERT INTO m(key) VALUES ('b')");
}

TEST_F(TransactionTest, WriterOfAnotherThreadWaitsAsLongAsBusyTimeoutSays) {
  Sqlite other;
  other.run("CREATE VIRTUAL TABLE temp.m USING oocmap('" + path + "')");
  db.run("BEGIN; INSERT INTO m(key) VALUES ('a')");
  std::string without, with;
  std::thread writer([&] {
    without = other.error("INSERT INTO m(key) VALUES ('b')");
    other.run("PRAGMA busy_timeout = 20000");
    with = other.error("INSERT INTO m(key) VALUES ('b')");
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  db.run("COMMIT");
  writer.join();
  EXPECT_THAT(without, HasSubstr("another thread of this process is writing"));
  EXPECT_EQ(with, "");
  EXPECT_EQ(committed(), "a b");
}

TEST_F(TransactionTest, LockIsTakenEarlyByCommand) {
  db.run("BEGIN; INSERT INTO m(m) VALUES ('lock')");
  Sqlite other;
  other.run("CREATE VIRTUAL TABLE temp.m USING oocmap('" + path + "')");
  EXPECT_NE(other.error("INSERT INTO m(key) VALUES ('b')"), "");
  db.run("COMMIT");
  other.run("INSERT INTO m(key) VALUES ('b')");
}

TEST_F(TransactionTest, QueryOnlyBlocksWrites) {
  db.run("PRAGMA query_only = 1");
  EXPECT_EQ(db.error("INSERT INTO m(key) VALUES (1)"), "attempt to write a readonly database");
}

}  // namespace
}  // namespace oocmap
