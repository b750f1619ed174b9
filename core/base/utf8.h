// UTF-8, and generalised UTF-8 (WTF-8), which also has lone surrogates as three bytes.
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/export.h"

namespace oocmap {

enum class TextForm {
  kUtf8,  // valid UTF-8
  kWtf8,  // valid but for lone surrogates (never a surrogate pair written as two)
  kNone,  // neither
};

// Cost: one pass; ASCII 8 bytes at a time.
OOCMAP_API TextForm text_form(Bytes text) noexcept;

// Appends `codepoint` (below 0x110000, surrogates allowed).
void append_codepoint(Buffer& to, uint32_t codepoint);

// Reads one codepoint of text that text_form() accepted and moves `at` behind it.
uint32_t next_codepoint(Bytes text, size_t& at) noexcept;

}  // namespace oocmap
