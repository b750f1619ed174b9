// A dict made from named columns: name TEXT PATH '$.name', age INTEGER PATH '$.profile.age'.
#pragma once

#include <vector>

#include "sqlite_ext/table.h"

namespace oocmap::sql {

struct NamedValue {
  const NamedColumn* column;
  sqlite3_value* value;
};

// The dict that has these values at these paths; `values` is not empty.
// Errors: kInvalidArgument for a path with a step that is no .name, or two paths of which one lies
// inside the other.
EncodedValue encode_named(Connection& connection, Session& target,
                          const std::vector<NamedValue>& values);

}  // namespace oocmap::sql
