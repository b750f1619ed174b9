#include "core/format/meta.h"

#include <charconv>
#include <cstring>
#include <string>

#include "core/base/error.h"
#include "core/format/corrupt.h"
#include "core/format/limits.h"

namespace oocmap {
namespace {

template <typename T>
T decode_fixed(Bytes key, Bytes value) {
  if (value.size() != sizeof(T)) {
    throw_corrupt("meta row \"" + std::string(key) + "\" has " + std::to_string(value.size()) +
                  " bytes, expected " + std::to_string(sizeof(T)));
  }
  return load_le<T>(value.data());
}

template <typename T>
Buffer encode_fixed(T value) {
  Buffer out;
  append_le(out, value);
  return out;
}

constexpr size_t kHexDigits = 16;

Buffer touched_key(char kind, uint64_t id) {
  Buffer key(kMetaVacuumTouched);
  key.push_back(kind);
  for (size_t i = kHexDigits; i-- > 0;) key.push_back("0123456789abcdef"[id >> (4 * i) & 15]);
  return key;
}

}  // namespace

Buffer encode_format_version() { return encode_fixed(kFormatVersion); }

uint32_t decode_format_version(Bytes value) {
  const auto version = decode_fixed<uint32_t>(kMetaFormatVersion, value);
  if (version == 0) throw_corrupt("format version 0");
  if (version > kFormatVersion) {
    throw Error(ErrorCode::kFormatVersion,
                "the file has format version " + std::to_string(version) +
                    ", this oocmap reads up to version " + std::to_string(kFormatVersion));
  }
  return version;
}

uint64_t decode_features(Bytes value) {
  const auto features = decode_fixed<uint64_t>(kMetaFlags, value);
  if (const uint64_t unknown = features & ~kKnownFeatures; unknown != 0) {
    throw Error(ErrorCode::kFormatVersion,
                "the file uses feature bit " + std::to_string(__builtin_ctzll(unknown)) +
                    ", which this oocmap does not know: a newer one is needed");
  }
  return features;
}

Buffer encode_meta_u64(uint64_t value) { return encode_fixed(value); }
uint64_t decode_meta_u64(Bytes key, Bytes value) { return decode_fixed<uint64_t>(key, value); }

uint64_t decode_next_record(Bytes value) {
  const uint64_t next = decode_meta_u64(kMetaNextRecord, value);
  if (next >= uint64_t{1} << 48) throw_corrupt("the id of the next record is impossible");
  return next;
}

Buffer encode_meta_u8(uint8_t value) { return encode_fixed(value); }
uint8_t decode_meta_u8(Bytes key, Bytes value) { return decode_fixed<uint8_t>(key, value); }

Buffer touched_container_key(Identity identity) { return touched_key('c', identity); }
Buffer touched_immutable_key(uint64_t id) { return touched_key('i', id); }

Touched decode_touched_key(Bytes key) {
  Touched touched;
  const size_t head = kMetaVacuumTouched.size() + 1;
  const char* const end = key.data() + key.size();
  bool known = key.size() == head + kHexDigits && key.starts_with(kMetaVacuumTouched);
  if (known) {
    const auto [stop, error] = std::from_chars(key.data() + head, end, touched.id, 16);
    const char kind = key[head - 1];
    touched.container = kind == 'c';
    known = error == std::errc() && stop == end && (kind == 'c' || kind == 'i');
  }
  if (!known) throw_corrupt("meta has a row \"" + std::string(key) + "\" that names nothing");
  return touched;
}

StoreId decode_store_id(Bytes value) { return decode_fixed<StoreId>(kMetaStoreId, value); }

uint64_t short_store_id(const StoreId& id) noexcept { return load_le<uint64_t>(id.data()); }

}  // namespace oocmap
