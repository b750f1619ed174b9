// A dict key as it stands in an inline dict's node: tuples and frozensets as kPacked, the rest as a
// value would.
#pragma once

#include "core/format/key_encoding.h"
#include "core/format/word.h"

namespace oocmap {

// Lifetime: the payload views `key` or `hold`. Cost: no allocation for text.
Member key_member(const Key& key, Buffer& hold);

}  // namespace oocmap
