#include "core/base/utf8.h"

namespace oocmap {
namespace {

uint8_t byte_at(Bytes text, size_t i) noexcept {
  return i < text.size() ? static_cast<uint8_t>(text[i]) : 0;
}

bool continuation(uint8_t byte) noexcept { return (byte & 0xc0) == 0x80; }

// Length of the sequence at `at` by Unicode's table 3-7, surrogates included; 0 where it is
// malformed.
size_t sequence_length(Bytes text, size_t at) noexcept {
  const uint8_t first = byte_at(text, at);
  const uint8_t second = byte_at(text, at + 1);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4 || !continuation(second)) return 0;
  if (first < 0xe0) return 2;
  if (!continuation(byte_at(text, at + 2))) return 0;
  if (first < 0xf0) return first == 0xe0 && second < 0xa0 ? 0 : 3;
  if (!continuation(byte_at(text, at + 3))) return 0;
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
  return 4;
}

bool is_surrogate(Bytes text, size_t at) noexcept {
  return byte_at(text, at) == 0xed && byte_at(text, at + 1) >= 0xa0;
}

bool is_high_surrogate(Bytes text, size_t at) noexcept {
  return byte_at(text, at) == 0xed && (byte_at(text, at + 1) & 0xf0) == 0xa0;
}

bool is_low_surrogate(Bytes text, size_t at) noexcept {
  return byte_at(text, at) == 0xed && (byte_at(text, at + 1) & 0xf0) == 0xb0;
}

}  // namespace

TextForm text_form(Bytes text) noexcept {
  TextForm form = TextForm::kUtf8;
  size_t at = 0;
  while (at < text.size()) {
    if (at + 8 <= text.size() && (load_le<uint64_t>(text.data() + at) & 0x8080808080808080u) == 0) {
      at += 8;
      continue;
    }
    const size_t length = sequence_length(text, at);
    if (length == 0 || at + length > text.size()) return TextForm::kNone;
    if (length == 3 && is_surrogate(text, at)) {
      if (is_high_surrogate(text, at) && at + 6 <= text.size() && is_low_surrogate(text, at + 3)) {
        return TextForm::kNone;
      }
      form = TextForm::kWtf8;
    }
    at += length;
  }
  return form;
}

void append_codepoint(Buffer& to, uint32_t codepoint) {
  const auto push = [&to](uint32_t byte) { to.push_back(static_cast<char>(byte)); };
  if (codepoint < 0x80) {
    push(codepoint);
  } else if (codepoint < 0x800) {
    push(0xc0 | codepoint >> 6);
    push(0x80 | (codepoint & 0x3f));
  } else if (codepoint < 0x10000) {
    push(0xe0 | codepoint >> 12);
    push(0x80 | (codepoint >> 6 & 0x3f));
    push(0x80 | (codepoint & 0x3f));
  } else {
    push(0xf0 | codepoint >> 18);
    push(0x80 | (codepoint >> 12 & 0x3f));
    push(0x80 | (codepoint >> 6 & 0x3f));
    push(0x80 | (codepoint & 0x3f));
  }
}

uint32_t next_codepoint(Bytes text, size_t& at) noexcept {
  const uint32_t first = byte_at(text, at);
  const auto tail = [&](size_t i) { return static_cast<uint32_t>(byte_at(text, at + i) & 0x3f); };
  uint32_t codepoint = first;
  size_t length = 1;
  if (first >= 0xf0) {
    codepoint = (first & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3);
    length = 4;
  } else if (first >= 0xe0) {
    codepoint = (first & 0x0f) << 12 | tail(1) << 6 | tail(2);
    length = 3;
  } else if (first >= 0xc0) {
    codepoint = (first & 0x1f) << 6 | tail(1);
    length = 2;
  }
  at += length;
  return codepoint;
}

}  // namespace oocmap
