#include "sqlite_ext/file_policy.h"

#include <filesystem>

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

bool lies_below(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

std::string absolute_path(sqlite3* db, const std::string& schema, const std::string& file) {
  const fs::path database = database_file(db, schema);
  if (!database.empty()) return (database.parent_path() / file).string();
  std::error_code error;
  fs::path absolute = fs::absolute(file, error);  // fails where the working directory is gone
  return error ? file : absolute.string();
}

std::string allowed_path(sqlite3* db, const std::string& schema, const std::string& table,
                         const std::string& file) {
  const fs::path path = resolved(absolute_path(db, schema, file));
  const fs::path database = database_file(db, schema);
  if (database.empty()) return path.string();
  const fs::path folder = resolved(database).parent_path();
  if (lies_below(path, folder)) return path.string();
  throw Error(ErrorCode::kNotAllowed,
              "oocmap: the table " + schema + "." + table + " is stored in '" + database.string() +
                  "' and may open files in that file's folder or below, not '" + path.string() +
                  "'; create it in the temp schema (CREATE VIRTUAL TABLE temp." + table +
                  " ...), or move one of the two files");
}

}  // namespace oocmap::sql
