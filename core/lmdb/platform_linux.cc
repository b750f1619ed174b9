#include "core/lmdb/platform_linux.h"

#include <dirent.h>
#include <fcntl.h>
#include <link.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <memory>

namespace oocmap::platform {
namespace {

struct flock range(short type, uint64_t offset, uint64_t length) noexcept {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(offset);
  lock.l_len = static_cast<off_t>(length);
  lock.l_pid = 0;  // required for OFD locks
  return lock;
}

// Magic numbers of statfs(2) and <linux/magic.h>; the latter lacks some, so all stand here.
struct UnsafeFilesystem {
  uint32_t magic;
  const char* name;
};
constexpr UnsafeFilesystem kUnsafe[] = {
    {0x6969, "NFS"},      {0x517B, "SMB"},        {0xFF534D42, "CIFS"}, {0xFE534D42, "SMB2"},
    {0x65735546, "FUSE"}, {0x01021997, "9p"},     {0x73757245, "Coda"}, {0x5346414F, "AFS"},
    {0x00C36400, "Ceph"}, {0x0BD00BD0, "Lustre"},
};

}  // namespace

int try_lock(int fd, LockKind kind, uint64_t offset, uint64_t length) noexcept {
  struct flock lock = range(kind == LockKind::kShared ? F_RDLCK : F_WRLCK, offset, length);
  if (fcntl(fd, F_OFD_SETLK, &lock) == 0) return 0;
  return errno == EACCES ? EAGAIN : errno;  // POSIX allows either
}

void unlock(int fd, uint64_t offset, uint64_t length) noexcept {
  struct flock lock = range(F_UNLCK, offset, length);
  fcntl(fd, F_OFD_SETLK, &lock);
}

int open_without_links(const char* path, int flags) noexcept {
  struct open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_NO_SYMLINKS;
  const long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  // An older kernel; or a sandbox that does not know the call.
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(fd);
  return open(path, flags | O_CLOEXEC | O_NOFOLLOW);
}

bool locked_by_another(int fd, uint64_t offset, uint64_t length) noexcept {
  if (length == 0) return false;
  struct flock lock = range(F_WRLCK, offset, length);
  return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

std::vector<uint64_t> bytes_locked_by_others(int fd, uint64_t offset, uint64_t length,
                                             size_t most) {
  struct Range {
    uint64_t from;
    uint64_t to;
  };
  std::vector<uint64_t> found;
  std::vector<Range> open{{offset, offset + length}};  // where no lock was found yet
  while (!open.empty() && found.size() < most) {
    const Range part = open.back();
    open.pop_back();
    if (part.from >= part.to) continue;
    struct flock lock = range(F_WRLCK, part.from, part.to - part.from);
    if (fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) continue;
    const uint64_t from = std::max(part.from, static_cast<uint64_t>(lock.l_start));
    const uint64_t to =
        lock.l_len == 0 ? part.to : static_cast<uint64_t>(lock.l_start + lock.l_len);
    found.push_back(from);
    open.push_back({part.from, from});
    open.push_back({std::max(to, from + 1), part.to});
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string program_of(uint64_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

bool may_have_open(uint64_t process, int fd) noexcept {
  struct stat file;
  struct stat other;
  if (fstat(fd, &file) != 0 || ::stat("/proc/self", &other) != 0) return true;
  char folder[64];
  std::snprintf(folder, sizeof folder, "/proc/%llu/fd", static_cast<unsigned long long>(process));
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(folder), &closedir);
  if (listing == nullptr) {
    // Some systems hide other users' processes (hidepid).
    return errno != ENOENT || kill(static_cast<pid_t>(process), 0) == 0 || errno == EPERM;
  }
  while (const dirent* entry = readdir(listing.get())) {
    if (fstatat(dirfd(listing.get()), entry->d_name, &other, 0) == 0 &&
        other.st_dev == file.st_dev && other.st_ino == file.st_ino) {
      return true;
    }
  }
  return false;
}

std::optional<uint64_t> other_lock_start(int fd, uint64_t offset) noexcept {
  struct flock lock = range(F_WRLCK, offset, 1);
  if (fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  return static_cast<uint64_t>(lock.l_start);
}

std::optional<uint64_t> lock_holder(int fd, uint64_t offset, uint64_t length) noexcept {
  struct flock lock = range(F_WRLCK, offset, length);
  if (fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return std::nullopt;
  return lock.l_pid > 0 ? static_cast<uint64_t>(lock.l_pid) : 0;
}

void settle_overlay(const char* path) noexcept {
  constexpr uint32_t kOverlay = 0x794C7630;
  struct statfs info;
  if (statfs(path, &info) != 0 || static_cast<uint32_t>(info.f_type) != kOverlay) return;
  const int fd = open_without_links(path, O_RDWR | O_NONBLOCK);
  if (fd >= 0) close(fd);
}

uint32_t filesystem_type(int fd, int& error) noexcept {
  struct statfs info;
  error = fstatfs(fd, &info) == 0 ? 0 : errno;
  return error == 0 ? static_cast<uint32_t>(info.f_type) : 0;
}

const char* unsafe_filesystem(uint32_t type) noexcept {
  for (const UnsafeFilesystem& entry : kUnsafe) {
    if (type == entry.magic) return entry.name;
  }
  return nullptr;
}

bool mounted_read_only(int fd) noexcept {
  struct statvfs info;
  return fstatvfs(fd, &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
}

bool filesystem_full(int fd) noexcept {
  constexpr uint64_t kAsGoodAsNothing = uint64_t{1} << 20;  // LMDB writes up to 64 pages at once
  struct statvfs info;
  if (fstatvfs(fd, &info) == 0 && info.f_bavail * info.f_frsize < kAsGoodAsNothing) return true;
  struct rlimit limit;  // ulimit -f
  struct stat file;
  return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
         fstat(fd, &file) == 0 &&
         static_cast<uint64_t>(file.st_size) + kAsGoodAsNothing > limit.rlim_cur;
}

int punch_hole(int fd, uint64_t offset, uint64_t length) noexcept {
  for (;;) {
    const int code = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                               static_cast<off_t>(offset), static_cast<off_t>(length));
    if (code == 0) return 0;
    if (errno != EINTR) return errno;
  }
}

int allocate_behind(int fd, uint64_t offset, uint64_t length) noexcept {
  for (;;) {
    const int code =
        fallocate(fd, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(length));
    if (code == 0) return 0;
    if (errno != EINTR) return errno;
  }
}

void drop_behind(int fd, uint64_t offset, uint64_t length) noexcept {
  punch_hole(fd, offset, length);
  struct stat status;
  if (fstat(fd, &status) != 0 || static_cast<uint64_t>(status.st_size) > offset) return;
  while (ftruncate(fd, status.st_size) != 0 && errno == EINTR) {
  }
}

uint64_t free_space(int fd) noexcept {
  struct statvfs info;
  return fstatvfs(fd, &info) == 0 ? info.f_bavail * info.f_frsize : UINT64_MAX;
}

// "ID:CONTROLLERS:PATH" a line; of version 2 it is "0::PATH". A limit of a group above holds, too.
// In a container the path may be that of the machine: then only the top one is there.
uint64_t memory() noexcept try {
  uint64_t least =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool version1 = controllers.find(",memory,") != std::string::npos;
    if (!version1 && controllers != ",,") continue;
    const std::string root = version1 ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup";
    const char* const name = version1 ? "/memory.limit_in_bytes" : "/memory.max";
    for (std::string path = line.substr(second + 1);; path.erase(path.rfind('/'))) {
      uint64_t limit = 0;  // "max" is no number
      if (std::ifstream(root + path + name) >> limit) least = std::min(least, limit);
      if (path.rfind('/') == std::string::npos) break;
    }
  }
  return least;
} catch (...) {  // no memory for the lines
  return UINT64_MAX;
}

void read_single_pages(void* start, uint64_t length) noexcept {
  madvise(start, length, MADV_RANDOM);
}

int copy_access_list(int from, int to) noexcept {
  constexpr char kName[] = "system.posix_acl_access";
  char list[XATTR_SIZE_MAX];
  const ssize_t size = fgetxattr(from, kName, list, sizeof list);
  if (size >= 0) return fsetxattr(to, kName, list, static_cast<size_t>(size), 0) == 0 ? 0 : errno;
  if (errno == EOPNOTSUPP) return 0;
  if (errno != ENODATA) return errno;
  // One that a new file had from its folder.
  return fremovexattr(to, kName) == 0 || errno == ENODATA ? 0 : errno;
}

int rename_no_replace(const char* from, const char* to) noexcept {
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // A file system without that flag: a link fails where the name is taken, too.
  if (link(from, to) != 0) return errno;
  unlink(from);
  return 0;
}

std::vector<std::string> loaded_objects() {
  std::vector<std::string> paths;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* data) {
        static_cast<std::vector<std::string>*>(data)->emplace_back(info->dlpi_name);
        return 0;
      },
      &paths);
  return paths;
}

}  // namespace oocmap::platform
