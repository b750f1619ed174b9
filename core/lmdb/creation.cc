#include "core/lmdb/creation.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

#include "core/lmdb/errors.h"
#include "core/lmdb/locks.h"
#include "core/lmdb/new_file.h"
#include "core/lmdb/platform_linux.h"

namespace oocmap {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Errors are said of `path`, whose user never heard of the temporary name.
void fill(const NewFile& file, const std::string& path, const WriteFile& write) {
  check_filesystem(file.fd(), path);
  file.speaking_of_target([&] { write(file.path()); });
}

}  // namespace

void sync_folder(const std::string& path) {
  const std::string folder = folder_of(path);
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // A folder one may write but not read cannot be opened, and so not be synced; a file system that
  // answers EINVAL cannot do it.
  if (fd.get() < 0 && errno == EACCES) return;
  if (fd.get() >= 0 && (fsync(fd.get()) == 0 || errno == EINVAL)) return;
  throw_system("sync", folder, errno);
}

void check_filesystem(int fd, const std::string& path) {
  int error = 0;
  const uint32_t type = platform::filesystem_type(fd, error);
  if (error != 0) throw_system("examine the file system of", path, error);
  check_filesystem_type(type, path);
}

void check_filesystem_type(uint32_t type, const std::string& path) {
  const char* const name = platform::unsafe_filesystem(type);
  if (name == nullptr) return;
  const char* const forced = secure_getenv("OOCMAP_FORCE_FILESYSTEM");
  if (forced != nullptr && std::string_view(forced) == "1") return;
  throw Error(ErrorCode::kFilesystem,
              "'" + path + "' is on a " + name +
                  " file system, where shared memory and locks cannot be relied on; copy it to a "
                  "local disk (or set OOCMAP_FORCE_FILESYSTEM=1 where only one machine uses it)",
              0, path);
}

bool create_file(const std::string& path, const WriteFile& write) {
  remove_abandoned(path, kCreationMark);
  NewFile file = NewFile::beside(path, kCreationMark);
  fill(file, path, write);
  file.sync();
  const int error = platform::rename_no_replace(file.path().c_str(), path.c_str());
  if (error == EEXIST) return false;
  if (error != 0) throw_system("create", path, error);
  file.keep();
  return true;
}

void fill_empty_file(const std::string& path, const WriteFile& write) {
  const Descriptor empty(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (empty.get() < 0) throw_system("open", path, errno);
  const int error = wait_for_lock(empty.get(), kCreateByte);
  if (error != 0) throw_system("lock", path, error);
  struct stat locked;
  if (fstat(empty.get(), &locked) != 0) throw_system("examine", path, errno);
  if (!still_named(path, locked) || locked.st_size != 0) return;  // somebody else was faster

  remove_abandoned(path, kCreationMark);
  NewFile file = NewFile::beside(path, kCreationMark);
  fill(file, path, write);
  file.keep_owner_and_permissions_of(empty.get());
  file.sync();
  if (std::rename(file.path().c_str(), path.c_str()) != 0) throw_system("replace", path, errno);
  file.keep();
}

}  // namespace oocmap
