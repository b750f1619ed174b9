/* Kills the process before its n-th call (KILL_AT, from 1) of those that change files, descriptors,
 * locks or the map, counted from the opening of a file whose name ends in KILL_FROM. Where there
 * are fewer, nothing happens. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_int armed;
static atomic_long calls;

static void arm(const char* path) {
  const char* end = getenv("KILL_FROM");
  if (end == NULL || path == NULL || strlen(path) < strlen(end)) return;
  if (strcmp(path + strlen(path) - strlen(end), end) == 0) atomic_store(&armed, 1);
}

static void count(void) {
  static long at;
  if (!atomic_load(&armed)) return;
  if (at == 0) at = getenv("KILL_AT") == NULL ? -1 : atol(getenv("KILL_AT"));
  if (atomic_fetch_add(&calls, 1) + 1 == at) kill(getpid(), SIGKILL);
}

#define CALL(type, name, parameters, arguments) \
  type name parameters {                        \
    static type(*next) parameters;              \
    if (next == NULL) next = dlsym(RTLD_NEXT, #name); \
    count();                                    \
    return next arguments;                      \
  }

CALL(ssize_t, write, (int fd, const void* data, size_t size), (fd, data, size))
CALL(ssize_t, pwrite, (int fd, const void* data, size_t size, off_t at), (fd, data, size, at))
CALL(ssize_t, pwrite64, (int fd, const void* data, size_t size, off64_t at), (fd, data, size, at))
CALL(int, fsync, (int fd), (fd))
CALL(int, fdatasync, (int fd), (fd))
CALL(int, ftruncate, (int fd, off_t size), (fd, size))
CALL(int, ftruncate64, (int fd, off64_t size), (fd, size))
CALL(int, rename, (const char* from, const char* to), (from, to))
CALL(int, unlink, (const char* path), (path))
CALL(int, fchmod, (int fd, mode_t mode), (fd, mode))
CALL(int, fchown, (int fd, uid_t user, gid_t group), (fd, user, group))
CALL(int, dup3, (int from, int to, int flags), (from, to, flags))
CALL(int, close, (int fd), (fd))
CALL(int, munmap, (void* at, size_t size), (at, size))
CALL(void*, mmap, (void* at, size_t size, int protection, int flags, int fd, off_t from),
     (at, size, protection, flags, fd, from))

#define OPEN(name)                                      \
  int name(const char* path, int flags, ...) {          \
    static int (*next)(const char*, int, ...);          \
    if (next == NULL) next = dlsym(RTLD_NEXT, #name);   \
    va_list rest;                                       \
    va_start(rest, flags);                              \
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                       \
    count();                                            \
    const int fd = next(path, flags, mode);             \
    arm(path);                                          \
    return fd;                                          \
  }
OPEN(open)
OPEN(open64)

#define FCNTL(name)                                     \
  int name(int fd, int command, ...) {                  \
    static int (*next)(int, int, ...);                  \
    if (next == NULL) next = dlsym(RTLD_NEXT, #name);   \
    va_list rest;                                       \
    va_start(rest, command);                            \
    void* argument = va_arg(rest, void*);               \
    va_end(rest);                                       \
    count();                                            \
    return next(fd, command, argument);                 \
  }
FCNTL(fcntl)
FCNTL(fcntl64)

__attribute__((destructor)) static void report(void) {
  const char* to = getenv("KILL_COUNTS");
  FILE* file = to == NULL ? NULL : fopen(to, "w");
  if (file == NULL) return;
  fprintf(file, "%ld\n", atomic_load(&calls));
  fclose(file);
}
