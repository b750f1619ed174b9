// Stored members to Python objects: scalars as they are, containers as lazies.
#pragma once

#include "python/native/lazy.h"
#include "python/native/reading.h"

namespace oocmap::python {

// A new reference; of an object of a registered class a stand-in (unfinished.h), which finished(),
// or the slot's guard, replaces once the Reading has ended. `record`/`bytes`: the record the member
// was found in, if any (new_lazy()). Errors: kCorrupt, kTypeMismatch, MemoryError. Cost: 5-40 ns;
// one descent for an immutable that is not cached.
PyObject* member_to_python(const MapReading& reading, const Member& member, uint64_t record = 0,
                           Bytes bytes = {});

// The same for a member of the container being read.
inline PyObject* member_to_python(const Reading& reading, const Member& member) {
  const Container& container = reading.container();
  return member_to_python(reading, member, record_of(container.identity), container.record);
}

// A scalar only; for a container null without an exception (eager() makes those itself).
PyObject* scalar_to_python(const MapReading& reading, const Member& member);

}  // namespace oocmap::python
