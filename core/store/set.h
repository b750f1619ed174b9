// Sets: dicts whose values are all None, in nodes of kinds of their own. Reading is dict.h's:
// dict_get() (a member, None, where it is in the set), DictWalk in insertion order, KeyWalk. A
// frozenset is read in the same way, and never changed.
#pragma once

#include "core/base/export.h"
#include "core/format/key_encoding.h"
#include "core/store/store.h"

namespace oocmap {

// Adds `key`; returns whether it is new (one equal to it stays as it was first written). Cost: one
// record rewrite, or three puts (spilled). Errors (all three): kTypeMismatch where the container is
// no set, a frozenset included; kStaleHandle; those of put.
OOCMAP_API bool set_add(Store& store, WriteTransaction& transaction, Identity set_identity,
                        const Key& key);
// Returns whether the key was there.
OOCMAP_API bool set_discard(Store& store, WriteTransaction& transaction, Identity set,
                            const Key& key);
OOCMAP_API void set_clear(Store& store, WriteTransaction& transaction, Identity set);

}  // namespace oocmap
