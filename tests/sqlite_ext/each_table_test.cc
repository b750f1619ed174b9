// Tables with each='$.path': a row for every member of a container inside every entry.
#include <gmock/gmock.h>

#include "core/format/packed.h"
#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Key tuple_of_one() {
  Buffer packed;
  pack_tuple(packed, 1);
  pack_int(packed, 1);
  return Key::packed(packed);
}

class EachTableTest : public MapTest {
 protected:
  EachTableTest() {
    insert("'ann'", R"({"tags": ["x", "y"], "by": {"p": 1, "q": {"n": 2}}})");
    insert("'bob'", R"({"tags": []})");
    insert("'cy'", R"({"tags": "none"})");
    insert("7", R"({"tags": [{"n": 5, "t": "five"}, null, 1.5]})");
    insert("'dee'", R"([1])");
    create("t", "each='$.tags'");
  }
  void create(const std::string& table, const std::string& arguments) {
    db.run("CREATE VIRTUAL TABLE temp." + table + " USING oocmap('" + path + "', " + arguments +
           ")");
  }
  // Stores a set, or a frozenset, of the keys at m[key]['tags'].
  void put_set(const std::string& key, WordKind kind, const std::vector<Key>& members) {
    ValueEncoder encoder;
    encoder.begin_dict();
    encoder.key(Key::text("tags"));
    kind == WordKind::kSet ? encoder.begin_set() : encoder.begin_frozenset();
    for (const Key& member : members) encoder.key(member);
    encoder.end();
    encoder.end();
    put(*db.session(path), Key::text(key), encoder.finish());
  }
};

TEST_F(EachTableTest, MembersOfAListAreRows) {
  EXPECT_THAT(db.rows("SELECT * FROM t"),
              ElementsAre("ann|0|x|str", "ann|1|y|str", "7|0|{\"n\":5,\"t\":\"five\"}|dict",
                          "7|1|NULL|NoneType", "7|2|1.5|float"));
  EXPECT_THAT(db.rows("SELECT key_type, json, oocmap_get(t, '$.n') FROM t WHERE key = 7"),
              ElementsAre("int|{\"n\":5,\"t\":\"five\"}|5", "int|null|NULL", "int|1.5|NULL"));
  EXPECT_EQ(db.value("SELECT count(*) FROM t"), "5");
}

TEST_F(EachTableTest, ColumnsAreTheseAndOnesPrimaryKeyIsHidden) {
  EXPECT_THAT(db.rows("SELECT name, type, hidden, pk FROM pragma_table_xinfo('t')"),
              ElementsAre("key||0|0", "item||0|0", "value||0|0", "type|TEXT|0|0", "path|TEXT|1|0",
                          "key_type|TEXT|1|0", "json|TEXT|1|0", "t|BLOB|1|0", "rowid|TEXT|1|1"));
  create("f", "each='$.tags', flat=1, n INTEGER PATH '$.n', id PATH '$.t'");
  EXPECT_THAT(db.rows("SELECT * FROM f"),
              ElementsAre("ann|0|NULL|NULL", "ann|1|NULL|NULL", "7|0|5|five", "7|1|NULL|NULL",
                          "7|2|NULL|NULL"));
}

TEST_F(EachTableTest, MembersOfADictAreRowsByTheirKey) {
  create("b", "each='$.by', n PATH '$.n'");
  EXPECT_THAT(db.rows("SELECT key, item, json, n FROM b"),
              ElementsAre("ann|p|1|NULL", "ann|q|{\"n\":2}|2"));
  EXPECT_EQ(db.value("SELECT value FROM b WHERE key = 'ann' AND item = 'p'"), "1");
}

TEST_F(EachTableTest, EachOfTheRowItselfAndBelowARoot) {
  create("whole", "each='$'");
  EXPECT_THAT(db.rows("SELECT key, item, type FROM whole WHERE key >= 'cy'"),
              ElementsAre("cy|tags|str", "dee|0|int"));
  insert("'lists'", R"([[1, 2], [], [3]])");
  create("matrix", "root='$.lists', each='$'");
  EXPECT_THAT(db.rows("SELECT key, item, value FROM matrix"),
              ElementsAre("0|0|1", "0|1|2", "2|0|3"));
  create("last", "each='$.tags[#-1]'");
  EXPECT_THAT(db.rows("SELECT * FROM last"), IsEmpty());
}

TEST_F(EachTableTest, SetsAreNumberedAndReadOnly) {
  put_set("s", WordKind::kSet, {Key::integer(9), Key::text("b"), tuple_of_one()});
  put_set("f", WordKind::kFrozenset, {Key::text("only")});
  EXPECT_THAT(db.rows("SELECT item, value, type, json FROM t WHERE key = 's'"),
              ElementsAre("0|9|int|9", "1|b|str|\"b\"", "2|[1]|tuple|[1]"));
  EXPECT_EQ(db.value("SELECT typeof(t) FROM t WHERE key = 's' AND item = 2"), "null");
  EXPECT_EQ(db.value("SELECT oocmap_get(t) FROM t WHERE key = 's' AND item = 1"), "b");
  EXPECT_THAT(db.rows("SELECT key, item FROM t WHERE item = 0 ORDER BY key"),
              ElementsAre("7|0", "ann|0", "f|0", "s|0"));
  EXPECT_EQ(db.value("SELECT value FROM t WHERE key = 'f'"), "only");
  EXPECT_THAT(db.error("UPDATE t SET value = 1 WHERE key = 's' AND item = 0"),
              HasSubstr("'$.tags' leads in the row 's' of the table t to a set, which has no "
                        "places to write to"));
  EXPECT_THAT(db.error("INSERT INTO t(key, value) VALUES ('f', 1)"),
              HasSubstr("to a frozenset, which cannot be changed"));
  EXPECT_THAT(db.error("DELETE FROM t WHERE key = 's'"), HasSubstr("to a set"));
  EXPECT_EQ(db.value("SELECT count(*) FROM t WHERE key IN ('s', 'f')"), "4");
}

TEST_F(EachTableTest, PlansReachTheRowsByKeyItemAndRowid) {
  EXPECT_THAT(db.plan("SELECT * FROM t WHERE key = 'ann'"), HasSubstr(":key=?"));
  EXPECT_THAT(db.plan("SELECT * FROM t WHERE key = 'ann' AND item = 1"),
              HasSubstr(":key=? item=?"));
  EXPECT_THAT(db.plan("SELECT * FROM t WHERE key IN (1, 2)"), HasSubstr(":key IN (...)"));
  EXPECT_THAT(db.plan("SELECT * FROM t WHERE key > 'a' ORDER BY key DESC"),
              ::testing::EndsWith(":key>? in key order descending"));
  EXPECT_THAT(db.plan("SELECT * FROM t ORDER BY key, item"), HasSubstr("USE TEMP B-TREE"));
  EXPECT_THAT(db.plan("SELECT * FROM t WHERE rowid = 'x'"), HasSubstr(":rowid=?"));
  EXPECT_THAT(db.rows("SELECT key, item FROM t ORDER BY key DESC LIMIT 2 OFFSET 1"),
              ElementsAre("ann|1", "7|0"));
  EXPECT_THAT(db.rows("SELECT key, item FROM t WHERE key IN ('bob', 'ann', 7) AND item = 1"),
              ElementsAre("7|1", "ann|1"));
  for (const char* item : {"2", "-1", "0.5", "'0'", "NULL", "x'00'"}) {
    EXPECT_THAT(db.rows(std::string("SELECT * FROM t WHERE key = 'ann' AND item = ") + item),
                IsEmpty())
        << item;
  }
  EXPECT_THAT(db.rows("SELECT value FROM t WHERE item = 'X' COLLATE NOCASE"), IsEmpty());
}

TEST_F(EachTableTest, RowidNamesOneRow) {
  EXPECT_EQ(db.value("SELECT count(DISTINCT rowid) FROM t"), "5");
  EXPECT_EQ(db.value("SELECT count(*) FROM t a JOIN t b ON a.rowid = b.rowid WHERE a.key = b.key "
                     "AND a.item = b.item"),
            "5");
  EXPECT_THAT(db.rows("SELECT key, item FROM t WHERE item = 1 OR key = 'ann'"),
              ::testing::UnorderedElementsAre("ann|1", "7|1", "ann|0"));
  for (const char* id : {"''", "'.'", "'ff.ff'", "'0'", "7", "NULL", "x'2e'", "'cf4f4b01.cf4f4b01'",
                         "upper((SELECT rowid FROM t LIMIT 1))"}) {
    EXPECT_THAT(db.rows(std::string("SELECT * FROM t WHERE rowid = ") + id), IsEmpty()) << id;
  }
}

TEST_F(EachTableTest, UpdateSetsAMemberInItsPlace) {
  create("named", "each='$.tags', n PATH '$.n', deep PATH '$.a.b'");
  db.run("UPDATE t SET value = 'new' WHERE key = 'ann' AND item = 1");
  db.run("UPDATE t SET json = '[1]' WHERE key = 7 AND value IS NULL");
  db.run("UPDATE named SET n = n + 1, deep = 'd' WHERE n = 5");
  EXPECT_EQ(db.value("SELECT json FROM m WHERE key = 'ann'"),
            R"({"tags":["x","new"],"by":{"p":1,"q":{"n":2}}})");
  EXPECT_EQ(db.value("SELECT json FROM m WHERE key = 7"),
            R"({"tags":[{"n":6,"t":"five","a":{"b":"d"}},[1],1.5]})");
  db.run("UPDATE t SET value = key || item WHERE type = 'str'");
  EXPECT_THAT(db.rows("SELECT value FROM t WHERE key = 'ann'"), ElementsAre("ann0", "ann1"));
  db.run("CREATE TEMP TABLE src(k, i, v); INSERT INTO src VALUES ('ann', 0, 'from')");
  db.run("UPDATE t SET value = src.v FROM src WHERE t.key = src.k AND t.item = src.i");
  EXPECT_THAT(db.rows("SELECT value FROM t WHERE key = 'ann'"), ElementsAre("from", "ann1"));
  EXPECT_THAT(db.error("UPDATE t SET value = 2, type = 'str' WHERE key = 'ann'"),
              HasSubstr("'int'"));
}

TEST_F(EachTableTest, KeyAndIndexCannotBeUpdatedButADictsKeyCan) {
  db.run("UPDATE t SET key = key, item = item, rowid = rowid");
  EXPECT_EQ(db.error("UPDATE t SET key = 'bob' WHERE key = 'ann'"),
            "oocmap: the column key of the table t says which row of the map a member lies in, and "
            "cannot be changed");
  EXPECT_THAT(db.error("UPDATE t SET rowid = 'x' WHERE key = 'ann'"),
              HasSubstr("column rowid of the table t"));
  EXPECT_THAT(db.error("UPDATE t SET item = 5 WHERE key = 'ann' AND item = 0"),
              HasSubstr("a list's indices"));
  EXPECT_THAT(db.error("UPDATE t SET item = NULL WHERE key = 'ann'"),
              HasSubstr("NOT NULL constraint failed: t.item"));
  create("b", "each='$.by'");
  db.run("UPDATE b SET item = 'r' WHERE item = 'p'");
  EXPECT_EQ(db.error("UPDATE b SET item = 'q' WHERE item = 'r'"),
            "UNIQUE constraint failed: b.key, b.item");
  EXPECT_EQ(db.value("SELECT oocmap_json(m, '$.by') FROM m WHERE key = 'ann'"),
            R"({"r":1,"q":{"n":2}})");
}

TEST_F(EachTableTest, InsertAppendsAndMakesWhatIsMissing) {
  db.run("INSERT INTO t(key, value) VALUES ('ann', 'z'), ('bob', 1), ('new', 2), ('new', 3)");
  db.run("INSERT INTO t(key, item, value) VALUES ('bob', 1, 'at its end')");
  EXPECT_THAT(db.rows("SELECT key, json FROM m WHERE key IN ('ann', 'bob', 'new')"),
              ElementsAre(R"(ann|{"tags":["x","y","z"],"by":{"p":1,"q":{"n":2}}})",
                          R"(bob|{"tags":[1,"at its end"]})", R"(new|{"tags":[2,3]})"));
  create("deep", "root='$.made', each='$.a.b', n PATH '$.n'");
  db.run("INSERT INTO deep(key, n) VALUES ('k', 1)");
  EXPECT_EQ(db.value("SELECT json FROM m WHERE key = 'made'"), R"({"k":{"a":{"b":[{"n":1}]}}})");
  create("b", "each='$.by'");
  db.run("INSERT INTO b(key, item, value) VALUES ('ann', 's', 3)");
  EXPECT_EQ(db.error("INSERT INTO b(key, item, value) VALUES ('ann', 's', 3)"),
            "UNIQUE constraint failed: b.key, b.item");
  db.run("INSERT OR REPLACE INTO b(key, item, value) VALUES ('ann', 's', 4)");
  EXPECT_EQ(db.value("SELECT value FROM b WHERE item = 's'"), "4");
  EXPECT_EQ(db.error("INSERT INTO b(key, value) VALUES ('ann', 5)"),
            "NOT NULL constraint failed: b.item");
}

TEST_F(EachTableTest, InsertThatCannotBeSaysSoAndLeavesNothing) {
  const auto before = db.rows("SELECT key, json FROM m");
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"(value) VALUES (1)", "NOT NULL constraint failed: t.key"},
      {"(key, value) VALUES (NULL, 1)", "NOT NULL constraint failed: t.key"},
      {"(key, item, value) VALUES ('ann', 0, 1)", "UNIQUE constraint failed: t.key, t.item"},
      {"(key, item, value) VALUES ('ann', 9, 1)", "9 is no index of the list"},
      {"(key, item, value) VALUES ('brand new', 'a', 1)", "'a' is no index of the list"},
      {"(key, value) VALUES ('cy', 1)",
       "oocmap: '$.tags' leads in the row 'cy' of the table t to no dict or list"},
      {"(key, value) VALUES ('dee', 1)", "leads to nothing here"},
      {"(key, rowid) VALUES ('ann', 'x')", "the column rowid of the table t follows from"},
      {"(key, json) VALUES ('ann', '[')", "in the row 'ann'"},
      {"(key, value, key_type) VALUES ('ann', 1, 'int')", "is of type 'str'"},
      {"(t) VALUES ('nope')", "unknown command 'nope'"},
      {"(t, key) VALUES ('lock', 1)", "takes commands, alone"},
  };
  for (const auto& [values, message] : wrong) {
    EXPECT_THAT(db.error("INSERT INTO t" + values), HasSubstr(message)) << values;
    EXPECT_EQ(db.rows("SELECT key, json FROM m"), before) << values;
  }
  db.run("INSERT INTO t(t) VALUES ('lock')");
}

TEST_F(EachTableTest, DeleteIsRefusedInAListAndDoneInADict) {
  EXPECT_THAT(
      db.error("DELETE FROM t WHERE key = 'ann'"),
      HasSubstr("'$.tags' leads in the row 'ann' of the table t to a list: SQLite collects"));
  create("b", "each='$.by'");
  db.run("DELETE FROM b WHERE item = 'p'");
  EXPECT_THAT(db.rows("SELECT item FROM b"), ElementsAre("q"));
  db.run("DELETE FROM b");
  EXPECT_EQ(db.value("SELECT oocmap_json(m, '$.by') FROM m WHERE key = 'ann'"), "{}");
}

TEST_F(EachTableTest, TuplesAreReadOnly) {
  ValueEncoder encoder;
  encoder.begin_dict();
  encoder.key(Key::text("tags"));
  encoder.begin_tuple();
  encoder.integer(4);
  encoder.end();
  encoder.end();
  put(*db.session(path), Key::text("tuple"), encoder.finish());
  EXPECT_EQ(db.value("SELECT value FROM t WHERE key = 'tuple'"), "4");
  for (const char* sql :
       {"UPDATE t SET value = 1 WHERE key = 'tuple'", "DELETE FROM t WHERE key = 'tuple'",
        "INSERT INTO t(key, value) VALUES ('tuple', 1)"}) {
    EXPECT_THAT(db.error(sql), HasSubstr("to a tuple, which cannot be changed")) << sql;
  }
}

// A cursor that is half read outlives commits; what was taken away meanwhile is left out.
TEST_F(EachTableTest, CursorGoesOnBehindItsRow) {
  Statement rows(db, "SELECT key, item, value FROM t");
  EXPECT_EQ(rows.next(), "ann|0|x");
  db.run("UPDATE t SET value = 'changed' WHERE key = 'ann' AND item = 1");
  EXPECT_EQ(rows.next(), "ann|1|changed");
  db.run("UPDATE m SET json = '{\"tags\": [8, 9]}' WHERE key = 7");
  EXPECT_EQ(rows.next(), "7|0|8");
  db.run("UPDATE m SET json = '{\"tags\": [5, 6, 7]}' WHERE key = 7");
  EXPECT_EQ(column_text(rows.raw(), 2), "8") << "the row as it was reached";
  EXPECT_EQ(rows.next(), "end") << "its list is gone";
  rows.reset();
  EXPECT_EQ(rows.next(), "ann|0|x");
  db.run("DELETE FROM m WHERE key = 'ann'");
  EXPECT_EQ(rows.next(), "7|0|5");
  db.run("DELETE FROM m");
  EXPECT_EQ(rows.next(), "end");
}

TEST_F(EachTableTest, TransactionsAndSavepointsAreTheMaps) {
  db.run("BEGIN; INSERT INTO t(key, value) VALUES ('bob', 1); SAVEPOINT s");
  db.run("INSERT INTO t(key, value) VALUES ('bob', 2); ROLLBACK TO s");
  EXPECT_EQ(db.value("SELECT json FROM m WHERE key = 'bob'"), R"({"tags":[1]})");
  db.run("ROLLBACK");
  EXPECT_EQ(db.value("SELECT json FROM m WHERE key = 'bob'"), R"({"tags":[]})");
  EXPECT_THAT(db.error("INSERT INTO t(key, value) SELECT 'bob', value FROM t WHERE key = 'ann' "
                       "UNION ALL SELECT 'cy', 1"),
              HasSubstr("no dict or list"));
  EXPECT_EQ(db.value("SELECT json FROM m WHERE key = 'bob'"), R"({"tags":[]})");
}

TEST_F(EachTableTest, ArgumentIsChecked) {
  const auto error = [this](const std::string& arguments) {
    return db.error("CREATE VIRTUAL TABLE temp.x USING oocmap('" + path + "', " + arguments + ")");
  };
  EXPECT_THAT(error("each=tags"), HasSubstr("expected a path in quotes: each='$.path'"));
  EXPECT_THAT(error("each='$.['"), HasSubstr("in \"each='$.['\": bad JSON path"));
  EXPECT_THAT(error("each='$', each='$'"), HasSubstr("given twice"));
  for (const char* name : {"item", "rowid", "ROWID"}) {
    EXPECT_THAT(error(std::string("each='$', ") + name + " PATH '$.a'"),
                HasSubstr("key, item, value, type, key_type, json, rowid are the table's own"));
  }
  EXPECT_EQ(error("item PATH '$.a', rowid PATH '$.b'"), "");
  EXPECT_THAT(db.error("CREATE VIRTUAL TABLE temp.item USING oocmap('" + path + "', each='$')"),
              HasSubstr("a table cannot be named \"item\""));
}

}  // namespace
}  // namespace oocmap
