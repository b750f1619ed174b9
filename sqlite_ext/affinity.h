// The declared type of the key column (`key INTEGER`), which SQLite applies to ordinary columns and
// not to a virtual table's: clients that bind every key as text need it to find a number's row.
// Conversions are SQLite's own: docs of "Datatypes in SQLite", sections 3.1 and 3.4.
#pragma once

#include <optional>
#include <string_view>

#include "sqlite_ext/keys.h"

namespace oocmap::sql {

enum class Affinity { kBlob, kText, kNumeric, kInteger, kReal };  // kBlob: nothing is converted

// The affinity SQLite gives a column of this declared type.
Affinity affinity_of(std::string_view type);

// key_from (keys.h) of a value that `key` is compared with: text that is a number as that number
// where the affinity is a number's, a number as its text for kText; else as it is.
// Cost: a copy of the value where it is converted.
std::optional<Key> asked_key(sqlite3_value* value, Affinity affinity);
// place_from of the same.
KeyPlace asked_place(sqlite3_value* value, Affinity affinity);
// key_from of a value to be stored: as asked_key; and 7.0 is 7 but for kReal, where 7 is 7.0.
std::optional<Key> written_key(sqlite3_value* value, Affinity affinity);

// Whether `key`, as the column shows it, is still that key once SQLite has applied the affinity. It
// does so to the keys that a DELETE collects: the text key '7' is 7 then, another row.
bool is_kept(const Key& key, Affinity affinity);

}  // namespace oocmap::sql
