// The commands stats and optimize, and oocmap_stats().
#include <gmock/gmock.h>

#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

using ::testing::HasSubstr;

class CommandsTest : public MapTest {
 protected:
  int64_t stat(const std::string& name) {
    db.run("INSERT INTO m(m) VALUES ('stats')");
    return std::stoll(db.value("SELECT oocmap_debug() ->> '$.stats." + name + "'"));
  }
  // Rows whose values are lists of lists: more than one removal frees at once.
  void fill(int lists) {
    db.run("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < " +
           std::to_string(lists - 1) +
           ") INSERT INTO m(key, json) SELECT 'big', json_group_array(json_array(i, "
           "json_object('k' || i, i))) FROM n");
  }
};

TEST_F(CommandsTest, StatsAreKeptForDebug) {
  EXPECT_EQ(db.value("SELECT oocmap_debug() -> '$.stats'"), "NULL");
  EXPECT_EQ(stat("entries"), 0);
  insert("'a'", "[1]");
  insert("'b'", "{\"x\": []}");
  EXPECT_EQ(db.value("SELECT oocmap_debug() ->> '$.stats.entries'"), "0") << "as it was then";
  EXPECT_EQ(stat("entries"), 2);
  EXPECT_EQ(stat("file_bytes"), static_cast<int64_t>(std::filesystem::file_size(path)));
  EXPECT_EQ(stat("page_bytes"), 4096);
  EXPECT_GT(stat("max_bytes"), stat("file_bytes"));
  EXPECT_LE(stat("free_pages"), stat("pages"));
  EXPECT_EQ(stat("readers"), 0);
  EXPECT_EQ(db.value("SELECT json_valid(oocmap_debug())"), "1");
}

TEST_F(CommandsTest, StatsOfAHandle) {
  insert("'a'", "[1]");
  insert("'s'", "5");
  db.run("INSERT INTO m(m) VALUES ('stats')");
  EXPECT_EQ(db.value("SELECT DISTINCT json_remove(oocmap_stats(m), '$.readers') FROM m"),
            db.value("SELECT json_remove(oocmap_debug() -> '$.stats', '$.readers')"))
      << "of a container and of a scalar";
  EXPECT_EQ(db.value("SELECT DISTINCT oocmap_stats(m) ->> '$.readers' FROM m"), "1")
      << "the query itself";
  EXPECT_EQ(db.value("SELECT oocmap_stats(m) ->> '$.entries' FROM m LIMIT 1"), "2");
  EXPECT_EQ(db.value("SELECT oocmap_stats(NULL)"), "NULL");
  for (const char* bad : {"'[1]'", "5", "X'00'"}) {
    EXPECT_THAT(db.error(std::string("SELECT oocmap_stats(") + bad + ")"),
                HasSubstr("oocmap_stats needs a handle"));
  }
  const std::string handle = db.value("SELECT m FROM m LIMIT 1");
  Sqlite other;
  EXPECT_THAT(other.error("SELECT oocmap_stats(" + handle + ")"),
              HasSubstr("on which no table of this connection is open"));
}

TEST_F(CommandsTest, StatsAreOfTheLastCommit) {
  insert("'a'", "[1]");
  db.run("BEGIN");
  insert("'b'", "[1]");
  EXPECT_EQ(stat("entries"), 1);
  db.run("COMMIT");
  EXPECT_EQ(stat("entries"), 2);
}

TEST_F(CommandsTest, StatsTellOfReaders) {
  insert("'a'", "[1]");
  Sqlite other;
  other.run("CREATE VIRTUAL TABLE temp.m USING oocmap('" + path + "')");
  Statement reader(other, "SELECT key FROM m");
  EXPECT_EQ(reader.next(), "a");
  insert("'b'", "[1]");
  insert("'c'", "[1]");
  EXPECT_EQ(stat("readers"), 1);
  EXPECT_EQ(stat("oldest_reader"), 2);
}

TEST_F(CommandsTest, OptimizeFreesWhatRemovalsLeft) {
  fill(5000);
  db.run("INSERT INTO m(m) VALUES ('optimize')");
  EXPECT_GT(stat("records"), 5);
  db.run("DELETE FROM m");
  EXPECT_GT(stat("graveyard"), 0);
  db.run("INSERT INTO m(m) VALUES ('optimize')");
  EXPECT_EQ(stat("graveyard"), 0);
  EXPECT_EQ(stat("records"), 1) << "the map itself";
  EXPECT_GT(stat("free_pages"), 20);
  db.run("INSERT INTO m(m) VALUES ('optimize')");
  EXPECT_EQ(stat("entries"), 0);
}

TEST_F(CommandsTest, OptimizeLeavesWhatAHandleHolds) {
  insert("'a'", "[[1]]");
  const auto session = db.session(path);
  Store& store = session->store();
  Identity list = 0;
  {
    const ReadScope scope(*session);
    const NodeView root = store.locate(scope.transaction(), store.root());
    list = dict_get(store, scope.transaction(), root, Key::text("a"))->word;
  }
  store.hold(list);
  db.run("DELETE FROM m");
  db.run("INSERT INTO m(m) VALUES ('optimize')");
  EXPECT_EQ(stat("graveyard"), 1);
  store.release(list);
  db.run("INSERT INTO m(m) VALUES ('optimize')");
  EXPECT_EQ(stat("graveyard"), 0);
}

TEST_F(CommandsTest, OptimizeIsPartOfItsTransaction) {
  fill(3000);
  const std::string before = db.value("SELECT json FROM m");
  db.run("BEGIN");
  db.run("DELETE FROM m");
  db.run("INSERT INTO m(m) VALUES ('optimize')");
  db.run("SAVEPOINT s");
  db.run("INSERT INTO m(m) VALUES ('optimize')");
  db.run("ROLLBACK TO s");
  db.run("ROLLBACK");
  EXPECT_EQ(db.value("SELECT json FROM m"), before);
}

TEST_F(CommandsTest, VacuumFreesWhatWasShared) {
  insert("'a'", "[[1], [2]]");
  db.run("INSERT INTO m(key, value) SELECT 'b', m FROM m");
  db.run("DELETE FROM m");
  db.run("INSERT INTO m(m) VALUES ('optimize')");
  EXPECT_EQ(stat("records"), 2);
  db.run("INSERT INTO m(m) VALUES ('vacuum')");
  EXPECT_EQ(db.value("SELECT oocmap_debug() ->> '$.vacuum.containers'"), "3");
  EXPECT_EQ(stat("records"), 1);
  db.run("INSERT INTO m(m) VALUES ('vacuum')");
  EXPECT_EQ(db.value("SELECT oocmap_debug() ->> '$.vacuum.containers'"), "0");
}

TEST_F(CommandsTest, VacuumIsNoPartOfATransaction) {
  insert("'a'", "[1]");
  db.run("BEGIN");
  EXPECT_THAT(db.error("INSERT INTO m(m) VALUES ('vacuum')"), HasSubstr("inside a transaction"));
  db.run("UPDATE m SET value = 2");
  EXPECT_THAT(db.error("INSERT INTO m(m) VALUES ('vacuum')"), HasSubstr("COMMIT or ROLLBACK"));
  db.run("COMMIT");
  EXPECT_EQ(db.value("SELECT value FROM m"), "2");
  db.run("INSERT INTO m(m) VALUES ('vacuum')");
  EXPECT_EQ(db.value("SELECT value FROM m"), "2");
}

TEST_F(CommandsTest, UnknownOnesSayWhatThereIs) {
  EXPECT_EQ(
      db.error("INSERT INTO m(m) VALUES ('stat')"),
      "oocmap: unknown command 'stat' in the column \"m\"; there are 'check', 'join', 'lock', "
      "'optimize', 'stats', 'vacuum'");
}

TEST_F(CommandsTest, AMapThatIsReadOnlyHasStatsByHandle) {
  insert("'a'", "[1]");
  const auto session = db.session(path);
  session->set_read_only(true);
  EXPECT_THAT(db.error("INSERT INTO m(m) VALUES ('optimize')"), HasSubstr("read"));
  EXPECT_EQ(db.value("SELECT oocmap_stats(m) ->> '$.entries' FROM m"), "1");
  session->set_read_only(false);
}

}  // namespace
}  // namespace oocmap
