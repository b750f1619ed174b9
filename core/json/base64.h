// Base64 (RFC 4648, section 4, with padding): how bytes stand in JSON text.
#pragma once

#include "core/base/bytes.h"

namespace oocmap {

inline void append_base64(Bytes bytes, Buffer& to) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto byte = [bytes](size_t i) -> uint32_t {
    return i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : 0;
  };
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    to.push_back(kDigits[group >> 18]);
    to.push_back(kDigits[group >> 12 & 63]);
    to.push_back(i + 1 < bytes.size() ? kDigits[group >> 6 & 63] : '=');
    to.push_back(i + 2 < bytes.size() ? kDigits[group & 63] : '=');
  }
}

}  // namespace oocmap
