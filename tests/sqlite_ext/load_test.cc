#include <gmock/gmock.h>

#include "core/base/error.h"
#include "sqlite_ext/errors.h"
#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

std::vector<std::string> names(Sqlite& db, const std::string& pragma) {
  return db.rows("SELECT DISTINCT name FROM " + pragma +
                 " WHERE name LIKE 'oocmap%' ORDER BY name");
}

TEST(LoadTest, DefinesWhatIsDocumentedAndNothingElse) {
  sqlite3* bare = nullptr;
  sqlite3_open(":memory:", &bare);
  sqlite3_close(bare);
  Sqlite db;
  EXPECT_THAT(
      names(db, "pragma_function_list"),
      ElementsAre("oocmap_allow", "oocmap_debug", "oocmap_get", "oocmap_json", "oocmap_len",
                  "oocmap_ref", "oocmap_schema", "oocmap_stats", "oocmap_type", "oocmap_version"));
  EXPECT_THAT(names(db, "pragma_module_list"), ElementsAre("oocmap", "oocmap_each", "oocmap_tree"));
}

TEST(LoadTest, LoadingTwiceOnOneConnectionChangesNothing) {
  Folder folder;
  Sqlite db;
  db.run("CREATE VIRTUAL TABLE temp.m USING oocmap('" + folder.file("f.ooc") + "', create=1)");
  EXPECT_EQ(sqlite3_load_extension(db.raw(), std::getenv("OOCMAP_SO"), nullptr, nullptr),
            SQLITE_OK);
  db.run("INSERT INTO m(key) VALUES (1)");
  EXPECT_EQ(db.value("SELECT key FROM m"), "1");
}

TEST(LoadTest, LoadsFromASelect) {  // as JDBC and Datasette do
  sqlite3* raw = nullptr;
  sqlite3_open(":memory:", &raw);
  sqlite3_enable_load_extension(raw, 1);
  const std::string load = std::string("SELECT load_extension('") + std::getenv("OOCMAP_SO") + "')";
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(sqlite3_exec(raw, load.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  }
  EXPECT_EQ(sqlite3_exec(raw, "SELECT oocmap_version()", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_EQ(sqlite3_close(raw), SQLITE_OK);
}

TEST(LoadTest, SymlinkIsTheSameImage) {
  Folder folder;
  fs::create_symlink(fs::canonical(std::getenv("OOCMAP_SO")), folder.file("oocmap.so"));
  Sqlite db;
  sqlite3* other = nullptr;
  sqlite3_open(":memory:", &other);
  sqlite3_enable_load_extension(other, 1);
  EXPECT_EQ(sqlite3_load_extension(other, folder.file("oocmap.so").c_str(), nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(other);
}

// What loading `extension` says; "" where it loads.
std::string load_error(const std::string& extension) {
  sqlite3* db = nullptr;
  sqlite3_open(":memory:", &db);
  sqlite3_enable_load_extension(db, 1);
  char* error = nullptr;
  sqlite3_load_extension(db, extension.c_str(), nullptr, &error);
  const std::string message = error ? error : "";
  sqlite3_free(error);
  sqlite3_close(db);
  return message;
}

// In a child: a copy that was mapped once stays, and nothing can be opened beside it.
TEST(LoadTest, CopyOfTheFileIsRefusedAndBothAreNamed) {
  Folder folder;
  const std::string original = fs::canonical(std::getenv("OOCMAP_SO")).string();
  const std::string copy = folder.file("oocmap.so");
  fs::copy_file(original, copy);
  const auto child = [&] {
    Sqlite db;  // the original is in use
    const std::string message = load_error(copy);
    std::fputs(message.c_str(), stderr);
    std::_Exit(0);
  };
  EXPECT_EXIT(child(), ::testing::ExitedWithCode(0),
              ::testing::AllOf(::testing::HasSubstr("'" + original + "'"),
                               ::testing::HasSubstr("'" + copy + "' cannot be loaded beside it")));
}

TEST(LoadTest, SessionNeedsTheExtension) {
  Folder folder;
  OpenOptions options;
  options.path = folder.file("f.ooc");
  const auto store = Store::open(options);
  sqlite3* bare = nullptr;
  sqlite3_open(":memory:", &bare);
  try {
    session_of(bare, store);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "the extension oocmap is not loaded on this SQLite connection");
  }
  sqlite3_close(bare);
}

TEST(LoadTest, SessionIsTheTables) {
  Folder folder;
  const std::string path = folder.file("f.ooc");
  Sqlite db;
  db.run("CREATE VIRTUAL TABLE temp.m USING oocmap('" + path + "', create=1)");
  const auto session = db.session(path);
  EXPECT_EQ(session, db.session(path));
  Sqlite other;
  EXPECT_NE(session, other.session(path)) << "one a connection";
}

TEST(LoadTest, FileIsLetGoWithItsLastTable) {
  Folder folder;
  const std::string path = folder.file("f.ooc");
  Sqlite db;
  db.run("CREATE VIRTUAL TABLE temp.m USING oocmap('" + path + "', create=1)");
  const std::weak_ptr<Session> session = db.session(path);
  EXPECT_FALSE(session.expired());
  db.run("DROP TABLE m");
  EXPECT_TRUE(session.expired());
}

TEST(LoadTest, BuildIdIsThere) { EXPECT_GT(std::string(image_build_id()).size(), 8u); }

// --- The translation table (docs/sql.md has the same rows)

TEST(ErrorTableTest, EachCodeHasItsRow) {
  const std::vector<std::pair<ErrorCode, int>> rows = {
      {ErrorCode::kInvalidPath, SQLITE_ERROR},
      {ErrorCode::kInvalidJson, SQLITE_ERROR},
      {ErrorCode::kInvalidArgument, SQLITE_ERROR},
      {ErrorCode::kTypeMismatch, SQLITE_ERROR},
      {ErrorCode::kCorrupt, SQLITE_CORRUPT_VTAB},
      {ErrorCode::kFormatVersion, SQLITE_CORRUPT_VTAB},
      {ErrorCode::kMapFull, SQLITE_FULL},
      {ErrorCode::kDiskFull, SQLITE_FULL},
      {ErrorCode::kTransactionTooBig, SQLITE_TOOBIG},
      {ErrorCode::kTransactionFailed, SQLITE_ERROR},
      {ErrorCode::kReadOnly, SQLITE_READONLY},
      {ErrorCode::kBusy, SQLITE_BUSY},
      {ErrorCode::kStaleHandle, SQLITE_ERROR},
      {ErrorCode::kNotAllowed, SQLITE_AUTH},
      {ErrorCode::kClosed, SQLITE_MISUSE},
      {ErrorCode::kSecondImage, SQLITE_ERROR},
      {ErrorCode::kFilesystem, SQLITE_CANTOPEN},
      {ErrorCode::kIo, SQLITE_IOERR},
  };
  EXPECT_EQ(rows.size(), static_cast<size_t>(ErrorCode::kIo) + 1) << "kIo is the last code";
  for (const auto& [code, sqlite] : rows) {
    EXPECT_EQ(sql::sqlite_code(code), sqlite) << static_cast<int>(code);
  }
}

}  // namespace
}  // namespace oocmap
