// SELECT ... FROM oocmap('file', '$.path'), and how creating a table is told from connecting it.
#include <gmock/gmock.h>

#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kUnsafe[] = "unsafe use of virtual table \"oocmap\"";

class TableFunctionTest : public MapTest {
 protected:
  TableFunctionTest() {
    insert("'a'", R"({"p": [1, "two"], "q": {"z": 5}})");
    insert("7", "7");
    insert("'b'", "null");
  }
  std::string f(const std::string& root = "") const {
    return "oocmap('" + path + "'" + (root.empty() ? "" : ", '" + root + "'") + ")";
  }
};

TEST_F(TableFunctionTest, ReadsAFileWithoutATable) {
  Sqlite other;
  EXPECT_THAT(other.rows("SELECT * FROM " + f()),
              ElementsAre(R"(a|{"p":[1,"two"],"q":{"z":5}}|dict)", "7|7|int", "b|NULL|NoneType"));
  EXPECT_THAT(other.rows("SELECT * FROM " + f("$.a.p")), ElementsAre("0|1|int", "1|two|str"));
  EXPECT_EQ(other.value("SELECT key || file || root || key_type || json FROM " + f("$.a.q")),
            "z" + path + "$.a.qstr5");
  EXPECT_EQ(other.value("SELECT oocmap_get(oocmap, '$.q.z') || (oocmap ->> '$.p[0]') FROM " + f() +
                        " WHERE key = 'a'"),
            "51");
  EXPECT_EQ(other.value("SELECT o.value FROM main.oocmap('" + path + "') AS o WHERE key = 7"), "7");
}

TEST_F(TableFunctionTest, PlansAreATables) {
  EXPECT_THAT(db.plan("SELECT * FROM " + f() + " WHERE key = 7"), HasSubstr(":key=?"));
  EXPECT_THAT(db.plan("SELECT * FROM " + f("$.a") + " WHERE key > 'a' ORDER BY key DESC"),
              ::testing::EndsWith(":key>? in key order descending"));
  EXPECT_THAT(db.rows("SELECT key FROM " + f() + " WHERE key IN ('b', 7, 'x') ORDER BY key"),
              ElementsAre("7", "b"));
  EXPECT_THAT(db.rows("SELECT key FROM " + f() + " ORDER BY key LIMIT 1 OFFSET 1"),
              ElementsAre("a"));
  EXPECT_THAT(db.rows("SELECT key FROM " + f() + " WHERE key = 'a' OR value = 7"),
              ::testing::UnorderedElementsAre("a", "7"));
}

TEST_F(TableFunctionTest, ArgumentsCanComeFromOtherTables) {
  const std::string second = folder.file("second.ooc");
  db.run("CREATE VIRTUAL TABLE temp.n USING oocmap('" + second + "', create=1)");
  db.run("INSERT INTO n(key, value) VALUES ('a', 'second'), (7, 8)");
  db.run("CREATE TEMP TABLE files(f, r)");
  db.run("INSERT INTO files VALUES ('" + path + "', '$'), ('" + second +
         "', '$'), (NULL, '$'), ('" + path + "', NULL), ('" + path + "', '$.a.q')");
  EXPECT_THAT(db.rows("SELECT o.key, o.value FROM files, oocmap(f, r) AS o WHERE o.key <> 'a'"),
              ElementsAre("7|7", "b|NULL", "7|8", "z|5"));
  EXPECT_THAT(db.rows("SELECT o.value FROM oocmap(f, r) AS o, files WHERE o.key = 7"),
              ElementsAre("7", "8"));
  const std::string either = " WHERE file IN ('" + path + "', '" + second + "') AND ";
  EXPECT_THAT(db.rows("SELECT value FROM oocmap" + either + "key = 7"),
              ::testing::UnorderedElementsAre("7", "8"));
  EXPECT_EQ(db.value("SELECT count(*) FROM oocmap" + either + "(key = 'a' OR key = 7)"), "4")
      << "a row is itself in each file";
  EXPECT_THAT(db.rows("SELECT value FROM oocmap WHERE (file = '" + path +
                      "' AND key = 7) OR (file = '" + second + "' AND key = 7)"),
              ::testing::UnorderedElementsAre("7", "8"));
  EXPECT_EQ(db.value("SELECT count(DISTINCT rowid) FROM files, oocmap(f, r)"), "6");
  EXPECT_THAT(db.rows("SELECT * FROM oocmap(NULL)"), IsEmpty());
  EXPECT_THAT(db.rows("SELECT * FROM oocmap('" + path + "', NULL)"), IsEmpty());
}

TEST_F(TableFunctionTest, WhatItCannotReadIsSaid) {
  const std::string missing = folder.file("missing.ooc");
  EXPECT_THAT(db.error("SELECT * FROM oocmap('" + missing + "')"), HasSubstr(missing));
  EXPECT_EQ(db.code(), SQLITE_CANTOPEN);
  EXPECT_FALSE(fs::exists(missing) || fs::exists(missing + "-lock"));
  EXPECT_EQ(db.error("SELECT * FROM oocmap"),
            "oocmap(): no file is named: SELECT ... FROM oocmap('data.ooc' [, '$.path'])");
  for (const char* file : {"7", "''", "x'61'", "1.5", "char(97, 0)"}) {
    EXPECT_THAT(db.error(std::string("SELECT * FROM oocmap(") + file + ")"),
                HasSubstr("the file is text, not empty"))
        << file;
  }
  EXPECT_THAT(db.error("SELECT * FROM " + f("$.a[")), HasSubstr("bad JSON path '$.a['"));
  EXPECT_TRUE(db.rows("SELECT * FROM " + f("$.nope")).empty());
  EXPECT_TRUE(db.rows("SELECT * FROM " + f("$.a.q.z")).empty()) << "an int has no members";
  EXPECT_THAT(db.error("SELECT * FROM oocmap('" + path + "', '$', 'str', 1, 2, 3, 4)"),
              HasSubstr("too many arguments on oocmap() - max 6"));
}

TEST_F(TableFunctionTest, IsReadOnly) {
  for (const std::string sql :
       {"INSERT INTO oocmap(key, file) VALUES (1, 'x')", "DELETE FROM oocmap WHERE file = 'x'",
        "UPDATE oocmap SET value = 1 WHERE file = 'x'"}) {
    EXPECT_THAT(db.error(sql), HasSubstr("oocmap() is read-only: to write, create a table")) << sql;
    EXPECT_EQ(db.code(), SQLITE_READONLY);
  }
  EXPECT_EQ(db.error("DROP TABLE oocmap"), "table oocmap may not be dropped");
  db.run("BEGIN; INSERT INTO m(key, value) VALUES ('seen', 1)");
  EXPECT_EQ(db.value("SELECT value FROM " + f() + " WHERE key = 'seen'"), "1")
      << "it is in the connection's transaction";
  db.run("ROLLBACK");
}

TEST_F(TableFunctionTest, TheFileIsLetGoWithTheStatement) {
  Sqlite other;
  EXPECT_EQ(other.value("SELECT count(*) FROM " + f()), "3");
  EXPECT_THAT(other.error("SELECT oocmap_get(x'00')"), HasSubstr("expected a handle"));
  const std::string handle = db.value("SELECT m FROM m WHERE key = 'a'");
  EXPECT_EQ(other.value("SELECT oocmap_get(" + handle + ", '$.q.z') FROM " + f() + " LIMIT 1"),
            "5");
  EXPECT_THAT(other.error("SELECT oocmap_get(" + handle + ")"), HasSubstr("no table")) << "closed";
}

TEST_F(TableFunctionTest, CursorGoesOnAfterWrites) {
  Statement rows(db, "SELECT key, value FROM " + f());
  EXPECT_THAT(rows.next(), HasSubstr("a|"));
  db.run("UPDATE m SET value = 70 WHERE key = 7; DELETE FROM m WHERE key = 'b'");
  EXPECT_EQ(rows.next(), "7|70");
  EXPECT_EQ(rows.next(), "end");
}

TEST_F(TableFunctionTest, NothingStoredInASchemaCanUseIt) {
  const std::string catalog = folder.file("catalog.db");
  {
    Sqlite other(catalog);
    other.run("CREATE TABLE plain(a)");
    other.run("CREATE VIEW v AS SELECT * FROM " + f());
    other.run("CREATE VIEW w AS SELECT (SELECT count(*) FROM " + f() + ") AS n");
    other.run("CREATE TRIGGER t AFTER INSERT ON plain BEGIN INSERT INTO plain SELECT key FROM " +
              f() + "; END");
    other.run("CREATE VIRTUAL TABLE near USING oocmap('near.ooc', create=1)");
    other.run("CREATE VIEW x AS SELECT * FROM near");
    other.run("PRAGMA writable_schema = 1");
    other.run(
        "UPDATE sqlite_schema SET name = 'oocmap', tbl_name = 'oocmap', "
        "sql = 'CREATE VIRTUAL TABLE oocmap USING oocmap' WHERE name = 'near'");
    other.run("UPDATE sqlite_schema SET sql = replace(sql, 'near', \"oocmap('" + path +
              "')\") WHERE name = 'x'");
  }
  Sqlite other(catalog);
  for (const char* sql :
       {"SELECT * FROM v", "SELECT * FROM w", "SELECT * FROM x", "INSERT INTO plain VALUES (1)"}) {
    EXPECT_EQ(other.error(sql), kUnsafe) << sql;
  }
  other.run("CREATE TEMP VIEW mine AS SELECT key FROM " + f());
  EXPECT_EQ(other.value("SELECT count(*) FROM mine"), "3") << "made by the connection itself";
}

// --- Creating, told from connecting

TEST_F(TableFunctionTest, EveryFormOfCreateMakesTheFile) {
  int n = 0;
  for (const std::string create :
       {"CREATE VIRTUAL TABLE t1 USING", "create  virtual\ntable\ttemp.t2 using",
        "CREATE VIRTUAL TABLE IF NOT EXISTS main.t3 USING", "CREATE VIRTUAL TABLE \"t 4\" USING",
        "CREATE VIRTUAL TABLE \"temp\".\"t\"\"5\" USING", "CREATE VIRTUAL TABLE TEMP . [t6] USING",
        "/* a */ CREATE -- b\n VIRTUAL TABLE/**/`temp`.t7 USING",
        ";; CREATE VIRTUAL TABLE T8 USING", "\xef\xbb\xbf CREATE VIRTUAL TABLE t88 USING",
        "CREATE VIRTUAL TABLE temp.\"using\" USING", "CREATE VIRTUAL TABLE 'a.b' USING",
        "CREATE VIRTUAL TABLE \"if\" USING", "CREATE VIRTUAL TABLE temp.'t''12' USING",
        "CREATE VIRTUAL TABLE t\xc3\xa4 USING"}) {
    const std::string made = folder.file("made" + std::to_string(++n));
    db.run(create + " oocmap('" + made + "', create=1)");
    EXPECT_TRUE(fs::exists(made)) << create;
    EXPECT_THAT(db.error(create + "x oocmap('" + made + "')"), HasSubstr("syntax error"));
  }
  EXPECT_THAT(db.error("CREATE VIRTUAL TABLE oocmap USING oocmap"), HasSubstr("no file is named"));
  EXPECT_THAT(db.error("CREATE VIRTUAL TABLE oocmap USING oocmap()"),
              HasSubstr("no file is named"));
  EXPECT_THAT(db.error("CREATE VIRTUAL TABLE other USING oocmap"), HasSubstr("no file is named"));
  const std::string not_made = folder.file("not_made");
  db.run("EXPLAIN CREATE VIRTUAL TABLE t9 USING oocmap('" + not_made + "', create=1)");
  EXPECT_FALSE(fs::exists(not_made));
  EXPECT_THAT(db.error("CREATE VIRTUAL TABLE t1 USING oocmap('" + not_made + "', create=1)"),
              HasSubstr("already exists"));
  db.run("CREATE VIRTUAL TABLE IF NOT EXISTS t1 USING oocmap('" + not_made + "', create=1)");
  EXPECT_FALSE(fs::exists(not_made));
}

TEST_F(TableFunctionTest, TableOfTheSameNameIsOnlyConnected) {
  const std::string catalog = folder.file("catalog.db");
  {
    Sqlite other(catalog);
    other.run("CREATE VIRTUAL TABLE x USING oocmap('gone.ooc', create=1)");
  }
  for (const char* name : {"gone.ooc", "gone.ooc-lock"}) fs::remove(folder.file(name));
  Sqlite other(catalog);
  // The statement runs as long as its SELECT, and connects main.x meanwhile.
  other.run("CREATE VIRTUAL TABLE temp.x USING oocmap('" + path + "')");
  EXPECT_THAT(other.error("SELECT * FROM main.x"), HasSubstr("gone.ooc"));
  Statement half(other, "SELECT 'CREATE VIRTUAL TABLE main.x USING oocmap' FROM temp.x");
  half.next();
  EXPECT_THAT(other.error("SELECT * FROM main.x"), HasSubstr("gone.ooc"));
  EXPECT_FALSE(fs::exists(folder.file("gone.ooc")));
}

TEST_F(TableFunctionTest, TablesAreConnectedAgainAfterRollbackAndSchemaChange) {
  const std::string catalog = folder.file("catalog.db");
  Sqlite one(catalog);
  one.run("BEGIN; CREATE VIRTUAL TABLE x USING oocmap('x.ooc', create=1); ROLLBACK");
  EXPECT_EQ(one.error("SELECT * FROM x"), "no such table: x");
  one.run("CREATE VIRTUAL TABLE x USING oocmap('x.ooc', create=1); INSERT INTO x(key) VALUES (1)");
  Sqlite two(catalog);
  EXPECT_EQ(two.value("SELECT key FROM x"), "1");
  one.run("CREATE TABLE changes_the_schema(a); ALTER TABLE x RENAME TO y");
  EXPECT_EQ(two.value("SELECT key FROM y"), "1");
  EXPECT_EQ(two.value("SELECT key FROM oocmap('" + folder.file("x.ooc") + "')"), "1");
}

}  // namespace
}  // namespace oocmap
