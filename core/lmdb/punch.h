// Gives the disk space of free pages back: LMDB uses them again, and never makes a file smaller.
//
// A page is free for good reason: no snapshot that anybody reads, and neither of the two commits
// that a crash may leave as the newest, has it. A hole in its place reads as zeros, and the next
// write to it fills it; st_size stays. So this is safe beside readers and writers of any process.
// (Truncating is not: whoever has the end mapped gets SIGBUS.)
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "core/base/export.h"
#include "core/lmdb/environment.h"

namespace oocmap {

// Punches a file's free pages, first those that lie together, for each hole costs much the same.
class OOCMAP_API Puncher {
 public:
  explicit Puncher(Environment& environment) : environment_(environment) {}

  // Waits up to `timeout` for the write lock, and punches until `at_once` has passed, or for one
  // hole. The first step makes the last commit durable, also where the environment's durability is
  // less; only pages that were free before it are taken.
  // Returns whether there may be more.
  // Errors: kBusy, kReadOnly, kClosed, kDiskFull, kIo, kCorrupt.
  // Cost: under the lock a pass over the free list, about 2 ns a free page, and 40 us a hole.
  bool step(std::chrono::milliseconds timeout, std::chrono::milliseconds at_once);

  uint64_t bytes() const noexcept { return bytes_; }  // given back so far
  // Whether the long runs are done, and short ones are left: each gives little for its price.
  bool at_short_runs() const noexcept { return short_runs_; }
  // False once the file system has said that it has no holes; then step() does nothing.
  bool supported() const noexcept { return supported_; }

 private:
  struct Run {
    uint64_t first = 0;
    uint64_t count = 0;  // 0: none
  };
  uint64_t find_free_pages();
  Run next_run(uint64_t from) const noexcept;
  bool punch(uint64_t begin, uint64_t end);
  void make_durable();

  Environment& environment_;
  std::vector<bool> free_;  // by page, as of the last step
  uint64_t durable_ = 0;    // a commit that no crash takes back; 0: none yet
  uint64_t position_ = 0;   // the page the next step begins at
  bool short_runs_ = false;
  uint64_t bytes_ = 0;
  bool supported_ = true;
};

}  // namespace oocmap
