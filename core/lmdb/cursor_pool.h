// The LMDB cursors of one write transaction. Private to core/lmdb.
//
// LMDB frees them when the transaction ends, and closing one before that is a write to the
// transaction. An iterator, however, may die at any time on any thread. So a Cursor never closes
// its LMDB cursor in a write transaction but lays it here, for the next Cursor on the same
// database.
#pragma once

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include "core/lmdb/transaction.h"

namespace oocmap {

class CursorPool {
 public:
  // An idle cursor on `database`, nullptr where there is none.
  MDB_cursor* take(Database database) {
    const std::lock_guard lock(mutex_);
    for (auto& idle : idle_) {
      if (idle.first != database) continue;
      MDB_cursor* cursor = idle.second;
      idle = idle_.back();
      idle_.pop_back();
      return cursor;
    }
    return nullptr;
  }

  // Before a cursor is made that give_back() may be given, which cannot fail.
  void make_room() {
    const std::lock_guard lock(mutex_);
    idle_.reserve(++made_);
  }

  void give_back(Database database, MDB_cursor* cursor) noexcept {
    const std::lock_guard lock(mutex_);
    if (!ended()) idle_.emplace_back(database, cursor);
  }

  // Before LMDB ends the transaction.
  void end() noexcept {
    const std::lock_guard lock(mutex_);
    ended_.store(true, std::memory_order_release);
    idle_.clear();
  }
  bool ended() const noexcept { return ended_.load(std::memory_order_acquire); }

 private:
  std::mutex mutex_;
  std::atomic<bool> ended_{false};
  size_t made_ = 0;
  std::vector<std::pair<Database, MDB_cursor*>> idle_;
};

}  // namespace oocmap
