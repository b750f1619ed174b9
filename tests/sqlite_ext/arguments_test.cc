#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

class ArgumentsTest : public MapTest {
 protected:
  // The error of CREATE VIRTUAL TABLE with these arguments.
  std::string error_of(const std::string& arguments, const std::string& name = "t") {
    db.run("DROP TABLE IF EXISTS temp.\"" + name + "\"");
    return db.error("CREATE VIRTUAL TABLE temp.\"" + name + "\" USING oocmap(" + arguments + ")");
  }
  // With the file's path in front.
  std::string rest_error(const std::string& rest) { return error_of("'" + path + "'," + rest); }

  const std::string file_form = "expected the file's path in quotes first: oocmap('data.ooc')";
  const std::string any_form =
      "expected root='$.path', each='$.path', create=1, flat=1, verify=full, key TYPE or a column: "
      "name TYPE "
      "PATH '$.path'";
  const std::string column_form = "expected a column: name TYPE PATH '$.path'";
};

TEST_F(ArgumentsTest, FileComesFirstAndQuoted) {
  EXPECT_EQ(error_of(""), "oocmap: no file is named; " + file_form);
  EXPECT_EQ(error_of("data.ooc"), "oocmap: unexpected \"data.ooc\"; " + file_form);
  EXPECT_EQ(error_of("''"), "oocmap: the file's path is empty; " + file_form);
  EXPECT_EQ(error_of("root='$.a', 'f'"), "oocmap: unexpected \"root='$.a'\"; " + file_form);
  EXPECT_EQ(error_of("'a' 'b'"), "oocmap: unexpected \"'a' 'b'\"; " + file_form);
}

// SQLite drops arguments that are empty.
TEST_F(ArgumentsTest, CommaBesideNothing) {
  const auto unexpected = [this](const std::string& sign) {
    return "oocmap: unexpected \"" + sign + "\" where an argument should stand; " + any_form;
  };
  EXPECT_EQ(rest_error(""), unexpected(")"));
  EXPECT_EQ(rest_error(" flat=1, "), unexpected(")"));
  EXPECT_EQ(rest_error("flat=1, /* , */ -- )\n"), unexpected(")"));
  EXPECT_EQ(rest_error(", flat=1"), unexpected(","));
  EXPECT_EQ(error_of(", '" + path + "'"), unexpected(","));
  EXPECT_EQ(error_of("'" + path + "',", "odd(, \"\"name"), unexpected(")"));
  EXPECT_EQ(rest_error("a DECIMAL(10, 2) PATH '$.\",\"' /* ,, */, -- ,,\n [b,,] PATH '$.b'"), "");
}

TEST_F(ArgumentsTest, OptionsAreChecked) {
  EXPECT_EQ(rest_error("roots='$.a'"),
            "oocmap: unknown option \"roots\" in \"roots='$.a'\"; " + any_form);
  EXPECT_EQ(rest_error("root=x.a"),
            "oocmap: bad value in \"root=x.a\"; expected a path in quotes: root='$.path'");
  EXPECT_EQ(rest_error("create=2"),
            "oocmap: bad value in \"create=2\"; expected create=1 or create=0");
  EXPECT_EQ(rest_error("flat=yes"), "oocmap: bad value in \"flat=yes\"; expected flat=1 or flat=0");
  EXPECT_EQ(rest_error("flat=1, FLAT=1"), "oocmap: the option \"FLAT\" is given twice");
  EXPECT_EQ(
      rest_error("root='a.b'"),
      "oocmap: in \"root='a.b'\": bad JSON path 'a.b' at character 0: a path starts with '$'");
  EXPECT_EQ(rest_error("Root = '$.a', CREATE = 0 , flat = 0"), "");
}

TEST_F(ArgumentsTest, KeyTakesATypeAlone) {
  const std::string form =
      "; expected the key's type alone: key INTEGER (a column of another name can have a PATH)";
  EXPECT_EQ(rest_error("key"), "oocmap: no type in \"key\"" + form);
  EXPECT_EQ(rest_error("key TEXT PATH '$.a'"),
            "oocmap: unexpected \"PATH\" in \"key TEXT PATH '$.a'\"" + form);
  EXPECT_EQ(rest_error("key INTEGER UNIQUE"),
            "oocmap: unexpected \"UNIQUE\" in \"key INTEGER UNIQUE\"" + form);
  EXPECT_EQ(rest_error("key INTEGER, \"KEY\" TEXT"), "oocmap: the type of \"key\" is given twice");
  EXPECT_EQ(rest_error("\"Key\" VARCHAR(10), flat=1"), "");
}

TEST_F(ArgumentsTest, ColumnsAreChecked) {
  EXPECT_EQ(rest_error("name TEXT"), "oocmap: no PATH in \"name TEXT\"; " + column_form);
  EXPECT_EQ(rest_error("name TEXT PATH"),
            "oocmap: unexpected \"PATH\" in \"name TEXT PATH\"; " + column_form);
  EXPECT_EQ(rest_error("name TEXT PATH x.a"),
            "oocmap: unexpected \"x.a\" in \"name TEXT PATH x.a\"; " + column_form);
  EXPECT_EQ(rest_error("name TEXT PATH '$.a' x"),
            "oocmap: unexpected \"x\" in \"name TEXT PATH '$.a' x\"; " + column_form);
  EXPECT_EQ(rest_error("name TEXT NOT NULL PATH '$.a'"),
            "oocmap: unexpected \"NOT\" in \"name TEXT NOT NULL PATH '$.a'\"; " + column_form);
  EXPECT_EQ(
      rest_error("name TEXT PATH '$.a[' "),
      "oocmap: in \"name TEXT PATH '$.a['\": bad JSON path '$.a[' at character 4: expected an "
      "index, '#-N' or a literal: None, True, 7, 1.5, 'text', b'bytes', (1, 'a'), frozenset({1})");
  EXPECT_EQ(rest_error("5 PATH '$.a'"), "");  // a name like any other once it is quoted
  EXPECT_EQ(rest_error("'a' TEXT PATH '$.a'"),
            "oocmap: unexpected \"'a'\" in \"'a' TEXT PATH '$.a'\"; " + any_form);
}

TEST_F(ArgumentsTest, NamesAreDifferent) {
  EXPECT_EQ(
      rest_error("Value PATH '$.a'"),
      "oocmap: there is more than one column \"Value\" (the names \"t\" and key, value, type, "
      "key_type, json are the table's own)");
  EXPECT_EQ(rest_error("a PATH '$.a', A PATH '$.b'").substr(0, 41),
            "oocmap: there is more than one column \"A\"");
  EXPECT_EQ(error_of("'" + path + "'", "json"),
            "oocmap: a table cannot be named \"json\": its handle column has the table's name, and "
            "there is a column of that name");
  EXPECT_EQ(error_of("'" + path + "', flat=1, value INT PATH '$.value'", "json"), "");
}

TEST_F(ArgumentsTest, QuotedNamesAndTypesWithCommasAndCommentsOfQuotes) {
  EXPECT_EQ(rest_error("\"odd \"\"name\" VARCHAR(20) PATH '$.\"a,b\"', [x y] PATH '$.it''s', "
                       "price DECIMAL ( 10, 2 ) path '$.p'"),
            "");
  EXPECT_EQ(db.rows("SELECT name, type FROM pragma_table_info('t') WHERE cid > 2"),
            (std::vector<std::string>{"odd \"name|VARCHAR(20)", "x y|", "price|DECIMAL(10,2)"}));
  db.run("INSERT INTO t(key, [x y]) VALUES (1, 5)");
  EXPECT_EQ(db.value("SELECT json FROM t"), "{\"it's\":5}");
}

TEST_F(ArgumentsTest, OddTableNamesWork) {
  const std::string name = "a \"\"b";
  db.run("CREATE VIRTUAL TABLE temp.\"" + name + "\" USING oocmap('" + path + "')");
  db.run("INSERT INTO \"" + name + "\"(key, value) VALUES (1, 2)");
  EXPECT_EQ(db.value("SELECT oocmap_get(\"" + name + "\") FROM \"" + name + "\""), "2");
  db.run("INSERT INTO \"" + name + "\"(\"" + name + "\") VALUES ('lock')");
}

TEST_F(ArgumentsTest, RenamedTableRenamesItsHandle) {
  db.run("ALTER TABLE temp.m RENAME TO n; INSERT INTO n(key, value) VALUES (1, 2)");
  EXPECT_EQ(db.value("SELECT oocmap_get(n) FROM n"), "2");
  EXPECT_EQ(db.error("ALTER TABLE temp.n RENAME TO type"),
            "oocmap: a table cannot be named \"type\": its handle column has the table's name, and "
            "there is a column of that name");
}

}  // namespace
}  // namespace oocmap
