// The virtual tables' callbacks, as SQLite wants them.
#pragma once

#include "sqlite_ext/api.h"

namespace oocmap::sql {

// Client data of both: a std::shared_ptr<Connection>*.
extern const sqlite3_module kTableModule;  // CREATE VIRTUAL TABLE ... USING oocmap
extern const sqlite3_module kEachModule;   // oocmap_each(x, path)

}  // namespace oocmap::sql
