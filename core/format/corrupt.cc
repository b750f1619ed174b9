#include "core/format/corrupt.h"

#include <string>

#include "core/base/error.h"

namespace oocmap {

void throw_corrupt(std::string_view what) {
  throw Error(ErrorCode::kCorrupt, "corrupt bytes in the store: " + std::string(what));
}

void throw_stale() { throw Error(ErrorCode::kStaleHandle, "the value behind this handle is gone"); }

}  // namespace oocmap
