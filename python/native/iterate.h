// Iterators over lazies. Each step sees the newest content: a batch of members is made at a time,
// and used only while nothing was committed, rolled back or written since.
#pragma once

#include "python/native/lazy.h"

namespace oocmap::python {

enum class What : uint8_t { kKeys, kValues, kItems, kMembers };

// An iterator over `owner`, a lazy or a map; kMembers for lists and tuples, the others for dicts,
// kKeys for sets too.
// Dicts in insertion order, backwards with `reverse`.
PyObject* make_iterator(PyObject* owner, What what, bool reverse = false);

// Errors: kClosed where `epoch`, process_epoch() when an iterator was made, is the parent's.
void refuse_after_fork(uint64_t epoch);

PyTypeObject* make_iterator_type(PyObject* module);

}  // namespace oocmap::python
