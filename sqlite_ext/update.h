// INSERT, UPDATE, DELETE (xUpdate).
#pragma once

#include <vector>

#include "sqlite_ext/table.h"

namespace oocmap::sql {

// `arguments` as SQLite gives them: the old key (NULL: INSERT), the new key, then one a column;
// only the old key for a DELETE. Errors: SqliteError for constraints.
void update_table(Table& table, const std::vector<sqlite3_value*>& arguments);

}  // namespace oocmap::sql
