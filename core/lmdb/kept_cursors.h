// The cursors a transaction reads and writes through, one a database. Private to core/lmdb.
//
// mdb_get and mdb_put descend from the root each time; a cursor that stands on the right page finds
// its place there. Not for appending: mdb_cursor_put with MDB_APPEND looks for the end anew in some
// versions of LMDB, and in others trusts a cursor that was there once.
//
// In a write transaction LMDB moves them along with what is written beside them, frees them with
// the transaction, and copies them where one is nested in it. In a read transaction they are the
// owner's to close(), before or after its end.
#pragma once

#include <lmdb.h>

#include <array>
#include <cstring>
#include <utility>

#include "core/lmdb/transaction.h"

namespace oocmap {

class KeptCursors {
 public:
  // The cursor of `database`, whose number is `handle`; made at the first call.
  // Returns: LMDB's code, 0 where `cursor` is set.
  int find(MDB_txn* transaction, Database database, unsigned handle, MDB_cursor*& cursor) noexcept {
    MDB_cursor*& known = cursors_[static_cast<size_t>(database)];
    const int code = known == nullptr ? mdb_cursor_open(transaction, handle, &known) : 0;
    cursor = known;
    return code;
  }

  // mdb_get through the cursor.
  int get(MDB_txn* transaction, Database database, unsigned handle, MDB_val& key,
          MDB_val& value) noexcept {
    MDB_cursor* cursor = nullptr;
    const int code = find(transaction, database, handle, cursor);
    return code == 0 ? mdb_cursor_get(cursor, &key, &value, MDB_SET) : code;
  }

  // In a read transaction: whether `key` is among the next rows behind the one found last, as ids
  // are that were given one after the other. A step is a fifth of the cost of looking for it.
  bool get_following(Database database, uint64_t key, MDB_val& value) noexcept {
    constexpr uint64_t kSteps = 3;
    const auto at = static_cast<size_t>(database);
    const uint64_t last = std::exchange(last_keys_[at], key);
    if (key <= last || key - last > kSteps || cursors_[at] == nullptr) return false;
    for (uint64_t step = last; step < key; ++step) {
      MDB_val found;
      uint64_t id = 0;
      if (mdb_cursor_get(cursors_[at], &found, &value, MDB_NEXT) != 0) return false;
      if (found.mv_size != sizeof id) return false;
      std::memcpy(&id, found.mv_data, sizeof id);
      if (id >= key) return id == key;
    }
    return false;
  }

  // Before one is nested in the transaction: copying them would cost more than making them again.
  void close() noexcept {
    for (MDB_cursor*& cursor : cursors_) {
      if (cursor != nullptr) mdb_cursor_close(std::exchange(cursor, nullptr));
    }
  }

  // Whether to try to append to `database`: not for a while after its last attempt failed.
  bool may_append(Database database) noexcept {
    uint8_t& waits = waits_[static_cast<size_t>(database)];
    if (waits == 0) return true;
    --waits;
    return false;
  }
  void append_failed(Database database) noexcept { waits_[static_cast<size_t>(database)] = kWait; }

 private:
  static constexpr uint8_t kWait = 31;
  std::array<MDB_cursor*, kDatabaseCount> cursors_ = {};
  std::array<uint8_t, kDatabaseCount> waits_ = {};
  std::array<uint64_t, kDatabaseCount> last_keys_ = {};
};

}  // namespace oocmap
