// What a Session keeps out of its header. Private to core/store's session files.
#pragma once

#include <atomic>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/store/session.h"

namespace oocmap {

struct Session::State {
  static constexpr int kOutermost = std::numeric_limits<int>::min();
  struct Level {
    int number = kOutermost;
    WriteTransaction transaction;  // inactive where opening it was refused
    uint64_t first_event = 0;
    std::shared_ptr<const Error> refusal;  // then every level further in is refused, too
  };
  struct Poison {
    std::string reason;
    size_t level = 0;  // index of the level that cannot be kept
  };

  mutable std::recursive_mutex mutex;
  std::atomic<uint64_t> owner{0};  // thread number; 0: not in a transaction
  std::atomic<int64_t> timeout_ms{5000};
  std::atomic<bool> read_only{false};
  std::atomic<uint64_t> generation{1};
  std::atomic<uint64_t> auto_vacuum{0};  // after so many removed entries; 0: never
  std::atomic<uint64_t> removed{0};
  std::atomic<bool> put_off{false};  // the last one found another vacuum under way

  // Guarded by mutex. A deque, because scopes hold references while levels are added behind.
  std::deque<Level> levels;  // outermost first; empty between xSync and the next write, too
  std::optional<Poison> poison;
  std::shared_ptr<const JoinHooks> hooks;
  int cursors = 0;
  ReadTransaction snapshot;
  std::shared_ptr<ReadTransaction> pinned;  // of a session that is a snapshot, while it is open

  void next_generation() noexcept { generation.fetch_add(1, std::memory_order_acq_rel); }

  WriteTransaction& innermost() noexcept {
    auto level = levels.rbegin();
    while (level->refusal) ++level;  // the outermost never is
    return level->transaction;
  }
  // Index of the outermost savepoint numbered `number` or higher; levels.size() where there is
  // none.
  size_t index_of(int number) const noexcept {
    size_t index = 1;
    while (index < levels.size() && levels[index].number < number) ++index;
    return index;
  }
  // Errors: kTransactionFailed.
  void check_sound(const std::string& path) const;
};

}  // namespace oocmap
