// oocmap_debug(): what the connection did so far.
#pragma once

#include "sqlite_ext/connection.h"

namespace oocmap::sql {

// The body of oocmap_debug(): a JSON object of versions and counters (counters.h).
void debug(Connection& connection, sqlite3_context* context, int argc, sqlite3_value** argv);

}  // namespace oocmap::sql
