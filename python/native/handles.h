// Lazies and the handle bytes that stand for them in SQL.
#pragma once

#include "python/native/lazy.h"

namespace oocmap::python {

// The handle of a lazy or a map, as bytes.
Ref handle_of(Container& container);

// The lazy (or, for a scalar, the value) that handle bytes of this map stand for; null without an
// exception where they are of another file, or no handle at all.
// Errors: kStaleHandle for a handle of an uncommitted value of another session, or one rolled back.
Ref object_of_handle(MapState& map, Bytes bytes);

}  // namespace oocmap::python
