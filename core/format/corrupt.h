// The one way format code refuses bytes. Out of line, so that checks cost a branch and no code.
#pragma once

#include <string_view>

#include "core/base/export.h"

namespace oocmap {

// Throws Error{kCorrupt}: `what` says which bytes do not decode and why, as a whole sentence part
// ("a node leaves its record").
[[noreturn]] OOCMAP_API void throw_corrupt(std::string_view what);

// Throws Error{kStaleHandle}: the slot is dead or was never given out.
[[noreturn]] OOCMAP_API void throw_stale();

}  // namespace oocmap
