// The temporary file that a new map is written to before it gets its name. Private to core/lmdb.
#pragma once

#include <string>

namespace oocmap {

// An empty file beside `path`, named `path` + ".oocmap-new-" and six characters, with permissions
// for the owner only. It goes at the end unless it was kept. A lock tells all others that its maker
// lives: remove_stale_files() leaves it alone.
class TemporaryFile {
 public:
  // Errors: kIo, kDiskFull.
  explicit TemporaryFile(const std::string& path);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const noexcept { return path_; }
  int fd() const noexcept { return fd_; }
  void keep() noexcept { kept_ = true; }  // it has another name by now

 private:
  bool make(const std::string& path);
  std::string path_;
  int fd_ = -1;
  bool kept_ = false;
};

// Removes the temporary files of `path` whose makers were killed, or lost power; a file that cannot
// be examined stays. Cost: a listing of the folder.
void remove_stale_files(const std::string& path);

}  // namespace oocmap
