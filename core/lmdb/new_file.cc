#include "core/lmdb/new_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "core/lmdb/errors.h"
#include "core/lmdb/locks.h"
#include "core/lmdb/platform_linux.h"

namespace oocmap {
namespace {

constexpr std::string_view kRandom = "XXXXXX";

// False where it has lost its name to remove_abandoned() before it was locked.
bool lock_and_has_name(int fd) noexcept {
  struct stat info;
  platform::try_lock(fd, platform::LockKind::kExclusive, kCreateByte, 1);
  return fstat(fd, &info) != 0 || info.st_nlink > 0;
}

}  // namespace

NewFile NewFile::beside(const std::string& target, const std::string& mark) {
  for (;;) {
    std::string path = target + mark + std::string(kRandom);
    std::string copy = target;  // before there is anything to clear away
    const int fd = mkostemp(path.data(), O_CLOEXEC);
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
  ::close(fd_);
}

void NewFile::sync() const {
  if (fsync(fd_) != 0) throw_system("sync", target_, errno);
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
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(folder.c_str()), &closedir);
  if (listing == nullptr) return;
  while (const dirent* entry = readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with(start) || name.size() != start.size() + kRandom.size()) continue;
    const std::string path = folder + std::string(name);
    const int fd = ::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) continue;
    if (platform::try_lock(fd, platform::LockKind::kExclusive, kCreateByte, 1) == 0) {
      unlink(path.c_str());
    }
    ::close(fd);
  }
}

}  // namespace oocmap
