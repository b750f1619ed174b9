// The SQL surface on a real connection: handles, key BLOBs, JSON text, paths and table arguments as
// functions and virtual tables are given them. The first byte says which statement; its low bits
// above say which parameters are BLOBs; the rest, split at the first newline, is the two
// parameters. Every statement runs inside a transaction that is rolled back.
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "tests/fuzz/fuzz.h"

namespace oocmap {
namespace {

constexpr const char* kStatements[] = {
    "SELECT oocmap_get(?1, ?2), oocmap_type(?1, ?2), oocmap_len(?1, ?2), oocmap_json(?1, ?2)",
    "SELECT oocmap_get(?1), oocmap_type(?1), oocmap_len(?1), oocmap_json(?1), oocmap_ref(?1)",
    "SELECT key, value, type, atom, path FROM oocmap_each(?1, ?2) LIMIT 200",
    "SELECT key, value, type, fullkey, path FROM oocmap_tree(?1, ?2) LIMIT 200",
    "SELECT ?1 -> ?2, ?1 ->> ?2 FROM m LIMIT 1",
    "SELECT m -> ?1, m ->> ?2, oocmap_get(m, ?1, ?2) FROM m",
    "SELECT key, value, type FROM m WHERE key = ?1 OR key IN (?2, ?1)",
    "SELECT key FROM m WHERE key >= ?1 AND key < ?2 ORDER BY key DESC",
    "SELECT key FROM m WHERE key LIKE ?1 OR key GLOB ?2",
    "INSERT OR REPLACE INTO m(key, json) VALUES (?2, ?1)",
    "INSERT OR REPLACE INTO m(key, value) VALUES (?1, ?2)",
    "UPDATE m SET path = ?1, value = ?2 WHERE key = 'deep'",
    "UPDATE m SET path = ?1, json = ?2 WHERE key = 'deep'",
    "UPDATE OR REPLACE m SET key = ?1 WHERE key = ?2 OR key = 'list'",
    "INSERT INTO m(m) VALUES (?1)",
    "SELECT count(*), max(length(value)) FROM oocmap(?2, ?1)",
    "DELETE FROM m WHERE key = ?1 OR key > ?2",
};
constexpr size_t kArguments = std::size(kStatements);  // CREATE VIRTUAL TABLE with the input in it

struct World {
  sqlite3* db = nullptr;
  std::filesystem::path folder;
  std::string file;
  std::string store_id;  // as it stands in a handle

  World() {
    std::string name = (std::filesystem::temp_directory_path() / "oocmap_fuzz_XXXXXX").string();
    require(mkdtemp(name.data()) != nullptr, "no folder");
    folder = std::filesystem::canonical(name);
    file = (folder / "map.ooc").string();
    require(sqlite3_open(":memory:", &db) == SQLITE_OK, "no connection");
    sqlite3_enable_load_extension(db, 1);
    const char* const extension = std::getenv("OOCMAP_SO");
    require(extension != nullptr, "OOCMAP_SO is not set");
    require(sqlite3_load_extension(db, extension, nullptr, nullptr) == SQLITE_OK, "not loaded");
    run("CREATE VIRTUAL TABLE temp.m USING oocmap('" + file + "', create=1)");
    run(R"(INSERT INTO m(key, json) VALUES
        ('deep', '{"a": [1, {"b": "c"}, [2.5, null, true]], "text": "some text of a few words"}'),
        ('list', '[1, 2, 3, [4, [5, [6]]], "x", 123456789012345678901234567890]'),
        (7, '"seven"'), (1.5, '{"1": 1}'), (x'00ff', '[]'))");
    run("INSERT INTO m(key, json) SELECT 'big', json_group_object('k' || value, value) FROM "
        "(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 3000) "
        "SELECT value FROM n)");
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(db, "SELECT m FROM m WHERE key = 'deep'", -1, &statement, nullptr);
    require(sqlite3_step(statement) == SQLITE_ROW, "no row");
    store_id.assign(static_cast<const char*>(sqlite3_column_blob(statement, 0)) + 5, 8);
    sqlite3_finalize(statement);
  }
  ~World() {
    sqlite3_close(db);
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void run(const std::string& sql) const {
    char* error = nullptr;
    sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &error);
    require(error == nullptr, error);
  }

  // A handle of another file is refused at once: it gets this one's name.
  std::string of_this_file(std::string_view parameter) const {
    std::string text(parameter);
    if (text.starts_with("\xcfOM") && text.size() >= 13) text.replace(5, 8, store_id);
    return text;
  }
};

void bind(sqlite3_stmt* statement, int i, const std::string& text, bool blob) {
  const auto size = static_cast<int>(text.size());
  if (blob) {
    sqlite3_bind_blob(statement, i, text.data(), size, SQLITE_TRANSIENT);
  } else {
    sqlite3_bind_text(statement, i, text.data(), size, SQLITE_TRANSIENT);
  }
}

void step_through(sqlite3_stmt* statement) {
  for (int rows = 0; rows < 1000 && sqlite3_step(statement) == SQLITE_ROW; ++rows) {
    for (int i = 0; i < sqlite3_column_count(statement); ++i) sqlite3_column_blob(statement, i);
  }
  require(sqlite3_errcode(sqlite3_db_handle(statement)) != SQLITE_INTERNAL, "SQLITE_INTERNAL");
}

void check(std::string_view input) {
  static const World world;
  if (input.empty()) return;
  const auto first = static_cast<uint8_t>(input.front());
  const size_t which = first % 32 % (kArguments + 1);
  input.remove_prefix(1);
  const size_t line = std::min(input.find('\n'), input.size());
  const std::string one = world.of_this_file(input.substr(0, line));
  const std::string two = world.of_this_file(input.substr(std::min(line + 1, input.size())));
  world.run("BEGIN");
  sqlite3_stmt* statement = nullptr;
  if (which == kArguments) {
    const std::string sql =
        "CREATE VIRTUAL TABLE temp.x USING oocmap('" + world.file + "', " + one + ")";
    if (sqlite3_prepare_v2(world.db, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK) {
      if (sqlite3_step(statement) == SQLITE_DONE) {
        sqlite3_finalize(statement);
        sqlite3_prepare_v2(world.db, "SELECT * FROM x LIMIT 20", -1, &statement, nullptr);
      }
    }
  } else {
    require(sqlite3_prepare_v2(world.db, kStatements[which], -1, &statement, nullptr) == SQLITE_OK,
            sqlite3_errmsg(world.db));
    bind(statement, 1, one, (first & 64) != 0);
    bind(statement, 2, std::strstr(kStatements[which], "FROM oocmap(") ? world.file : two,
         (first & 128) != 0 && std::strstr(kStatements[which], "FROM oocmap(") == nullptr);
  }
  if (statement != nullptr) step_through(statement);
  sqlite3_finalize(statement);
  if (which == kArguments)
    sqlite3_exec(world.db, "DROP TABLE IF EXISTS temp.x", nullptr, nullptr, nullptr);
  if (sqlite3_get_autocommit(world.db) == 0) world.run("ROLLBACK");
}

}  // namespace
}  // namespace oocmap

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  oocmap::check(oocmap::input_text(data, size));
  return 0;
}
