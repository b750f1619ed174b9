// What tells one map from every other.
#pragma once

#include "core/format/meta.h"

namespace oocmap {

// A new one. Errors: kIo.
StoreId random_store_id();

}  // namespace oocmap
