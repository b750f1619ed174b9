// What the native Python module needs of the SQL side: the session a connection has on a store.
#pragma once

#include <memory>
#include <string>

#include "core/base/export.h"
#include "core/store/session.h"

namespace oocmap {

// The session of the connection `sqlite3_handle` (a sqlite3*, as apsw's sqlite3_pointer() gives it)
// on `store`: the one its virtual tables on that file share, made where there is none yet. Every
// later table of that connection on that file uses it. Errors: kInvalidArgument where the extension
// is not loaded on that connection; kClosed.
OOCMAP_API std::shared_ptr<Session> session_of(void* sqlite3_handle,
                                               const std::shared_ptr<Store>& store);

// Build id of this image: the native module compares it with the one it was compiled against.
OOCMAP_API const char* image_build_id();

}  // namespace oocmap
