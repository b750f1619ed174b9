// The format's hash: XXH3 (xxHash >= 0.8, whose output is frozen), seed = what is hashed.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/bytes.h"

namespace oocmap {

// Hash of `bytes` under `seed`. Never trusted alone: equal hashes are always followed by a
// comparison.
uint64_t hash64(Bytes bytes, uint64_t seed = 0) noexcept;

// 16 bytes, big-endian (canonical XXH128 form).
std::array<char, 16> hash128(Bytes bytes, uint64_t seed = 0) noexcept;

}  // namespace oocmap
