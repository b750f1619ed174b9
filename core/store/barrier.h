// What keeps a vacuum from erasing what becomes reachable again while it runs (vacuum.h).
//
// A vacuum marks what is reachable at one moment and erases the rest, later. Garbage, though, can
// be stored again meanwhile: an equal text or shape is found and shared, a handle of another
// process is put somewhere. So while the barrier is up every write that stores a reference to
// something that exists already says so in `meta`, and vacuum keeps that and all below it. Moving a
// member inside its container needs nothing: what was reachable at that moment is kept in any case.
//
// Rows of `meta` (core/format/meta.h), so that all processes see them:
//   vacuum_records, vacuum_immutables   the barrier: ids below were given out before the mark
//   vacuum_touched *                    what was stored again; erased as vacuum reads them
//   vacuum_sweeping                     erasing containers with records below was begun. It stays
//                                       until some vacuum has come to the end: meanwhile garbage
//                                       may have holes, and must not be stored again
// A barrier that nobody holds the VacuumLock for is of a vacuum that was cut off; the next write
// takes it down.
#pragma once

#include <cstdint>

#include "core/format/meta.h"
#include "core/lmdb/transaction.h"
#include "core/store/store.h"

namespace oocmap {

// As `meta` says, and taken down where its vacuum is no more. Errors: kCorrupt; those of put.
Barrier load_barrier(WriteTransaction& transaction);
// For ids given out so far. Errors: those of put.
Barrier raise_barrier(Store& store, WriteTransaction& transaction);
// Erases what was touched, but for rows beyond `most`. Returns whether none is left.
// Errors: those of put.
bool erase_touched(WriteTransaction& transaction, uint64_t most);
// Takes it down where no touched row is left, `most` of which it erases. Returns whether it is
// down. Errors: those of put.
bool lower_barrier(WriteTransaction& transaction, uint64_t most);
// Errors (both): those of put.
void begin_sweeping(WriteTransaction& transaction, Barrier& barrier);
void end_sweeping(WriteTransaction& transaction, Barrier& barrier);

// A reference to this immutable, which exists, is stored. Errors: those of put. Cost: a comparison
// while no vacuum runs, then a descent.
inline void touch_immutable(Store& store, WriteTransaction& transaction, uint64_t id);
// A word to this container, which exists, is stored. Errors: kStaleHandle where a vacuum has begun
// to erase what it refers to; kCorrupt; those of put. Cost: as above, and a walk through all of
// it while garbage may have holes.
inline void touch_container(Store& store, WriteTransaction& transaction, Identity identity);
// Whether all that it refers to is there. Cost: nothing, unless garbage may have holes.
bool is_whole(const Store& store, const Transaction& transaction, Identity identity);

// --- Implementation

void put_touched(WriteTransaction& transaction, const Buffer& key);
void put_touched_container(Store& store, WriteTransaction& transaction, Identity identity);

inline void touch_immutable(Store& store, WriteTransaction& transaction, uint64_t id) {
  if (id < store.barrier().immutables) put_touched(transaction, touched_immutable_key(id));
}

inline void touch_container(Store& store, WriteTransaction& transaction, Identity identity) {
  const Barrier& barrier = store.barrier();
  if (barrier.records == 0 && barrier.sweeping == 0) return;
  put_touched_container(store, transaction, identity);
}

}  // namespace oocmap
