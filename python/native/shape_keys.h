// The keys of dicts that are stored again and again, prepared once.
#pragma once

#include <memory>
#include <vector>

#include "core/base/error.h"
#include "core/store/encoder.h"
#include "python/native/python.h"

namespace oocmap::python {

// The ShapeKeys of a dict of 1 to kMaxShapeKeys plain str keys, whose values are appended to
// `values`; null for any other, whose keys are to be given one by one. Cost: a comparison of
// pointers a key where dicts share their key objects, else of contents; made anew the first time.
std::shared_ptr<const ShapeKeys> shape_keys_of(PyObject* dict, std::vector<Ref>& values);

// Forgets all of them. Called when the module dies.
void clear_shape_keys() noexcept;

}  // namespace oocmap::python
