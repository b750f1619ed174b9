#include <fcntl.h>
#include <gmock/gmock.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <map>
#include <thread>

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
          "'; allow that with SELECT oocmap_allow('" + far +
          "'), oocmap.load(..., allow=...) in Python or the environment variable OOCMAP_ALLOW, or "
          "create the table in the temp schema (CREATE VIRTUAL TABLE temp.far ...)");
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

TEST_F(FilePolicyTest, ConnectionCanAllowAFolderOrAFile) {
  const std::string far = folder.file("elsewhere/far.ooc");
  fs::create_directories(folder.file("elsewhere2"));
  make(folder.file("elsewhere2/x.ooc"));
  {
    Sqlite db(catalog);
    EXPECT_EQ(db.value("SELECT oocmap_allow('" + folder.file("elsewhere/../elsewhere/") + "')"),
              folder.file("elsewhere"));
    EXPECT_EQ(create(db, "far", far), "");
    EXPECT_EQ(create(db, "relative", "../elsewhere/far.ooc"), "");
    EXPECT_EQ(db.value("SELECT far.key || relative.key FROM far, relative"), "kk");
    EXPECT_THAT(create(db, "x", folder.file("elsewhere2/x.ooc")),
                HasSubstr("may open files in that"))
        << "a folder of a like name";
    EXPECT_THAT(create(db, "x", folder.file("elsewhere/../db2.ooc")),
                HasSubstr("may open files in that"));
  }
  Sqlite db(catalog);
  EXPECT_THAT(db.error("SELECT * FROM far"), HasSubstr("SELECT oocmap_allow('" + far + "')"))
      << "allowed on one connection, until it closes";
  db.run("SELECT oocmap_allow('" + far + "')");
  EXPECT_EQ(db.value("SELECT key FROM far"), "k");
  make(folder.file("elsewhere/far.ooc2"));
  EXPECT_THAT(create(db, "x", folder.file("elsewhere/far.ooc2")), HasSubstr("may open files in"));
}

// Somebody who may write to the database's folder exchanges what was looked at before it is opened:
// once in a few tries that hits the moment between the two.
TEST_F(FilePolicyTest, WhatIsExchangedAfterTheLookIsNotOpened) {
  const std::string secret = folder.file("elsewhere/deep.ooc");
  {
    Sqlite db;
    db.run("CREATE VIRTUAL TABLE temp.m USING oocmap('" + secret + "', create=1)");
    db.run("INSERT INTO m(key, value) VALUES ('secret', 1)");
  }
  const std::string below = folder.file("db/below");
  const std::string link = folder.file("db/link");
  fs::create_directory_symlink(folder.file("elsewhere"), link);
  EXPECT_EQ(create(*std::make_unique<Sqlite>(catalog), "t", "below/deep.ooc"), "");
  std::atomic<bool> stop{false};
  std::thread exchanger([&] {
    while (!stop) ::renameat2(AT_FDCWD, below.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE);
  });
  std::map<std::string, int> seen;
  for (int i = 0; i < 3000; ++i) {
    Sqlite db(catalog);
    ++seen[Statement(db, "SELECT key FROM t").next().substr(0, 30)];
  }
  stop = true;
  exchanger.join();
  EXPECT_GT(seen["k"], 0);
  EXPECT_EQ(seen["secret"], 0) << ::testing::PrintToString(seen);
}

TEST_F(FilePolicyTest, AllowedPathsAreResolvedWhenTheyAreAllowed) {
  const fs::path before = fs::current_path();
  fs::current_path(folder.file("db"));
  fs::create_directory_symlink(folder.file("elsewhere"), folder.file("link"));
  Sqlite db(catalog);
  EXPECT_EQ(db.value("SELECT oocmap_allow('../link')"), folder.file("elsewhere"));
  EXPECT_EQ(db.value("SELECT oocmap_allow('../later')"), folder.file("later"));
  EXPECT_EQ(db.value("SELECT CAST(oocmap_allow(x'2e2e2f6c61746572') AS TEXT)"),
            folder.file("later"));
  EXPECT_EQ(db.value("SELECT typeof(oocmap_allow(x'2fff'))"), "blob");
  fs::current_path(before);
  EXPECT_EQ(create(db, "far", folder.file("link/far.ooc")), "");
  fs::create_directories(folder.file("secret"));
  make(folder.file("secret/x.ooc"));
  fs::create_directory_symlink(folder.file("secret"), folder.file("later"));
  EXPECT_THAT(create(db, "x", folder.file("later/x.ooc")),
              HasSubstr("not '" + folder.file("secret/x.ooc") + "'"))
      << "what a link leads to that was put there later";
}

TEST_F(FilePolicyTest, WhatCannotBeAllowedIsSaid) {
  Sqlite db(catalog);
  for (const char* path : {"NULL", "''", "7", "x''"}) {
    EXPECT_EQ(db.error(std::string("SELECT oocmap_allow(") + path + ")"),
              "oocmap_allow() takes the path of a file or folder, as text, and was given none")
        << path;
  }
  EXPECT_THAT(db.error("SELECT oocmap_allow(char(47, 0))"), HasSubstr("has a NUL in it"));
  EXPECT_THAT(create(db, "far", "../elsewhere/far.ooc"), HasSubstr("may open files in that"));
}

TEST_F(FilePolicyTest, EnvironmentCanAllowPaths) {
  Sqlite db(catalog);
  const auto far = [&](const std::string& value) {
    ::setenv("OOCMAP_ALLOW", value.c_str(), 1);
    const std::string error = create(db, "far", "../elsewhere/far.ooc");
    ::unsetenv("OOCMAP_ALLOW");
    if (error.empty()) db.run("DROP TABLE far");
    return error;
  };
  const std::string elsewhere = folder.file("elsewhere");
  EXPECT_EQ(far(elsewhere), "");
  EXPECT_EQ(far("/nowhere::" + elsewhere + "/far.ooc:"), "");
  for (const std::string value : {"", ":", "::", "/nowhere", "far.ooc"}) {
    EXPECT_THAT(far(value), HasSubstr("may open files in that")) << value;
  }
  EXPECT_THAT(far(elsewhere + "2"), HasSubstr("OOCMAP_ALLOW"));
  EXPECT_THAT(create(db, "far", "../elsewhere/far.ooc"), HasSubstr("may open files in that"));
}

// As somebody else may have written it, where nothing kept them from it.
void make_hostile(const std::string& catalog, const std::string& far, const std::string& fresh) {
  Sqlite db(catalog);
  db.run("CREATE TABLE log(a, b)");
  db.run("CREATE TABLE plain(a); INSERT INTO plain VALUES (1)");
  db.run("CREATE VIRTUAL TABLE x USING oocmap('near.ooc')");
  db.run("CREATE VIRTUAL TABLE fresh USING oocmap('near.ooc')");
  db.run("CREATE TRIGGER into_x AFTER INSERT ON plain BEGIN INSERT INTO x(key) VALUES (9); END");
  db.run("CREATE TRIGGER into_fresh AFTER DELETE ON plain BEGIN DELETE FROM fresh; END");
  db.run("CREATE TRIGGER allows AFTER UPDATE ON plain BEGIN SELECT oocmap_allow('/'); END");
  db.run("CREATE VIEW v AS SELECT key FROM x");
  db.run("CREATE VIEW va AS SELECT oocmap_allow('/') AS a");
  db.run("PRAGMA writable_schema = 1");
  db.run("UPDATE sqlite_schema SET sql = replace(sql, 'near.ooc', '" + far + "') WHERE name = 'x'");
  db.run(
      "UPDATE sqlite_schema SET sql = replace(sql, char(39) || ')', char(39) || ', create=1)') "
      "WHERE name = 'fresh'");
  db.run("UPDATE sqlite_schema SET sql = replace(sql, 'near.ooc', '" + fresh +
         "') WHERE name = 'fresh'");
  db.run(
      "UPDATE sqlite_schema SET sql = 'CREATE TABLE log(a DEFAULT (oocmap_allow(char(47))), b)' "
      "WHERE name = 'log'");
}

TEST_F(FilePolicyTest, TriggersAndViewsOfAHostileSchemaOpenNothing) {
  const std::string far = folder.file("elsewhere/far.ooc");
  const std::string fresh = folder.file("elsewhere/fresh.ooc");
  make_hostile(catalog, far, fresh);
  Sqlite db(catalog);
  for (const char* sql : {"SELECT * FROM v", "INSERT INTO plain VALUES (2)"}) {
    EXPECT_THAT(db.error(sql), HasSubstr("not '" + far + "'")) << sql;
    EXPECT_EQ(db.code(), SQLITE_AUTH);
  }
  EXPECT_THAT(db.error("DELETE FROM plain"), HasSubstr("not '" + fresh + "'"));
  for (const char* sql : {"UPDATE plain SET a = 5", "SELECT * FROM va",
                          "INSERT INTO log(b) VALUES (1)", "SELECT (SELECT a FROM va)"}) {
    EXPECT_EQ(db.error(sql), "unsafe use of oocmap_allow()") << sql;
  }
  EXPECT_THAT(db.error("SELECT * FROM x"), HasSubstr("may open files in that"))
      << "nothing has been allowed";
  EXPECT_EQ(db.rows("SELECT a FROM plain"), std::vector<std::string>{"1"});
  EXPECT_EQ(files("elsewhere"), (std::vector<std::string>{"far.ooc", "far.ooc-lock"}));
  db.run("SELECT oocmap_allow('" + folder.file("elsewhere") + "')");
  EXPECT_EQ(db.value("SELECT * FROM v"), "k") << "the connection may";
  EXPECT_THAT(db.error("DELETE FROM plain"), HasSubstr(fresh));
  EXPECT_EQ(db.code(), SQLITE_CANTOPEN) << "allowed, and yet a schema alone makes no file";
  EXPECT_FALSE(fs::exists(fresh));
}

TEST_F(FilePolicyTest, TemporaryViewsAndTriggersAreTheConnectionsOwn) {
  Sqlite db(catalog);
  db.run("CREATE TEMP VIEW va AS SELECT oocmap_allow('" + folder.file("elsewhere") + "') AS a");
  EXPECT_EQ(db.value("SELECT a FROM va"), folder.file("elsewhere"));
  EXPECT_EQ(create(db, "far", "../elsewhere/far.ooc"), "");
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
