// Keys between SQLite and the store.
//
// A key with an exact SQL value is that value; every other one (None, an int that is neither an
// int64 nor a binary64, text with lone surrogates, a tuple) is a BLOB of its own kind
// (format/handle.h), and so is a bytes key that begins like such a BLOB, so that none can be
// mistaken.
#pragma once

#include <optional>

#include "core/base/error.h"
#include "core/format/key_encoding.h"
#include "core/store/dict.h"
#include "sqlite_ext/api.h"

namespace oocmap::sql {

// A view of a SQL value's bytes; of TEXT and BLOB only.
Bytes text_bytes(sqlite3_value* value);
Bytes blob_bytes(sqlite3_value* value);

// The key a SQL value stands for; nullopt for NULL, and for text that no stored key can equal.
// Errors: kInvalidArgument for a BLOB that begins as a key does and is none.
std::optional<Key> key_from(sqlite3_value* value);

// Shows a key in a result.
void result_key(sqlite3_context* context, const Key& key);
// Python's name of the key's type.
const char* key_type_name(const Key& key);
// For messages: a short text of the key.
std::string describe_key(const Key& key);
// The same error, its message naming the row: in the row 'k': ...
Error in_row(const Key& key, const Error& error);

// SQLite sorts keys as NULL < numbers < text < BLOB, BLOBs by their bytes. The store sorts numbers
// < text < bytes < others. The two agree inside each of these regions, walked in this order:
enum class KeyRegion : uint8_t {
  kPlain = 0,      // numbers and text
  kLowBytes = 1,   // bytes up to those that begin as a key BLOB does
  kOthers = 2,     // keys shown as a key BLOB
  kHighBytes = 3,  // bytes behind those
};
inline constexpr int kKeyRegions = 4;
// The region's first order bytes, and those just behind it.
KeyBounds region_bounds(KeyRegion region);

// A place among SQL's values: a region and order bytes in it.
struct KeyPlace {
  KeyRegion region = KeyRegion::kPlain;
  Buffer order;
};
KeyPlace place_of(const Key& key);
// Of a value that is not NULL. Errors: as key_from.
KeyPlace place_from(sqlite3_value* value);

}  // namespace oocmap::sql
