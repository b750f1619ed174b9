// The second file, in which LMDB keeps its locks and its readers: whose it is. Private to
// core/lmdb.
//
// LMDB names it after the path. Where a data file is deleted or replaced under a program that has
// it open, whoever opens the next file of that name shares the lock file with that program, and
// with it the number of the last commit: which is of the other file, and leads to the wrong meta
// page.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

struct stat;

namespace oocmap {

// The path of the lock file of the data file `path`.
std::string lock_path_of(const std::string& path);

// Looks at the lock file of `path` before LMDB opens it. Returns false where there is none. Only
// while this process does not have it, as below. Errors: kFilesystem where it is a link, no regular
// file, or a file of something else; kIo (EACCES) with its owner where this process may not write
// to it. Cost: 5 system calls.
bool check_lock_file(const std::string& path);

// The permissions of the lock file of this data file: who may write to that may write to both, and
// the owner of one that is read-only may read it.
mode_t lock_file_mode(const struct stat& data) noexcept;

// Makes it, empty, with that mode whatever the umask, and the owner and group of the data file;
// does nothing where another process was faster. Errors: kIo (EACCES, EROFS) with what to do,
// kDiskFull.
void make_lock_file(const std::string& path, const struct stat& data);

// The lowest number of a process that has the data file `fd` open, but not LMDB's lock on the lock
// file `lock_fd` by which it is known to live: it opened and closed that file, as a backup of the
// folder does, and so lost its locks. LMDB would give its readers' pages away. nullopt: none; it
// may also be one that closes the map just now. Cost: two system calls for each process.
std::optional<uint64_t> process_without_lock(int fd, int lock_fd);

// Refuses the lock file of `path` where programs have it that do not have the data file behind
// `fd`, or where a process has lost its locks on it: LMDB would begin anew with it. Only while this
// process does not have it: closing a descriptor of it drops LMDB's locks. `fd` belongs to a
// FileGuard that has not claimed a lock file yet. Errors: kFilesystem with the process; kIo. Cost:
// 3 system calls; up to 1 s before it refuses.
void check_lock_file_users(int fd, const std::string& path);

// The error that a process gets which has another file open that was at `path` before.
[[noreturn]] void refuse_own_lock_file(const std::string& path);

}  // namespace oocmap
