// The rows of database `meta`: text key -> fixed-size value. docs/format.md.
//
// "format_version" is read before all else and stands outside any checksum: a newer file is refused
// with its number, whatever else changed in it.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/export.h"
#include "core/format/word.h"

namespace oocmap {

// Do not rename: on disk.
inline constexpr Bytes kMetaFormatVersion = "format_version";  // u32
inline constexpr Bytes kMetaFlags = "flags";                   // u64, feature bits
inline constexpr Bytes kMetaStoreId = "store_id";              // 16 random bytes
inline constexpr Bytes kMetaNextRecord = "next_record";        // u64
inline constexpr Bytes kMetaNextImmutable = "next_immutable";  // u64
inline constexpr Bytes kMetaDurability = "durability";         // u8 (Durability)
inline constexpr Bytes kMetaRoot = "root";                     // u64, identity of the root dict
// While a vacuum is under way, or was cut off. Readers need none of them.
inline constexpr Bytes kMetaVacuumRecords = "vacuum_records";        // u64: ids below may be erased
inline constexpr Bytes kMetaVacuumImmutables = "vacuum_immutables";  // u64, likewise
inline constexpr Bytes kMetaVacuumSweeping = "vacuum_sweeping";      // u64: erasing below was begun
inline constexpr Bytes kMetaVacuumTouched = "vacuum_touched ";       // and what: nothing

// Feature bits. Do not renumber: on disk. A reader that does not know a bit refuses the file.
inline constexpr uint64_t kFeaturePathIndexes = 1;  // reserved, with database "path_indexes"
inline constexpr uint64_t kKnownFeatures = 0;

// The root dict's identity in every store of version 1; ids below are never given out.
inline constexpr Identity kRootIdentity = make_identity(1, 0);
inline constexpr uint64_t kFirstRecord = 1;
inline constexpr uint64_t kFirstImmutable = 1;

using StoreId = std::array<char, 16>;

Buffer encode_format_version();
// Errors: kFormatVersion (message: both numbers) for a newer version, kCorrupt for 0 or a wrong
// size.
uint32_t decode_format_version(Bytes value);

// Errors: kFormatVersion for a feature this version does not know, kCorrupt for a wrong size.
uint64_t decode_features(Bytes value);

Buffer encode_meta_u64(uint64_t value);
// `key` names the row in the message. Errors: kCorrupt for a wrong size.
uint64_t decode_meta_u64(Bytes key, Bytes value);
// Of the row kMetaNextRecord. Errors: kCorrupt for a wrong size, and from 2^48 on: an identity has
// 48 bits for it.
uint64_t decode_next_record(Bytes value);
Buffer encode_meta_u8(uint8_t value);
uint8_t decode_meta_u8(Bytes key, Bytes value);  // Errors: kCorrupt for a wrong size

// The key of a row kMetaVacuumTouched: 'c' and an identity, or 'i' and the id of an immutable, in
// 16 hexadecimal digits.
Buffer touched_container_key(Identity identity);
Buffer touched_immutable_key(uint64_t id);
struct Touched {
  bool container = false;
  uint64_t id = 0;  // an identity, or an immutable's
};
Touched decode_touched_key(Bytes key);  // Errors: kCorrupt

// Errors: kCorrupt for a wrong size.
StoreId decode_store_id(Bytes value);
// The 8 bytes of it that handles carry (Handle::store_id).
uint64_t short_store_id(const StoreId& id) noexcept;

}  // namespace oocmap
