#include "core/base/hash.h"

#define XXH_INLINE_ALL  // the header holds the implementation: nothing to link
#include <xxhash.h>

namespace oocmap {

uint64_t hash64(Bytes bytes, uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::array<char, 16> hash128(Bytes bytes, uint64_t seed) noexcept {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  std::array<char, 16> out;
  static_assert(sizeof canonical == sizeof out);
  std::memcpy(out.data(), &canonical, sizeof out);
  return out;
}

}  // namespace oocmap
