// Whether the file that is open is still the one that its path names, and whole. Programs that know
// nothing of us delete, replace and truncate files: none of that can be prevented, but writing on
// would lose what is written (it goes to a file without a name), or end in SIGBUS.
#include <lmdb.h>
#include <sys/stat.h>

#include <algorithm>

#include "core/lmdb/environment_state.h"
#include "core/lmdb/errors.h"
#include "core/lmdb/locks.h"

namespace oocmap {
namespace {

constexpr char kOpenAgain[] =
    "; close all its maps and connections in this process, and open it again";

[[noreturn]] void refuse_unnamed(const std::string& path) {
  throw Error(ErrorCode::kFilesystem,
              "'" + path +
                  "' was deleted or replaced while it was open: what is written to it now would be "
                  "lost, and reads show the old file" +
                  kOpenAgain,
              0, path);
}

}  // namespace

bool still_named(const std::string& path, const struct stat& file) noexcept {
  struct stat named;
  return ::stat(path.c_str(), &named) == 0 && named.st_dev == file.st_dev &&
         named.st_ino == file.st_ino;
}

void FileGuard::check_intact() {
  const struct stat now = status();
  if (now.st_nlink == 0) refuse_unnamed(path_);
  if (now.st_size < size_) {
    throw Error(ErrorCode::kCorrupt,
                "'" + path_ +
                    "' was truncated or overwritten by another program while it was "
                    "open: it has " +
                    std::to_string(now.st_size) + " bytes and had " + std::to_string(size_) +
                    kOpenAgain +
                    ", from a backup if that is refused (replace a file by renaming another to "
                    "its name, while nobody has it open, never with cp)",
                0, path_);
  }
  size_ = now.st_size;
}

uint64_t FileGuard::note_size() noexcept {
  struct stat now;
  if (fstat(fd_, &now) != 0) return 0;
  size_ = std::max(size_, now.st_size);
  return static_cast<uint64_t>(now.st_blocks) * 512;
}

void FileGuard::check_named() const {
  if (!still_named(path_, status())) refuse_unnamed(path_);
}

// LMDB opened the path once more, which may have become another file's just then.
void Environment::check_mapped_file(MDB_env* env) const {
  int fd = -1;
  struct stat mapped;
  mdb_env_get_fd(env, &fd);
  const struct stat guarded = state_->guard->status();
  if (fstat(fd, &mapped) == 0 && mapped.st_dev == guarded.st_dev &&
      mapped.st_ino == guarded.st_ino) {
    return;
  }
  refuse_unnamed(path_);
}

}  // namespace oocmap
