// oocmap_debug(), and with it the proofs of what a query does not read.
#include <gmock/gmock.h>

#include <map>

#include "core/base/version.h"
#include "core/lmdb/environment.h"
#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

using ::testing::HasSubstr;

using Counts = std::map<std::string, int64_t>;

class DebugTest : public MapTest {
 protected:
  DebugTest() {
    for (const char* key : {"'a'", "'b'", "'c'"}) {
      insert(key,
             "{\"name\": \"n\", \"tags\": [1, 2, 3], \"deep\": {\"x\": {\"y\": 5}}, \"big\": \"" +
                 std::string(5000, 'z') + "\"}");
    }
    db.run("CREATE VIRTUAL TABLE temp.named USING oocmap('" + path +
           "', name TEXT PATH '$.name', y INTEGER PATH '$.deep.x.y', deep PATH '$.deep')");
  }

  Counts counts() {
    Counts out;
    for (const std::string& row :
         db.rows("SELECT key, value FROM json_each(oocmap_debug()) WHERE type = 'integer'")) {
      const size_t bar = row.find('|');
      out[row.substr(0, bar)] = std::stoll(row.substr(bar + 1));
    }
    return out;
  }

  // What running the query adds; counters it does not touch are left out.
  Counts added(const std::string& sql) {
    const Counts before = counts();
    db.rows(sql);
    Counts out;
    for (const auto& [name, count] : counts()) {
      if (count != before.at(name)) out[name] = count - before.at(name);
    }
    return out;
  }
};

TEST_F(DebugTest, SaysWhatRuns) {
  EXPECT_EQ(db.value("SELECT json_valid(oocmap_debug())"), "1");
  EXPECT_EQ(db.value("SELECT oocmap_debug() ->> '$.version'"), kVersion);
  EXPECT_EQ(db.value("SELECT oocmap_debug() ->> '$.build'"), image_build_id());
  EXPECT_EQ(db.value("SELECT oocmap_debug() ->> '$.sqlite'"), sqlite3_libversion());
  EXPECT_THAT(db.error("SELECT oocmap_debug(1)"), HasSubstr("wrong number of arguments"));
}

TEST_F(DebugTest, StartsAtNothingAndIsTheConnectionsOwn) {
  db.rows("SELECT key FROM m");
  EXPECT_GE(counts()["rows_visited"], 3);
  Sqlite other;
  for (const std::string& row : other.rows(
           "SELECT key || ' ' || value FROM json_each(oocmap_debug()) WHERE type = 'integer'")) {
    EXPECT_THAT(row, ::testing::EndsWith(" 0"));
  }
}

TEST_F(DebugTest, ColumnsThatAreNotNamedRenderNothing) {
  const Counts three_rows = {{"cursors_opened", 1}, {"rows_visited", 3}};
  for (const char* sql : {
           "SELECT key FROM m",
           "SELECT key, type, key_type FROM m",
           "SELECT count(*) FROM m",
           "SELECT type, count(*) FROM m GROUP BY type",
           "SELECT key FROM m WHERE type = 'dict' ORDER BY key DESC",
           "SELECT key FROM (SELECT * FROM named)",
           "SELECT 1 FROM m WHERE EXISTS (SELECT 1)",
       }) {
    EXPECT_EQ(added(sql), three_rows) << sql;
  }
  EXPECT_EQ(added("SELECT m FROM m"),
            (Counts{{"cursors_opened", 1}, {"rows_visited", 3}, {"handles_made", 3}}));
}

TEST_F(DebugTest, NamedColumnReadsItsOwnPathAlone) {
  const Counts one_path = {
      {"cursors_opened", 1}, {"rows_visited", 3}, {"paths_followed", 3}, {"values_rendered", 3}};
  EXPECT_EQ(added("SELECT name FROM named"), one_path);
  EXPECT_EQ(added("SELECT y FROM named"), one_path);
  EXPECT_EQ(added("SELECT max(y) FROM named"), one_path);
  EXPECT_EQ(added("SELECT oocmap_get(named, '$.deep.x.y') FROM named"),
            (Counts{{"cursors_opened", 1},
                    {"rows_visited", 3},
                    {"handles_made", 3},
                    {"paths_followed", 3},
                    {"values_rendered", 3}}));
  // A container at the path is rendered, and nothing beside it.
  EXPECT_EQ(
      added("SELECT deep FROM named"),
      (Counts{{"cursors_opened", 1},
              {"rows_visited", 3},
              {"paths_followed", 3},
              {"values_rendered", 3},
              {"containers_rendered", 3},
              {"json_bytes", 3 * static_cast<int64_t>(std::string("{\"x\":{\"y\":5}}").size())}}));
  // Only `value` costs what the value is.
  EXPECT_GT(added("SELECT value FROM named")["json_bytes"], 15000);
}

// A value that cannot be rendered at all is none to the columns beside it.
TEST_F(DebugTest, WhatCannotBeRenderedIsNotInTheWay) {
  db.run("INSERT INTO m(key, json) VALUES ('loop', '{\"name\": \"L\", \"self\": []}')");
  db.run("CREATE VIRTUAL TABLE temp.self USING oocmap('" + path + "', root='$.loop.self')");
  db.run("INSERT INTO self(value) SELECT m FROM m WHERE key = 'loop'");
  EXPECT_THAT(db.error("SELECT value FROM m WHERE key = 'loop'"), HasSubstr("contains itself"));
  EXPECT_EQ(db.value("SELECT key, type, name, y FROM named WHERE key = 'loop'"),
            "loop|dict|L|NULL");
  EXPECT_EQ(db.value("SELECT m ->> '$.name', oocmap_len(m) FROM m WHERE key = 'loop'"), "L|2");
}

TEST_F(DebugTest, KeysRangesAndLimitsVisitTheirRowsOnly) {
  EXPECT_EQ(added("SELECT key FROM m WHERE key = 'b'")["rows_visited"], 1);
  EXPECT_EQ(added("SELECT key FROM m WHERE key = 'nope'")["rows_visited"], 0);
  EXPECT_EQ(added("SELECT key FROM m WHERE key IN ('a', 'c', 'nope')")["rows_visited"], 2);
  EXPECT_EQ(added("SELECT key FROM m WHERE key > 'a'")["rows_visited"], 2);
  EXPECT_EQ(added("SELECT key FROM m ORDER BY key DESC LIMIT 1")["rows_visited"], 1);
}

TEST_F(DebugTest, EachRendersWhatIsAskedFor) {
  EXPECT_EQ(
      added("SELECT e.key, e.type, e.fullkey FROM m, oocmap_each(m.m) e WHERE m.key = 'a'"),
      (Counts{
          {"cursors_opened", 2}, {"rows_visited", 1}, {"handles_made", 1}, {"member_rows", 4}}));
  EXPECT_EQ(added("SELECT e.value FROM m, oocmap_each(m.m, '$.tags') e WHERE m.key = 'a'"),
            (Counts{{"cursors_opened", 2},
                    {"rows_visited", 1},
                    {"handles_made", 1},
                    {"paths_followed", 1},
                    {"member_rows", 3},
                    {"values_rendered", 3}}));
  EXPECT_EQ(added("SELECT value FROM oocmap_each('[1, [2]]')"),
            (Counts{{"cursors_opened", 1}, {"member_rows", 2}}))
      << "text is not the map's";
}

}  // namespace
}  // namespace oocmap
