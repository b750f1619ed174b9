// Stored values as SQLite values, and back.
#pragma once

#include <optional>
#include <string>

#include "core/json/path.h"
#include "core/store/encoder.h"
#include "core/store/session.h"
#include "sqlite_ext/api.h"
#include "sqlite_ext/counters.h"

namespace oocmap::sql {

class Connection;

inline constexpr unsigned kJsonSubtype = 'J';

// Python's name of a member's type: 'NoneType', 'bool', 'int', 'float', 'str', 'bytes', 'dict', ...
const char* type_name(const Member& member);
// The same; says which numpy scalar also where its bytes are in `immutables`.
const char* type_name(Store& store, const Transaction& transaction, const Member& member);

void result_text(sqlite3_context* context, Bytes text);
void result_blob(sqlite3_context* context, Bytes bytes);
// Text with subtype J.
void result_json_text(sqlite3_context* context, Bytes json);

// A scalar whose payload is resolved: NULL, a number, text, a BLOB; an int beyond 64 bits is its
// exact decimal text. Lone surrogates stay as they are stored (three bytes each, not valid UTF-8).
void result_scalar(sqlite3_context* context, const Member& member, Bytes payload);
// A scalar as above, a container as JSON text.
void result_value(sqlite3_context* context, Counters& counters, Store& store,
                  const Transaction& transaction, const Member& member);
// JSON text always.
void result_json(sqlite3_context* context, Counters& counters, Store& store,
                 const Transaction& transaction, const Member& member);
// `bytes` of JSON text were made of the member.
void count_json(Counters& counters, const Member& member, size_t bytes) noexcept;
// Whether the JSON text of the member is `text`. Errors: kStaleHandle, kCorrupt. Cost: O(text),
// however long the member's own text is: false for one that is longer, or that contains itself.
bool json_is(Store& store, const Transaction& transaction, const Member& member, Bytes text);
// Whether result_value() of the member (nullopt: NULL) is `value`.
bool shows_as(Store& store, const Transaction& transaction, const std::optional<Member>& member,
              sqlite3_value* value);
// The longest text SQLite takes on this connection.
size_t length_limit(sqlite3_context* context);

// The payload of a scalar; empty for those that have none.
Bytes scalar_payload(Store& store, const Transaction& transaction, const Member& member);
// A scalar, packed (handles carry it).
void pack_scalar(const Member& member, Bytes payload, Buffer& to);
// The member a packed scalar stands for; its payload views `packed`.
Member unpack_scalar(Bytes packed);

// The handle of a member. One made inside the session's open transaction says so: it ends with a
// rollback.
void result_handle(sqlite3_context* context, Session& session, const Transaction& transaction,
                   const Member& member);

// What a SQL value stands for as a value of the map. A handle is a reference to the container it
// names (in `target`'s own store) or a deep copy of it (from another); other BLOBs are bytes.
// Errors: kInvalidArgument for text that is not UTF-8, kStaleHandle.
void feed_value(Connection& connection, Session& target, sqlite3_value* value, ValueEncoder& to);
EncodedValue encode_value(Connection& connection, Session& target, sqlite3_value* value);
// From JSON text. Errors: kInvalidJson, kInvalidArgument.
EncodedValue encode_json(sqlite3_value* value);

}  // namespace oocmap::sql
