// OOCMap.vacuum().
#pragma once

#include "python/native/map.h"

namespace oocmap::python {

// Vacuums the map's file without the GIL. `progress`: None, or called with the step's name and two
// numbers; what it raises, and a signal's handler, ends the vacuum.
// Returns: a tuple (finished, containers, immutables, punched, can_punch, before, after).
Ref vacuum_map(MapState& map, PyObject* progress);

}  // namespace oocmap::python
