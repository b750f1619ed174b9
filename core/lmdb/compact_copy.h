// The compact copy that LMDB makes of an environment's last commit. Private to core/lmdb.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

struct MDB_env;

namespace oocmap {

// Called on the copying thread, a few times for each MiB and at the end, with the bytes written so
// far and about how many it will be. What it throws ends the copy.
using CopyProgress = std::function<void(uint64_t bytes, uint64_t of_about)>;

// Writes the copy to the empty file `fd`, of which `target` is said where a write fails. Not
// synced. Returns 0 or LMDB's error (nothing is written then, or too little); `bytes` is the size.
// Errors: kDiskFull, kIo of a write; what `progress` throws.
// Cost: each page in use is read and written once; two threads and 3 MiB meanwhile. The caller's
// thread may have a write transaction open: what that has written is not in the copy.
int copy_compact(MDB_env* env, int fd, const std::string& target, uint64_t expected,
                 const CopyProgress& progress, uint64_t& bytes);

}  // namespace oocmap
