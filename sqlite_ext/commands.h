// INSERT INTO m(m) VALUES ('command').
#pragma once

#include "sqlite_ext/table.h"

namespace oocmap::sql {

// Errors: kInvalidArgument for an unknown command; the message lists those there are.
void run_command(Table& table, sqlite3_value* command);
// 'join', 'lock', ...
std::string command_names();

}  // namespace oocmap::sql
