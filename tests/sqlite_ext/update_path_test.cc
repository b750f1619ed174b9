// UPDATE m SET path = '$.a.b', value = 5 WHERE key = 'k'
#include <gmock/gmock.h>

#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class UpdatePathTest : public MapTest {
 protected:
  UpdatePathTest() {
    insert("'k'", R"({"a": {"b": 1, "c": [10, 20]}, "z": 0})");
    insert("'l'", R"({"a": {}})");
    insert("7", "7");
  }
  std::string json(const std::string& key = "'k'") {
    return db.value("SELECT json FROM m WHERE key = " + key);
  }
  std::string set(const std::string& what, const std::string& where = "key = 'k'") {
    return db.error("UPDATE m SET " + what + " WHERE " + where);
  }
};

TEST_F(UpdatePathTest, WritesThereAndLeavesTheRest) {
  EXPECT_EQ(set("path = '$.a.b', value = 5"), "");
  EXPECT_EQ(json(), R"({"a":{"b":5,"c":[10,20]},"z":0})");
  EXPECT_EQ(set("value = 'text', path = '$.a.c[#-1]'"), "");
  EXPECT_EQ(set("path = '$.\"new one\".x', json = '{\"deep\": [1]}'"), "");
  EXPECT_EQ(json(), R"({"a":{"b":5,"c":[10,"text"]},"z":0,"new one":{"x":{"deep":[1]}}})");
  EXPECT_EQ(set("path = '$.z', value = NULL"), "");
  EXPECT_EQ(set("path = '$.n', value = x'00ff'"), "");
  EXPECT_EQ(
      db.value("SELECT oocmap_type(m, '$.z') || oocmap_type(m, '$.n') FROM m WHERE key = 'k'"),
      "NoneTypebytes");
  EXPECT_EQ(set("path = '$', json = '[1, 2]'"), "");
  EXPECT_EQ(json(), "[1,2]");
  EXPECT_EQ(json("'l'"), R"({"a":{}})");
}

TEST_F(UpdatePathTest, PathMayDifferFromRowToRow) {
  EXPECT_EQ(set("path = '$.a.' || key, value = key", "type = 'dict'"), "");
  EXPECT_EQ(json(), R"({"a":{"b":1,"c":[10,20],"k":"k"},"z":0})");
  EXPECT_EQ(json("'l'"), R"({"a":{"l":"l"}})");
  db.run("CREATE TEMP TABLE s(k, p, v)");
  db.run(
      "INSERT INTO s VALUES ('k', '$.a.b', 100), ('l', '$.from', 'it'), (7, '$', 7), (8, '$.x', "
      "1)");
  db.run("UPDATE m SET path = s.p, value = s.v FROM s WHERE m.key = s.k");
  EXPECT_EQ(json(), R"({"a":{"b":100,"c":[10,20],"k":"k"},"z":0})");
  EXPECT_EQ(json("'l'"), R"({"a":{"l":"l"},"from":"it"})");
  EXPECT_EQ(json("7"), "7");
  db.run("UPDATE m SET path = s.p, json = '[' || s.v || ']' FROM s WHERE m.key = s.k AND v = 100");
  EXPECT_EQ(json(), R"({"a":{"b":[100],"c":[10,20],"k":"k"},"z":0})");
  db.run("UPDATE m SET value = s.v FROM s WHERE m.key = s.k AND s.k = 7");
  EXPECT_EQ(db.value("SELECT count(*) FROM m WHERE path IS NULL"), "3");
}

TEST_F(UpdatePathTest, ReferencesCanBeSetThere) {
  EXPECT_EQ(set("path = '$.same', value = oocmap_ref(m, '$.a')"), "");
  EXPECT_EQ(set("path = '$.same.b', value = 2"), "");
  EXPECT_EQ(set("path = '$.a', value = oocmap_ref(m, '$.a')"), "") << "what is there already";
  EXPECT_EQ(json(), R"({"a":{"b":2,"c":[10,20]},"z":0,"same":{"b":2,"c":[10,20]}})");
}

TEST_F(UpdatePathTest, GoesWithOtherColumns) {
  db.run("CREATE VIRTUAL TABLE temp.n USING oocmap('" + path + "', z PATH '$.z')");
  db.run(
      "UPDATE n SET path = '$.a.b', value = 3, z = 4, key = 'moved', type = 'int' WHERE key = 'k'");
  EXPECT_EQ(json("'moved'"), R"({"a":{"b":3,"c":[10,20]},"z":4})");
  EXPECT_THAT(db.error("UPDATE n SET path = '$.a.b', value = 3, type = 'str'"), HasSubstr("'int'"));
  db.run("CREATE VIRTUAL TABLE temp.e USING oocmap('" + path + "', each='$.a.c')");
  db.run("UPDATE e SET json = '{}' WHERE item = 0");
  db.run("UPDATE e SET path = '$.p.q', value = key WHERE item = 0");
  EXPECT_EQ(json("'moved'"), R"({"a":{"b":3,"c":[{"p":{"q":"moved"}},20]},"z":4})");
  db.run("CREATE VIRTUAL TABLE temp.r USING oocmap('" + path + "', root='$.moved.a.c')");
  db.run("UPDATE r SET path = '$.p', value = 1 WHERE key = 0");
  EXPECT_EQ(json("'moved'"), R"({"a":{"b":3,"c":[{"p":1},20]},"z":4})");
}

TEST_F(UpdatePathTest, WhatCannotBeSaysSoAndChangesNothing) {
  const auto before = db.rows("SELECT key, json FROM m");
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"path = '$.a.c[2]', value = 1", "the path '$.a.c[2]' leads to nothing here"},
      {"path = '$.z.b', value = 1", "it meets a value of type int on its way"},
      {"path = '$.new[0]', value = 1", "leads to nothing here"},
      {"path = '$.fresh.new[0]', value = 1", "leads to nothing here"},
      {"path = '$.a[', value = 1", "bad JSON path '$.a[' at character 4"},
      {"path = 'a', value = 1", "a path starts with '$'"},
      {"path = '', value = 1", "bad JSON path ''"},
      {"path = NULL, value = 1", "the column path of the table m takes a JSON path as text"},
      {"path = 7, value = 1", "takes a JSON path as text"},
      {"path = x'24', value = 1", "takes a JSON path as text"},
      {"path = '$.a'", "says where a value goes, and there is none"},
      {"path = '$.a', json = '['", "in the row 'k': bad JSON"},
      {"path = '$.b', value = 1, key = NULL", "NOT NULL constraint failed: m.key"},
      {"path = '$.b', value = 1, m = 'lock'", "takes commands, alone"},
  };
  for (const auto& [what, message] : wrong) {
    EXPECT_THAT(set(what), HasSubstr(message)) << what;
    EXPECT_EQ(db.rows("SELECT key, json FROM m"), before) << what;
  }
  EXPECT_THAT(set("path = '$.q.r', value = 1", "1"), HasSubstr("a value of type int")) << "7";
  EXPECT_EQ(db.rows("SELECT key, json FROM m"), before) << "no row of a statement that fails";
  EXPECT_THAT(db.error("INSERT INTO m(key, path, value) VALUES ('k2', '$.a', 1)"),
              HasSubstr("the column path of the table m is not for INSERT: UPDATE ... SET path"));
}

TEST_F(UpdatePathTest, IsNoCondition) {
  const std::string message =
      "oocmap: the column path of the table m is there for UPDATE m SET path = '$.a', value = ...; "
      "what is at a path is read with oocmap_get(m, '$.a')";
  for (const char* sql :
       {"SELECT * FROM m('$.a')", "SELECT * FROM m WHERE path = '$.a'",
        "DELETE FROM m WHERE path = '$.a'", "UPDATE m SET value = 1 WHERE path = '$.a'",
        "DELETE FROM m WHERE key = 'k' AND path IN ('$.a', '$.b')",
        "SELECT * FROM m WHERE key = 'x' OR path = '$.a'", "SELECT * FROM m WHERE path LIKE '$%'",
        "SELECT * FROM m AS a, m AS b WHERE b.path = a.key"}) {
    EXPECT_EQ(db.error(sql), message) << sql;
  }
  EXPECT_EQ(db.value("SELECT count(*) FROM m WHERE path IS NULL AND key = 'k'"), "1");
}

TEST_F(UpdatePathTest, ColumnGivesWayToOthersOfItsName) {
  db.run("CREATE VIRTUAL TABLE temp.own USING oocmap('" + path + "', Path TEXT PATH '$.z')");
  EXPECT_THAT(db.rows("SELECT key FROM own WHERE path = 0"), ElementsAre("k"));
  db.run("UPDATE own SET path = '$.a' WHERE key = 'k'");
  EXPECT_EQ(db.value("SELECT oocmap_get(m, '$.z') FROM m WHERE key = 'k'"), "$.a");
  db.run("CREATE VIRTUAL TABLE temp.path USING oocmap('" + path + "')");
  EXPECT_EQ(db.value("SELECT oocmap_get(path, '$.z') FROM path WHERE key = 'k'"), "$.a");
  db.run("ALTER TABLE path RENAME TO other");
  db.run("UPDATE other SET path = '$.z', value = 1 WHERE key = 'k'");
  EXPECT_EQ(db.value("SELECT oocmap_get(m, '$.z') FROM m WHERE key = 'k'"), "1");
  db.run("CREATE VIRTUAL TABLE temp.flat USING oocmap('" + path + "', flat=1)");
  EXPECT_EQ(db.error("UPDATE flat SET path = '$.z'"), "no such column: path");
}

}  // namespace
}  // namespace oocmap
