// A process of a newer version may come to a file that this one has open, and use what this version
// does not know. Private to core/store.
#pragma once

#include "core/lmdb/environment.h"

namespace oocmap {

// Refuses to write to a file whose format version or feature bits are beyond this version by now:
// what a feature asks of writers would be left out. Before the first write after another process's.
// Errors: kFormatVersion with the path and what to do; kCorrupt. Cost: two lookups, 1 us.
void refuse_newer_peer(const Environment& environment, const Transaction& transaction);

}  // namespace oocmap
