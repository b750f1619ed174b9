// The environments this process has open, by (device, inode). Private to core/lmdb.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "core/lmdb/environment.h"

struct stat;

namespace oocmap {

// Absolute and without links, because LMDB names the lock file after the path; the file itself need
// not exist. Errors: kIo with errno, kInvalidArgument.
std::string resolve_path(const std::string& path);

class FileGuard;

// Its mutex is held where files are mapped, closed and exchanged, and a fork waits for it. What may
// take long is done without: the wait for a compaction, the check of all pages.
class Registry {
 public:
  static Registry& instance();

  // Who opens a file that another thread is opening waits for that. Errors: as Environment::open().
  std::shared_ptr<Environment> open(const OpenOptions& options, uint32_t format_version,
                                    const Environment::Initialize& initialize);
  // Closes a dying environment. Until that is done nobody can open its file again.
  void close(Environment& environment) noexcept;
  // Gives the file `by` the name of the environment's, which nobody has open, and makes it the
  // environment's. Errors: kIo, kSecondImage.
  void exchange(Environment& environment, const std::string& by);

 private:
  using FileId = std::pair<uint64_t, uint64_t>;
  struct Entry {
    std::weak_ptr<Environment> reference;
    Environment* environment = nullptr;  // valid until close() has removed the entry
  };

  // A file that a thread is opening.
  class Opening;

  Registry() = default;
  void wait(const std::string& path, std::unique_lock<std::mutex>& lock);
  std::shared_ptr<Environment> find(const FileId& file, const std::string& path,
                                    std::unique_lock<std::mutex>& lock);
  void check_no_lock_file(const std::string& path, const FileId& file) const;
  void wait_for_opening_of_lock_file(const std::string& path, std::unique_lock<std::mutex>& lock);
  bool lock_file_was_busy(const std::string& path, std::unique_lock<std::mutex>& lock);
  std::shared_ptr<Environment> attach(const std::string& path, const struct stat& file,
                                      const OpenOptions& options, uint32_t format_version,
                                      std::unique_lock<std::mutex>& lock);
  static void before_fork();
  static void after_fork_in_parent();
  static void after_fork_in_child();

  std::mutex mutex_;
  std::condition_variable changed_;  // an entry or an opening went
  std::map<FileId, Entry> entries_;
  std::map<FileId, Opening*> openings_;
};

}  // namespace oocmap
