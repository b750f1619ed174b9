// `key INTEGER`: the key column's declared type, for clients that bind every key as text.
#include <gmock/gmock.h>

#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

using ::testing::ElementsAre;

// The table t on the map m, its key declared; o: an ordinary table declared so.
class KeyTypeTest : public MapTest {
 protected:
  void declare(const std::string& type) {
    db.run("DROP TABLE IF EXISTS temp.t; DROP TABLE IF EXISTS o");
    db.run("CREATE VIRTUAL TABLE temp.t USING oocmap('" + path + "', key " + type + ")");
    db.run("CREATE TABLE o(key " + type + " PRIMARY KEY NOT NULL, value) WITHOUT ROWID");
  }
  // What both tables give, or the difference.
  std::string both(const std::string& rest) {
    const std::string columns = " typeof(key) || ' ' || quote(key) || ' ' || value FROM ";
    const auto join = [](const std::vector<std::string>& rows) {
      std::string out;
      for (const std::string& row : rows) out += (out.empty() ? "" : "; ") + row;
      return out;
    };
    const std::string ours = join(db.rows("SELECT" + columns + "t AS x " + rest));
    const std::string sqlites = join(db.rows("SELECT" + columns + "o AS x " + rest));
    return ours == sqlites ? ours : ours + " but SQLite: " + sqlites;
  }
};

TEST_F(KeyTypeTest, IsWhatTableInfoShows) {
  declare("BIGINT UNSIGNED");
  EXPECT_EQ(db.value("SELECT type FROM pragma_table_info('t') WHERE name = 'key'"),
            "BIGINT UNSIGNED");
}

TEST_F(KeyTypeTest, TextThatIsANumberFindsTheNumber) {
  declare("INTEGER");
  for (const char* table : {"t", "o"}) {
    db.run(std::string("INSERT INTO ") + table +
           "(key, value) VALUES (7, 'a'), (-2, 'b'), (1.5, 'c'), ('x', 'd'), ('9x', 'e')");
  }
  EXPECT_EQ(both("WHERE key = '7'"), "integer 7 a");
  EXPECT_EQ(both("WHERE key = ' 7.0 '"), "integer 7 a");
  EXPECT_EQ(both("WHERE key = '0x7'"), "");
  EXPECT_EQ(both("WHERE key IS '-2'"), "integer -2 b");
  EXPECT_EQ(both("WHERE key = '15e-1'"), "real 1.5 c");
  EXPECT_EQ(both("WHERE key = 'x'"), "text 'x' d");
  EXPECT_EQ(both("WHERE key = '9x'"), "text '9x' e");
  EXPECT_EQ(both("WHERE key IN ('7', '1.5', 'x', '') ORDER BY key"),
            "real 1.5 c; integer 7 a; text 'x' d");
  EXPECT_EQ(both("WHERE key > '1' AND key <= '7' ORDER BY key"), "real 1.5 c; integer 7 a");
  EXPECT_EQ(both("WHERE key >= '9' ORDER BY key"), "text '9x' e; text 'x' d");
  EXPECT_EQ(both("WHERE key BETWEEN '-5' AND '2' ORDER BY key DESC"), "real 1.5 c; integer -2 b");
  EXPECT_EQ(db.plan("SELECT * FROM t WHERE key = '7'"), "SCAN t VIRTUAL TABLE INDEX 1:key=?");
  db.run("CREATE TABLE texts(k TEXT); INSERT INTO texts VALUES ('7'), ('07')");
  EXPECT_EQ(both("JOIN texts ON key = k"), "integer 7 a; integer 7 a");
}

// The constant stands in one register of the statement.
TEST_F(KeyTypeTest, WhatWasAskedForStaysAsItIs) {
  declare("INTEGER");
  db.run("INSERT INTO t(key, value) VALUES (7, 'a')");
  EXPECT_EQ(db.value("SELECT typeof('7') || typeof(key) FROM t WHERE key = '7'"), "textinteger");
  Statement bound(db, "SELECT typeof(?1), key FROM t WHERE key = ?1");
  sqlite3_bind_text(bound.raw(), 1, "7", -1, SQLITE_STATIC);
  EXPECT_EQ(bound.next(), "text|7");
  EXPECT_EQ(bound.next(), "end");
}

TEST_F(KeyTypeTest, WhatIsWrittenIsConvertedAsInAnOrdinaryTable) {
  for (const std::string type : {"INTEGER", "TEXT", "REAL", "NUMERIC", "BLOB", "DECIMAL(9, 2)"}) {
    db.run("DELETE FROM m");
    declare(type);
    for (const char* table : {"t", "o"}) {
      db.run(std::string("INSERT INTO ") + table +
             "(key, value) VALUES ('7', 1), (8, 2), ('9.0', 3), (10.0, 4), (1.5, 5), ('x', 6), "
             "(x'37', 7), ('9223372036854775808', 8), ('', 9), (-0.5, 10)");
      db.run(std::string("UPDATE ") + table + " SET key = '77' WHERE key = '7'");
    }
    for (const char* rest : {"ORDER BY key", "WHERE key = '8'", "WHERE key = 8", "WHERE key = '10'",
                             "WHERE key IN (77, '77') ORDER BY key", "WHERE key > 5 ORDER BY key",
                             "WHERE key < '8' ORDER BY key"}) {
      const std::string rows = both(rest);
      EXPECT_EQ(rows.find("SQLite"), std::string::npos) << type << " " << rest << ": " << rows;
    }
  }
}

// The key that a cursor showed names its row, whatever the column declares.
TEST_F(KeyTypeTest, RowsWhoseKeyIsOfAnotherTypeAreWrittenAsThemselves) {
  db.run("INSERT INTO m(key, value) VALUES (7, 'number'), ('7', 'text'), (8, 'eight')");
  declare("INTEGER");
  db.run("UPDATE t SET value = 'changed' WHERE value = 'text'");
  EXPECT_THAT(db.rows("SELECT typeof(key), value FROM m ORDER BY key"),
              ElementsAre("integer|number", "integer|eight", "text|changed"));
  db.run("CREATE TABLE s(v); INSERT INTO s VALUES ('from')");
  db.run("UPDATE t SET value = s.v FROM s WHERE t.value = 'changed'");
  EXPECT_THAT(db.rows("SELECT typeof(key), value FROM m ORDER BY key"),
              ElementsAre("integer|number", "integer|eight", "text|from"));
}

// SQLite collects the keys of a DELETE and applies the declared type to them.
TEST_F(KeyTypeTest, DeleteErasesNoOtherRow) {
  const auto refusal = [](const std::string& type, const std::string& key) {
    return "oocmap: the table t declares its key " + type + ", and SQLite takes the key " + key +
           " for another one then: DELETE could erase the wrong row; use a table whose key has no "
           "type";
  };
  db.run("INSERT INTO m(key, value) VALUES (7, 'number'), ('9x', 'text'), (x'37', 'blob')");
  declare("INTEGER");
  db.run("DELETE FROM t WHERE value = 'text'; INSERT INTO t(key) VALUES ('.'), ('1e'), ('')");
  db.run("DELETE FROM t WHERE typeof(key) = 'text'");
  EXPECT_EQ(db.value("SELECT count(*) FROM m"), "2");
  for (const char* text : {"7", " 7", "7.0", "+7", "7e0", "70e-1 ", ".7e+1"}) {
    declare("INTEGER");
    db.run("INSERT INTO m(key, value) VALUES ('" + std::string(text) + "', 'misfit')");
    EXPECT_EQ(db.error("DELETE FROM t WHERE value = 'misfit'"),
              refusal("INTEGER", "'" + std::string(text) + "'"));
    EXPECT_EQ(db.value("SELECT group_concat(value) FROM m"), "number,blob,misfit");
    db.run("DELETE FROM m WHERE value = 'misfit'");
  }
  declare("TEXT");
  EXPECT_EQ(db.error("DELETE FROM t"), refusal("TEXT", "7"));
  db.run("DELETE FROM m; INSERT INTO m(key) VALUES (9007199254740993), (9007199254740992)");
  declare("REAL");
  EXPECT_EQ(db.error("DELETE FROM t"), refusal("REAL", "9007199254740993"));
  EXPECT_EQ(db.value("SELECT count(*) FROM m"), "2");
  db.run("DELETE FROM m; INSERT INTO m(key) VALUES (9007199254740994), (9.1e15), (1e300), (-0.5)");
  declare("REAL");
  db.run("DELETE FROM t WHERE value IS NULL");  // REAL has all of these
  EXPECT_EQ(db.value("SELECT count(*) FROM m"), "0");
}

TEST_F(KeyTypeTest, IndexOfAListMayBeText) {
  insert("'l'", "[10, 20, 30]");
  db.run("CREATE VIRTUAL TABLE temp.l USING oocmap('" + path + "', root='$.l', key INTEGER)");
  EXPECT_EQ(db.value("SELECT value FROM l WHERE key = '1'"), "20");
  EXPECT_THAT(db.rows("SELECT value FROM l WHERE key >= '1'"), ElementsAre("20", "30"));
  db.run("UPDATE l SET value = 21 WHERE key = '1'; INSERT INTO l(key, value) VALUES ('3', 40)");
  EXPECT_EQ(db.value("SELECT json FROM m"), "[10,21,30,40]");
}

TEST_F(KeyTypeTest, WithoutATypeTextIsText) {
  db.run("INSERT INTO m(key, value) VALUES (7, 'number')");
  EXPECT_THAT(db.rows("SELECT * FROM m WHERE key = '7'"), ElementsAre());
}

}  // namespace
}  // namespace oocmap
