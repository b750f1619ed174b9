#include "core/lmdb/statistics.h"

#include <lmdb.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/lmdb/errors.h"
#include "core/lmdb/free_list.h"

namespace oocmap {
namespace {

struct Readers {
  uint64_t count = 0;
  uint64_t oldest = UINT64_MAX;  // a transaction
  uint64_t process = 0;          // that reads it
};

// A line of mdb_reader_list(), the only way LMDB tells: "pid thread transaction", with '-' for a
// slot that reads nothing now, or a headline.
int read_line(const char* line, void* data) {
  auto& readers = *static_cast<Readers*>(data);
  const char* const last = std::strrchr(line, ' ');
  char* end = nullptr;
  const uint64_t transaction = last == nullptr ? 0 : std::strtoull(last + 1, &end, 10);
  if (end == nullptr || end == last + 1 || *end != '\n') return 0;
  ++readers.count;
  if (transaction < readers.oldest) {
    readers.oldest = transaction;
    readers.process = std::strtoull(line, nullptr, 10);
  }
  return 0;
}

Readers list_readers(MDB_env* env, const std::string& path) {
  Readers readers;
  // LMDB gives the largest result of read_line(), which has no failure.
  if (mdb_reader_list(env, read_line, &readers) < 0) {
    throw_lmdb("list the readers of", path, MDB_BAD_RSLOT);
  }
  return readers;
}

}  // namespace

uint64_t oldest_read_transaction(Environment& environment) {
  const ReadTransaction use = environment.begin_read();  // keeps it open
  return list_readers(mdb_txn_env(use.raw()), environment.path()).oldest;
}

Statistics read_statistics(Environment& environment) {
  environment.clear_stale_readers();
  const ReadTransaction transaction = environment.begin_read();
  MDB_env* const env = mdb_txn_env(transaction.raw());
  const Readers readers = list_readers(env, environment.path());
  MDB_stat stat = {};
  MDB_envinfo info = {};
  mdb_env_stat(env, &stat);
  mdb_env_info(env, &info);
  Statistics result;
  result.transaction = mdb_txn_id(transaction.raw());
  result.page_bytes = stat.ms_psize;
  result.pages = info.me_last_pgno + 1;
  each_free_row(transaction, environment.path(), [&](const FreedPages& row) {
    result.free_pages += row.count();
    return true;
  });
  result.file_bytes = environment.file_size();
  result.allocated_bytes = environment.allocated_size();
  result.max_bytes = info.me_mapsize;
  // The transaction of this function is one of them, where the file has readers at all.
  result.readers = readers.count == 0 ? 0 : readers.count - 1;
  if (readers.oldest < result.transaction) {
    result.oldest_reader = result.transaction - readers.oldest;
    result.oldest_reader_process = readers.process;
    const auto age = environment.age_of(readers.oldest);
    if (age) result.oldest_reader_seconds = std::chrono::duration<double>(*age).count();
  }
  return result;
}

}  // namespace oocmap
