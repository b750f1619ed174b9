#include "sqlite_ext/file_policy.h"

#include <algorithm>
#include <cstdlib>  // secure_getenv
#include <filesystem>
#include <string_view>
#include <vector>

#include "sqlite_ext/connection.h"
#include "sqlite_ext/keys.h"
#include "sqlite_ext/values.h"

namespace oocmap::sql {
namespace {

namespace fs = std::filesystem;

// The database file a schema is stored in; empty for temp and in-memory databases.
fs::path database_file(sqlite3* db, const std::string& schema) {
  const char* name = sqlite3_db_filename(db, schema.c_str());
  return name ? fs::path(name) : fs::path();
}

// With all links resolved; what does not exist (yet) is kept as it is written.
fs::path resolved(const fs::path& path) {
  std::error_code error;
  fs::path result = fs::weakly_canonical(path, error);
  return error ? path.lexically_normal() : result;
}

fs::path absolute(const fs::path& path) {
  std::error_code error;
  fs::path result = fs::absolute(path, error);  // fails where the working directory is gone
  return error ? path : result;
}

bool lies_below(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

// What OOCMAP_ALLOW names (at this moment: a program may set it for itself), files and folders with
// ':' between them. Nothing in a process with more rights than who started it.
bool environment_allows(const fs::path& path) {
  const char* const variable = ::secure_getenv("OOCMAP_ALLOW");
  std::string_view rest = variable ? variable : "";
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    if (!name.empty() && lies_below(path, resolved(absolute(std::string(name))))) return true;
  }
  return false;
}

bool connection_allows(Connection& connection, const fs::path& path) {
  for (const std::string& allowed : connection.allowed()) {
    if (lies_below(path, allowed)) return true;
  }
  return false;
}

std::string quoted_text(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

// The argument of oocmap_allow: text, or a BLOB for a path that is no text.
Bytes path_argument(sqlite3_value* value) {
  const int type = sqlite3_value_type(value);
  Bytes path;
  if (type == SQLITE_TEXT) path = text_bytes(value);
  if (type == SQLITE_BLOB) path = blob_bytes(value);
  if (!path.empty() && path.find('\0') == Bytes::npos) return path;
  throw Error(ErrorCode::kInvalidArgument,
              std::string("oocmap_allow() takes the path of a file or folder, as text, ") +
                  (path.empty() ? "and was given none" : "and this one has a NUL in it"));
}

}  // namespace

std::string absolute_path(sqlite3* db, const std::string& schema, const std::string& file) {
  const fs::path database = database_file(db, schema);
  if (!database.empty()) return (database.parent_path() / file).string();
  return absolute(file).string();
}

std::string resolved_path(sqlite3* db, const std::string& schema, const std::string& file) {
  return resolved(absolute_path(db, schema, file)).string();
}

std::string allowed_path(Connection& connection, const std::string& schema,
                         const std::string& table, const std::string& file) {
  const fs::path path = resolved(absolute_path(connection.db, schema, file));
  const fs::path database = database_file(connection.db, schema);
  if (database.empty()) return path.string();
  const fs::path folder = resolved(database).parent_path();
  if (lies_below(path, folder) || connection_allows(connection, path) || environment_allows(path)) {
    return path.string();
  }
  throw Error(ErrorCode::kNotAllowed,
              "oocmap: the table " + schema + "." + table + " is stored in '" + database.string() +
                  "' and may open files in that file's folder or below, not '" + path.string() +
                  "'; allow that with SELECT oocmap_allow(" + quoted_text(path.string()) +
                  "), oocmap.load(..., allow=...) in Python or the environment variable "
                  "OOCMAP_ALLOW, or create the table in the temp schema (CREATE VIRTUAL TABLE "
                  "temp." +
                  table + " ...)");
}

void allow(Connection& connection, sqlite3_context* context, int, sqlite3_value** argv) {
  const Bytes given = path_argument(argv[0]);
  const std::string path = resolved(absolute(std::string(given))).string();
  connection.allow(path);
  if (sqlite3_value_type(argv[0]) == SQLITE_BLOB) return result_blob(context, path);
  result_text(context, path);
}

}  // namespace oocmap::sql
