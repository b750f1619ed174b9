// Everything only Linux has: locks that belong to an open file (OFD), the names of file systems,
// the list of loaded objects. Another system gets a build error here and needs this file's like.
#pragma once

#ifndef __linux__
#error "OOCMap runs on Linux only: its file locks (F_OFD_SETLK) have no like on this system"
#endif

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace oocmap::platform {

enum class LockKind { kShared, kExclusive };

// Locks [offset, offset + length) of the open file behind `fd`; never waits. Such a lock belongs to
// the open file, not to the process: closing another descriptor of the same file does not drop it.
// Returns 0, EAGAIN where another open file holds a lock in the way, or another errno.
int try_lock(int fd, LockKind kind, uint64_t offset, uint64_t length) noexcept;
void unlock(int fd, uint64_t offset, uint64_t length) noexcept;
// open(2) of a path without links; with O_CLOEXEC. Returns the descriptor, or -1 with errno: ELOOP
// where the file is a link, or (from Linux 5.6 on) a folder on the way to it.
int open_without_links(const char* path, int flags) noexcept;
// Whether another open file holds any lock in the range, a shared one too.
bool locked_by_another(int fd, uint64_t offset, uint64_t length) noexcept;
// Where the lock begins that another open file holds over the byte at `offset`; nullopt: none does.
std::optional<uint64_t> other_lock_start(int fd, uint64_t offset) noexcept;

// The first bytes of the locks that other open files hold in the range, up to `most` of them.
std::vector<uint64_t> bytes_locked_by_others(int fd, uint64_t offset, uint64_t length, size_t most);
// The name of a process' program ("python3"), empty where that cannot be told.
std::string program_of(uint64_t process);

// Whether a process of this number has the file behind `fd` open; also true where that cannot be
// told (/proc is not there, or the process is another user's). False: the number is one of another
// PID namespace. Cost: a system call for each of its descriptors.
bool may_have_open(uint64_t process, int fd) noexcept;

// The process that has a lock of LMDB's kind (POSIX's) in the range: 0 where its number is not
// known here, as in another PID namespace; nullopt where there is none.
std::optional<uint64_t> lock_holder(int fd, uint64_t offset, uint64_t length) noexcept;

// Of a file that overlayfs (a container's image) would copy at the first opening for writing: has
// it copied now. Who opened it for reading before would go on with the old one for ever. Does
// nothing on another file system, or where it may not be written. Cost: 1 us.
void settle_overlay(const char* path) noexcept;

// The type (statfs's f_type) of the file system of `fd`. Errors: errno as an int in `error`, 0
// where all went well.
uint32_t filesystem_type(int fd, int& error) noexcept;
// The name of a type on which LMDB's locks or its map do not work ("NFS", "FUSE", ...), else
// nullptr.
const char* unsafe_filesystem(uint32_t type) noexcept;
bool mounted_read_only(int fd) noexcept;
// Whether a failed write can be put down to lack of space, or to a limit of the file's size: LMDB
// turns the short write that comes first into EIO.
bool filesystem_full(int fd) noexcept;

// Makes [offset, offset + length) of the file a hole: it reads as zeros and takes no space; the
// file's size stays. Returns 0, EOPNOTSUPP where the file system has none, or another errno.
int punch_hole(int fd, uint64_t offset, uint64_t length) noexcept;

// Gives [offset, offset + length), which is behind the file's end, room on the disk; the file's
// size stays. Returns 0 or an errno.
int allocate_behind(int fd, uint64_t offset, uint64_t length) noexcept;

// Frees that room again. ext4 takes no hole behind the end of a file, but drops all that is there
// when the file is truncated to the size that it has: which nobody may change meanwhile.
void drop_behind(int fd, uint64_t offset, uint64_t length) noexcept;

// Bytes that are left to this user on the disk; all there are where that cannot be told. Quotas are
// not known to it.
uint64_t free_space(int fd) noexcept;

// Bytes of memory that this process may have: the machine's, or what its control groups allow it.
// UINT64_MAX where that cannot be told. Cost: reads files of /proc and /sys, about 50 us.
uint64_t memory() noexcept;

// From now on a page of [start, start + length), a map of a file, is read alone where it is
// missing.
void read_single_pages(void* start, uint64_t length) noexcept;

// Gives the file `to` the POSIX access control list of `from`, or none where that has none. Returns
// 0, also where the file system knows no such lists, or an errno.
int copy_access_list(int from, int to) noexcept;

// Gives a file another name unless that is taken. Returns 0, EEXIST, or another errno.
int rename_no_replace(const char* from, const char* to) noexcept;

// Paths of all objects mapped into this process, the main program first (as "").
std::vector<std::string> loaded_objects();

}  // namespace oocmap::platform
