#include "core/lmdb/read_ahead.h"

#include <lmdb.h>

#include <algorithm>
#include <memory>

#include "core/base/bytes.h"
#include "core/lmdb/platform_linux.h"

namespace oocmap {
namespace {

constexpr MDB_dbi kMain = 1;  // LMDB's database of the named ones, on a page at least

struct AbortTransaction {
  void operator()(MDB_txn* txn) const noexcept { mdb_txn_abort(txn); }
};
struct CloseCursor {
  void operator()(MDB_cursor* cursor) const noexcept { mdb_cursor_close(cursor); }
};

// LMDB does not tell. But a key stands on its page, and that begins with its number.
char* start_of_map(MDB_env* env) noexcept {
  MDB_txn* begun = nullptr;
  if (mdb_txn_begin(env, nullptr, MDB_RDONLY, &begun) != 0) return nullptr;
  const std::unique_ptr<MDB_txn, AbortTransaction> transaction(begun);
  MDB_cursor* opened = nullptr;
  if (mdb_cursor_open(begun, kMain, &opened) != 0) return nullptr;
  const std::unique_ptr<MDB_cursor, CloseCursor> cursor(opened);
  MDB_val key = {};
  MDB_val value = {};
  MDB_stat stat = {};
  if (mdb_cursor_get(opened, &key, &value, MDB_FIRST) != 0) return nullptr;
  if (mdb_env_stat(env, &stat) != 0) return nullptr;
  auto* const at = static_cast<char*>(key.mv_data);
  char* const page = at - reinterpret_cast<uintptr_t>(at) % stat.ms_psize;
  return page - load_le<uint64_t>(page) * stat.ms_psize;
}

}  // namespace

void ReadAhead::fit(MDB_env* env, uint64_t allocated) noexcept {
  if (ended_ || allocated <= room_) return;
  room_ = std::max(kFitsAnywhere, platform::memory() / 2);
  if (allocated <= room_) return;
  MDB_envinfo info = {};
  char* const start = start_of_map(env);
  if (start == nullptr || mdb_env_info(env, &info) != 0) return;
  platform::read_single_pages(start, info.me_mapsize);
  ended_ = true;
}

}  // namespace oocmap
