// A copy of a map in use: the last commit, without free pages, in a file of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/base/export.h"
#include "core/lmdb/compact_copy.h"
#include "core/lmdb/environment.h"

namespace oocmap {

struct BackupRequest {
  std::string target;
  bool overwrite = false;  // whether a file that is there already is replaced
  CopyProgress progress;
  // What the copy is to have otherwise than the map, written in a transaction on it.
  Environment::Initialize change;
};

// Makes the copy: under another name in the folder of `target` first, synced, checked (its metas,
// and that every database has as many entries as it says), then given its name. Killed half-way it
// leaves a file "<target>.oocmap-backup-XXXXXX", which the next backup to `target` removes.
// Returns: what the copy takes on the disk, in bytes.
// Errors: kIo with errno EEXIST where `target` exists and is not to be overwritten, ENOENT, EISDIR,
//         EACCES, ...; kInvalidArgument where it is the map itself, or no regular file; kBusy where
//         it is a map that somebody has open; kDiskFull; kCorrupt where the map's pages cannot be
//         read; kClosed; what `progress` throws. `target` is as it was then.
// Cost: each page in use is read twice and written once. Writers and readers go on; the pages of
//       the moment copied are not used again meanwhile.
OOCMAP_API uint64_t back_up(Environment& environment, const BackupRequest& request);

// Checks the pages of a copy that nobody else can know of, before it is mapped. Errors: kCorrupt.
void check_all_pages(int fd, const std::string& path);

// Walks all databases. Errors: kCorrupt where one has another number of entries than it says.
void check_counts(const Transaction& transaction, const std::string& path);

}  // namespace oocmap
