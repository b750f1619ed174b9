// JSON text into an encoder: RFC 8259, integers of any size exact, a duplicate key's last value
// wins at the first's place (as Python's json.loads), lone surrogate escapes kept (kWtf8).
#pragma once

#include <string_view>

#include "core/base/export.h"
#include "core/store/encoder.h"

namespace oocmap {

// Feeds the one value in `text` to `to`.
// Errors: kInvalidJson with the position (bytes from 0) and what was expected; `to` is then to be
// reset. Cost: O(size), no recursion.
OOCMAP_API void read_json(std::string_view text, ValueEncoder& to);

// As read_json(), and returns the scalar that stands in the field `field` (UTF-8, or WTF-8) of the
// object in `text`, as a key. Errors: kInvalidArgument too, where there is none.
OOCMAP_API Key read_json_and_key(std::string_view text, std::string_view field, ValueEncoder& to);

}  // namespace oocmap
