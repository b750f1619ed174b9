// What an Environment keeps out of its header. Private to core/lmdb.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "core/lmdb/commit_times.h"
#include "core/lmdb/environment.h"
#include "core/lmdb/lmdb_file.h"
#include "core/lmdb/locks.h"
#include "core/lmdb/read_ahead.h"
#include "core/lmdb/reserve.h"
#include "core/lmdb/writer_thread.h"

namespace oocmap {

struct Environment::State {
  MapRequest request;  // to open again
  uint32_t format_version = 0;
  bool registered = false;              // false: a file under creation, known to nobody else
  uint64_t epoch = 0;                   // process_epoch() of the opener
  std::unique_ptr<FileGuard> guard;     // null under creation
  std::pair<dev_t, ino_t> lock_file{};  // its device and inode; zeros where it has none
  // Of the lock file, to look at LMDB's locks on it. Closed only while LMDB has none: to close any
  // descriptor of it drops them.
  int lock_fd = -1;
  // LMDB's mdb_reader_check(), unless it would take a living process for a dead one.
  int clear_readers(MDB_env* env) const noexcept;
  void close_lock_file() noexcept;  // while LMDB has it not open
  WriteLock write_lock;
  std::once_flag writer_once;
  std::unique_ptr<WriterThread> writer;
  std::mutex reopening;
  // One each time the file was opened. None is dropped before the environment: a reader may have
  // it.
  std::vector<std::unique_ptr<const MetaWatch>> watches;
  // Transactions that are not cached readers. Who begins one raises this and then looks at serial_;
  // who reopens clears serial_ and then looks at this: one of the two sees the other.
  std::atomic<int> live{0};
  CommitTimes commit_times;
  Reserve reserve;
  ReadAhead read_ahead;                      // under the write lock, or while nobody has the map
  std::atomic<bool> vacuuming{false};        // a VacuumLock of this process is held
  std::vector<ThreadReader::Slot*> readers;  // guarded by reader_mutex()
};

// LMDB's flags for it.
unsigned durability_flags(Durability durability);

// A number for Environment::serial(), never 0 and never given twice.
uint64_t next_serial() noexcept;
// Raised by every write of this process; what Stamp::write_generation is taken from.
uint64_t next_write_generation() noexcept;

// Guards every environment's list of cached readers, and every thread's end. Taken after the
// registry's mutex where both are.
std::mutex& reader_mutex() noexcept;
// Ends an environment's cached readers, under reader_mutex(); with `only_if_idle` nothing is done
// and false returned where one of them is in use. The environment must accept no new users (serial_
// is 0 or it is dying).
bool end_cached_readers(std::vector<ThreadReader::Slot*>& readers, bool only_if_idle);

}  // namespace oocmap
