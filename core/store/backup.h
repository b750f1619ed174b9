// A backup: a map of its own, with what another one holds.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/base/export.h"
#include "core/store/session.h"

namespace oocmap {

struct BackupOptions {
  std::string path;
  bool overwrite = false;  // whether a file that is there already is replaced
  // Called with the bytes written so far, and about how many it will be. What it throws ends the
  // backup; nothing is left of it then.
  std::function<void(uint64_t bytes, uint64_t of_about)> progress;
};

// Copies the last commit of the session's file, without free pages, to a file of its own with
// permissions for its owner only (a file that is replaced leaves it its own). In an open
// transaction, too, without what that has written.
// The copy has a store id of its own: both may be tables of one connection, where a handle must
// lead to one of them; and a handle made after the backup finds nothing in it, rather than what
// gets its id there.
// Returns: what the copy takes on the disk, in bytes: the map's live bytes.
// Errors: kIo with errno EEXIST where `path` exists and is not to be overwritten, ENOENT, EISDIR,
//         EACCES, ...; kInvalidArgument where it is the map itself, or no regular file; kBusy where
//         it is a map that somebody has open (also this process); kDiskFull; kCorrupt; kClosed;
//         what `progress` throws. What stood at `path` is there still.
// Cost: each page in use is read twice and written once; fsync. Readers and writers go on.
OOCMAP_API uint64_t back_up(Session& session, const BackupOptions& options);

}  // namespace oocmap
