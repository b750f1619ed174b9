#include "core/lmdb/new_file.h"

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

constexpr std::string_view kRandom = "XXXXXX";

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { closedir(folder); }
};

[[noreturn]] void refuse_length(const std::string& target, size_t more) {
  throw Error(ErrorCode::kIo,
              "cannot create '" + target + "': File name too long: a file beside it needs a name " +
                  std::to_string(more) + " bytes longer, so give it a shorter one",
              ENAMETOOLONG, target);
}

// False where it has lost its name to remove_abandoned() before it was locked.
bool lock_and_has_name(int fd) {
  // A file system without such locks is refused later; until then nobody can lock, and remove it.
  static_cast<void>(wait_for_lock(fd, kCreateByte));
  struct stat info;
  return fstat(fd, &info) != 0 || info.st_nlink > 0;
}

void remove_if_abandoned(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return;
  struct stat opened;
  const bool abandoned =
      fstat(fd, &opened) == 0 && S_ISREG(opened.st_mode) &&
      platform::try_lock(fd, platform::LockKind::kExclusive, kCreateByte, 1) == 0 &&
      still_named(path, opened);
  if (abandoned) unlink(path.c_str());
  ::close(fd);
}

}  // namespace

NewFile NewFile::beside(const std::string& target, const std::string& mark) {
  for (;;) {
    std::string path = target + mark + std::string(kRandom);
    std::string copy = target;  // before there is anything to clear away
    const int fd = mkostemp(path.data(), O_CLOEXEC);
    if (fd < 0 && errno == ENAMETOOLONG) refuse_length(target, path.size() - target.size());
    if (fd < 0) throw_system("create", target, errno);
    if (lock_and_has_name(fd)) return {std::move(path), std::move(copy), fd};
    ::close(fd);
  }
}

NewFile NewFile::named(const std::string& path, const std::string& target) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) throw_system("remove", path, errno);
  std::string name = path;
  std::string copy = target;
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) throw_system("make a copy beside", target, errno);
  return {std::move(name), std::move(copy), fd};
}

NewFile::~NewFile() {
  if (!kept_) unlink(path_.c_str());
  // Explicitly: a child that was forked meanwhile shares the open file, and would keep the lock.
  platform::unlock(fd_, kLockBase, 0);
  ::close(fd_);
}

void NewFile::sync() const {
  if (fsync(fd_) != 0) throw_system("sync", target_, errno);
}

void NewFile::keep_permissions_of(int fd) const {
  struct stat old;
  if (fstat(fd, &old) != 0) throw_system("examine", target_, errno);
  if (fchmod(fd_, old.st_mode & 07777) != 0) throw_system("set permissions of", target_, errno);
  const int error = platform::copy_access_list(fd, fd_);
  if (error != 0) throw_system("set permissions of", target_, error);
}

void NewFile::keep_owner_and_permissions_of(int fd) const {
  struct stat old;
  struct stat made;
  if (fstat(fd, &old) != 0 || fstat(fd_, &made) != 0) throw_system("examine", target_, errno);
  const bool same = made.st_uid == old.st_uid && made.st_gid == old.st_gid;
  if (!same && fchown(fd_, old.st_uid, old.st_gid) != 0) {
    throw_system("keep the owner of", target_, errno);
  }
  keep_permissions_of(fd);
}

void NewFile::speaking_of_target(const std::function<void()>& body) const {
  try {
    body();
  } catch (const Error& error) {
    std::string message = error.message();
    for (size_t at = 0; (at = message.find(path_, at)) != std::string::npos; at += target_.size()) {
      message.replace(at, path_.size(), target_);
    }
    throw Error(error.code(), message, error.system_error(), target_);
  }
}

void remove_abandoned(const std::string& target, const std::string& mark) {
  const size_t slash = target.rfind('/');
  const std::string folder = target.substr(0, slash + 1);
  const std::string start = target.substr(slash + 1) + mark;
  const std::unique_ptr<DIR, CloseFolder> listing(opendir(folder.c_str()));
  if (listing == nullptr) return;
  while (const dirent* entry = readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with(start) || name.size() != start.size() + kRandom.size()) continue;
    remove_if_abandoned(folder + std::string(name));
  }
}

}  // namespace oocmap
