// A quota of OOCMAP_QUOTA bytes on the file OOCMAP_QUOTA_FILE and its lock file: what would take
// more of the disk fails with EDQUOT, while statvfs(3) tells of much free space, as with real ones.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static long long allocated(const char* suffix, ino_t inode, int* ours) {
  char path[4096];
  struct stat info;
  snprintf(path, sizeof path, "%s%s", getenv("OOCMAP_QUOTA_FILE"), suffix);
  if (stat(path, &info) != 0) return 0;
  if (info.st_ino == inode) *ours = 1;
  return (long long)info.st_blocks * 512;
}

// Whether [offset, offset + length) of the file is not there yet and would be too much.
static int refused(int fd, off_t offset, size_t length) {
  struct stat info;
  int ours = 0;
  if (getenv("OOCMAP_QUOTA") == NULL || fstat(fd, &info) != 0) return 0;
  const long long used =
      allocated("", info.st_ino, &ours) + allocated("-lock", info.st_ino, &ours);
  if (!ours || used + (long long)length <= atoll(getenv("OOCMAP_QUOTA"))) return 0;
  const off_t position = lseek(fd, 0, SEEK_CUR);
  const off_t data = lseek(fd, offset, SEEK_DATA);
  const off_t hole = data == offset ? lseek(fd, offset, SEEK_HOLE) : -1;
  lseek(fd, position, SEEK_SET);
  if (hole >= offset + (off_t)length) return 0;
  errno = EDQUOT;
  return 1;
}

#define NEXT(type, name, ...)                                                 \
  static type (*next)(__VA_ARGS__);                                           \
  if (next == NULL) next = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t pwrite64(int fd, const void* data, size_t length, off64_t offset) {
  NEXT(ssize_t, "pwrite64", int, const void*, size_t, off64_t);
  return refused(fd, offset, length) ? -1 : next(fd, data, length, offset);
}

ssize_t pwrite(int fd, const void* data, size_t length, off_t offset) {
  return pwrite64(fd, data, length, offset);
}

ssize_t writev(int fd, const struct iovec* parts, int count) {
  NEXT(ssize_t, "writev", int, const struct iovec*, int);
  size_t length = 0;
  for (int i = 0; i < count; ++i) length += parts[i].iov_len;
  return refused(fd, lseek(fd, 0, SEEK_CUR), length) ? -1 : next(fd, parts, count);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
  NEXT(int, "fallocate64", int, int, off64_t, off64_t);
  const int takes = (mode & FALLOC_FL_PUNCH_HOLE) == 0;
  return takes && refused(fd, offset, (size_t)length) ? -1 : next(fd, mode, offset, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
  return fallocate64(fd, mode, offset, length);
}
