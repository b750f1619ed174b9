/* LD_PRELOAD: logs what a process does to the files below one folder, for
 * crash_states/recording.py.
 *
 *   OOCMAP_RECORD_FOLDER  the folder, absolute and without links; "-lock" files in it are left out
 *   OOCMAP_RECORD_LOG     the log, outside of it; several processes may append to one
 *   OOCMAP_RECORD_PLAIN   where set, renameat2() knows no flags, as on some file systems
 *
 * Each operation and its record are made under a lock on the log, so that the log has the order in
 * which things happened, in all processes. Failed operations are not logged. What is written to a
 * file whose name ends in ".ack" is logged as a message and is no file of the state.
 *
 * A process that records must not fork without exec: the child would share the lock. Writes through
 * a shared map are not seen; the product makes none.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum operation {
  WRITE = 1,   /* offset, data; durable by itself where flags is 1 (O_DSYNC) */
  SYNC,        /* of the file */
  TRUNCATE,    /* offset: the new size */
  PUNCH,       /* offset, size: reads as zeros from now on */
  ALLOCATE,    /* offset: the size the file has at least */
  CREATE,      /* first name */
  RENAME,      /* first to second name */
  LINK,        /* first name, also second */
  UNLINK,      /* first name */
  FOLDER_SYNC, /* first name */
  MESSAGE,     /* data */
};

struct record {
  uint32_t magic;
  uint32_t operation;
  uint64_t inode;
  uint64_t offset;
  uint64_t size;
  uint64_t data; /* bytes that follow the names */
  uint32_t first;
  uint32_t second;
  uint32_t flags;
  uint32_t process;
};

static char folder[PATH_MAX];
static size_t folder_size;
static int log_file = -1;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
  const char *wanted = getenv("OOCMAP_RECORD_FOLDER");
  const char *log = getenv("OOCMAP_RECORD_LOG");
  if (wanted == NULL || log == NULL) return;
  folder_size = strlen(wanted);
  memcpy(folder, wanted, folder_size + 1);
  log_file =
      (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_file < 0) {
    perror("record.c: the log");
    _exit(97);
  }
}

static void lock(void) {
  pthread_mutex_lock(&mutex);
  while (syscall(SYS_flock, log_file, LOCK_EX) != 0 && errno == EINTR) {
  }
}

static void unlock(void) {
  int kept = errno;
  syscall(SYS_flock, log_file, LOCK_UN);
  pthread_mutex_unlock(&mutex);
  errno = kept;
}

static int ends_in(const char *name, const char *end) {
  size_t size = strlen(name), tail = strlen(end);
  return size >= tail && strcmp(name + size - tail, end) == 0;
}

static int below(const char *path) {
  return log_file >= 0 && strncmp(path, folder, folder_size) == 0 &&
         (path[folder_size] == '/' || path[folder_size] == 0) && !ends_in(path, "-lock");
}

/* The path of an open file below the folder; 0 where it is another. */
static int path_of(int fd, char *path, struct stat *info) {
  char link_name[64];
  if (log_file < 0 || fd == log_file) return 0;
  int kept = errno;
  snprintf(link_name, sizeof link_name, "/proc/self/fd/%d", fd);
  ssize_t size = syscall(SYS_readlink, link_name, path, PATH_MAX - 1);
  int ours = 0;
  if (size > 0) {
    path[size] = 0;
    char *gone = strstr(path, " (deleted)");
    if (gone != NULL) *gone = 0;
    ours =
        below(path) && fstat(fd, info) == 0 && (S_ISREG(info->st_mode) || S_ISDIR(info->st_mode));
  }
  errno = kept;
  return ours;
}

static void absolute(int at, const char *name, char *path) {
  char base[PATH_MAX] = "";
  if (name[0] != '/') {
    if (at == AT_FDCWD) {
      if (getcwd(base, sizeof base) == NULL) base[0] = 0;
    } else {
      char link_name[64];
      snprintf(link_name, sizeof link_name, "/proc/self/fd/%d", at);
      ssize_t size = syscall(SYS_readlink, link_name, base, sizeof base - 1);
      base[size > 0 ? size : 0] = 0;
    }
  }
  size_t used = strlen(base);
  memcpy(path, base, used);
  snprintf(path + used, PATH_MAX - used, "%s%s", used != 0 ? "/" : "", name);
}

/* Called with the lock held, right after the operation. */
static void append(enum operation operation, uint64_t inode, const char *first, const char *second,
                   uint64_t offset, uint64_t size, const struct iovec *data, int pieces,
                   uint32_t flags) {
  struct record head = {0x4345524fu,
                        operation,
                        inode,
                        offset,
                        size,
                        0,
                        (uint32_t)strlen(first),
                        (uint32_t)strlen(second),
                        flags,
                        (uint32_t)getpid()};
  uint64_t left = data != NULL ? size : 0;
  head.data = left;
  struct iovec all[1027] = {
      {&head, sizeof head}, {(char *)first, head.first}, {(char *)second, head.second}};
  int count = 3;
  for (int i = 0; i < pieces && left > 0 && count < 1027; ++i) {
    uint64_t part = data[i].iov_len < left ? data[i].iov_len : left;
    all[count].iov_base = data[i].iov_base;
    all[count++].iov_len = part;
    left -= part;
  }
  for (int i = 0; i < count; ++i) {
    const char *at = all[i].iov_base;
    size_t rest = all[i].iov_len;
    while (rest > 0) {
      long done = syscall(SYS_write, log_file, at, rest);
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) {
        perror("record.c: writing the log");
        _exit(98);
      }
      at += done;
      rest -= (size_t)done;
    }
  }
}

/* `offset` is -1 where the file's own position was used. */
static void written(int fd, const char *path, const struct stat *info, const struct iovec *data,
                    int pieces, ssize_t done, off_t offset) {
  if (done <= 0) return;
  int kept = errno;
  if (ends_in(path, ".ack")) {
    append(MESSAGE, 0, "", "", 0, (uint64_t)done, data, pieces, 0);
  } else {
    if (offset < 0) offset = lseek(fd, 0, SEEK_CUR) - done;
    int synced = (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
    append(WRITE, info->st_ino, "", "", (uint64_t)offset, (uint64_t)done, data, pieces,
           (uint32_t)synced);
  }
  errno = kept;
}

#define RECORDED_WRITE(call, pieces, count, offset)            \
  char path[PATH_MAX];                                         \
  struct stat info;                                            \
  if (!path_of(fd, path, &info)) return (call);                \
  lock();                                                      \
  ssize_t done = (call);                                       \
  written(fd, path, &info, (pieces), (count), done, (offset)); \
  unlock();                                                    \
  return done

ssize_t write(int fd, const void *data, size_t size) {
  struct iovec piece = {(void *)data, size};
  RECORDED_WRITE(NEXT(write)(fd, data, size), &piece, 1, -1);
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
  RECORDED_WRITE(NEXT(writev)(fd, pieces, count), pieces, count, -1);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
  struct iovec piece = {(void *)data, size};
  RECORDED_WRITE(NEXT(pwrite)(fd, data, size, offset), &piece, 1, offset);
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset) {
  RECORDED_WRITE(NEXT(pwritev)(fd, pieces, count, offset), pieces, count, offset);
}

#define RECORDED_FILE(call, operation, offset, size)                                         \
  char path[PATH_MAX];                                                                       \
  struct stat info;                                                                          \
  if (!path_of(fd, path, &info)) return (call);                                              \
  lock();                                                                                    \
  int result = (call);                                                                       \
  int kept = errno;                                                                          \
  if (result == 0) append((operation), info.st_ino, path, "", (offset), (size), NULL, 0, 0); \
  errno = kept;                                                                              \
  unlock();                                                                                  \
  return result

int fsync(int fd) {
  struct stat of;
  /* A folder takes long, so that other processes come in between. */
  if (log_file >= 0 && fstat(fd, &of) == 0 && S_ISDIR(of.st_mode)) usleep(50000);
  RECORDED_FILE(NEXT(fsync)(fd), S_ISDIR(info.st_mode) ? FOLDER_SYNC : SYNC, 0, 0);
}

int fdatasync(int fd) {
  RECORDED_FILE(NEXT(fdatasync)(fd), S_ISDIR(info.st_mode) ? FOLDER_SYNC : SYNC, 0, 0);
}

int ftruncate(int fd, off_t size) {
  RECORDED_FILE(NEXT(ftruncate)(fd, size), TRUNCATE, (uint64_t)size, 0);
}

int fallocate(int fd, int mode, off_t offset, off_t size) {
  const int punch = (mode & FALLOC_FL_PUNCH_HOLE) != 0;
  const uint64_t grown = (mode & FALLOC_FL_KEEP_SIZE) != 0 ? 0 : (uint64_t)(offset + size);
  RECORDED_FILE(NEXT(fallocate)(fd, mode, offset, size), punch ? PUNCH : ALLOCATE,
                punch ? (uint64_t)offset : grown, (uint64_t)size);
}

int posix_fallocate(int fd, off_t offset, off_t size) {
  RECORDED_FILE(NEXT(posix_fallocate)(fd, offset, size), ALLOCATE, (uint64_t)(offset + size), 0);
}

static int recorded_open(int (*real)(const char *, int, ...), const char *name, int flags,
                         mode_t mode) {
  char path[PATH_MAX];
  struct stat info;
  if (log_file < 0) return real(name, flags, mode);
  absolute(AT_FDCWD, name, path);
  if (!below(path) || ends_in(path, ".ack") || (flags & (O_CREAT | O_TRUNC)) == 0)
    return real(name, flags, mode);
  lock();
  const int existed = syscall(SYS_access, path, F_OK) == 0;
  int fd = real(name, flags, mode);
  int kept = errno;
  if (fd >= 0 && fstat(fd, &info) == 0) {
    if (!existed) append(CREATE, info.st_ino, path, "", 0, 0, NULL, 0, 0);
    if (existed && (flags & O_TRUNC) != 0)
      append(TRUNCATE, info.st_ino, path, "", 0, 0, NULL, 0, 0);
  }
  errno = kept;
  unlock();
  return fd;
}

static mode_t mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

int open(const char *name, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return recorded_open(NEXT(open), name, flags, mode);
}

int open64(const char *name, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return recorded_open(NEXT(open64), name, flags, mode);
}

int creat(const char *name, mode_t mode) { return open(name, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int openat(int at, const char *name, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  if (log_file < 0) return NEXT(openat)(at, name, flags, mode);
  char path[PATH_MAX];
  absolute(at, name, path);
  if (!below(path)) return NEXT(openat)(at, name, flags, mode);
  return recorded_open(NEXT(open), path, flags, mode);
}

int mkostemp(char *name, int flags) {
  lock();
  int fd = NEXT(mkostemp)(name, flags);
  int kept = errno;
  char path[PATH_MAX];
  struct stat info;
  if (fd >= 0 && path_of(fd, path, &info)) append(CREATE, info.st_ino, path, "", 0, 0, NULL, 0, 0);
  errno = kept;
  unlock();
  return fd;
}

int mkstemp(char *name) { return mkostemp(name, 0); }

static int recorded_names(enum operation operation, int result, const char *first,
                          const char *second) {
  int kept = errno;
  struct stat info;
  const char *left = operation == UNLINK ? first : second;
  if (result == 0 && (below(first) || (operation != UNLINK && below(second)))) {
    if (operation == UNLINK || lstat(left, &info) != 0) info.st_ino = 0;
    append(operation, info.st_ino, first, second, 0, 0, NULL, 0, 0);
  }
  errno = kept;
  unlock();
  return result;
}

#define RECORDED_NAMES(operation, call, at1, name1, at2, name2) \
  if (log_file < 0) return (call);                              \
  char first[PATH_MAX], second[PATH_MAX];                       \
  absolute((at1), (name1), first);                              \
  absolute((at2), (name2), second);                             \
  lock();                                                       \
  return recorded_names((operation), (call), first, second)

int rename(const char *from, const char *to) {
  RECORDED_NAMES(RENAME, NEXT(rename)(from, to), AT_FDCWD, from, AT_FDCWD, to);
}

int renameat(int at1, const char *from, int at2, const char *to) {
  RECORDED_NAMES(RENAME, NEXT(renameat)(at1, from, at2, to), at1, from, at2, to);
}

int renameat2(int at1, const char *from, int at2, const char *to, unsigned flags) {
  if (log_file >= 0 && flags != 0 && getenv("OOCMAP_RECORD_PLAIN") != NULL) {
    errno = EINVAL;
    return -1;
  }
  RECORDED_NAMES(RENAME, NEXT(renameat2)(at1, from, at2, to, flags), at1, from, at2, to);
}

int link(const char *from, const char *to) {
  RECORDED_NAMES(LINK, NEXT(link)(from, to), AT_FDCWD, from, AT_FDCWD, to);
}

int linkat(int at1, const char *from, int at2, const char *to, int flags) {
  RECORDED_NAMES(LINK, NEXT(linkat)(at1, from, at2, to, flags), at1, from, at2, to);
}

int unlink(const char *name) {
  RECORDED_NAMES(UNLINK, NEXT(unlink)(name), AT_FDCWD, name, AT_FDCWD, "");
}

int unlinkat(int at, const char *name, int flags) {
  RECORDED_NAMES(UNLINK, NEXT(unlinkat)(at, name, flags), at, name, AT_FDCWD, "");
}
