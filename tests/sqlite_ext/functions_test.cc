#include <gmock/gmock.h>

#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FunctionsTest : public MapTest {
 protected:
  FunctionsTest() {
    insert("'d'",
           "{\"user\": {\"name\": \"Ann\", \"tags\": [\"x\", \"y\"]}, \"odd key\": 1, \"n\": null, "
           "\"big\": 123456789012345678901, \"f\": 1.5, \"t\": true}");
  }
  std::string get(const std::string& arguments) {
    return db.value("SELECT " + arguments + " FROM m");
  }
};

TEST_F(FunctionsTest, GetIsLikeJsonExtract) {
  EXPECT_EQ(get("oocmap_get(m, '$.user.name')"), "Ann");
  EXPECT_EQ(get("oocmap_get(m, '$.user.tags')"), "[\"x\",\"y\"]");
  EXPECT_EQ(get("oocmap_get(m, '$.user.tags[#-1]')"), "y");
  EXPECT_EQ(get("oocmap_get(m, '$.\"odd key\"')"), "1");
  EXPECT_EQ(get("oocmap_get(m, '$.nope')"), "NULL");
  EXPECT_EQ(get("oocmap_get(m, '$.f.x')"), "NULL");
  EXPECT_EQ(get("oocmap_get(m, NULL)"), "NULL");
  EXPECT_EQ(get("oocmap_get(NULL, '$')"), "NULL");
  EXPECT_EQ(get("typeof(oocmap_get(m, '$.big')) || oocmap_get(m, '$.big')"),
            "text123456789012345678901");
  EXPECT_EQ(get("oocmap_get(m, '$.user.name', '$.nope', '$.user.tags', '$.t')"),
            "[\"Ann\",null,[\"x\",\"y\"],true]");
  EXPECT_EQ(get("oocmap_get(m) = value"), "1");
  EXPECT_EQ(get("json_array(oocmap_get(m, '$.user.tags'))"), "[[\"x\",\"y\"]]");
}

TEST_F(FunctionsTest, SameAnswersForJsonText) {
  for (const char* call :
       {"oocmap_get(%, '$.user.name')", "oocmap_get(%, '$.user.tags[#-1]')", "oocmap_get(%, '$.n')",
        "oocmap_get(%, '$.user', '$.f')", "oocmap_json(%)", "oocmap_json(%, '$.user.name')",
        "oocmap_type(%)", "oocmap_type(%, '$.user.tags')", "oocmap_type(%, '$.big')",
        "oocmap_len(%)", "oocmap_len(%, '$.user.name')", "oocmap_len(%, '$.t')",
        "oocmap_get(%, '$.big')", "oocmap_type(%, '$.nope')"}) {
    const std::string text(call);
    const size_t at = text.find('%');
    const auto with = [&](const std::string& x) {
      return get(text.substr(0, at) + x + text.substr(at + 1));
    };
    EXPECT_EQ(with("m"), with("json")) << call;
  }
}

TEST_F(FunctionsTest, JsonIsTextAlways) {
  EXPECT_EQ(get("oocmap_json(m, '$.user.name')"), "\"Ann\"");
  EXPECT_EQ(get("oocmap_json(m, '$.n')"), "null");
  EXPECT_EQ(get("oocmap_json(5)"), "5");
  EXPECT_EQ(get("oocmap_json(' [1 , 2 ] ')"), "[1,2]");
}

TEST_F(FunctionsTest, TypeAndLenArePythons) {
  db.run(
      "DELETE FROM m; INSERT INTO m(key, value) VALUES ('é', 'héé'), ('b', X'000102'), ('i', 5), "
      "('n', NULL), ('f', 0.5)");
  EXPECT_THAT(db.rows("SELECT oocmap_type(m), oocmap_len(m) FROM m"),
              ElementsAre("str|3", "bytes|3", "int|NULL", "NoneType|NULL", "float|NULL"));
  EXPECT_EQ(db.value("SELECT oocmap_type('[1]'), oocmap_len('{\"a\":1}')"), "list|1");
}

TEST_F(FunctionsTest, RefIsAHandle) {
  EXPECT_EQ(get("oocmap_get(oocmap_ref(m, '$.user'), '$.name')"), "Ann");
  EXPECT_EQ(get("oocmap_get(oocmap_ref(m, '$.user.name'))"), "Ann");
  EXPECT_EQ(get("oocmap_get(oocmap_ref(m, '$.user.name'), '$.x')"), "NULL");
  EXPECT_EQ(get("oocmap_type(oocmap_ref(m, '$.big'))"), "int");
  EXPECT_EQ(get("oocmap_ref(oocmap_ref(m, '$.f')) = oocmap_ref(m, '$.f')"), "1");
  EXPECT_EQ(get("oocmap_ref(m, '$.nope')"), "NULL");
  EXPECT_THAT(db.error("SELECT oocmap_ref('{}')"), HasSubstr("oocmap_ref needs a handle"));
}

TEST_F(FunctionsTest, WorkInAggregatesViewsAndTables) {
  insert("2", "{\"user\": {\"name\": \"Bob\"}}");
  db.run("CREATE TEMP VIEW v AS SELECT key, oocmap_get(m, '$.user.name') AS name FROM m");
  EXPECT_EQ(db.value("SELECT group_concat(name) FROM v"), "Ann,Bob");
  db.run("CREATE TABLE flat AS SELECT key, m AS h FROM m");
  EXPECT_THAT(db.rows("WITH c AS MATERIALIZED (SELECT h FROM flat ORDER BY key DESC) "
                      "SELECT max(oocmap_get(h, '$.user.name')) FROM c GROUP BY oocmap_type(h)"),
              ElementsAre("Bob"));
}

TEST_F(FunctionsTest, BadPathIsAnErrorWithItsPosition) {
  EXPECT_EQ(db.error("SELECT oocmap_get(m, '$.a[') FROM m").substr(0, 34),
            "bad JSON path '$.a[' at character ");
  EXPECT_EQ(db.error("SELECT oocmap_get(m, 'é$') FROM m"),
            "bad JSON path 'é$' at character 0: a path starts with '$'");
  EXPECT_EQ(db.error("SELECT oocmap_get('[1]', '$.é..b')"),
            "bad JSON path '$.é..b' at character 4: expected a name after '.'");
}

TEST_F(FunctionsTest, BadInputIsAnError) {
  EXPECT_THAT(db.error("SELECT oocmap_get('[1,', '$')"), HasSubstr("bad JSON at byte 3"));
  EXPECT_EQ(db.error("SELECT oocmap_get(X'00')"),
            "expected a handle (the column named like the table) or JSON text, not a BLOB");
  EXPECT_EQ(db.error("SELECT oocmap_type(1, '$', '$')"),
            "wrong number of arguments to function oocmap_type(): it takes x [, path], where x is "
            "a handle (the column named like the table) or JSON text, and was given 3");
  EXPECT_EQ(db.error("SELECT oocmap_get()"),
            "wrong number of arguments to function oocmap_get(): it takes x [, path ...], where x "
            "is a handle (the column named like the table) or JSON text, and was given 0");
  EXPECT_THAT(db.error("SELECT oocmap_ref()"), HasSubstr("oocmap_ref(): it takes x [, path],"));
  EXPECT_THAT(db.error("SELECT oocmap_len('[]', '$', '$')"), HasSubstr("was given 3"));
  EXPECT_EQ(db.value("SELECT oocmap_get('[1]')"), "[1]") << "the path is $";
  EXPECT_NE(db.error("SELECT oocmap_version(1)"), "");
}

TEST_F(FunctionsTest, PathsCanChangeFromRowToRow) {
  db.run("CREATE TABLE p(p); INSERT INTO p VALUES ('$.f'), ('$.user.name'), (NULL), ('$.f')");
  EXPECT_THAT(db.rows("SELECT oocmap_get(m, p) FROM p, m"),
              ElementsAre("1.5", "Ann", "NULL", "1.5"));
}

TEST_F(FunctionsTest, ArrowsOnTheHandleColumn) {
  EXPECT_EQ(get("m ->> '$.user.name'"), "Ann");
  EXPECT_EQ(get("m -> '$.user.name'"), "\"Ann\"");
  EXPECT_EQ(get("m -> 'user'"), "{\"name\":\"Ann\",\"tags\":[\"x\",\"y\"]}");
  EXPECT_EQ(get("m ->> 'odd key'"), "1");
  EXPECT_EQ(get("value ->> '$.user.name'"), "Ann");
  EXPECT_EQ(get("json ->> 'f'"), "1.5");
  EXPECT_EQ(get("m ->> 'nope'"), "NULL");
  db.run("DELETE FROM m");
  insert("1", "[10, 20, {\"a\": 5}]");
  EXPECT_EQ(get("m ->> 1"), "20");
  EXPECT_EQ(get("m ->> -1"), "{\"a\":5}");
  EXPECT_EQ(get("m ->> '[0]'"), "10");
  EXPECT_EQ(get("m ->> '2'"), "{\"a\":5}");
  EXPECT_EQ(get("count(*) FILTER (WHERE key = 1)"), "1");
  EXPECT_EQ(db.value("SELECT key FROM m WHERE m ->> '[2].a' = 5 ORDER BY m ->> 0"), "1");
}

// The newest SQLite: tests/python/test_sql.py.
TEST_F(FunctionsTest, ArrowGivesAContainersTextWithoutTheSubtypeOfJson) {
  EXPECT_EQ(get("m ->> '$.user.tags'"), "[\"x\",\"y\"]");
  EXPECT_EQ(get("typeof(m ->> 'user')"), "text");
  EXPECT_EQ(get("json_array(m ->> '$.user.tags')"), R"(["[\"x\",\"y\"]"])");
  EXPECT_EQ(get("json_array(m -> '$.user.tags')"), R"([["x","y"]])");
}

TEST_F(FunctionsTest, ArrowRefusesAnEmptyPathAsSqliteDoes) {
  for (const char* arrow : {"->", "->>"}) {
    EXPECT_EQ(db.error(std::string("SELECT m ") + arrow + " '' FROM m"),
              "bad JSON path '' at character 0: a path starts with '$'");
    EXPECT_NE(db.error(std::string("SELECT '{}' ") + arrow + " ''"), "");
  }
  insert("'e'", "{\"\": 1}");
  EXPECT_EQ(db.value("SELECT m ->> '$.\"\"' FROM m WHERE key = 'e'"), "1");
}

TEST_F(FunctionsTest, VersionIsTheProjects) {
  EXPECT_THAT(db.value("SELECT oocmap_version()"),
              ::testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
}

TEST_F(FunctionsTest, TextLongerThanSqliteTakesIsAnErrorThatSaysWhatToDo) {
  sqlite3_limit(db.raw(), SQLITE_LIMIT_LENGTH, 100);
  EXPECT_EQ(
      db.error("SELECT value FROM m"),
      "oocmap: in the row 'd': the value's JSON text is longer than 100 bytes: read parts of it "
      "with a path");
  EXPECT_EQ(get("oocmap_get(m, '$.user.name')"), "Ann");
}

// --- Handles

class HandleTest : public FunctionsTest {
 protected:
  // The handle of m['d'] as a literal.
  std::string handle() { return db.value("SELECT m FROM m WHERE key = 'd'"); }
};

TEST_F(HandleTest, GoneValueIsStale) {
  const std::string user = db.value("SELECT oocmap_ref(m, '$.user') FROM m");
  EXPECT_EQ(db.value("SELECT oocmap_get(" + user + ", '$.name')"), "Ann");
  db.run("DELETE FROM m");
  for (int i = 0; i < 20; ++i) insert(std::to_string(i), "{}");  // reclaiming takes writes
  EXPECT_NE(db.error("SELECT oocmap_get(" + user + ", '$.name')"), "");
  EXPECT_EQ(db.code(), SQLITE_ERROR);
}

TEST_F(HandleTest, HandleOfARolledBackTransactionIsStale) {
  db.run("BEGIN");
  insert("'new'", "{\"a\": 1}");
  const std::string made = db.value("SELECT m FROM m WHERE key = 'new'");
  EXPECT_EQ(db.value("SELECT oocmap_json(" + made + ")"), "{\"a\":1}");
  Sqlite other;
  other.run("CREATE VIRTUAL TABLE temp.o USING oocmap('" + path + "')");
  EXPECT_EQ(
      other.error("SELECT oocmap_json(" + made + "), o FROM o"),
      "the handle was made inside a transaction of another connection: it is valid there only");
  db.run("ROLLBACK");
  EXPECT_EQ(db.error("SELECT oocmap_json(" + made + ")"),
            "the handle is stale: the transaction it was made in was rolled back");
  EXPECT_EQ(
      db.error("INSERT INTO m(key, value) VALUES ('again', " + made + ")"),
      "oocmap: in the row 'again': the handle is stale: the transaction it was made in was rolled "
      "back");
}

TEST_F(HandleTest, HandleOfACommittedTransactionStaysGood) {
  db.run("BEGIN");
  insert("'new'", "{\"a\": 1}");
  const std::string made = db.value("SELECT m FROM m WHERE key = 'new'");
  db.run("COMMIT");
  EXPECT_EQ(db.value("SELECT oocmap_json(" + made + ")"), "{\"a\":1}");
}

TEST_F(HandleTest, HandleOfAMapThatIsNotOpenHereSaysSo) {
  Sqlite other;
  EXPECT_THAT(other.error("SELECT oocmap_json(" + handle() + ")"),
              HasSubstr("is open: create one on its file"));
  const std::string scalar = db.value("SELECT oocmap_ref(m, '$.user.name') FROM m");
  EXPECT_EQ(other.value("SELECT oocmap_get(" + scalar + ")"), "Ann") << "it is the value";
}

TEST_F(HandleTest, TamperedHandlesAreErrorsNotCrashes) {
  const std::string good = handle();
  for (size_t i = 2; i + 2 < good.size(); i += 2) {
    for (const char* byte : {"00", "11", "7f", "ff"}) {
      std::string bad = good;
      bad.replace(i, 2, byte);
      db.error("SELECT oocmap_json(" + bad + "), oocmap_len(" + bad + ")");
    }
    db.error("SELECT oocmap_json(" + good.substr(0, i) + "')");
  }
  EXPECT_THAT(db.error("SELECT oocmap_json(X'cf4f4d')"), HasSubstr("handle"));
  std::string version = good;
  version.replace(8, 2, "02");
  EXPECT_EQ(db.error("SELECT oocmap_json(" + version + ")"),
            "not a handle of this version of oocmap");
}

TEST_F(HandleTest, HandleIsNoJson) {
  EXPECT_NE(db.error("SELECT json_extract(" + handle() + ", '$.f')"), "");
}

}  // namespace
}  // namespace oocmap
