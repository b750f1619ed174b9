#include <gmock/gmock.h>

#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class WriteTest : public MapTest {
 protected:
  std::string json(const std::string& table = "m") {
    std::string out;
    for (const std::string& row : db.rows("SELECT key, json FROM " + table)) {
      out += (out.empty() ? "" : " ") + row;
    }
    return out;
  }
};

TEST_F(WriteTest, InsertTakesValueOrJson) {
  db.run(
      "INSERT INTO m(key, value) VALUES ('i', 1), ('f', 1.5), ('s', 'x'), ('n', NULL), "
      "('b', X'00'), ('text', '[1]')");
  db.run("INSERT INTO m(key, json) VALUES ('j', '[1, {\"a\": true}]')");
  db.run("INSERT INTO m(key, value, json) VALUES ('both', 'no', '\"yes\"')");
  db.run("INSERT INTO m(key) VALUES ('nothing')");
  EXPECT_EQ(json(),
            "i|1 f|1.5 s|\"x\" n|null b|\"AA==\" text|\"[1]\" j|[1,{\"a\":true}] both|\"yes\" "
            "nothing|null");
}

TEST_F(WriteTest, BadJsonSaysWhereAndStoresNothing) {
  EXPECT_THAT(db.error("INSERT INTO m(key, json) VALUES (1, '[]'), ('k', '[1, 2')"),
              StartsWith("oocmap: in the row 'k': bad JSON at byte 5: "));
  EXPECT_EQ(db.code(), SQLITE_ERROR);
  EXPECT_THAT(db.error("INSERT INTO m(json) VALUES ('[1, 2')"), StartsWith("bad JSON at byte 5: "));
  const std::string deep(100'001, '[');
  EXPECT_EQ(db.error("INSERT INTO m(key, json) VALUES (1.5, '" + deep + "')"),
            "oocmap: in the row 1.5: a value nested more than 100000 levels deep");
  EXPECT_THAT(db.error("INSERT INTO m(key, json) VALUES (1, X'00')"),
              HasSubstr("takes JSON text, not a BLOB"));
  EXPECT_EQ(json(), "");
}

TEST_F(WriteTest, TextThatIsNoUtf8IsRefused) {
  EXPECT_EQ(db.error("INSERT INTO m(key, value) VALUES (1, CAST(X'ff' AS TEXT))"),
            "oocmap: in the row 1: the text is not UTF-8 and cannot be stored as a str; CAST it to "
            "BLOB to store bytes");
  EXPECT_EQ(db.error("INSERT INTO m(key, value) VALUES (CAST(X'ff' AS TEXT), 1)"),
            "the key is text that is not UTF-8; CAST it to BLOB to store bytes");
  EXPECT_EQ(db.value("SELECT count(*) FROM m WHERE key = CAST(X'ff' AS TEXT)"), "0");
}

TEST_F(WriteTest, NullKeyIsAConstraint) {
  EXPECT_EQ(db.error("INSERT INTO m(key, value) VALUES (NULL, 1)"),
            "NOT NULL constraint failed: m.key");
  EXPECT_EQ(db.extended_code(), SQLITE_CONSTRAINT_NOTNULL);
  db.run("INSERT OR IGNORE INTO m(key, value) VALUES (NULL, 1), (1, 1)");
  EXPECT_EQ(db.error("INSERT INTO m(m) VALUES (NULL)"),
            "NOT NULL constraint failed: m.key (all of the row is NULL; a command in the column "
            "\"m\" is text: 'check', 'join', 'lock', 'optimize', 'stats', 'vacuum')");
  EXPECT_EQ(db.extended_code(), SQLITE_CONSTRAINT_NOTNULL);
  EXPECT_EQ(db.error("UPDATE m SET key = NULL"), "NOT NULL constraint failed: m.key");
  EXPECT_EQ(json(), "1|1");
}

TEST_F(WriteTest, DuplicateKeyIsAConstraint) {
  db.run("INSERT INTO m(key, value) VALUES (1, 'a'), (2, 'b')");
  EXPECT_EQ(db.error("INSERT INTO m(key, value) VALUES (3, 'c'), (1, 'x')"),
            "UNIQUE constraint failed: m.key");
  EXPECT_EQ(db.extended_code(), SQLITE_CONSTRAINT_PRIMARYKEY);
  EXPECT_EQ(json(), "1|\"a\" 2|\"b\"") << "the statement is undone";
  db.run("INSERT OR IGNORE INTO m(key, value) VALUES (1, 'x'), (3, 'c')");
  EXPECT_EQ(json(), "1|\"a\" 2|\"b\" 3|\"c\"");
  db.run("INSERT OR REPLACE INTO m(key, value) VALUES (1.0, 'y')");
  EXPECT_EQ(json(), "1|\"y\" 2|\"b\" 3|\"c\"") << "in its place, under the key first written";
  EXPECT_NE(db.error("INSERT OR FAIL INTO m(key, value) VALUES (4, 'd'), (1, 'z'), (5, 'e')"), "");
  EXPECT_EQ(json(), "1|\"y\" 2|\"b\" 3|\"c\" 4|\"d\"") << "OR FAIL keeps the rows before";
}

TEST_F(WriteTest, UpdateOfValueAndJson) {
  db.run("INSERT INTO m(key, value) VALUES (1, 10), (2, 20), (3, 30)");
  db.run("UPDATE m SET value = value + 1");
  db.run("UPDATE m SET json = '[]' WHERE key = 2");
  db.run("UPDATE m SET value = NULL WHERE key = 3");
  EXPECT_EQ(json(), "1|11 2|[] 3|null");
  db.run("UPDATE m SET value = 'both', json = '1' WHERE key = 1");
  EXPECT_EQ(json(), "1|1 2|[] 3|null");
  db.run("UPDATE m SET value = 1 WHERE key = 99");
  EXPECT_EQ(json(), "1|1 2|[] 3|null");
}

TEST_F(WriteTest, UpdateLeavesOtherValuesUntouched) {
  insert("1", "{\"a\": [1, 2], \"t\": \"x\"}");
  const std::string before = db.value("SELECT m FROM m");
  db.run("UPDATE m SET key = 'k'");
  EXPECT_EQ(db.value("SELECT m FROM m"), before) << "the same container, moved";
}

TEST_F(WriteTest, UpdateOfKeyKeepsThePlace) {
  db.run("INSERT INTO m(key, value) VALUES (1, 'a'), (2, 'b'), (3, 'c')");
  db.run("UPDATE m SET key = 'x' WHERE key = 2");
  EXPECT_EQ(json(), "1|\"a\" x|\"b\" 3|\"c\"");
  EXPECT_EQ(db.error("UPDATE m SET key = 3 WHERE key = 1"), "UNIQUE constraint failed: m.key");
  EXPECT_EQ(db.extended_code(), SQLITE_CONSTRAINT_PRIMARYKEY);
  db.run("UPDATE OR IGNORE m SET key = 3 WHERE key = 1");
  EXPECT_EQ(json(), "1|\"a\" x|\"b\" 3|\"c\"");
  db.run("UPDATE OR REPLACE m SET key = 3, value = 'new' WHERE key = 1");
  EXPECT_EQ(json(), "3|\"new\" x|\"b\"");
  db.run("UPDATE m SET key = 3.0 WHERE key = 3");
  EXPECT_EQ(json(), "3|\"new\" x|\"b\"") << "equal: the key first written stays";
}

TEST_F(WriteTest, UpdateOverAScanSeesEachRowOnce) {
  db.run(
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 499) "
      "INSERT INTO m(key, value) SELECT i, i FROM n");
  db.run("UPDATE m SET key = key + 10000");
  db.run("UPDATE m SET value = value + 1 WHERE key > 10000");
  EXPECT_EQ(db.value("SELECT count(*), min(key), max(key), sum(value) FROM m"),
            "500|10000|10499|" + std::to_string(499 * 500 / 2 + 499));
  db.run("INSERT INTO m(key, value) SELECT key + 1000, value FROM m");
  EXPECT_EQ(db.value("SELECT count(*) FROM m"), "1000");
  db.run("CREATE VIRTUAL TABLE temp.other USING oocmap('" + path + "')");
  db.run("INSERT INTO m(key, value) SELECT key || 'x', value FROM other");
  EXPECT_EQ(db.value("SELECT count(*) FROM m"), "2000") << "ends, though it feeds itself";
  db.run("DELETE FROM m WHERE typeof(key) = 'text'");
  EXPECT_EQ(db.value("SELECT count(*) FROM m"), "1000");
  db.run("DELETE FROM m");
  EXPECT_EQ(db.value("SELECT count(*) FROM m"), "0");
}

TEST_F(WriteTest, DeleteByAnyKey) {
  const auto session = db.session(path);
  put(*session, Key::none(), EncodedValue::none());
  db.run("INSERT INTO m(key, value) VALUES (1, 1), ('a', 2), (X'00', 3), (1.5, 4)");
  db.run("DELETE FROM m WHERE key_type = 'NoneType'");
  db.run("DELETE FROM m WHERE key IN (1.0, 'a', 'b')");
  EXPECT_EQ(json(), "X'00'|3 1.5|4");
  EXPECT_EQ(sqlite3_changes(db.raw()), 2);
}

TEST_F(WriteTest, TypeColumnMustAgree) {
  db.run("INSERT INTO m(key, value, type, key_type) VALUES (1, 'x', 'str', 'int')");
  db.run("INSERT INTO m(key, json, type) VALUES (2, '{}', 'dict')");
  EXPECT_EQ(
      db.error("INSERT INTO m(key, value, type) VALUES (3, '{}', 'dict')"),
      "oocmap: the column type says 'dict', but what is stored is of type 'str' (containers go "
      "into the column json; NULL leaves type open)");
  EXPECT_EQ(db.error("INSERT INTO m(key, key_type) VALUES (3, 'str')"),
            "oocmap: the column key_type says 'str', but the key 3 is of type 'int' (NULL leaves "
            "key_type open)");
  EXPECT_NE(db.error("UPDATE m SET type = 'int' WHERE key = 1"), "");
  db.run("UPDATE m SET type = 'int', value = 5 WHERE key = 1");
  db.run("UPDATE m SET type = 'int' WHERE key = 1");
  EXPECT_EQ(json(), "1|5 2|{}");
}

class NamedColumnsTest : public WriteTest {
 protected:
  NamedColumnsTest() {
    db.run("CREATE VIRTUAL TABLE temp.p USING oocmap('" + path +
           "', name TEXT PATH '$.name', age INTEGER PATH '$.profile.age', "
           "city TEXT PATH '$.profile.city', tag PATH '$.tags[0]')");
  }
};

TEST_F(NamedColumnsTest, InsertMakesADictOfThem) {
  db.run("INSERT INTO p(key, name, age) VALUES ('bob', 'Bob', 31), ('eve', 'Eve', NULL)");
  db.run("INSERT INTO p(key, age, city) VALUES ('x', 5, 'Rome')");
  db.run("INSERT INTO p(key, json, age) VALUES ('y', '{\"a\": 1}', 7)");
  EXPECT_EQ(json(),
            "bob|{\"name\":\"Bob\",\"profile\":{\"age\":31}} eve|{\"name\":\"Eve\"} "
            "x|{\"profile\":{\"age\":5,\"city\":\"Rome\"}} y|{\"a\":1,\"profile\":{\"age\":7}}");
}

TEST_F(NamedColumnsTest, UpdateSetsThePathAndMakesDictsOnTheWay) {
  insert("1", "{\"name\": \"a\", \"tags\": [1]}");
  insert("2", "{}");
  db.run("UPDATE p SET age = 5 WHERE key = 1");
  db.run("UPDATE p SET name = 'n', age = 6, city = 'c' WHERE key = 2");
  db.run("UPDATE p SET tag = 'first', name = NULL WHERE key = 1");
  db.run("UPDATE p SET tag = NULL WHERE key = 2");
  EXPECT_EQ(json(),
            "1|{\"name\":null,\"tags\":[\"first\"],\"profile\":{\"age\":5}} "
            "2|{\"name\":\"n\",\"profile\":{\"age\":6,\"city\":\"c\"}}");
}

TEST_F(NamedColumnsTest, WhatCannotBeSetIsSaidAndNothingIsWritten) {
  insert("1", "{\"name\": \"a\", \"profile\": 5}");
  insert("2", "7");
  EXPECT_EQ(
      db.error("UPDATE p SET name = 'new', age = 1 WHERE key = 1"),
      "oocmap: the path '$.profile.age' cannot be set: it meets a value of type int on its way");
  EXPECT_EQ(db.error("UPDATE p SET name = 'new' WHERE key = 2"),
            "oocmap: the path '$.name' cannot be set: it meets a value of type int on its way");
  EXPECT_EQ(
      db.error("UPDATE p SET name = 'new', tag = 1 WHERE key = 1"),
      "oocmap: the path '$.tags[0]' leads to nothing here, and only dicts along its .name steps "
      "can be made");
  EXPECT_EQ(db.error("INSERT INTO p(key, tag) VALUES (3, 1)"),
            "oocmap: INSERT cannot make a value from the column \"tag\" at '$.tags[0]': only .name "
            "steps make dicts; give the whole value in json");
  EXPECT_EQ(
      db.error("INSERT INTO p(key, json, age) VALUES (3, '{\"profile\": 1}', 2)"),
      "oocmap: the path '$.profile.age' cannot be set: it meets a value of type int on its way");
  EXPECT_EQ(json(), "1|{\"name\":\"a\",\"profile\":5} 2|7");
  db.run("BEGIN");
  EXPECT_NE(db.error("UPDATE p SET name = 'new', age = 1 WHERE key = 1"), "");
  db.run("INSERT INTO p(key, name) VALUES (9, 'ok'); COMMIT");
  EXPECT_EQ(json(), "1|{\"name\":\"a\",\"profile\":5} 2|7 9|{\"name\":\"ok\"}");
}

TEST_F(NamedColumnsTest, ColumnsThatOverlapAreRefused) {
  db.run("CREATE VIRTUAL TABLE temp.q USING oocmap('" + path +
         "', a PATH '$.x', b PATH '$.x.y', c PATH '$.x', whole PATH '$')");
  for (const char* columns : {"a, b", "b, a", "a, c", "whole, a"}) {
    EXPECT_THAT(db.error(std::string("INSERT INTO q(key, ") + columns + ") VALUES (1, 2, 3)"),
                HasSubstr("another column gives"));
  }
  db.run("INSERT INTO q(key, whole) VALUES (1, 5); UPDATE q SET whole = 6 WHERE key = 1");
  EXPECT_EQ(json(), "1|6");
}

TEST_F(WriteTest, HandleAsValueIsAReference) {
  insert("'a'", "{\"x\": [1]}");
  db.run("INSERT INTO m(key, value) SELECT 'b', m FROM m WHERE key = 'a'");
  db.run("INSERT INTO m(key, value) SELECT 'x', oocmap_ref(m, '$.x') FROM m WHERE key = 'a'");
  db.run("CREATE VIRTUAL TABLE temp.x USING oocmap('" + path + "', root='$.x')");
  db.run("INSERT INTO x(value) VALUES (2)");
  EXPECT_EQ(json(), "a|{\"x\":[1,2]} b|{\"x\":[1,2]} x|[1,2]");
  db.run("DELETE FROM m WHERE key = 'a'");
  EXPECT_EQ(json(), "b|{\"x\":[1,2]} x|[1,2]");
}

TEST_F(WriteTest, StoringAContainerOverItselfChangesNothing) {
  insert("'a'", "{\"x\": [1]}");
  const std::string before = db.value("SELECT m FROM m");
  db.run("UPDATE m SET value = m");
  EXPECT_EQ(json(), "a|{\"x\":[1]}");
  EXPECT_EQ(db.value("SELECT m FROM m"), before);
}

TEST_F(WriteTest, ScalarHandleIsTheValue) {
  insert("'a'",
         "{\"s\": \"text\", \"i\": 5, \"f\": 1.5, \"b\": true, \"n\": null, \"g\": "
         "123456789012345678901}");
  for (const char* name : {"s", "i", "f", "b", "n", "g"}) {
    const std::string key(name);
    db.run("INSERT INTO m(key, value) SELECT '" + key + "', oocmap_ref(m, '$." + key +
           "') FROM m WHERE key = 'a'");
  }
  db.run("DELETE FROM m WHERE key = 'a'");
  EXPECT_EQ(json(), "s|\"text\" i|5 f|1.5 b|true n|null g|123456789012345678901");
}

TEST_F(WriteTest, HandleOfAnotherMapIsCopied) {
  db.run("CREATE VIRTUAL TABLE temp.o USING oocmap('" + folder.file("other.ooc") + "', create=1)");
  insert("'a'", "{\"x\": [1, \"some text that is long enough to be stored by itself\"]}");
  db.run("INSERT INTO o(key, value) SELECT 'copy', m FROM m");
  db.run("DELETE FROM m");
  EXPECT_EQ(json("o"), "copy|{\"x\":[1,\"some text that is long enough to be stored by itself\"]}");
  db.run("INSERT INTO m(key, value) SELECT key, o FROM o");
  EXPECT_EQ(json(), json("o"));
}

class ListTableTest : public WriteTest {
 protected:
  ListTableTest() {
    insert("'list'", "[10, 20]");
    db.run("CREATE VIRTUAL TABLE temp.l USING oocmap('" + path +
           "', root='$.list', x INTEGER PATH '$.x')");
  }
};

TEST_F(ListTableTest, IndexIsTheKey) {
  db.run("UPDATE l SET value = value + 1");
  db.run("INSERT INTO l(value) VALUES (30)");
  db.run("INSERT INTO l(key, json) VALUES (NULL, '[]'), (4, '{}')");
  db.run("INSERT INTO l(x) VALUES (7)");
  db.run("INSERT OR REPLACE INTO l(key, value) VALUES (3, 'r')");
  db.run("UPDATE l SET x = 8 WHERE key = 4");
  EXPECT_EQ(json("l"), "0|11 1|21 2|30 3|\"r\" 4|{\"x\":8} 5|{\"x\":7}");
}

TEST_F(ListTableTest, WhatAListCannotDoIsSaid) {
  EXPECT_EQ(db.error("INSERT INTO l(key, value) VALUES (0, 1)"), "UNIQUE constraint failed: l.key");
  EXPECT_EQ(db.error("INSERT INTO l(key, value) VALUES (5, 1)"),
            "oocmap: 5 is no index of the list behind the table l, which has 2 members");
  EXPECT_EQ(db.error("INSERT INTO l(key, value) VALUES ('a', 1)"),
            "oocmap: 'a' is no index of the list behind the table l, which has 2 members");
  EXPECT_EQ(db.error("UPDATE l SET key = 1 WHERE key = 0"),
            "oocmap: the keys of the table l are a list's indices and cannot be changed");
  EXPECT_THAT(db.error("DELETE FROM l WHERE key = 0"),
              HasSubstr("oocmap: the table l stands for a list: SQLite collects the indices"));
  EXPECT_EQ(json("l"), "0|10 1|20");
}

TEST_F(WriteTest, TupleTableCannotBeChanged) {
  ValueEncoder encoder;
  encoder.begin_tuple();
  encoder.integer(1);
  encoder.end();
  put(*db.session(path), Key::text("t"), encoder.finish());
  db.run("CREATE VIRTUAL TABLE temp.t USING oocmap('" + path + "', root='$.t')");
  EXPECT_EQ(json("t"), "0|1");
  const std::string refused = "oocmap: the table t stands for a tuple, which cannot be changed";
  EXPECT_EQ(db.error("UPDATE t SET value = 2"), refused);
  EXPECT_EQ(db.error("INSERT INTO t(value) VALUES (2)"), refused);
  EXPECT_EQ(db.error("DELETE FROM t"), refused);
}

TEST_F(WriteTest, InsertMakesTheRootItLacks) {
  db.run("CREATE VIRTUAL TABLE temp.deep USING oocmap('" + path + "', root='$.a.b')");
  db.run("INSERT INTO deep(key, value) VALUES ('k', 1)");
  EXPECT_EQ(json(), "a|{\"b\":{\"k\":1}}");
  db.run("CREATE VIRTUAL TABLE temp.list USING oocmap('" + path + "', root='$.list[0]')");
  EXPECT_NE(db.error("INSERT INTO list(key, value) VALUES ('k', 1)"), "");
  EXPECT_EQ(json(), "a|{\"b\":{\"k\":1}}");
}

TEST_F(WriteTest, CommandsAreNamed) {
  db.run("INSERT INTO m(m) VALUES ('lock'); INSERT INTO m(m) VALUES ('join')");
  EXPECT_EQ(
      db.error("INSERT INTO m(m) VALUES ('vacuumm')"),
      "oocmap: unknown command 'vacuumm' in the column \"m\"; there are 'check', 'join', 'lock', "
      "'optimize', 'stats', 'vacuum'");
  EXPECT_EQ(db.error("INSERT INTO m(m) VALUES (5)"),
            "oocmap: a command is text in the column \"m\"; there are 'check', 'join', 'lock', "
            "'optimize', "
            "'stats', 'vacuum'");
  EXPECT_THAT(db.error("INSERT INTO m(m, key) VALUES ('lock', 1)"),
              HasSubstr("takes commands, alone"));
  insert("1", "1");
  EXPECT_THAT(db.error("UPDATE m SET m = 'lock'"), HasSubstr("takes commands, alone"));
  EXPECT_EQ(json(), "1|1");
}

// SQLite gives every column of the row as new there, also those that are not set.
TEST_F(NamedColumnsTest, UpdateFromAnotherTable) {
  db.run("INSERT INTO p(key, name, age) VALUES (1, 'a', 10), (2, 'b', 20)");
  insert("3", "{\"big\": 123456789012345678901}");
  insert("4", "true");
  insert("5", "1.5");
  db.run("INSERT INTO m(key, value) VALUES (6, X'00'); CREATE TABLE t(k, v)");
  db.run("INSERT INTO t VALUES (1, 'new'), (3, 5)");
  db.run("UPDATE p SET name = t.v FROM t WHERE t.k = p.key");
  EXPECT_EQ(json(),
            "1|{\"name\":\"new\",\"profile\":{\"age\":10}} "
            "2|{\"name\":\"b\",\"profile\":{\"age\":20}} "
            "3|{\"big\":123456789012345678901,\"name\":5} 4|true 5|1.5 6|\"AA==\"");
  db.run("DELETE FROM t; INSERT INTO t SELECT key, 'x' || key FROM m");
  db.run("UPDATE m SET key = t.v FROM t WHERE t.k = m.key");
  EXPECT_EQ(db.value("SELECT group_concat(key || type) FROM m"),
            "x1dict,x2dict,x3dict,x4bool,x5float,x6bytes");
  db.run("UPDATE m SET value = t.v FROM t WHERE 'x' || t.k = m.key AND t.k > 3");
  EXPECT_EQ(db.value("SELECT group_concat(value) FROM m WHERE key > 'x3'"), "x4,x5,x6");
}

TEST_F(WriteTest, RowsOfAllColumnsWithEmptyTypes) {
  db.run(
      "INSERT INTO m VALUES ('a', '1', ''), ('b', 2, NULL)");  // as the shell's .import gives them
  EXPECT_EQ(json(), "a|\"1\" b|2");
}

TEST_F(WriteTest, WhatSqliteDoesNotOffer) {
  insert("1", "1");
  EXPECT_EQ(db.error("INSERT INTO m(key, value) VALUES (1, 2) ON CONFLICT DO NOTHING"),
            "UPSERT not implemented for virtual table \"m\"");
  EXPECT_EQ(db.value("INSERT INTO m(key, value) VALUES (2, 5) RETURNING key, value"), "2|5");
}

}  // namespace
}  // namespace oocmap
