// Views over bytes, fixed-order integers and the order-preserving varint. All multi-byte integers
// of the format are little-endian unless a key needs big-endian to sort.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace oocmap {

// Bytes that somebody else owns. A string_view, because it compares like memcmp, which is how LMDB
// and SQLite (BINARY) order keys.
using Bytes = std::string_view;
using Buffer = std::string;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "version 1 runs on little-endian machines");

template <typename T>
T load_le(const void* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <typename T>
void store_le(void* to, T value) noexcept {
  std::memcpy(to, &value, sizeof value);
}

template <typename T>
void append_le(Buffer& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

inline uint64_t load_be64(const void* from) noexcept {
  return __builtin_bswap64(load_le<uint64_t>(from));
}

inline void append_be64(Buffer& to, uint64_t value) { append_le(to, __builtin_bswap64(value)); }

// The order-preserving varint: for a < b, the bytes of a sort before the bytes of b under memcmp,
// and no encoding is a prefix of another. 1 byte up to 240, 2 up to 2287, 3 up to 67823, then 1 +
// the minimal big-endian bytes (3..8). Source: SQLite4's varint.
inline constexpr size_t kMaxVarint = 9;
// Writes it to `to`, which has room for kMaxVarint bytes. Returns how many it wrote.
size_t write_varint(char* to, uint64_t value) noexcept;
void append_varint(Buffer& to, uint64_t value);
size_t varint_size(uint64_t value) noexcept;
// Reads a varint at the front of `from` and removes it. Returns false where `from` is too short.
bool read_varint(Bytes& from, uint64_t& value) noexcept;

}  // namespace oocmap
