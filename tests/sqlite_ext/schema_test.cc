// oocmap_schema(table, file [, root]).
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class SchemaTest : public MapTest {
 protected:
  std::string text(const std::string& table, const std::string& root = "$") {
    return db.value("SELECT oocmap_schema('" + table + "', '" + path + "', '" + root + "')");
  }
  // The columns between the root and the end.
  std::string columns(const std::string& root = "$") {
    const std::string all = text("t", root);
    const size_t first = all.find(",\n  ");
    return first == std::string::npos ? "" : all.substr(first + 4, all.size() - first - 5);
  }
};

TEST_F(SchemaTest, ColumnsAreTheScalarsOnTheWay) {
  insert("'ann'",
         "{\"name\": \"Ann\", \"age\": 31, \"home\": {\"city\": \"Rome\", \"at\": [1, 2]}}");
  insert("'bob'", "{\"name\": \"Bob\", \"age\": null, \"ok\": true, \"home\": {\"zip\": 1.5}}");
  EXPECT_EQ(text("t"), "CREATE VIRTUAL TABLE \"t\" USING oocmap('" + path +
                           "',\n  \"name\" TEXT PATH '$.name',\n  \"age\" INTEGER PATH '$.age',\n"
                           "  \"home_city\" TEXT PATH '$.home.city',\n"
                           "  \"ok\" BOOLEAN PATH '$.ok',\n"
                           "  \"home_zip\" REAL PATH '$.home.zip')");
}

TEST_F(SchemaTest, TheTextMakesATableThatReadsTheSame) {
  insert("'ann'",
         "{\"it''s\": 1, \"q\\\"q\": 2, \"a b\": {\"\": 3, \"c.d\": \"x\"}, \"\": 4, \"KEY\": 5, "
         "\"value\": 6, \"T\": 7, \"a b_\": 8, \"select\": 9, \"x,y\": 10, \"é\": 11, \"[\": 12}");
  db.run(text("temp.t"));
  EXPECT_THAT(
      db.rows("SELECT name, type FROM pragma_table_info('t')"),
      ElementsAre("key|", "value|", "type|TEXT", "it's|INTEGER", "q\"q|INTEGER", "a b_|INTEGER",
                  "a b_c.d|TEXT", "_|INTEGER", "KEY_2|INTEGER", "value_2|INTEGER", "T_2|INTEGER",
                  "a b__2|INTEGER", "select|INTEGER", "x,y|INTEGER", "é|INTEGER", "[|INTEGER"));
  EXPECT_THAT(db.rows("SELECT \"it's\", \"q\"\"q\", \"a b_\", \"a b_c.d\", _, KEY_2, value_2, T_2, "
                      "\"a b__2\", \"select\", \"x,y\", é, \"[\" FROM t"),
              ElementsAre("1|2|3|x|4|5|6|7|8|9|10|11|12"));
}

TEST_F(SchemaTest, TheFileMayBeNamedByALink) {
  insert("'ann'", "{\"age\": 31}");
  const std::string link = path + ".link";
  std::filesystem::create_symlink(path, link);
  const std::string made = db.value("SELECT oocmap_schema('temp.t', '" + link + "')");
  EXPECT_THAT(made, HasSubstr(link));
  EXPECT_THAT(made, HasSubstr("$.age"));
  db.run(made);
  EXPECT_EQ(db.value("SELECT age FROM t"), "31");
}

TEST_F(SchemaTest, TypesAreWhatAllValuesHaveInCommon) {
  struct Case {
    std::vector<std::string> values;
    std::string type;
  };
  for (const auto& [values, type] : std::vector<Case>{
           {{"1", "2", "null"}, "INTEGER "},
           {{"1", "true"}, "INTEGER "},
           {{"true", "false"}, "BOOLEAN "},
           {{"1", "1.5"}, "REAL "},
           {{"1.5", "null"}, "REAL "},
           {{"\"x\"", "\"\""}, "TEXT "},
           {{"\"x\"", "1"}, ""},
           {{"1.5", "true"}, ""},
           {{"null"}, ""},
           {{"123456789012345678901234567890"}, "TEXT "},
           {{"1", "123456789012345678901234567890"}, ""},
           {{"1", "[1]"}, ""},
           {{"[1]", "1"}, ""},
           {{"{}", "1"}, ""},
       }) {
    db.run("DELETE FROM m");
    for (size_t i = 0; i < values.size(); ++i) {
      insert(std::to_string(i), "{\"a\": " + values[i] + "}");
    }
    EXPECT_EQ(columns(), "\"a\" " + type + "PATH '$.a'") << values.back();
  }
}

TEST_F(SchemaTest, BytesAndOtherTypes) {
  const auto session = db.session(path);
  ValueEncoder encoder;
  encoder.begin_dict();
  encoder.key(Key::text("raw"));
  encoder.payload(PayloadKind::kBytes, "b");
  encoder.key(Key::integer(7));
  encoder.integer(1);
  encoder.end();
  put(*session, Key::text("k"), encoder.finish());
  EXPECT_EQ(columns(), "\"raw\" BLOB PATH '$.raw'") << "a key that is no str has no name";
}

TEST_F(SchemaTest, RootsAndTheirMembers) {
  insert("'people'", "{\"ann\": {\"age\": 3}, \"x\": 5}");
  insert("'rows'", "[{\"a\": 1}, [2], {\"b\": \"x\"}, 7]");
  insert("'flat'", "[1, 2]");
  EXPECT_EQ(columns("$.people"), "\"age\" INTEGER PATH '$.age'");
  EXPECT_EQ(columns("$.rows"), "\"a\" INTEGER PATH '$.a',\n  \"b\" TEXT PATH '$.b'");
  EXPECT_EQ(text("t", "$.flat"),
            "CREATE VIRTUAL TABLE \"t\" USING oocmap('" + path + "', root='$.flat', key INTEGER)");
  insert("'numbers'", "{}");
  EXPECT_EQ(text("t", "$.numbers").find("key INTEGER"), std::string::npos);
  db.run("CREATE VIRTUAL TABLE temp.n USING oocmap('" + path + "', root='$.numbers')");
  db.run("INSERT INTO n(key, value) VALUES (1, 'a'), (7, 'b')");
  EXPECT_EQ(text("t", "$.numbers"), "CREATE VIRTUAL TABLE \"t\" USING oocmap('" + path +
                                        "', root='$.numbers', key INTEGER)");
  db.run("INSERT INTO n(key, value) VALUES ('7', 'c')");
  EXPECT_EQ(text("t", "$.numbers").find("key INTEGER"), std::string::npos);
  EXPECT_THAT(columns(), HasSubstr("PATH '$.ann.age'"));
}

TEST_F(SchemaTest, DeepAndWideValuesAreBounded) {
  insert("'deep'", "{\"a\": {\"b\": {\"c\": {\"d\": 1, \"e\": {\"f\": 2}}}}}");
  EXPECT_EQ(columns(), "\"a_b_c_d\" INTEGER PATH '$.a.b.c.d'");
  db.run("DELETE FROM m");
  db.run(
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 299) "
      "INSERT INTO m(key, json) SELECT 'wide', json_group_object('c' || i, i) FROM n");
  insert("'two'", "{\"c250\": 1}");
  const std::string wide = columns();
  EXPECT_EQ(std::count(wide.begin(), wide.end(), '\n'), 99);
  EXPECT_THAT(wide, HasSubstr("$.c98'"));
  EXPECT_THAT(wide, HasSubstr("$.c250'")) << "it is there more often than the others";
  EXPECT_THAT(wide, Not(HasSubstr("$.c99'")));
}

TEST_F(SchemaTest, TheFirstAndTheLastMembersAreLookedAt) {
  db.run(
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999) "
      "INSERT INTO m(key, json) SELECT i, CASE i WHEN 0 THEN '{\"first\": 1}' "
      "WHEN 2500 THEN '{\"middle\": 1}' WHEN 4999 THEN '{\"last\": 1}' ELSE '{\"a\": 1}' END "
      "FROM n");
  const std::string dict =
      "\"first\" INTEGER PATH '$.first',\n  \"a\" INTEGER PATH '$.a',\n  \"last\" INTEGER PATH "
      "'$.last'";
  EXPECT_EQ(columns(), dict);
  db.run("INSERT INTO m(key, json) SELECT 'list', json_group_array(json(json)) FROM m");
  EXPECT_EQ(columns("$.list"), dict);
}

TEST_F(SchemaTest, NameMayBeginWithASchema) {
  EXPECT_THAT(text("temp.t"), HasSubstr("TABLE \"temp\".\"t\" USING"));
  EXPECT_THAT(text("main.t"), HasSubstr("TABLE \"main\".\"t\" USING"));
  EXPECT_THAT(text("nope.t"), HasSubstr("TABLE \"nope.t\" USING"));
  EXPECT_THAT(text("q\"t"), HasSubstr("TABLE \"q\"\"t\" USING"));
}

TEST_F(SchemaTest, SeesTheOpenTransaction) {
  db.run("BEGIN");
  insert("'a'", "{\"x\": 1}");
  EXPECT_EQ(columns(), "\"x\" INTEGER PATH '$.x'");
  db.run("ROLLBACK");
  EXPECT_EQ(columns(), "");
}

TEST_F(SchemaTest, ErrorsSayWhatIsWrong) {
  insert("'a'", "5");
  EXPECT_THAT(text("t", "$.nope"), HasSubstr("the root '$.nope' leads to nothing in '" + path));
  EXPECT_THAT(text("t", "$.a"), HasSubstr("leads to a value of type int"));
  EXPECT_THAT(text("t", "a"), HasSubstr("bad JSON path 'a'"));
  EXPECT_THAT(text(""), HasSubstr("table must be text that is not empty"));
  EXPECT_THAT(db.error("SELECT oocmap_schema('t', 5)"), HasSubstr("file must be text"));
  EXPECT_THAT(db.error("SELECT oocmap_schema('t')"),
              HasSubstr("it takes table, file [, root], and was given 1"));
  const std::string missing = folder.file("missing.ooc");
  EXPECT_THAT(db.error("SELECT oocmap_schema('t', '" + missing + "')"), HasSubstr(missing));
  EXPECT_EQ(db.code(), SQLITE_CANTOPEN);
  EXPECT_FALSE(std::filesystem::exists(missing));
  const std::string other = folder.file("other.txt");
  std::ofstream(other) << "no map";
  EXPECT_THAT(db.error("SELECT oocmap_schema('t', '" + other + "')"), HasSubstr(other));
  EXPECT_FALSE(std::filesystem::exists(other + "-lock"));
}

// A view in a schema that somebody sent opens no file.
TEST_F(SchemaTest, IsForStatementsOnly) {
  db.run("CREATE VIEW v AS SELECT oocmap_schema('t', '" + path + "')");
  EXPECT_THAT(db.error("SELECT * FROM v"), HasSubstr("unsafe use of oocmap_schema()"));
}

}  // namespace
}  // namespace oocmap
