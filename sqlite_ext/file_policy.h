// Which file a table means, and whether it may open it.
//
// A schema can come from anywhere (a database somebody sent), so a table stored in a database file
// opens only files in that file's folder or below, and what the connection or the environment
// allowed besides. A table in the temp schema or an in-memory database was made by this connection:
// any file.
#pragma once

#include <string>

#include "sqlite_ext/api.h"

namespace oocmap::sql {

class Connection;

// `file` as an absolute path: relative to the folder of the database file that stores the schema
// `schema`, else to the working directory. Links are not followed; nothing is checked.
std::string absolute_path(sqlite3* db, const std::string& schema, const std::string& file);

// The same with its links resolved; what does not exist (yet) is kept as it is written.
std::string resolved_path(sqlite3* db, const std::string& schema, const std::string& file);

// The path to open, links resolved. Errors: kNotAllowed; the message says what to do.
std::string allowed_path(Connection& connection, const std::string& schema,
                         const std::string& table, const std::string& file);

// oocmap_allow(path): from now on, tables of this connection may open the file `path`, or the files
// in the folder `path` or below, wherever the table is stored. Its result is the path with its
// links resolved. What is not there yet may be allowed; where a link is put there later, what that
// leads to is not.
void allow(Connection& connection, sqlite3_context* context, int argc, sqlite3_value** argv);

}  // namespace oocmap::sql
