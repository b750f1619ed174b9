#include "core/lmdb/free_list.h"

#include <lmdb.h>

#include <algorithm>
#include <memory>

#include "core/lmdb/errors.h"

namespace oocmap {
namespace {

constexpr MDB_dbi kFreeList = 0;  // transaction -> count, page numbers, room

struct CloseCursor {
  void operator()(MDB_cursor* cursor) const { mdb_cursor_close(cursor); }
};

}  // namespace

void each_free_row(const Transaction& transaction, const std::string& path,
                   const std::function<bool(const FreedPages&)>& visit) {
  constexpr size_t kNumber = sizeof(uint64_t);
  MDB_cursor* opened = nullptr;
  int code = mdb_cursor_open(transaction.raw(), kFreeList, &opened);
  if (code != 0) throw_lmdb("read", path, code);
  const std::unique_ptr<MDB_cursor, CloseCursor> cursor(opened);
  MDB_val key = {};
  MDB_val value = {};
  while ((code = mdb_cursor_get(cursor.get(), &key, &value, MDB_NEXT)) == 0) {
    if (key.mv_size != kNumber || value.mv_size < kNumber) code = MDB_CORRUPTED;
    if (code != 0) break;
    const auto* const data = static_cast<const char*>(value.mv_data);
    const uint64_t count = std::min(load_le<uint64_t>(data), value.mv_size / kNumber - 1);
    const FreedPages row{load_le<uint64_t>(static_cast<const char*>(key.mv_data)),
                         Bytes(data + kNumber, count * kNumber)};
    if (!visit(row)) return;
  }
  if (code != MDB_NOTFOUND) throw_lmdb("read the free list of", path, code);
}

}  // namespace oocmap
