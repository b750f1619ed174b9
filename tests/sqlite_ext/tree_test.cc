// oocmap_tree(x, path). tests/scenarios/test_json_tree.py compares it with json_tree().
#include <gmock/gmock.h>

#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kColumns =
    "SELECT t.key, t.value, t.type, t.atom, t.id, t.parent, t.fullkey, t.path FROM m, ";

class TreeTest : public MapTest {
 protected:
  TreeTest() {
    insert("'d'", "{\"tags\": [\"x\", [1]], \"a b\": null, \"\": {\"z\": 1.5}}");
    db.run("CREATE VIRTUAL TABLE temp.top USING oocmap('" + path + "', root='$.d')");
  }
};

TEST_F(TreeTest, ColumnsAreJsonTrees) {
  EXPECT_THAT(
      db.rows(std::string(kColumns) + "oocmap_tree(m.m) t"),
      ElementsAre("NULL|{\"tags\":[\"x\",[1]],\"a b\":null,\"\":{\"z\":1.5}}|dict|NULL|1|NULL|$|$",
                  "tags|[\"x\",[1]]|list|NULL|2|1|$.tags|$", "0|x|str|x|3|2|$.tags[0]|$.tags",
                  "1|[1]|list|NULL|4|2|$.tags[1]|$.tags", "0|1|int|1|5|4|$.tags[1][0]|$.tags[1]",
                  "a b|NULL|NoneType|NULL|6|1|$.\"a b\"|$", "|{\"z\":1.5}|dict|NULL|7|1|$.\"\"|$",
                  "z|1.5|float|1.5|8|7|$.\"\".z|$.\"\""));
}

TEST_F(TreeTest, FirstRowIsWhatThePathLeadsTo) {
  const auto first = [&](const std::string& root) {
    return db.rows("SELECT t.key, t.type, t.fullkey, t.path FROM m, oocmap_tree(m.m, '" + root +
                   "') t LIMIT 1");
  };
  EXPECT_THAT(first("$"), ElementsAre("NULL|dict|$|$"));
  EXPECT_THAT(first("$.tags"), ElementsAre("tags|list|$.tags|$"));
  EXPECT_THAT(first("$.tags[1]"), ElementsAre("1|list|$.tags[1]|$.tags"));
  EXPECT_THAT(first("$.tags[1][0]"), ElementsAre("0|int|$.tags[1][0]|$.tags[1]"));
  EXPECT_THAT(first("$.tags[#-1]"), ElementsAre("NULL|list|$.tags[#-1]|$.tags"));
  EXPECT_THAT(first("$.\"a b\""), ElementsAre("a b|NoneType|$.\"a b\"|$"));
  EXPECT_THAT(first("$[\"a b\"]"), ElementsAre("a b|NoneType|$[\"a b\"]|$"));
  EXPECT_THAT(first("$.nope"), ElementsAre());
  insert("'odd'", "{\"].[\": {\".x[\": 1}}");
  EXPECT_THAT(db.rows("SELECT t.key, t.path FROM m, oocmap_tree(m.m, '$[\"].[\"].\".x[\"') t"),
              ElementsAre(".x[|$[\"].[\"]"));
  EXPECT_THAT(db.rows("SELECT key, type, atom, fullkey, path FROM oocmap_tree('5')"),
              ElementsAre("NULL|int|5|$|$"));
  EXPECT_THAT(db.rows("SELECT 1 FROM oocmap_tree(NULL)"), ElementsAre());
  EXPECT_THAT(db.rows("SELECT 1 FROM oocmap_tree"), ElementsAre());
  EXPECT_EQ(db.value("SELECT json, root FROM oocmap_tree('[]', '$')"), "[]|$");
}

TEST_F(TreeTest, TextGivesTheSameRowsAsAHandle) {
  for (const char* root : {"$", "$.tags", "$.\"\"", "$.tags[0]", "$.tags[#-1]", "$.nope"}) {
    const std::string tail = std::string(", '") + root + "') t";
    EXPECT_EQ(db.rows(kColumns + ("oocmap_tree(m.m" + tail)),
              db.rows(kColumns + ("oocmap_tree(m.json" + tail)))
        << root;
  }
}

TEST_F(TreeTest, RefsAndFullkeysLeadBack) {
  EXPECT_EQ(db.value("SELECT count(*), sum(oocmap_json(t.ref) IS oocmap_json(m.m, t.fullkey)) "
                     "FROM m, oocmap_tree(m.m) t"),
            "8|8");
  EXPECT_EQ(db.value("SELECT count(*), count(ref) FROM oocmap_tree('[1, [2]]')"), "4|0");
}

TEST_F(TreeTest, BadInputIsAnError) {
  EXPECT_THAT(db.error("SELECT * FROM oocmap_tree('[1,')"), HasSubstr("bad JSON at byte"));
  EXPECT_THAT(db.error("SELECT * FROM oocmap_tree('[1]', 'x')"), HasSubstr("bad JSON path 'x'"));
  EXPECT_THAT(db.error("SELECT * FROM oocmap_tree(X'00')"), HasSubstr("not a BLOB"));
}

TEST_F(TreeTest, CycleIsAnErrorAndAValueUsedTwiceIsNot) {
  db.run("INSERT INTO top(key, value) SELECT 'twice', oocmap_ref(m, '$.tags') FROM m");
  EXPECT_EQ(db.value("SELECT count(*) FROM m, oocmap_tree(m.m)"), "12");
  db.run("CREATE VIRTUAL TABLE temp.tags USING oocmap('" + path + "', root='$.d.tags')");
  db.run("INSERT INTO tags(value) SELECT m FROM m");
  EXPECT_EQ(db.error("SELECT count(*) FROM m, oocmap_tree(m.m)"),
            "the value at '$.tags[2]' contains itself: a tree of it would have no end");
  EXPECT_THAT(db.rows("SELECT t.fullkey FROM m, oocmap_tree(m.m) t LIMIT 3"),
              ElementsAre("$", "$.tags", "$.tags[0]"))
      << "the rows before it are read";
  EXPECT_THAT(db.error("SELECT t.value FROM m, oocmap_tree(m.m) t"), HasSubstr("contains itself"));
}

TEST_F(TreeTest, RendersWhatIsAskedFor) {
  const auto rendered = [&] {
    return std::stoi(db.value("SELECT oocmap_debug() ->> '$.values_rendered'"));
  };
  const int before = rendered();
  db.rows("SELECT t.key, t.type, t.id, t.parent, t.fullkey, t.path FROM m, oocmap_tree(m.m) t");
  EXPECT_EQ(rendered(), before);
  db.rows("SELECT t.atom FROM m, oocmap_tree(m.m) t");
  EXPECT_EQ(rendered(), before + 4);
}

TEST_F(TreeTest, DeepValuesTakeNoStack) {
  constexpr int kLevels = 90'000;
  const std::string deep = std::string(kLevels, '[') + std::string(kLevels, ']');
  for (const std::string subject : {"m.m", "m.json"}) {
    db.run("DELETE FROM m");
    insert("'deep'", deep);
    EXPECT_EQ(db.value("SELECT count(*), max(t.id), max(t.parent) FROM m, oocmap_tree(" + subject +
                       ") t"),
              "90000|90000|89999");
  }
}

TEST_F(TreeTest, LargeContainersAreWalked) {
  db.run("DELETE FROM m");
  db.run(
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2999) "
      "INSERT INTO m(key, json) SELECT 'big', json_object('l', json_group_array(json_array(i)), "
      "'d', json_group_object('k' || i, json_object('v', i))) FROM n");
  EXPECT_EQ(db.value("SELECT count(*), sum(t.atom) FROM m, oocmap_tree(m.m) t"),
            "12003|" + std::to_string(2 * 2999 * 3000 / 2));
  EXPECT_EQ(db.value("WITH t AS MATERIALIZED (SELECT t.* FROM m, oocmap_tree(m.m) t) SELECT "
                     "count(*) FROM t JOIN t p ON p.id = t.parent WHERE t.path = p.fullkey"),
            "12002");
}

// --- Commits between two steps

TEST_F(TreeTest, GoesOnBehindItsRowAfterACommit) {
  Statement walk(db, "SELECT t.fullkey FROM m, oocmap_tree(m.m) t");
  EXPECT_EQ(walk.next(), "$");
  EXPECT_EQ(walk.next(), "$.tags");
  EXPECT_EQ(walk.next(), "$.tags[0]");
  const auto session = db.session(path);
  db.run("UPDATE top SET json = '[\"new\", {\"p\": 1}]' WHERE key = 'a b'");
  db.run("DELETE FROM top WHERE key = ''");
  EXPECT_EQ(walk.next(), "$.tags[1]");
  EXPECT_EQ(walk.next(), "$.tags[1][0]");
  EXPECT_EQ(walk.next(), "$.\"a b\"");
  EXPECT_EQ(walk.next(), "$.\"a b\"[0]");
  EXPECT_EQ(walk.next(), "$.\"a b\"[1]");
  EXPECT_EQ(walk.next(), "$.\"a b\"[1].p");
  EXPECT_EQ(walk.next(), "end");
}

TEST_F(TreeTest, ContainerErasedMeanwhileHasNoMoreMembers) {
  for (const char* change : {"DELETE FROM top WHERE key = 'tags'",
                             "UPDATE top SET value = 1 WHERE key = 'tags'", "DELETE FROM m"}) {
    db.run("DELETE FROM m");
    insert("'d'", "{\"tags\": [\"x\", [1], 5], \"z\": 2}");
    Statement walk(db, "SELECT t.fullkey FROM m, oocmap_tree(m.m) t");
    for (const char* row : {"$", "$.tags", "$.tags[0]", "$.tags[1]"}) EXPECT_EQ(walk.next(), row);
    db.run(change);
    const bool all = std::string(change) == "DELETE FROM m";
    if (!all) {
      EXPECT_EQ(walk.next(), "$.z") << change;
    }
    EXPECT_EQ(walk.next(), "end") << change;
  }
}

TEST_F(TreeTest, GoesOnAfterARollback) {
  db.run("BEGIN");
  db.run("UPDATE top SET json = '[[7], 8]' WHERE key = 'a b'");
  Statement walk(db, "SELECT t.fullkey FROM m, oocmap_tree(m.m, '$') t");
  for (std::string row = walk.next(); row != "$.\"a b\"[0][0]"; row = walk.next()) {
    ASSERT_THAT(row, HasSubstr("$"));
  }
  db.run("ROLLBACK");
  EXPECT_EQ(walk.next(), "$.\"\"");
}

}  // namespace
}  // namespace oocmap
