// oocmap_get, oocmap_ref, oocmap_json, oocmap_type, oocmap_len, oocmap_version, oocmap_debug,
// oocmap_schema, oocmap_stats, and -> and ->> on a table's columns.
#pragma once

#include "sqlite_ext/connection.h"

namespace oocmap::sql {

// Defines the functions on a connection; returns an SQLite result code.
int define_functions(const std::shared_ptr<Connection>& connection);

// xFindFunction: m ->> '$.a' on the handle column reads that path alone. SQLite asks for it only
// where the left side is a column as it stands (docs/sql.md has where that is not so).
int find_arrow(sqlite3_vtab* table, int argc, const char* name,
               void (**function)(sqlite3_context*, int, sqlite3_value**), void** data) noexcept;

}  // namespace oocmap::sql
