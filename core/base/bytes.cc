#include "core/base/bytes.h"

namespace oocmap {
namespace {

constexpr uint64_t kOneByte = 240;       // 0..240
constexpr uint64_t kTwoBytes = 2287;     // 241..248 as the first byte
constexpr uint64_t kThreeBytes = 67823;  // 249
constexpr uint8_t kFirstWide = 250;      // 250: 3 bytes follow ... 255: 8 bytes follow

size_t wide_bytes(uint64_t value) noexcept {
  size_t n = 3;
  while (n < 8 && (value >> (8 * n)) != 0) ++n;
  return n;
}

uint8_t byte_at(Bytes from, size_t i) noexcept { return static_cast<uint8_t>(from[i]); }

}  // namespace

size_t write_varint(char* to, uint64_t value) noexcept {
  if (value <= kOneByte) {
    to[0] = static_cast<char>(value);
    return 1;
  }
  if (value <= kTwoBytes) {
    const uint64_t rest = value - kOneByte;
    to[0] = static_cast<char>(241 + (rest >> 8));
    to[1] = static_cast<char>(rest & 0xff);
    return 2;
  }
  if (value <= kThreeBytes) {
    const uint64_t rest = value - kTwoBytes - 1;
    to[0] = static_cast<char>(249);
    to[1] = static_cast<char>(rest >> 8);
    to[2] = static_cast<char>(rest & 0xff);
    return 3;
  }
  const size_t n = wide_bytes(value);
  to[0] = static_cast<char>(kFirstWide + (n - 3));
  for (size_t i = 1; i <= n; ++i) to[i] = static_cast<char>((value >> (8 * (n - i))) & 0xff);
  return 1 + n;
}

void append_varint(Buffer& to, uint64_t value) {
  char bytes[kMaxVarint];
  to.append(bytes, write_varint(bytes, value));
}

size_t varint_size(uint64_t value) noexcept {
  if (value <= kOneByte) return 1;
  if (value <= kTwoBytes) return 2;
  if (value <= kThreeBytes) return 3;
  return 1 + wide_bytes(value);
}

bool read_varint(Bytes& from, uint64_t& value) noexcept {
  if (from.empty()) return false;
  const uint8_t first = byte_at(from, 0);
  size_t size = 1;
  if (first <= kOneByte) {
    value = first;
  } else if (first <= 248) {
    size = 2;
    if (from.size() < size) return false;
    value = kOneByte + (static_cast<uint64_t>(first - 241) << 8) + byte_at(from, 1);
  } else if (first == 249) {
    size = 3;
    if (from.size() < size) return false;
    value = kTwoBytes + 1 + (static_cast<uint64_t>(byte_at(from, 1)) << 8) + byte_at(from, 2);
  } else {
    size = 1 + 3 + static_cast<size_t>(first - kFirstWide);
    if (from.size() < size) return false;
    value = 0;
    for (size_t i = 1; i < size; ++i) value = (value << 8) | byte_at(from, i);
  }
  from.remove_prefix(size);
  return true;
}

}  // namespace oocmap
