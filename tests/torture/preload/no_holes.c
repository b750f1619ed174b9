// fallocate() that fails with the errno in OOCMAP_FALLOCATE_ERRNO: a file system without holes, or
// one that breaks.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

int fallocate(int fd, int mode, off_t offset, off_t length) {
  (void)fd, (void)mode, (void)offset, (void)length;
  const char* number = getenv("OOCMAP_FALLOCATE_ERRNO");
  errno = number == NULL ? EOPNOTSUPP : atoi(number);
  return -1;
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
  return fallocate(fd, mode, offset, length);
}
