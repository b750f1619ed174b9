// oocmap_stats(x): what the file of a map holds, as a JSON object.
#pragma once

#include "sqlite_ext/connection.h"

namespace oocmap::sql {

// As of the last commit: docs/sql.md has the members. Errors and cost: those of read_statistics().
Buffer stats_json(Session& session);

// The body of oocmap_stats(x); `x` is a handle of any value of the map.
void stats(Connection& connection, sqlite3_context* context, int argc, sqlite3_value** argv);

}  // namespace oocmap::sql
