#include <gmock/gmock.h>

#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class EachTest : public MapTest {
 protected:
  EachTest() {
    insert("'d'",
           "{\"tags\": [\"x\", 7, [1]], \"a b\": null, \"q\\\"q\": {\"z\": 1.5}, \"\": true}");
  }
};

TEST_F(EachTest, ColumnsAreJsonEachs) {
  EXPECT_THAT(
      db.rows("SELECT e.key, e.value, e.type, e.atom, e.id, e.parent, e.fullkey, e.path "
              "FROM m, oocmap_each(m.m) e"),
      ElementsAre("tags|[\"x\",7,[1]]|list|NULL|1|NULL|$.tags|$",
                  "a b|NULL|NoneType|NULL|2|NULL|$.\"a b\"|$",
                  "q\"q|{\"z\":1.5}|dict|NULL|3|NULL|$.\"q\\\"q\"|$", "|1|bool|1|4|NULL|$.\"\"|$"));
  EXPECT_THAT(db.rows("SELECT e.key, e.value, e.type, e.atom, e.fullkey, e.path "
                      "FROM m, oocmap_each(m.m, '$.tags') e"),
              ElementsAre("0|x|str|x|$.tags[0]|$.tags", "1|7|int|7|$.tags[1]|$.tags",
                          "2|[1]|list|NULL|$.tags[2]|$.tags"));
}

TEST_F(EachTest, TextGivesTheSameRowsAsAHandle) {
  for (const char* root : {"$", "$.tags", "$.\"a b\"", "$.tags[0]", "$.nope"}) {
    const std::string tail = std::string(", '") + root + "') e";
    const std::string columns =
        "SELECT e.key, e.value, e.type, e.atom, e.id, e.parent, e.fullkey, e.path FROM m, ";
    EXPECT_EQ(db.rows(columns + "oocmap_each(m.m" + tail),
              db.rows(columns + "oocmap_each(m.json" + tail))
        << root;
  }
}

TEST_F(EachTest, FullkeyLeadsBack) {
  const auto session = db.session(path);
  ValueEncoder encoder;
  encoder.begin_dict();
  const auto add = [&](const Key& key) {
    encoder.key(key);
    encoder.integer(1);
  };
  add(Key::none());
  add(Key::integer(7));
  add(Key::boolean(true));
  add(Key::floating(1.5));
  add(Key::payload(PayloadKind::kBytes, "b'\xff"));
  add(Key::text("it's"));
  add(Key::text("q\"'"));
  add(Key::text("1st"));
  encoder.end();
  put(*session, Key::text("odd"), encoder.finish());
  EXPECT_THAT(db.rows("SELECT e.fullkey, oocmap_get(m.m, e.fullkey) FROM m, oocmap_each(m.m) e "
                      "WHERE m.key = 'odd'"),
              ElementsAre("$[None]|1", "$[7]|1", "$[True]|1", "$[1.5]|1", "$[b\"b'\\xff\"]|1",
                          "$.\"it's\"|1", "$.\"q\\\"'\"|1", "$.\"1st\"|1"));
}

TEST_F(EachTest, ScalarsAreOneRowAndMissingPathsNone) {
  EXPECT_THAT(db.rows("SELECT key, value, type, atom, fullkey, path FROM oocmap_each('5')"),
              ElementsAre("NULL|5|int|5|$|$"));
  EXPECT_THAT(db.rows("SELECT e.key, e.value, e.fullkey, oocmap_get(e.ref) "
                      "FROM m, oocmap_each(m.m, '$.tags[1]') e"),
              ElementsAre("NULL|7|$.tags[1]|7"));
  EXPECT_THAT(db.rows("SELECT 1 FROM m, oocmap_each(m.m, '$.nope')"), ElementsAre());
  EXPECT_THAT(db.rows("SELECT 1 FROM oocmap_each(NULL)"), ElementsAre());
  EXPECT_THAT(db.rows("SELECT 1 FROM oocmap_each('[1]', NULL)"), ElementsAre());
  EXPECT_THAT(db.rows("SELECT 1 FROM oocmap_each"), ElementsAre());
  EXPECT_THAT(db.rows("SELECT 1 FROM oocmap_each('[]')"), ElementsAre());
}

TEST_F(EachTest, RefsNest) {
  EXPECT_THAT(db.rows("SELECT inner_row.value FROM m, oocmap_each(m.m, '$.tags') e, "
                      "oocmap_each(e.ref) inner_row"),
              ElementsAre("x", "7", "1"));
  EXPECT_EQ(db.value("SELECT ref FROM oocmap_each('[1]')"), "NULL") << "text has no handles";
}

TEST_F(EachTest, ArgumentsAreShownBack) {
  EXPECT_EQ(db.value("SELECT json, root FROM oocmap_each('[1]', '$')"), "[1]|$");
  EXPECT_EQ(db.value("SELECT key FROM oocmap_each WHERE json = '[1]' AND root = '$'"), "0");
}

TEST_F(EachTest, BadInputIsAnError) {
  EXPECT_THAT(db.error("SELECT * FROM oocmap_each('[1,')"), HasSubstr("bad JSON at byte"));
  EXPECT_THAT(db.error("SELECT * FROM oocmap_each('[1]', 'x')"), HasSubstr("bad JSON path 'x'"));
  EXPECT_THAT(db.error("SELECT * FROM oocmap_each(X'00')"), HasSubstr("not a BLOB"));
}

TEST_F(EachTest, LeftJoinAndCorrelatedUse) {
  insert("'e'", "{\"tags\": []}");
  EXPECT_THAT(db.rows("SELECT m.key, e.value FROM m LEFT JOIN oocmap_each(m.m, '$.tags') e "
                      "WHERE e.key IS NULL OR e.key = 0"),
              ElementsAre("d|x", "e|NULL"));
  EXPECT_THAT(db.rows("SELECT key, (SELECT count(*) FROM oocmap_each(m.m, '$.tags')) FROM m"),
              ElementsAre("d|3", "e|0"));
}

TEST_F(EachTest, LargeContainersAreWalked) {
  db.run(
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999) "
      "INSERT INTO m(key, json) SELECT 'big', json_group_array(i) FROM n");
  db.run(
      "INSERT INTO m(key, json) SELECT 'bigd', json_group_object('k' || i.value, i.value) "
      "FROM m, json_each(m.json) i WHERE m.key = 'big'");
  EXPECT_EQ(db.value("SELECT count(*), sum(e.value), max(e.key) FROM m, oocmap_each(m.m) e "
                     "WHERE m.key = 'big'"),
            "5000|12497500|4999");
  EXPECT_EQ(db.value("SELECT count(*), sum(e.value), max(e.key) FROM m, oocmap_each(m.m) e "
                     "WHERE m.key = 'bigd'"),
            "5000|12497500|k999");
}

}  // namespace
}  // namespace oocmap
