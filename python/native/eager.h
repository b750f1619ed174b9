// A stored value as plain Python objects, deep, of one consistent moment.
#pragma once

#include "python/native/lazy.h"

namespace oocmap::python {

// The plain dict, list or tuple behind `container`. Sharing and cycles inside it are kept; no
// recursion on the C stack. Errors: kClosed, kStaleHandle, kCorrupt, MemoryError.
Ref eager(Container& container);

// The same for one member, under a reading that exists.
Ref eager_member(const MapReading& reading, const Member& member);

}  // namespace oocmap::python
