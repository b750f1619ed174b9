#include "core/lmdb/temporary_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "core/lmdb/errors.h"
#include "core/lmdb/locks.h"
#include "core/lmdb/platform_linux.h"

namespace oocmap {
namespace {

constexpr std::string_view kMark = ".oocmap-new-";
constexpr std::string_view kPattern = "XXXXXX";

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { closedir(folder); }
};

[[noreturn]] void refuse_length(const std::string& path, size_t more) {
  throw Error(ErrorCode::kIo,
              "cannot create '" + path + "': File name too long: a file beside it needs a name " +
                  std::to_string(more) + " bytes longer, so give it a shorter one",
              ENAMETOOLONG, path);
}

void remove_if_stale(int folder, const char* name) noexcept {
  const int fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return;
  struct stat opened;
  struct stat named;
  const bool stale = fstat(fd, &opened) == 0 && S_ISREG(opened.st_mode) &&
                     platform::try_lock(fd, platform::LockKind::kExclusive, kCreateByte, 1) == 0 &&
                     fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
                     named.st_ino == opened.st_ino;
  if (stale) unlinkat(folder, name, 0);
  close(fd);
}

}  // namespace

TemporaryFile::TemporaryFile(const std::string& path) {
  while (!make(path)) {
  }
}

TemporaryFile::~TemporaryFile() {
  if (!kept_) unlink(path_.c_str());
  close(fd_);
}

// False where somebody took the file for a dead process's before it was locked.
bool TemporaryFile::make(const std::string& path) {
  path_ = path;
  path_ += kMark;
  path_ += kPattern;
  fd_ = mkostemp(path_.data(), O_CLOEXEC);
  if (fd_ < 0 && errno == ENAMETOOLONG) refuse_length(path, path_.size() - path.size());
  if (fd_ < 0) throw_system("create", path, errno);
  // A file system without such locks is refused later; until then nobody can lock, and remove it.
  static_cast<void>(wait_for_lock(fd_, kCreateByte));
  struct stat info;
  if (fstat(fd_, &info) != 0) {
    const int error = errno;
    unlink(path_.c_str());
    close(fd_);
    throw_system("examine a new file beside", path, error);
  }
  if (info.st_nlink > 0) return true;
  close(fd_);
  return false;
}

void remove_stale_files(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string_view whole = path;
  const std::string_view base = whole.substr(slash + 1);
  const int fd = open(slash == 0 ? "/" : std::string(whole.substr(0, slash)).c_str(),
                      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  const std::unique_ptr<DIR, CloseFolder> folder(fdopendir(fd));
  if (folder == nullptr) {
    close(fd);
    return;
  }
  while (const dirent* const entry = readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (name.size() == base.size() + kMark.size() + kPattern.size() &&
        name.substr(0, base.size()) == base && name.substr(base.size(), kMark.size()) == kMark) {
      remove_if_stale(fd, entry->d_name);
    }
  }
}

}  // namespace oocmap
