// Looking a key up in a dict.
#pragma once

#include <optional>

#include "core/base/error.h"
#include "core/store/dict.h"
#include "python/native/reading.h"

namespace oocmap::python {

// The member under `key` as a new reference; null without an exception where it is absent.
// Errors: TypeError for an unhashable key, kStaleHandle, kCorrupt. Cost: 20-40 ns in a shaped dict,
// one descent in a large one, besides the value's.
PyObject* dict_lookup(Container& dict, PyObject* key);
// Whether `key` is there; no member is read.
bool dict_contains(Container& dict, PyObject* key);

// What lies under each of `keys` (an iterable), `fallback` where nothing does: a list, of one
// moment. Errors: as dict_lookup(); TypeError for no iterable.
Ref dict_lookup_many(Container& dict, PyObject* keys, PyObject* fallback);

// The member under a key, under a reading that exists.
std::optional<Member> find_member(const Reading& reading, const Key& key);

}  // namespace oocmap::python
