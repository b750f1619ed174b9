// A SQLite connection with the extension loaded, and a folder for its files.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/json/reader.h"
#include "core/store/connections.h"
#include "core/store/dict.h"
#include "core/store/encoder.h"
#include "core/store/session.h"

namespace oocmap {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "oocmap_ext_XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp");
    path_ = std::filesystem::canonical(name);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

class Sqlite {
 public:
  explicit Sqlite(const std::string& file = ":memory:") {
    EXPECT_EQ(sqlite3_open(file.c_str(), &db_), SQLITE_OK);
    sqlite3_enable_load_extension(db_, 1);
    char* error = nullptr;
    const char* extension = std::getenv("OOCMAP_SO");
    if (!extension) throw std::runtime_error("OOCMAP_SO is not set");
    if (sqlite3_load_extension(db_, extension, nullptr, &error) != SQLITE_OK) {
      ADD_FAILURE() << error;
    }
    sqlite3_free(error);
  }
  ~Sqlite() { close(); }
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;

  sqlite3* raw() const { return db_; }
  int close() {
    const int code = sqlite3_close(db_);
    if (code == SQLITE_OK) db_ = nullptr;
    return code;
  }

  // Runs statements. Returns "" or the error's message.
  std::string error(const std::string& sql) {
    char* message = nullptr;
    code_ = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, &message);
    extended_ = sqlite3_extended_errcode(db_);
    const std::string text = message ? message : "";
    sqlite3_free(message);
    return text;
  }
  void run(const std::string& sql) { EXPECT_EQ(error(sql), "") << sql; }
  int code() const { return code_; }
  int extended_code() const { return extended_; }

  // Rows as text: columns joined by '|', NULL as "NULL", BLOBs as X'..'.
  std::vector<std::string> rows(const std::string& sql);
  // The one value of a query.
  std::string value(const std::string& sql) {
    const std::vector<std::string> all = rows(sql);
    return all.size() == 1 ? all[0] : "(" + std::to_string(all.size()) + " rows)";
  }
  // EXPLAIN QUERY PLAN, its detail column.
  std::string plan(const std::string& sql);

  std::shared_ptr<Session> session(const std::string& file) {
    OpenOptions options;
    options.path = file;
    return session_of(db_, Store::open(options));
  }

 private:
  sqlite3* db_ = nullptr;
  int code_ = SQLITE_OK;
  int extended_ = SQLITE_OK;
};

// A prepared statement that is read step by step.
class Statement {
 public:
  Statement(Sqlite& database, const std::string& sql) : database_(database) {
    EXPECT_EQ(sqlite3_prepare_v2(database.raw(), sql.c_str(), -1, &statement_, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database.raw());
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  sqlite3_stmt* raw() const { return statement_; }
  // The next row as text, "end", or the error's message.
  std::string next();
  void reset() { sqlite3_reset(statement_); }

 private:
  Sqlite& database_;
  sqlite3_stmt* statement_ = nullptr;
};

inline std::string column_text(sqlite3_stmt* statement, int i) {
  switch (sqlite3_column_type(statement, i)) {
    case SQLITE_NULL:
      return "NULL";
    case SQLITE_BLOB: {
      static constexpr char kHex[] = "0123456789abcdef";
      const auto* bytes = static_cast<const unsigned char*>(sqlite3_column_blob(statement, i));
      std::string out = "X'";
      for (int k = 0; k < sqlite3_column_bytes(statement, i); ++k) {
        out.push_back(kHex[bytes[k] >> 4]);
        out.push_back(kHex[bytes[k] & 15]);
      }
      return out + "'";
    }
    default:
      return {reinterpret_cast<const char*>(sqlite3_column_text(statement, i)),
              static_cast<size_t>(sqlite3_column_bytes(statement, i))};
  }
}

inline std::string row_text(sqlite3_stmt* statement) {
  std::string row;
  for (int i = 0; i < sqlite3_column_count(statement); ++i) {
    if (i > 0) row += "|";
    row += column_text(statement, i);
  }
  return row;
}

inline std::string Statement::next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return row_text(statement_);
  return code == SQLITE_DONE ? "end" : sqlite3_errmsg(database_.raw());
}

inline std::vector<std::string> Sqlite::rows(const std::string& sql) {
  std::vector<std::string> out;
  Statement statement(*this, sql);
  if (!statement.raw()) return {sqlite3_errmsg(db_)};
  for (std::string row = statement.next(); row != "end"; row = statement.next()) {
    out.push_back(row);
    if (sqlite3_errcode(db_) != SQLITE_ROW) break;
  }
  return out;
}

inline std::string Sqlite::plan(const std::string& sql) {
  std::string out;
  Statement statement(*this, "EXPLAIN QUERY PLAN " + sql);
  while (sqlite3_step(statement.raw()) == SQLITE_ROW) {
    if (!out.empty()) out += "; ";
    out += column_text(statement.raw(), 3);
  }
  return out;
}

// --- Writing beside SQL, as the Python lazies do

inline EncodedValue from_json(const std::string& json) {
  ValueEncoder encoder;
  read_json(json, encoder);
  return encoder.finish();
}

inline void put(Session& session, const Key& key, EncodedValue value) {
  WriteScope scope(session);
  dict_set(session.store(), scope.transaction(), session.store().root(), key, std::move(value));
  scope.commit();
}
inline void put(Session& session, const std::string& key, const std::string& json) {
  put(session, Key::text(key), from_json(json));
}

// A map in a folder of its own, as temp.m of a connection.
class MapTest : public ::testing::Test {
 protected:
  MapTest() { db.run("CREATE VIRTUAL TABLE temp.m USING oocmap('" + path + "', create=1)"); }
  void insert(const std::string& key, const std::string& json) {
    db.run("INSERT INTO m(key, json) VALUES (" + key + ", '" + json + "')");
  }
  std::string keys(const std::string& rest = "") {
    std::string out;
    for (const std::string& row : db.rows("SELECT key FROM m " + rest)) {
      out += (out.empty() ? "" : " ") + row;
    }
    return out;
  }

  Folder folder;
  std::string path = folder.file("map.ooc");
  Sqlite db;
};

}  // namespace oocmap
