// Frees at once what removals left to be freed later (reclaim.h).
#pragma once

#include "core/base/export.h"
#include "core/store/store.h"

namespace oocmap {

// Up to about a million units of it, which bounds the transaction: where more is left, once more
// frees that. What a handle holds stays.
// Errors: those of put. Cost: O(what is freed).
OOCMAP_API void free_garbage(Store& store, WriteTransaction& transaction);

}  // namespace oocmap
