// oocmap_schema(table, file [, root]): the CREATE VIRTUAL TABLE text of a table on a map, with the
// columns its values suggest.
#pragma once

#include "sqlite_ext/connection.h"

namespace oocmap::sql {

// The body of the function. Reads at most 2,000 of the root's members, the first and the last ones.
// Opens the file, so it is for statements, not for views and triggers (SQLITE_DIRECTONLY).
void schema(Connection& connection, sqlite3_context* context, int argc, sqlite3_value** argv);

}  // namespace oocmap::sql
