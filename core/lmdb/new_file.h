// A file that is written under another name first, so that it is there whole or not at all. Private
// to core/lmdb.
#pragma once

#include <functional>
#include <string>

namespace oocmap {

// An empty file beside the one that it is to become, with permissions for its owner only. It is
// gone when this dies, unless kept.
class NewFile {
 public:
  // `target` + `mark` + six random characters, locked as long as this lives: so that
  // remove_abandoned() can tell what a killed process left. Errors: kIo, kDiskFull, of `target`.
  static NewFile beside(const std::string& target, const std::string& mark);
  // Of this very name; what has it is removed, for the caller knows that nobody uses it. `target`:
  // of which errors speak. Errors: as above.
  static NewFile named(const std::string& path, const std::string& target);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  const std::string& path() const noexcept { return path_; }
  int fd() const noexcept { return fd_; }
  // Errors: kIo, kDiskFull.
  void sync() const;
  void keep() noexcept { kept_ = true; }  // it has another name by now

  // Gives it the mode, and the access control list, of the file behind `fd`. Errors: kIo.
  void keep_permissions_of(int fd) const;
  // The same, and the owner and the group. Errors: kIo, with EPERM where only root may do that.
  void keep_owner_and_permissions_of(int fd) const;

  // Runs `body`; an error that names this file names the target instead, of which its user knows.
  void speaking_of_target(const std::function<void()>& body) const;

 private:
  NewFile(std::string path, std::string target, int fd)
      : path_(std::move(path)), target_(std::move(target)), fd_(fd) {}
  std::string path_;
  std::string target_;
  int fd_ = -1;
  bool kept_ = false;
};

// Removes the files of NewFile::beside() whose process was killed, or lost power; one that cannot
// be examined stays. Cost: a listing of the folder.
void remove_abandoned(const std::string& target, const std::string& mark);

}  // namespace oocmap
