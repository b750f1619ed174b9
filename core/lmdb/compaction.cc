// A file made small: a compact copy of it takes its name.
//
// LMDB never makes a file shorter, and nobody may do that under a program that has it mapped. Nor
// may the file be exchanged while anybody else has it open: who has it goes on with the old one,
// and the lock file, which both then share, leads the next ones to the wrong meta page. So the file
// must be open nowhere else, and whoever opens it waits meanwhile (locks.h). In this process reads
// go on until the moment of the exchange.
#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <thread>

#include "core/base/hash.h"
#include "core/lmdb/backup.h"
#include "core/lmdb/creation.h"
#include "core/lmdb/environment_state.h"
#include "core/lmdb/errors.h"
#include "core/lmdb/file_check.h"
#include "core/lmdb/new_file.h"
#include "core/lmdb/page_check.h"
#include "core/lmdb/platform_linux.h"
#include "core/lmdb/registry.h"

namespace oocmap {
namespace {

using std::chrono::milliseconds;

// What the process waits for its own reads at the exchange, whatever the caller's patience was.
constexpr milliseconds kPatience{1000};
// New reads wait no longer than this at a time: the thread may hold Python's lock meanwhile.
constexpr milliseconds kReadsHeldUp{20};

milliseconds left_until(Deadline deadline) {
  const auto left = deadline - std::chrono::steady_clock::now();
  return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(left));
}

// Everything a file holds, as a number; and a copy that has another is not given its name.
struct Content {
  std::array<uint64_t, kDatabaseCount> entries = {};
  uint64_t hash = 0;
  bool operator==(const Content&) const = default;
};

Content content_of(const Transaction& transaction) {
  Content content;
  for (int i = 0; i < kDatabaseCount; ++i) {
    Cursor cursor(transaction, static_cast<Database>(i));
    for (bool more = cursor.first(); more; more = cursor.next()) {
      ++content.entries[static_cast<size_t>(i)];
      content.hash = hash64(cursor.value(), hash64(cursor.key(), content.hash));
    }
  }
  return content;
}

// LMDB numbers the commit of a copy 1. Here it is one more than the last: what a program remembers
// of a commit is never said of another one. Meta page 1 is that of the odd numbers.
void number_commit(int fd, uint64_t page_size, uint64_t last, const std::string& path) {
  Buffer bytes;
  append_le(bytes, last % 2 == 0 ? last + 1 : last + 2);
  const auto at = static_cast<off_t>(page_size + MetaWatch::kTransactionAt);
  if (pwrite(fd, bytes.data(), bytes.size(), at) != static_cast<ssize_t>(bytes.size())) {
    throw_system("write", path, errno);
  }
}

// Whether a program that uses LMDB without OOCMap has the lock file. Only while this process has
// not: closing a descriptor of it would drop LMDB's locks.
bool lock_file_in_use(const std::string& path) {
  const int fd = ::open((path + "-lock").c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  const bool used = platform::locked_by_another(fd, 0, kLockBase);
  ::close(fd);
  return used;
}

}  // namespace

// Closes the file for a moment, with nobody of this process in it; `exchange` runs then. Where that
// throws the file is opened again as it is.
void Environment::with_file_closed(Deadline deadline, const std::function<void()>& exchange) {
  for (;;) {
    {
      const std::lock_guard lock(state_->reopening);
      const uint64_t current = serial_.exchange(0, std::memory_order_seq_cst);
      const Deadline pause = deadline_in(kReadsHeldUp);
      bool idle = false;
      for (;;) {
        {
          const std::lock_guard readers(reader_mutex());
          idle = state_->live.load(std::memory_order_seq_cst) == 0 &&
                 end_cached_readers(state_->readers, /*only_if_idle=*/true);
        }
        if (idle || std::chrono::steady_clock::now() >= pause) break;
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
      if (idle) {
        close_lmdb();
        try {
          exchange();
        } catch (...) {
          map();
          throw;
        }
        map();
        return;
      }
      serial_.store(current, std::memory_order_seq_cst);
    }
    if (std::chrono::steady_clock::now() >= deadline || stop_waiting()) refuse_readers();
    std::this_thread::sleep_for(milliseconds(1));
  }
}

void Environment::refuse_readers() const {
  throw Error(ErrorCode::kBusy,
              "cannot compact '" + path_ +
                  "': this process is reading it; close its snapshots, and end its queries and "
                  "copies that are under way",
              0, path_);
}

void Environment::compact(milliseconds timeout, const CopyProgress& progress) {
  check_owned();
  if (read_only_) {
    throw Error(ErrorCode::kReadOnly, "'" + path_ + "' is open for reading only", 0, path_);
  }
  const Deadline deadline = deadline_in(timeout);
  // Not the writer gate: who has the file open must be able to finish what he does.
  take_threads_lock(timeout, /*explicit_transaction=*/false);
  struct Locks {
    Environment& environment;
    ~Locks() {
      environment.state_->guard->attach_shared();
      environment.state_->write_lock.release();
    }
  };
  const Locks locks{*this};
  // What will not end, should not be found only after the copying.
  while (state_->live.load(std::memory_order_seq_cst) != 0) {
    if (std::chrono::steady_clock::now() >= deadline || stop_waiting()) refuse_readers();
    std::this_thread::sleep_for(milliseconds(1));
  }
  FileGuard& guard = *state_->guard;
  guard.attach_alone(left_until(deadline), "compact");
  guard.check_named();
  const auto names = guard.status().st_nlink;
  if (names != 1) {
    throw Error(ErrorCode::kFilesystem,
                "cannot compact '" + path_ + "': it has " + std::to_string(names) +
                    " names, and the others would stay with the old file",
                0, path_);
  }

  NewFile file = NewFile::named(path_ + kCompactionMark, path_);
  copy_to(file.fd(), path_, progress);
  Content content;
  {
    const ReadTransaction moment = begin_read();
    MDB_stat stat = {};
    mdb_env_stat(mdb_txn_env(moment.raw()), &stat);
    number_commit(file.fd(), stat.ms_psize, last_transaction_id(), path_);
    content = content_of(moment);
  }
  file.keep_owner_and_permissions_of(guard.fd());
  file.sync();
  file.speaking_of_target([&] {
    check_file(file.fd(), file.path());
    check_all_pages(file.fd(), file.path());
    change_private_file(file.path(), [&](WriteTransaction& transaction) {
      if (content_of(transaction) == content) return;
      throw Error(
          ErrorCode::kCorrupt,
          "a copy of '" + file.path() + "' is not like it: its pages, or memory, are damaged", 0,
          path_);
    });
  });

  with_file_closed(std::max(deadline, deadline_in(kPatience)), [&] {
    if (lock_file_in_use(path_)) {
      throw Error(
          ErrorCode::kBusy,
          "cannot compact '" + path_ + "': a program that uses LMDB without OOCMap has it open", 0,
          path_);
    }
    state_->guard->check_named();  // what has the name by now may be somebody else's
    Registry::instance().exchange(*this, file.path());
    file.keep();
    // Until it is durable that the name is this file's, nobody may commit to it.
    sync_folder(path_);
  });
  if (state_->lock_fd >= 0) state_->reserve.fit(state_->lock_fd, allocated_size());
}

}  // namespace oocmap
