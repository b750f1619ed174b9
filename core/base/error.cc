#include "core/base/error.h"

namespace oocmap {

// Out of line, so that the type's identity (vtable, typeinfo) is in one object of one image.
Error::~Error() = default;

}  // namespace oocmap
