// What becomes of values nothing refers to any more.
//
// A value leaves its place (overwritten, deleted): its containers are freed at once while that is a
// few and nothing pins or holds them; the rest goes to the graveyard, and later writes free a few
// of it at a time. A step's allowance is small and fixed, plus what was written since the last one
// (Store::add_credit): so the cost of reclaiming follows the garbage, not the store, and garbage
// cannot outgrow writing. Pinned records and shared immutables are left to vacuum.
//
// A row of `graveyard`: u64 identity -> tag u8, and u8 1 where the node is gone already and only
// the container's rows in entries and order, or chunks, are left.
#pragma once

#include "core/base/export.h"
#include "core/store/store.h"

namespace oocmap {

// `member` no longer stands where it stood. Whoever stores it elsewhere does so before.
// Errors: those of put; kCorrupt.
void detach(Store& store, WriteTransaction& transaction, const Member& member);
// Spends up to `limit` units (a container freed, a row deleted, a row looked at) on the graveyard.
// Held containers are stepped over; pinned ones are no garbage, and leave it.
void drain_graveyard(Store& store, WriteTransaction& transaction, size_t limit);
// A word to `identity` is stored in a second place: its record gets a pin.
// Errors: kStaleHandle where the container is gone; those of put.
void pin(Store& store, WriteTransaction& transaction, Identity identity);

}  // namespace oocmap
