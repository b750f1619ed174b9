// Snapshots of EXPLAIN QUERY PLAN: how each kind of query reads the table.
#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

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
