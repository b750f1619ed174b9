// Making the lock file, and looking at one that is there before LMDB does: LMDB makes whatever file
// has that name into its own, follows links to it, and says "Permission denied" of all of it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "core/base/bytes.h"
#include "core/lmdb/errors.h"
#include "core/lmdb/lock_file.h"
#include "core/lmdb/page_layout.h"

namespace oocmap {
namespace {

// What is at `path` must not become a lock file. `why` goes on after the name.
[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::kFilesystem,
              "cannot open '" + path + "': its lock file would be '" + lock_path_of(path) + "', " +
                  why + "; move that away, or give the map another name",
              0, path);
}

[[noreturn]] void refuse_unusable(const std::string& path, const struct stat& lock_file,
                                  int error) {
  char mode[8];
  std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(lock_file.st_mode & 07777));
  throw Error(ErrorCode::kIo,
              "cannot open '" + path + "': " + reason_of(error) + " to write to its lock file '" +
                  lock_path_of(path) + "', which belongs to user " +
                  std::to_string(lock_file.st_uid) + " and group " +
                  std::to_string(lock_file.st_gid) + " and has mode " + mode +
                  ": readers write to it, too, so its owner has to allow that (chmod, chown), or "
                  "to remove it while nobody has the map open",
              error, lock_path_of(path));
}

[[noreturn]] void refuse_to_make(const std::string& path, int error) {
  throw Error(ErrorCode::kIo,
              "cannot open '" + path + "': " + reason_of(error) + " to make its lock file '" +
                  lock_path_of(path) +
                  "', which readers need, too: let somebody who may write to that folder make an "
                  "empty file of this name that this user may read and write, or copy the map to "
                  "a folder of one's own",
              error, lock_path_of(path));
}

// LMDB's magic number stands at 0 in a lock file, and at 16 in a data file.
// Whether the first bytes are those of a lock file, or of one whose maker was killed: LMDB writes
// its magic number after the rest.
bool looks_like_lock_file(const char* start, ssize_t size) {
  if (size == 0) return true;
  if (size < 24) return false;
  if (load_le<uint32_t>(start) == kLmdbMagic) return true;
  return load_le<uint64_t>(start) == 0 && load_le<uint32_t>(start + 16) != kLmdbMagic;
}

void check_content(const std::string& path) {
  // It may have become a link or a FIFO since it was looked at.
  const int fd = ::open(lock_path_of(path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (fd < 0) {
    if (errno == ENOENT) return;  // removed just then
    throw_system("open", lock_path_of(path), errno);
  }
  char start[24];
  const ssize_t size = pread(fd, start, sizeof start, 0);
  const int error = errno;
  ::close(fd);
  if (size < 0) throw_system("read", lock_path_of(path), error);
  if (!looks_like_lock_file(start, size)) {
    refuse(path, "which is a file of something else and would be overwritten");
  }
}

}  // namespace

bool check_lock_file(const std::string& path) {
  const std::string lock_path = lock_path_of(path);
  struct stat info;
  if (lstat(lock_path.c_str(), &info) != 0) {
    if (errno == ENOENT) return false;
    throw_system("open", lock_path, errno);
  }
  if (S_ISLNK(info.st_mode)) refuse(path, "which is a link: what it leads to would be overwritten");
  if (!S_ISREG(info.st_mode)) refuse(path, "which is not a regular file");
  if (faccessat(AT_FDCWD, lock_path.c_str(), R_OK | W_OK, AT_EACCESS) != 0) {
    if (errno == ENOENT) return false;
    refuse_unusable(path, info, errno);
  }
  check_content(path);
  return true;
}

mode_t lock_file_mode(const struct stat& data) noexcept { return (data.st_mode & 0666) | 0600; }

void make_lock_file(const std::string& path, const struct stat& data) {
  const mode_t mode = lock_file_mode(data);
  const int fd =
      ::open(lock_path_of(path).c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  if (fd < 0) {
    if (errno == EEXIST) return;  // another process was faster
    if (errno == EACCES || errno == EPERM || errno == EROFS) refuse_to_make(path, errno);
    throw_system("make the lock file of", path, errno);
  }
  // Root must not leave one that the owner of the data cannot use. Others may not give files away,
  // and need not be in the group: then it is as they make files.
  if (fchown(fd, data.st_uid, data.st_gid) != 0 &&
      fchown(fd, static_cast<uid_t>(-1), data.st_gid) != 0) {
    ::close(fd);
    return;
  }
  // Whatever the umask: who may write to the data may write to it.
  static_cast<void>(fchmod(fd, mode));
  ::close(fd);
}

}  // namespace oocmap
