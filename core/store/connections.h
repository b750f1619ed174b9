// SQLite's connections as core knows them: a handle each, and who makes its sessions. The SQL side
// says when one begins and ends; the native Python module finds its session by the handle alone, so
// the two front doors meet here and know nothing of each other.
//
// Threads: all functions may be called from any thread. A maker is run, and destroyed, while no
// lock
//          of this file is held: it may call these functions.
// Fork:    a child knows the connections of its parent, and may open others at once, whatever the
//          parent's other threads were doing.
#pragma once

#include <functional>
#include <memory>

#include "core/base/export.h"
#include "core/store/session.h"

namespace oocmap {

// Gives the session of one connection on a store. Errors: kClosed.
using SessionMaker = std::function<std::shared_ptr<Session>(const std::shared_ptr<Store>& store)>;

// A handle that is known already gets the new maker.
void connection_opened(const void* handle, SessionMaker maker);
void connection_closed(const void* handle) noexcept;

// Has forks wait until no thread is in here. connection_opened() does it; who calls these functions
// inside a lock of its own that is kept over forks as well, does it before that one is.
void keep_connections_over_forks();

// The session of the connection `handle` (a sqlite3*, as apsw's sqlite3_pointer() gives it) on
// `store`: the one its virtual tables on that file share, made where there is none yet. Every later
// table of that connection on that file uses it.
// Errors: kInvalidArgument where the extension is not loaded on that connection; kClosed.
OOCMAP_API std::shared_ptr<Session> session_of(const void* handle,
                                               const std::shared_ptr<Store>& store);

}  // namespace oocmap
