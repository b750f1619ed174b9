// JSON text of a stored value, always valid RFC 8259; docs/sql.md has what becomes of what JSON
// lacks: tuple, set and frozenset -> array, an array -> nested arrays (array_writer.h), bytes ->
// base64 text (keys too), NaN -> null and infinities as SQLite's json() writes them, a key that is
// not a string -> its text as Python's json.dumps writes it, lone surrogates -> \uXXXX.
#pragma once

#include "core/base/bytes.h"
#include "core/base/export.h"
#include "core/json/number.h"
#include "core/store/store.h"

namespace oocmap {

// Appends to `to`. Errors: kTypeMismatch for a cyclic value, and past `max_bytes` (the message says
// which), kStaleHandle, kCorrupt. No recursion on the C stack. Compact: no blanks, non-ASCII text
// as UTF-8.
OOCMAP_API void write_json(Store& store, const Transaction& transaction, const Member& value,
                           Buffer& to, size_t max_bytes = size_t{1} << 40);
// JSON text of generalised UTF-8 (what write_json uses for every text).
void write_json_text(Bytes text, Buffer& to);
// A scalar; `payload` is its resolved payload. Errors: kCorrupt.
OOCMAP_API void write_json_scalar(const Member& value, Bytes payload, Buffer& to);
// A whole packed value (packed.h): tuples and frozensets are arrays. Errors: kCorrupt.
OOCMAP_API void write_json_packed(Bytes packed, Buffer& to);
// A dict key as JSON text, quotes included: text as it is, bytes base64, None, True and numbers as
// json.dumps writes them, a tuple or frozenset as its Python
// literal.
OOCMAP_API void write_json_key(const Key& key, Buffer& to);

}  // namespace oocmap
