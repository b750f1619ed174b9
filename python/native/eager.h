// A stored value as plain Python objects, deep, of one consistent moment.
#pragma once

#include "python/native/lazy_array.h"

namespace oocmap::python {

// The plain dict, list, tuple, set or array behind `container`. Sharing and cycles inside it are
// kept; no recursion on the C stack. Errors: kClosed, kStaleHandle, kCorrupt, MemoryError.
Ref eager(Container& container);

// The same for one member, under a reading that exists. Once that has ended, the value is
// arrays.finish() of what this returns.
Ref eager_member(const MapReading& reading, const Member& member, RawArrays& arrays);

}  // namespace oocmap::python
