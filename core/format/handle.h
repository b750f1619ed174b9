// Handle bytes: how a reference travels through SQL values and pickles. docs/format.md.
//   0xcf 'O' 'M' | version u8 = 1 | kind u8 | store id (8 bytes) | ...
//   kind 0 container: tag u8 | identity u64
//   kind 1 scalar:    packed value
//   kind 2 container of an open transaction: as 0, then session nonce u64 | birth u64
// and of keys that have no SQL value (as a BLOB in the key column):
//   0xcf 'O' 'K' | version u8 = 1 | element form of the order bytes | [packed key: not kCanonical]
//   The element form ends by itself and sorts as the key does: so do these BLOBs in SQLite.
// The low nibble of the first byte is 0xf: never valid JSON, JSONB or UTF-8.
#pragma once

#include <optional>

#include "core/base/bytes.h"
#include "core/base/export.h"
#include "core/format/key_encoding.h"
#include "core/format/word.h"

namespace oocmap {

enum class HandleKind : uint8_t { kContainer = 0, kScalar = 1, kUncommitted = 2 };

struct Handle {
  HandleKind kind = HandleKind::kContainer;
  uint64_t store_id = 0;  // short_store_id (meta.h)
  Tag tag = 0;            // containers
  Identity identity = 0;  // containers
  Bytes packed = {};      // scalars
  uint64_t nonce = 0;     // kUncommitted
  uint64_t birth = 0;     // kUncommitted
};

OOCMAP_API bool is_handle(Bytes bytes) noexcept;  // by its magic
OOCMAP_API Buffer encode_handle(const Handle& handle);
// Errors: kStaleHandle for another version's, kCorrupt. Lifetime: `packed` views `bytes`.
OOCMAP_API Handle decode_handle(Bytes bytes);

OOCMAP_API bool is_key_blob(Bytes bytes) noexcept;
OOCMAP_API Buffer encode_key_blob(const Key& key);
OOCMAP_API Key decode_key_blob(Bytes bytes);  // Errors: kInvalidArgument

}  // namespace oocmap
