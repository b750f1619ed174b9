#include <lmdb.h>

#include <utility>

#include "core/base/error.h"
#include "core/lmdb/cursor_pool.h"
#include "core/lmdb/environment.h"
#include "core/lmdb/errors.h"
#include "core/lmdb/transaction.h"

namespace oocmap {

Cursor::Cursor(const Transaction& transaction, Database database)
    : txn_(transaction.raw()),
      environment_(&transaction.environment()),
      database_(database),
      stamp_(transaction.stamp()) {
  if (transaction.writable()) {
    if (transaction.cursors_ == nullptr) transaction.cursors_ = std::make_shared<CursorPool>();
    pool_ = transaction.cursors_;
    cursor_ = pool_->take(database);
    if (cursor_ != nullptr) return;
    pool_->make_room();
  }
  const int code =
      mdb_cursor_open(transaction.raw(), environment_->database_handle(database), &cursor_);
  if (code != 0) throw_lmdb("read", environment_->path(), code);
}

Cursor::Cursor(Cursor&& other) noexcept { swap(other); }

Cursor& Cursor::operator=(Cursor&& other) noexcept {
  swap(other);
  return *this;
}

Cursor::~Cursor() {
  if (cursor_ == nullptr) return;
  if (pool_ != nullptr) {
    pool_->give_back(database_, cursor_);
  } else {
    mdb_cursor_close(cursor_);  // a read transaction's: only frees memory, also after its end
  }
}

void Cursor::swap(Cursor& other) noexcept {
  std::swap(cursor_, other.cursor_);
  std::swap(txn_, other.txn_);
  std::swap(environment_, other.environment_);
  std::swap(pool_, other.pool_);
  std::swap(database_, other.database_);
  std::swap(stamp_, other.stamp_);
  std::swap(key_, other.key_);
  std::swap(value_, other.value_);
}

bool Cursor::move(int operation, Bytes key) {
  if (cursor_ == nullptr || (pool_ != nullptr && pool_->ended())) {
    throw Error(ErrorCode::kInvalidArgument, "a cursor was moved after its transaction had ended");
  }
  MDB_val k = {key.size(), const_cast<char*>(key.data())};
  MDB_val v = {};
  const int code = mdb_cursor_get(cursor_, &k, &v, static_cast<MDB_cursor_op>(operation));
  if (code == MDB_NOTFOUND) return false;
  if (code != 0) throw_lmdb("read", environment_->path(), code);
  key_ = {static_cast<const char*>(k.mv_data), k.mv_size};
  value_ = {static_cast<const char*>(v.mv_data), v.mv_size};
  return true;
}

bool Cursor::move(int operation) { return move(operation, {}); }

bool Cursor::first() { return move(MDB_FIRST); }
bool Cursor::last() { return move(MDB_LAST); }
bool Cursor::next() { return move(MDB_NEXT); }
bool Cursor::previous() { return move(MDB_PREV); }

bool Cursor::seek(Bytes key) {
  // LMDB refuses an empty key; every key comes after it.
  return key.empty() ? first() : move(MDB_SET_RANGE, key);
}

bool Cursor::seek(uint64_t key) {
  return seek(Bytes(reinterpret_cast<const char*>(&key), sizeof key));
}

bool Cursor::seek_before(Bytes key) { return seek(key) ? previous() : last(); }

bool Cursor::seek_before(uint64_t key) {
  return seek_before(Bytes(reinterpret_cast<const char*>(&key), sizeof key));
}

}  // namespace oocmap
