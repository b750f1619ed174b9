#include <gmock/gmock.h>

#include "core/format/packed.h"
#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

using ::testing::ElementsAre;

class SelectTest : public MapTest {
 protected:
  std::shared_ptr<Session> session = db.session(path);
};

TEST_F(SelectTest, ScalarsAreNativeValues) {
  insert("'none'", "null");
  insert("'bool'", "true");
  insert("'int'", "-5");
  insert("'float'", "2.5");
  insert("'str'", "\"caf\\u00e9\"");
  db.run("INSERT INTO m(key, value) VALUES ('bytes', X'00ff')");
  EXPECT_THAT(db.rows("SELECT key, value, typeof(value), type FROM m"),
              ElementsAre("none|NULL|null|NoneType", "bool|1|integer|bool", "int|-5|integer|int",
                          "float|2.5|real|float", "str|café|text|str", "bytes|X'00ff'|blob|bytes"));
}

TEST_F(SelectTest, ContainersAreWholeJsonText) {
  insert("1", "{\"a\": [1, {\"b\": null}], \"c\": \"x\"}");
  insert("2", "[]");
  EXPECT_THAT(
      db.rows("SELECT value, type, json FROM m"),
      ElementsAre("{\"a\":[1,{\"b\":null}],\"c\":\"x\"}|dict|{\"a\":[1,{\"b\":null}],\"c\":\"x\"}",
                  "[]|list|[]"));
  EXPECT_EQ(db.value("SELECT json_extract(value, '$.a[1]') FROM m WHERE key = 1"), "{\"b\":null}");
  EXPECT_EQ(db.value("SELECT json_array(value) FROM m WHERE key = 2"), "[[]]");  // subtype J
}

TEST_F(SelectTest, JsonColumnIsTextForScalarsToo) {
  insert("1", "\"x\"");
  insert("2", "1.0");
  insert("3", "null");
  db.run("INSERT INTO m(key, value) VALUES (4, X'6869')");
  EXPECT_THAT(db.rows("SELECT json, typeof(json) FROM m"),
              ElementsAre("\"x\"|text", "1.0|text", "null|text", "\"aGk=\"|text"));
}

TEST_F(SelectTest, IntsBeyond64BitsAreExactText) {
  insert("'big'", "123456789012345678901234567890");
  EXPECT_EQ(db.value("SELECT value, typeof(value), type, json FROM m"),
            "123456789012345678901234567890|text|int|123456789012345678901234567890");
}

TEST_F(SelectTest, TextWithNulIsWhole) {
  put(*session, Key::text(Bytes("a\0b", 3)), EncodedValue::payload(PayloadKind::kStr, {"x\0y", 3}));
  EXPECT_EQ(db.value("SELECT hex(key), length(CAST(value AS BLOB)) FROM m"), "610062|3");
  EXPECT_EQ(db.value("SELECT hex(value) FROM m WHERE key = 'a' || char(0) || 'b'"), "780079");
}

TEST_F(SelectTest, LoneSurrogatesKeepTheirThreeBytes) {
  insert("1", "\"\\ud800\"");
  EXPECT_EQ(db.value("SELECT hex(value), type, json FROM m"), "EDA080|str|\"\\ud800\"");
}

TEST_F(SelectTest, KeysAreTheirExactValue) {
  put(*session, Key::integer(7), EncodedValue::none());
  put(*session, Key::floating(1.5), EncodedValue::none());
  put(*session, Key::floating(2.0), EncodedValue::none());
  put(*session, Key::floating(-0.0), EncodedValue::none());
  put(*session, Key::boolean(true), EncodedValue::none());
  put(*session, Key::text("k"), EncodedValue::none());
  put(*session, Key::payload(PayloadKind::kBytes, "b"), EncodedValue::none());
  EXPECT_THAT(db.rows("SELECT key, typeof(key), key_type FROM m"),
              ElementsAre("7|integer|int", "1.5|real|float", "2.0|real|float", "0.0|real|float",
                          "1|integer|bool", "k|text|str", "X'62'|blob|bytes"));
}

TEST_F(SelectTest, IntKeyThatOnlyAFloatEqualsIsThatFloat) {
  ValueEncoder ignored;
  Buffer packed;
  pack_payload(packed, PayloadKind::kBigInt, Bytes("\0\0\0\0\0\0\0\0\x80", 9));  // 2^63
  put(*session, Key::packed(packed), EncodedValue::integer(1));
  EXPECT_EQ(db.value("SELECT key, typeof(key), key_type FROM m"), "9.22337203685478e+18|real|int");
  EXPECT_EQ(db.value("SELECT value FROM m WHERE key = 9223372036854775808.0"), "1");
}

Key tuple_key(int64_t first, Bytes second) {
  Buffer packed;
  pack_tuple(packed, 2);
  pack_int(packed, first);
  pack_payload(packed, PayloadKind::kStr, second);
  return Key::packed(packed);
}

TEST_F(SelectTest, OtherKeysAreBlobsThatComparisonsTakeBack) {
  put(*session, Key::none(), EncodedValue::integer(1));
  put(*session, tuple_key(1, "a"), EncodedValue::integer(2));
  put(*session, Key::payload(PayloadKind::kWtf8, "\xed\xa0\x80"), EncodedValue::integer(3));
  EXPECT_THAT(db.rows("SELECT typeof(key), key_type, oocmap_json(key) FROM m"),
              ElementsAre("blob|NoneType|null", "blob|tuple|[1,\"a\"]", "blob|str|\"\\ud800\""));
  db.run("CREATE TABLE k AS SELECT key, value FROM m");
  EXPECT_THAT(db.rows("SELECT k.value, m.value FROM k JOIN m ON m.key = k.key"),
              ElementsAre("1|1", "2|2", "3|3"));
  EXPECT_THAT(db.rows("SELECT value FROM m WHERE key IN (SELECT key FROM k)"),
              ::testing::UnorderedElementsAre("1", "2", "3"));
}

TEST_F(SelectTest, BytesKeyThatLooksLikeAnotherKeyIsNotMistaken) {
  const Bytes looks("\xcfOK\x01zz");
  put(*session, Key::payload(PayloadKind::kBytes, looks), EncodedValue::integer(1));
  EXPECT_EQ(db.value("SELECT key_type FROM m"), "bytes");
  db.run("CREATE TABLE k AS SELECT key FROM m");
  EXPECT_EQ(db.value("SELECT m.value FROM m JOIN k USING (key)"), "1");
  EXPECT_EQ(db.error("SELECT * FROM m WHERE key = X'cf4f4b017a7a'"),
            "not a key of oocmap: corrupt bytes in the store: order bytes have an unknown class");
}

TEST_F(SelectTest, EqualNumbersAreOneKey) {
  insert("1", "\"one\"");
  EXPECT_EQ(db.value("SELECT value FROM m WHERE key = 1.0"), "one");
  EXPECT_EQ(db.value("SELECT count(*) FROM m WHERE key = '1'"), "0");
  EXPECT_EQ(db.value("SELECT count(*) FROM m WHERE key IS NULL"), "0");
  EXPECT_EQ(db.value("SELECT count(*) FROM m WHERE key = NULL"), "0");
}

// What a row holds may not depend on how the query finds it.
TEST_F(SelectTest, KeyIsShownAsStoredWhateverEqualKeyIsAskedFor) {
  const auto session = db.session(path);
  put(*session, Key::boolean(true), from_json("\"bool\""));
  put(*session, Key::floating(3.0), from_json("\"float\""));
  put(*session, Key::integer(7), from_json("\"int\""));
  const char* columns = "SELECT typeof(key), key_type, value FROM m WHERE key ";
  const auto all = db.rows(std::string(columns) + "IS NOT NULL ORDER BY +key");
  const auto expected = ElementsAre("integer|bool|bool", "real|float|float", "integer|int|int");
  EXPECT_THAT(all, expected);
  EXPECT_THAT(db.rows(std::string(columns) + "IN (1, 3, 7.0)"), expected);
  EXPECT_THAT(db.rows(std::string(columns) + "BETWEEN 1 AND 7 ORDER BY key"), expected);
  EXPECT_THAT(db.rows(std::string(columns) + "= 1.0"), ElementsAre("integer|bool|bool"));
  EXPECT_THAT(db.rows(std::string(columns) + "= 3"), ElementsAre("real|float|float"));
  EXPECT_THAT(db.rows(std::string(columns) + "= 7.0"), ElementsAre("integer|int|int"));
  // Spilled, the same.
  db.run(
      "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) "
      "INSERT INTO m(key) SELECT i FROM n");
  EXPECT_THAT(db.rows(std::string(columns) + "IN (1, 3, 7.0)"), expected);
  EXPECT_THAT(db.rows(std::string(columns) + "= 3"), ElementsAre("real|float|float"));
}

TEST_F(SelectTest, IndexOfAListIsAnIntHoweverItIsAskedFor) {
  insert("'l'", "[10, 20]");
  db.run("CREATE VIRTUAL TABLE temp.l USING oocmap('" + path + "', root='$.l')");
  EXPECT_THAT(db.rows("SELECT key, typeof(key), value FROM l WHERE key IN (1.0, 0)"),
              ElementsAre("0|integer|10", "1|integer|20"));
  EXPECT_EQ(db.value("SELECT typeof(key) || key FROM l WHERE key = 1.0"), "integer1");
}

TEST_F(SelectTest, ScanIsInInsertionOrder) {
  for (const char* key : {"'b'", "3", "'a'", "1", "2"}) insert(key, "0");
  EXPECT_EQ(keys(), "b 3 a 1 2");
  EXPECT_EQ(keys("ORDER BY key"), "1 2 3 a b");
  EXPECT_EQ(keys("ORDER BY key DESC"), "b a 3 2 1");
}

TEST_F(SelectTest, RangesFollowSqlOrder) {
  for (const char* key : {"1", "2", "2.5", "3", "'a'", "'b'", "X'00'", "X'ff'"}) insert(key, "0");
  EXPECT_EQ(keys("WHERE key > 2 ORDER BY key"), "2.5 3 a b X'00' X'ff'");
  EXPECT_EQ(keys("WHERE key >= 2 AND key < 'b' ORDER BY key"), "2 2.5 3 a");
  EXPECT_EQ(keys("WHERE key BETWEEN 'a' AND 'b'"), "a b");
  EXPECT_EQ(keys("WHERE key <= 2 ORDER BY key DESC"), "2 1");
  EXPECT_EQ(keys("WHERE key > X'00'"), "X'ff'");
  EXPECT_EQ(keys("WHERE key < X'00' ORDER BY key"), "1 2 2.5 3 a b");
  EXPECT_EQ(keys("WHERE key > NULL"), "");
  EXPECT_EQ(keys("WHERE key > 3 AND key < 1"), "");
  EXPECT_EQ(keys("WHERE key GLOB 'a*'"), "a");
}

// Against SQLite's own order and comparisons of the same keys in an ordinary table.
TEST_F(SelectTest, EveryRangeAndOrderIsSqlites) {
  std::vector<Key> all = {Key::none(),          tuple_key(1, "a"),
                          tuple_key(2, ""),     Key::boolean(false),
                          Key::integer(-3),     Key::integer(5),
                          Key::floating(0.5),   Key::text(""),
                          Key::text("a"),       Key::text("a\xc3\xa9"),
                          Key::floating(1e300), Key::payload(PayloadKind::kWtf8, "a\xed\xa0\x80")};
  for (const Bytes bytes :
       {Bytes(""), Bytes("a"), Bytes("\xcfOJ"), Bytes("\xcfOK"), Bytes("\xcfOK\x01"),
        Bytes("\xcfOK\x01zz"), Bytes("\xcfOL"), Bytes("\xff")}) {
    all.push_back(Key::payload(PayloadKind::kBytes, bytes));
  }
  const std::string prefix(500, 'p');  // longer than the store keeps in its keys
  for (const char* end : {"", "a", "b", "c", "\x7f"}) all.push_back(Key::text(prefix + end));
  all.push_back(Key::text(prefix.substr(0, 439)));
  all.push_back(Key::text(prefix.substr(0, 440)));
  all.push_back(Key::text(prefix.substr(0, 300) + "q"));
  for (const bool spilled : {false, true}) {
    for (int i = 0; spilled && i < 300; ++i) all.push_back(Key::integer(1000 + i));
    for (const Key& key : all) put(*session, key, EncodedValue::none());
    db.run("DROP TABLE IF EXISTS t; CREATE TABLE t AS SELECT key FROM m");
    const auto expect_same = [this](const std::string& a, const std::string& b) {
      const auto ours = db.rows(a), theirs = db.rows(b);
      ASSERT_EQ(ours.size(), theirs.size()) << a;
      for (size_t i = 0; i < ours.size(); ++i) ASSERT_EQ(ours[i], theirs[i]) << a << " row " << i;
    };
    for (const char* order : {"", " DESC"}) {
      const std::string rest = std::string(" ORDER BY key") + order;
      expect_same("SELECT key FROM m" + rest, "SELECT key FROM t" + rest);
    }
    for (const char* op : {"<", "<=", ">", ">=", "="}) {
      const std::string join = std::string(".key ") + op + " b.key ORDER BY b.key, a.key";
      expect_same("SELECT b.key, a.key FROM t b CROSS JOIN m a WHERE a" + join,
                  "SELECT b.key, a.key FROM t b CROSS JOIN t a WHERE a" + join);
    }
    expect_same("SELECT key FROM m WHERE key IN (SELECT key FROM t) ORDER BY key DESC",
                "SELECT key FROM t ORDER BY key DESC");
  }
}

TEST_F(SelectTest, CollationOtherThanBinaryIsSqlites) {
  insert("'K'", "1");
  insert("'k'", "2");
  EXPECT_EQ(db.value("SELECT count(*) FROM m WHERE key = 'k' COLLATE NOCASE"), "2");
  EXPECT_EQ(db.value("SELECT count(*) FROM m WHERE key > 'A' COLLATE NOCASE"), "2");
  EXPECT_EQ(db.value("SELECT count(*) FROM m WHERE key LIKE 'k'"), "2");
}

TEST_F(SelectTest, LimitAndOffset) {
  for (int i = 0; i < 10; ++i) insert(std::to_string(i), "0");
  EXPECT_EQ(keys("ORDER BY key LIMIT 3"), "0 1 2");
  EXPECT_EQ(keys("ORDER BY key DESC LIMIT 2 OFFSET 3"), "6 5");
  EXPECT_EQ(keys("LIMIT 2 OFFSET 9"), "9");
  EXPECT_EQ(keys("LIMIT -1 OFFSET 8"), "8 9");
  EXPECT_EQ(keys("WHERE key > 4 AND value = 0 ORDER BY key LIMIT 2"), "5 6");
  EXPECT_EQ(keys("WHERE key IN (9, 3, 5) ORDER BY key DESC LIMIT 2"), "9 5");
  EXPECT_THAT(db.rows("SELECT key FROM m UNION ALL SELECT key FROM m LIMIT 3 OFFSET 9"),
              ElementsAre("9", "0", "1"));
}

TEST_F(SelectTest, NamedColumnsReadTheirPath) {
  insert("'bob'", "{\"name\": \"Bob\", \"profile\": {\"age\": 31}, \"tags\": [\"x\", \"y\"]}");
  insert("'eve'", "{\"name\": \"Eve\"}");
  insert("'odd'", "5");
  db.run("CREATE VIRTUAL TABLE temp.p USING oocmap('" + path +
         "', name TEXT PATH '$.name', age INTEGER PATH '$.profile.age', "
         "tag PATH '$.tags[#-1]', profile TEXT PATH '$.profile')");
  EXPECT_THAT(db.rows("SELECT key, name, age, tag, profile FROM p"),
              ElementsAre("bob|Bob|31|y|{\"age\":31}", "eve|Eve|NULL|NULL|NULL",
                          "odd|NULL|NULL|NULL|NULL"));
  EXPECT_THAT(db.rows("SELECT name, type FROM pragma_table_info('p')"),
              ElementsAre("key|", "value|", "type|TEXT", "name|TEXT", "age|INTEGER", "tag|",
                          "profile|TEXT"));
}

TEST_F(SelectTest, FlatTableShowsKeyNamedColumnsAndHandle) {
  insert("1", "{\"a\": 5}");
  db.run("CREATE VIRTUAL TABLE temp.f USING oocmap('" + path +
         "', flat=1, a DECIMAL(10,2) PATH '$.a')");
  EXPECT_THAT(db.rows("SELECT name, type, hidden FROM pragma_table_xinfo('f')"),
              ElementsAre("key||0", "a|DECIMAL(10,2)|0", "f|BLOB|1"));
  EXPECT_EQ(db.value("SELECT *, oocmap_json(f) FROM f"), "1|5|{\"a\":5}");
}

TEST_F(SelectTest, RootCanBeAnyContainer) {
  insert("'people'", "{\"bob\": {\"age\": 1}, \"eve\": {\"age\": 2}}");
  insert("'list'", "[10, 20, 30, 40]");
  const auto table = [this](const std::string& name, const std::string& root) {
    db.run("CREATE VIRTUAL TABLE temp." + name + " USING oocmap('" + path + "', root='" + root +
           "')");
  };
  table("people", "$.people");
  table("list", "$.list");
  table("bob", "$.people.bob");
  EXPECT_THAT(db.rows("SELECT key, value FROM people"),
              ElementsAre("bob|{\"age\":1}", "eve|{\"age\":2}"));
  EXPECT_THAT(db.rows("SELECT key, value FROM bob"), ElementsAre("age|1"));
  EXPECT_THAT(db.rows("SELECT key, value, key_type FROM list"),
              ElementsAre("0|10|int", "1|20|int", "2|30|int", "3|40|int"));
  EXPECT_THAT(db.rows("SELECT value FROM list WHERE key >= 1.5 AND key <= 3 ORDER BY key DESC"),
              ElementsAre("40", "30"));
  EXPECT_THAT(db.rows("SELECT value FROM list WHERE key < 0.5 OR key > 'a'"), ElementsAre("10"));
  EXPECT_THAT(db.rows("SELECT value FROM list WHERE key IN (3, 0, 9, 'x') ORDER BY key"),
              ElementsAre("10", "40"));
  EXPECT_EQ(db.value("SELECT value FROM list WHERE key = 2.0"), "30");
}

TEST_F(SelectTest, RootThatLeadsNowhereSaysSo) {
  insert("'n'", "5");
  db.run("CREATE VIRTUAL TABLE temp.a USING oocmap('" + path + "', root='$.nope')");
  db.run("CREATE VIRTUAL TABLE temp.b USING oocmap('" + path + "', root='$.n')");
  EXPECT_EQ(db.error("SELECT * FROM a"),
            "oocmap: the root '$.nope' of the table a leads to nothing in '" + path + "'");
  EXPECT_EQ(db.error("SELECT * FROM b"),
            "oocmap: the root '$.n' of the table b leads to a value of type int in '" + path +
                "', not to a dict, list or tuple");
}

TEST_F(SelectTest, ManyRowsAndJoins) {
  db.run(
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999) "
      "INSERT INTO m(key, json) SELECT i, json_object('half', i / 2) FROM n");
  EXPECT_EQ(db.value("SELECT count(*), sum(key), sum(oocmap_get(m, '$.half')) FROM m"),
            "1000|499500|249500");
  EXPECT_EQ(db.value("SELECT count(*) FROM m a JOIN m b ON b.key = oocmap_get(a.m, '$.half')"),
            "1000");
  EXPECT_EQ(db.value("SELECT count(*) FROM (SELECT * FROM m LIMIT 7)"), "7");
}

TEST_F(SelectTest, NoSuchColumnsForUnaskedOnes) {
  EXPECT_THAT(db.rows("SELECT name, hidden FROM pragma_table_xinfo('m')"),
              ElementsAre("key|0", "value|0", "type|0", "path|1", "key_type|1", "json|1", "m|1"));
}

}  // namespace
}  // namespace oocmap
