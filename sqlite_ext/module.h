// The virtual tables' callbacks, as SQLite wants them.
#pragma once

#include "sqlite_ext/api.h"

namespace oocmap::sql {

// Client data of each: a std::shared_ptr<Connection>*.
// CREATE VIRTUAL TABLE ... USING oocmap, in the version of the struct that the SQLite at run time
// knows.
const sqlite3_module* table_module();
extern const sqlite3_module kEachModule;  // oocmap_each(x, path)
extern const sqlite3_module kTreeModule;  // oocmap_tree(x, path)

}  // namespace oocmap::sql
