// What a connection's tables and functions did, counted: oocmap_debug() shows it, and tests prove
// with it what a query did not read.
#pragma once

#include <cstdint>

namespace oocmap::sql {

// Since the extension was loaded into the connection. Threads: under SQLite's mutex of it. Of
// values, those from a map: JSON text that a function was given is not counted.
struct Counters {
  uint64_t cursors_opened = 0;       // on tables, oocmap_each and oocmap_tree
  uint64_t rows_visited = 0;         // of tables, whether or not SQLite kept them
  uint64_t member_rows = 0;          // of oocmap_each and oocmap_tree
  uint64_t paths_followed = 0;       // by named columns and functions
  uint64_t handles_made = 0;         // the column named like the table, ref, oocmap_ref
  uint64_t values_rendered = 0;      // made an SQLite value or JSON text, scalars and containers
  uint64_t containers_rendered = 0;  // those of them that are JSON text of a container
  uint64_t json_bytes = 0;           // of that text
};

}  // namespace oocmap::sql
