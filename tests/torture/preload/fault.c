// Lets the n-th call of a kind fail, once or from then on, in a process that was started with this
// library preloaded. The process itself says when: fault_arm(), by ctypes.
//
// Counted are calls on files whose path has OOCMAP_FAULT_MARK in it, and allocations by the
// libraries named in fault_allocators(): Python's own go on. All else passes untouched.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { OPEN, MAP, WRITE, SYNC, ALLOCATE, RENAME, LOCK, STAT, MEMORY, KINDS };

static atomic_int armed = -1;  // the kind
static int nth, error_number, persistent;
static atomic_int calls, fired;

void fault_arm(int kind, int n, int error, int from_then_on) {
  nth = n;
  error_number = error;  // 0: a short write
  persistent = from_then_on;
  atomic_store(&calls, 0);
  atomic_store(&fired, 0);
  atomic_store(&armed, kind);
}

// How often it struck.
int fault_disarm(void) {
  atomic_store(&armed, -1);
  return atomic_load(&fired);
}

static int strikes(void) {
  const int call = atomic_fetch_add(&calls, 1) + 1;
  if (call != nth && !(persistent && call > nth)) return 0;
  atomic_fetch_add(&fired, 1);
  return 1;
}

static int marked(const char* path) {
  static const char* mark;
  if (mark == NULL) mark = getenv("OOCMAP_FAULT_MARK");
  return mark != NULL && path != NULL && strstr(path, mark) != NULL;
}

static int marked_fd(int fd) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = syscall(SYS_readlink, link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return marked(path);
}

static int fails_path(enum kind kind, const char* path) {
  if (atomic_load(&armed) != (int)kind || !marked(path) || !strikes()) return 0;
  errno = error_number;
  return 1;
}

static int fails_fd(enum kind kind, int fd) {
  if (atomic_load(&armed) != (int)kind) return 0;
  const int before = errno;
  const int hit = marked_fd(fd) && strikes();
  errno = hit ? error_number : before;
  return hit;
}

// --- Opening

static int open_at(int folder, const char* path, int flags, va_list more) {
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) mode = va_arg(more, mode_t);
  if (fails_path(OPEN, path)) return -1;
  return (int)syscall(SYS_openat, folder, path, flags, mode);
}

#define OPENS(name)                                  \
  int name(const char* path, int flags, ...) {       \
    va_list more;                                    \
    va_start(more, flags);                           \
    int fd = open_at(AT_FDCWD, path, flags, more);   \
    va_end(more);                                    \
    return fd;                                       \
  }
OPENS(open)
OPENS(open64)

#define OPENS_AT(name)                                     \
  int name(int folder, const char* path, int flags, ...) { \
    va_list more;                                          \
    va_start(more, flags);                                 \
    int fd = open_at(folder, path, flags, more);           \
    va_end(more);                                          \
    return fd;                                             \
  }
OPENS_AT(openat)
OPENS_AT(openat64)

// Inside it glibc opens by itself.
int mkostemp(char* pattern, int flags) {
  int (*const real)(char*, int) = (int (*)(char*, int))dlsym(RTLD_NEXT, "mkostemp");
  return fails_path(OPEN, pattern) ? -1 : real(pattern, flags);
}

// --- Mapping

#define MAPS(name)                                                                          \
  void* name(void* at, size_t length, int protection, int flags, int fd, off_t offset) {    \
    if (fd >= 0 && fails_fd(MAP, fd)) return MAP_FAILED;                                    \
    return (void*)syscall(SYS_mmap, at, length, protection, flags, fd, offset);             \
  }
MAPS(mmap)
MAPS(mmap64)

// --- Writing: with errno 0 half of it is written, which is no error yet.

static size_t half(size_t size) { return size > 1 ? size / 2 : size; }

ssize_t write(int fd, const void* bytes, size_t size) {
  if (fails_fd(WRITE, fd)) {
    if (error_number != 0) return -1;
    size = half(size);
  }
  return syscall(SYS_write, fd, bytes, size);
}

#define WRITES_AT(name)                                                     \
  ssize_t name(int fd, const void* bytes, size_t size, off_t offset) {      \
    if (fails_fd(WRITE, fd)) {                                              \
      if (error_number != 0) return -1;                                     \
      size = half(size);                                                    \
    }                                                                       \
    return syscall(SYS_pwrite64, fd, bytes, size, offset);                  \
  }
WRITES_AT(pwrite)
WRITES_AT(pwrite64)

#define WRITES_PARTS(name)                                                        \
  ssize_t name(int fd, const struct iovec* parts, int count, off_t offset) {      \
    if (fails_fd(WRITE, fd)) {                                                    \
      if (error_number != 0) return -1;                                           \
      return syscall(SYS_pwrite64, fd, parts->iov_base, half(parts->iov_len), offset); \
    }                                                                             \
    return syscall(SYS_pwritev, fd, parts, count, offset, 0L);                    \
  }
WRITES_PARTS(pwritev)
WRITES_PARTS(pwritev64)

ssize_t writev(int fd, const struct iovec* parts, int count) {
  if (fails_fd(WRITE, fd)) {
    if (error_number != 0) return -1;
    return syscall(SYS_write, fd, parts->iov_base, half(parts->iov_len));
  }
  return syscall(SYS_writev, fd, parts, count);
}

// --- Making durable

int fsync(int fd) { return fails_fd(SYNC, fd) ? -1 : (int)syscall(SYS_fsync, fd); }
int fdatasync(int fd) { return fails_fd(SYNC, fd) ? -1 : (int)syscall(SYS_fdatasync, fd); }
int msync(void* at, size_t size, int flags) { return (int)syscall(SYS_msync, at, size, flags); }

// --- Space and names

#define ALLOCATES(name)                                                        \
  int name(int fd, int mode, off_t offset, off_t size) {                       \
    if (fails_fd(ALLOCATE, fd)) return -1;                                     \
    return (int)syscall(SYS_fallocate, fd, mode, offset, size);                \
  }
ALLOCATES(fallocate)
ALLOCATES(fallocate64)

#define TRUNCATES(name)                                                        \
  int name(int fd, off_t size) {                                               \
    if (fails_fd(ALLOCATE, fd)) return -1;                                     \
    return (int)syscall(SYS_ftruncate, fd, size);                              \
  }
TRUNCATES(ftruncate)
TRUNCATES(ftruncate64)

int rename(const char* from, const char* to) {
  return fails_path(RENAME, to) ? -1 : (int)syscall(SYS_rename, from, to);
}
int renameat2(int at, const char* from, int to_at, const char* to, unsigned flags) {
  return fails_path(RENAME, to) ? -1 : (int)syscall(SYS_renameat2, at, from, to_at, to, flags);
}
int link(const char* from, const char* to) {
  return fails_path(RENAME, to) ? -1 : (int)syscall(SYS_link, from, to);
}

// --- Locks

#define CONTROLS(name)                                                         \
  int name(int fd, int command, ...) {                                         \
    va_list more;                                                              \
    va_start(more, command);                                                   \
    void* argument = va_arg(more, void*);                                      \
    va_end(more);                                                              \
    const int locks = command == F_OFD_SETLK || command == F_OFD_SETLKW ||     \
                      command == F_OFD_GETLK || command == F_SETLK ||          \
                      command == F_SETLKW || command == F_GETLK;               \
    if (locks && fails_fd(LOCK, fd)) return -1;                                \
    return (int)syscall(SYS_fcntl, fd, command, argument);                     \
  }
CONTROLS(fcntl)
CONTROLS(fcntl64)

#define STATS(name)                                                            \
  int name(int fd, struct stat* into) {                                        \
    if (fails_fd(STAT, fd)) return -1;                                         \
    return (int)syscall(SYS_fstat, fd, into);                                  \
  }
struct stat;
STATS(fstat)
STATS(fstat64)

// --- Memory

enum { MOST_LIBRARIES = 16 };
static struct {
  uintptr_t begin, end;
} allocators[MOST_LIBRARIES];
static int allocator_count;

static int add_library(struct dl_phdr_info* info, size_t size, void* part) {
  (void)size;
  if (strstr(info->dlpi_name, part) == NULL) return 0;
  for (int i = 0; i < info->dlpi_phnum && allocator_count < MOST_LIBRARIES; ++i) {
    const ElfW(Phdr)* const segment = &info->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X)) continue;
    allocators[allocator_count].begin = info->dlpi_addr + segment->p_vaddr;
    allocators[allocator_count++].end = info->dlpi_addr + segment->p_vaddr + segment->p_memsz;
  }
  return 0;
}

// Adds the libraries whose path has `part` in it. Returns how many pieces of code are known now.
int fault_allocators(const char* part) {
  dl_iterate_phdr(add_library, (void*)part);
  return allocator_count;
}

static int fails_memory(const void* caller) {
  if (atomic_load(&armed) != MEMORY) return 0;
  for (int i = 0; i < allocator_count; ++i) {
    if ((uintptr_t)caller - allocators[i].begin >= allocators[i].end - allocators[i].begin) continue;
    if (!strikes()) return 0;
    errno = ENOMEM;
    return 1;
  }
  return 0;
}

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);

void* malloc(size_t size) {
  return fails_memory(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  return fails_memory(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) {
  return fails_memory(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}
