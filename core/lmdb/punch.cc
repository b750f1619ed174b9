#include "core/lmdb/punch.h"

#include <lmdb.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/lmdb/errors.h"
#include "core/lmdb/free_list.h"
#include "core/lmdb/platform_linux.h"
#include "core/lmdb/statistics.h"

namespace oocmap {
namespace {

constexpr uint64_t kLongRun = 16;  // pages

}  // namespace

bool Puncher::step(std::chrono::milliseconds timeout, std::chrono::milliseconds at_once) {
  if (!supported_) return false;
  environment_.clear_stale_readers();
  make_durable();
  const WriteTransaction lock = environment_.begin_write(timeout);
  const auto end = std::chrono::steady_clock::now() + at_once;
  const uint64_t page = find_free_pages();
  for (;;) {
    const Run run = next_run(position_);
    if (run.count == 0) {
      if (short_runs_) return false;
      short_runs_ = true;
      position_ = 0;
      continue;
    }
    position_ = run.first + run.count;
    const bool wanted = (run.count >= kLongRun) != short_runs_;
    if (!wanted) continue;
    if (!punch(run.first * page, (run.first + run.count) * page)) return false;
    if (std::chrono::steady_clock::now() >= end) return true;
  }
}

// The pages that no snapshot has: LMDB's own rule for using one again. Under the write lock, so
// that none is taken. Returns the size of a page.
uint64_t Puncher::find_free_pages() {
  const ReadTransaction moment = environment_.begin_read();
  MDB_env* const env = mdb_txn_env(moment.raw());
  MDB_envinfo info = {};
  MDB_stat stat = {};
  mdb_env_info(env, &info);
  mdb_env_stat(env, &stat);
  free_.assign(info.me_last_pgno + 1, false);
  // What was free before the durable commit, and has not been used since, is free in every commit
  // that a crash may bring back.
  const uint64_t limit = std::min(oldest_read_transaction(environment_), durable_);
  // Pages 0 and 1 are LMDB's metas; a file that names them, or one behind the end, is damaged.
  each_free_row(moment, environment_.path(), [&](const FreedPages& row) {
    if (row.transaction >= limit) return false;
    for (size_t at = 0; at < row.numbers.size(); at += sizeof(uint64_t)) {
      const auto page_number = load_le<uint64_t>(row.numbers.data() + at);
      if (page_number > 1 && page_number < free_.size()) free_[page_number] = true;
    }
    return true;
  });
  return stat.ms_psize;
}

Puncher::Run Puncher::next_run(uint64_t from) const noexcept {
  const auto begin = free_.begin();
  const auto at = [&](uint64_t page) { return begin + static_cast<std::ptrdiff_t>(page); };
  if (from >= free_.size()) return {};
  const auto first = std::find(at(from), free_.end(), true);
  const auto last = std::find(first, free_.end(), false);
  return {static_cast<uint64_t>(first - begin), static_cast<uint64_t>(last - first)};
}

// Only what is not a hole yet: a vacuum may come often. Returns false where there can be no holes.
bool Puncher::punch(uint64_t begin, uint64_t end) {
  const int fd = environment_.file_descriptor();
  while (begin < end) {
    const off_t data = lseek(fd, static_cast<off_t>(begin), SEEK_DATA);
    if (data < 0 && errno == ENXIO) return true;  // nothing but holes, or behind the end
    if (data >= 0) begin = std::max(begin, static_cast<uint64_t>(data));
    if (begin >= end) return true;
    const off_t hole = lseek(fd, static_cast<off_t>(begin), SEEK_HOLE);
    const uint64_t until = hole > 0 ? std::min(end, static_cast<uint64_t>(hole)) : end;
    if (until <= begin) return true;
    const int error = platform::punch_hole(fd, begin, until - begin);
    supported_ = error != EOPNOTSUPP && error != ENOSYS;
    if (!supported_) return false;
    if (error != 0) throw_system("free pages of", environment_.path(), error);
    bytes_ += until - begin;
    begin = until;
  }
  return true;
}

// Once, and without the write lock: with a lesser durability there may be much to write.
void Puncher::make_durable() {
  if (durable_ != 0) return;
  const ReadTransaction last = environment_.begin_read();
  const int code = mdb_env_sync(mdb_txn_env(last.raw()), /*force=*/1);
  if (code != 0) {
    throw_lmdb("make durable", environment_.path(), code, environment_.file_descriptor());
  }
  durable_ = mdb_txn_id(last.raw());
}

}  // namespace oocmap
