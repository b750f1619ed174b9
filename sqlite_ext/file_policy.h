// Which file a table means, and whether it may open it.
//
// A schema can come from anywhere (a database somebody sent), so a table stored in a database file
// opens only files in that file's folder or below. A table in the temp schema or an in-memory
// database was made by this connection: any file.
#pragma once

#include <string>

#include "sqlite_ext/api.h"

namespace oocmap::sql {

// `file` as an absolute path: relative to the folder of the database file that stores the schema
// `schema`, else to the working directory. Links are not followed; nothing is checked.
std::string absolute_path(sqlite3* db, const std::string& schema, const std::string& file);

// The path to open, links resolved. Errors: kNotAllowed; the message says what to do.
std::string allowed_path(sqlite3* db, const std::string& schema, const std::string& table,
                         const std::string& file);

}  // namespace oocmap::sql
