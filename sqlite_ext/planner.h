// How a query reads the table: by key, by keys, by a range of keys, in key order, or as it lies.
#pragma once

#include <cstdint>

#include "sqlite_ext/api.h"

namespace oocmap::sql {

struct Table;

// Bits of idxNum. The arguments of xFilter follow in this order: file and root (of the table-valued
// form), key, keys or row id, lower, upper, item, limit, offset. idxStr says the same in words, for
// EXPLAIN QUERY PLAN.
enum Plan : int {
  kPlanKey = 1 << 0,         // key = ?
  kPlanKeys = 1 << 1,        // key IN (...), all at once
  kPlanLower = 1 << 2,       // key >= ?
  kPlanLowerOpen = 1 << 3,   // ... >
  kPlanUpper = 1 << 4,       // key <= ?
  kPlanUpperOpen = 1 << 5,   // ... <
  kPlanKeyOrder = 1 << 6,    // ORDER BY key is met
  kPlanDescending = 1 << 7,  // ... DESC
  kPlanLimit = 1 << 8,
  kPlanOffset = 1 << 9,
  kPlanItem = 1 << 14,   // each=: item = ?
  kPlanRowId = 1 << 15,  // each=: rowid = ?
  kPlanFile = 1 << 16,   // the table-valued form: a file is given
  kPlanRoot = 1 << 17,   // ... and a root
};

// xBestIndex. Returns whether there is a plan: none where an argument of the table-valued form is
// not known yet.
bool choose_plan(Table& table, sqlite3_index_info* info);

}  // namespace oocmap::sql
