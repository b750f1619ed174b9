// Makes a new file: complete or not at all, whatever crashes or races. Private to core/lmdb.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace oocmap {

// Behind a map's path: one that is being made (NewFile::beside), and the copy that a compaction
// makes of it.
inline constexpr char kCreationMark[] = ".oocmap-new-";
inline constexpr char kCompactionMark[] = ".oocmap-vacuum";

// Writes a map into the empty file it is given the path of.
using WriteFile = std::function<void(const std::string& path)>;

// Makes `path` by way of a temporary file beside it; its name is not durable yet: sync_folder().
// Returns false where somebody else made it in the meantime (theirs stays). Errors: kFilesystem,
// kIo, kDiskFull, what `write` throws.
bool create_file(const std::string& path, const WriteFile& write);

// Replaces the empty file at `path`, keeping its owner and permissions; does nothing where it is no
// longer empty. Errors: as above; kIo with EPERM where the owner cannot be kept.
void fill_empty_file(const std::string& path, const WriteFile& write);

// Makes the names in the folder of `path`, an absolute path, durable: one that was just made or
// taken away is not until then. Who opens a file that has had kCreationTransactions does this
// before it commits another: the file may be seen before its creator has, or had, if it was killed.
// Cost: an fsync. Errors: kIo.
void sync_folder(const std::string& path);
constexpr uint64_t kCreationTransactions = 2;  // one makes the databases, one the first rows

// Refuses a file system on which LMDB's locks or its map do not work, unless the environment
// variable OOCMAP_FORCE_FILESYSTEM is 1. Errors: kFilesystem, kIo.
void check_filesystem(int fd, const std::string& path);
// The same of a file system of this type (statfs's f_type). Errors: kFilesystem.
void check_filesystem_type(uint32_t type, const std::string& path);

}  // namespace oocmap
