#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FilePolicyTest : public ::testing::Test {
 protected:
  FilePolicyTest() {
    fs::create_directories(folder.file("db/below"));
    fs::create_directories(folder.file("elsewhere"));
    make(folder.file("db/near.ooc"));
    make(folder.file("db/below/deep.ooc"));
    make(folder.file("elsewhere/far.ooc"));
  }
  static void make(const std::string& path) {
    Sqlite db;
    db.run("CREATE VIRTUAL TABLE temp.m USING oocmap('" + path + "', create=1)");
    db.run("INSERT INTO m(key, value) VALUES ('k', 1)");
  }
  static std::string create(Sqlite& db, const std::string& table, const std::string& file) {
    return db.error("CREATE VIRTUAL TABLE " + table + " USING oocmap('" + file + "')");
  }
  std::vector<std::string> files(const std::string& below) {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder.file(below))) {
      out.push_back(entry.path().filename().string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  Folder folder;
  std::string catalog = folder.file("db/catalog.db");
};

TEST_F(FilePolicyTest, TableInADatabaseFileOpensFilesInItsFolderOrBelow) {
  Sqlite db(catalog);
  EXPECT_EQ(create(db, "near", "near.ooc"), "");
  EXPECT_EQ(create(db, "deep", "below/deep.ooc"), "");
  EXPECT_EQ(create(db, "absolute", folder.file("db/near.ooc")), "");
  EXPECT_EQ(create(db, "dots", "below/../near.ooc"), "");
  for (const char* table : {"near", "deep", "absolute", "dots"}) {
    EXPECT_EQ(db.value(std::string("SELECT key FROM ") + table), "k");
  }
}

TEST_F(FilePolicyTest, OtherFilesAreRefusedWithWhatToDo) {
  Sqlite db(catalog);
  const std::string far = folder.file("elsewhere/far.ooc");
  EXPECT_EQ(
      create(db, "far", far),
      "oocmap: the table main.far is stored in '" + catalog +
          "' and may open files in that file's folder or below, not '" + far +
          "'; create it in the temp schema (CREATE VIRTUAL TABLE temp.far ...), or move one of "
          "the two files");
  EXPECT_EQ(db.code(), SQLITE_AUTH);
  EXPECT_THAT(create(db, "far", "../elsewhere/far.ooc"), HasSubstr("may open files in that"));
  fs::create_symlink(far, folder.file("db/link.ooc"));
  EXPECT_THAT(create(db, "far", "link.ooc"), HasSubstr("not '" + far + "'"));
  fs::create_directories(folder.file("db2"));
  make(folder.file("db2/x.ooc"));
  EXPECT_THAT(create(db, "far", folder.file("db2/x.ooc")), HasSubstr("may open files in that"));
  EXPECT_EQ(create(db, "temp.far", far), "");
  EXPECT_EQ(db.value("SELECT key FROM far"), "k");
}

TEST_F(FilePolicyTest, SchemaFromElsewhereOpensNothing) {
  {
    Sqlite db(catalog);
    db.run("CREATE VIRTUAL TABLE x USING oocmap('near.ooc')");
    db.run("PRAGMA writable_schema = 1");
    db.run("UPDATE sqlite_schema SET sql = replace(sql, 'near.ooc', '" +
           folder.file("elsewhere/new.ooc") + "'', create=1, root=''$')");
  }
  Sqlite db(catalog);
  EXPECT_THAT(db.error("SELECT * FROM x"), HasSubstr("may open files in that"));
  EXPECT_EQ(db.code(), SQLITE_AUTH);
  EXPECT_THAT(files("elsewhere"), ::testing::Not(::testing::Contains("new.ooc")));
  db.run("DROP TABLE x");
}

TEST_F(FilePolicyTest, AttachedFilesAreTreatedAsTheirOwnFolder) {
  fs::create_directories(folder.file("other"));
  Sqlite db;
  db.run("ATTACH '" + folder.file("other/attached.db") + "' AS a");
  EXPECT_THAT(create(db, "a.near", folder.file("db/near.ooc")),
              HasSubstr("may open files in that"));
  EXPECT_EQ(create(db, "near", folder.file("db/near.ooc")), "") << "main is in memory";
}

TEST_F(FilePolicyTest, RelativePathsOfTempTablesCountFromTheWorkingDirectory) {
  const fs::path before = fs::current_path();
  fs::current_path(folder.file("elsewhere"));
  Sqlite db(catalog);
  EXPECT_EQ(create(db, "temp.far", "far.ooc"), "");
  EXPECT_EQ(db.value("SELECT key FROM far"), "k");
  fs::current_path(before);
}

TEST_F(FilePolicyTest, MissingFileIsMadeByCreateAlone) {
  Sqlite db;
  const std::string missing = folder.file("elsewhere/missing.ooc");
  EXPECT_THAT(create(db, "temp.m", missing), HasSubstr(missing));
  EXPECT_EQ(db.code(), SQLITE_CANTOPEN);
  EXPECT_EQ(files("elsewhere"), (std::vector<std::string>{"far.ooc", "far.ooc-lock"}));
  db.run("CREATE VIRTUAL TABLE temp.m USING oocmap('" + missing + "', create=1)");
  EXPECT_TRUE(fs::exists(missing));
  db.run("DROP TABLE m");
  EXPECT_TRUE(fs::exists(missing)) << "DROP TABLE leaves the file";
}

TEST_F(FilePolicyTest, TableOfAMissingFileCanBeLookedAtAndDropped) {
  {
    Sqlite db(catalog);
    db.run("CREATE VIRTUAL TABLE x USING oocmap('gone.ooc', create=1)");
  }
  for (const char* name : {"db/gone.ooc", "db/gone.ooc-lock"}) fs::remove(folder.file(name));
  Sqlite db(catalog);
  EXPECT_EQ(db.rows("SELECT name FROM pragma_table_info('x')").size(), 3u);
  EXPECT_THAT(db.error("SELECT * FROM x"), HasSubstr("gone.ooc"));
  EXPECT_EQ(db.code(), SQLITE_CANTOPEN);
  EXPECT_THAT(db.error("INSERT INTO x(key) VALUES (1)"), HasSubstr("gone.ooc"));
  db.run("CREATE TABLE t(a); ALTER TABLE t RENAME TO u; DROP TABLE x");
  EXPECT_FALSE(fs::exists(folder.file("db/gone.ooc"))) << "a schema alone creates no file";
}

TEST_F(FilePolicyTest, WhatIsNoMapIsSaid) {
  Sqlite db;
  EXPECT_THAT(create(db, "temp.m", folder.file("elsewhere")), HasSubstr(folder.file("elsewhere")));
  EXPECT_EQ(db.code(), SQLITE_CANTOPEN);
  const std::string text = folder.file("elsewhere/notes.txt");
  std::ofstream(text) << std::string(20'000, 'x');
  EXPECT_THAT(create(db, "temp.m", text), HasSubstr(text));
  EXPECT_EQ(db.code(), SQLITE_CORRUPT);
  EXPECT_THAT(files("elsewhere"), ::testing::Not(::testing::Contains("notes.txt-lock")));
  EXPECT_THAT(create(db, "temp.m", catalog), HasSubstr(catalog));
}

TEST_F(FilePolicyTest, FileThatCannotBeWrittenIsReadOnly) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everything";
  const std::string far = folder.file("elsewhere/far.ooc");
  ::chmod(far.c_str(), 0400);
  Sqlite db;
  EXPECT_EQ(create(db, "temp.m", far), "");
  EXPECT_EQ(db.value("SELECT key FROM m"), "k");
  EXPECT_THAT(db.error("INSERT INTO m(key) VALUES (1)"), HasSubstr("reading only"));
  EXPECT_EQ(db.code(), SQLITE_READONLY);
}

TEST_F(FilePolicyTest, TableThatIsStoredInAFileIsThereForTheNextConnection) {
  {
    Sqlite db(catalog);
    db.run(
        "CREATE VIRTUAL TABLE people USING oocmap('near.ooc', root='$.people', "
        "name TEXT PATH '$.name')");
    db.run("CREATE VIEW v AS SELECT key, name FROM people WHERE name > 'B'");
    db.run("INSERT INTO people(key, name) VALUES (1, 'Ann'), (2, 'Bob')");
  }
  Sqlite db(catalog);
  EXPECT_EQ(db.value("SELECT * FROM v"), "2|Bob");
  db.run("BEGIN; INSERT INTO people(key, name) VALUES (3, 'Cy'); ROLLBACK");
  EXPECT_EQ(db.value("SELECT count(*) FROM people"), "2");
}

}  // namespace
}  // namespace oocmap
