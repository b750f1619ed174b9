// Snapshots of EXPLAIN QUERY PLAN: how each kind of query reads the table.
#include <gmock/gmock.h>

#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

using ::testing::StartsWith;

class PlanTest : public MapTest {
 protected:
  // What follows "INDEX n:" in the plan of a query over m.
  std::string plan(const std::string& rest) {
    std::string text = db.plan("SELECT key FROM m " + rest);
    const std::string start = "SCAN m VIRTUAL TABLE INDEX ";
    if (text.starts_with(start)) text = text.substr(text.find(':') + 1);
    return text;
  }
};

TEST_F(PlanTest, Snapshots) {
  EXPECT_EQ(plan(""), "scan");
  EXPECT_EQ(plan("WHERE key = 5"), "key=?");
  EXPECT_EQ(plan("WHERE key IS 5"), "key=?");
  EXPECT_EQ(plan("WHERE key IN (1, 2)"), "key IN (...)");
  EXPECT_EQ(plan("WHERE key = 1 OR key = 2"), "key IN (...)");
  EXPECT_EQ(plan("WHERE key > 5"), "key>?");
  EXPECT_EQ(plan("WHERE key BETWEEN 1 AND 2"), "key>=? key<=?");
  EXPECT_EQ(plan("WHERE key >= 1 AND key < 2 ORDER BY key"), "key>=? key<? in key order");
  EXPECT_EQ(plan("WHERE key GLOB 'ab*'"), "key>=? key<?");
  EXPECT_EQ(plan("ORDER BY key"), "in key order");
  EXPECT_EQ(plan("ORDER BY key DESC"), "in key order descending");
  EXPECT_EQ(plan("ORDER BY key, value"), "in key order");
  EXPECT_EQ(plan("ORDER BY key LIMIT 5"), "in key order limit");
  EXPECT_EQ(plan("LIMIT 5 OFFSET 2"), "scan limit offset");
  EXPECT_EQ(plan("WHERE key > 1 LIMIT 5"), "key>? limit");
}

// The plan says "scan", but SQLite knows that the column is NOT NULL and never begins it.
TEST_F(PlanTest, NoKeyIsNull) {
  insert("'a'", "1");
  db.run("CREATE TEMP VIEW v AS SELECT key AS k FROM m");
  for (const char* sql :
       {"EXPLAIN SELECT key FROM m WHERE key IS NULL", "EXPLAIN SELECT k FROM v WHERE k IS NULL"}) {
    const auto program = db.rows(sql);
    ASSERT_GT(program.size(), 2u);
    EXPECT_THAT(program[0], StartsWith("0|Init|"));
    EXPECT_THAT(program[1], StartsWith("1|Goto|")) << "around the scan";
    EXPECT_THAT(program[2], StartsWith("2|VOpen|"));
  }
  EXPECT_EQ(keys("WHERE key IS NULL"), "");
  EXPECT_EQ(keys("WHERE key COLLATE NOCASE IS NULL OR key = 'a'"), "a");
  // The NULL of an outer join is none of the table's.
  db.run("CREATE TABLE t(k); INSERT INTO t VALUES ('a'), ('b')");
  EXPECT_EQ(db.value("SELECT t.k FROM t LEFT JOIN m ON m.key = t.k WHERE m.key IS NULL"), "b");
}

TEST_F(PlanTest, WhatTheStoreCannotDoIsLeftToSqlite) {
  EXPECT_EQ(plan("WHERE value = 5"), "scan");
  EXPECT_EQ(plan("WHERE value = 5 LIMIT 1"), "scan");
  EXPECT_EQ(plan("WHERE key = 'a' COLLATE NOCASE"), "scan");
  EXPECT_EQ(plan("WHERE key LIKE 'a%'"), "scan");
  EXPECT_EQ(plan("ORDER BY key COLLATE NOCASE"), "scan; USE TEMP B-TREE FOR ORDER BY");
  EXPECT_EQ(plan("ORDER BY value"), "scan; USE TEMP B-TREE FOR ORDER BY");
  EXPECT_EQ(plan("ORDER BY value, key"), "scan; USE TEMP B-TREE FOR ORDER BY");
}

TEST_F(PlanTest, TheSmallSideOfAJoinIsLookedUpInTheLargeOne) {
  db.run(
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 499) "
      "INSERT INTO m(key, value) SELECT i, i FROM n");
  db.run("CREATE TABLE t(k); INSERT INTO t VALUES (1), (2)");
  EXPECT_EQ(db.plan("SELECT m.value FROM m, t WHERE m.key = t.k"),
            "SCAN t; SCAN m VIRTUAL TABLE INDEX 1:key=?");
}

}  // namespace
}  // namespace oocmap
