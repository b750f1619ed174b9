#include "core/lmdb/transaction.h"

#include <lmdb.h>

#include <functional>
#include <utility>

#include "core/base/error.h"
#include "core/lmdb/cursor_pool.h"
#include "core/lmdb/dirty_pages.h"
#include "core/lmdb/environment.h"
#include "core/lmdb/environment_state.h"
#include "core/lmdb/errors.h"
#include "core/lmdb/kept_cursors.h"
#include "core/lmdb/last_commit.h"

namespace oocmap {
namespace {

constexpr size_t kMaxKeySize = 511;  // LMDB's
constexpr char kToBeRolledBack[] = "the transaction has to be rolled back";

MDB_val view(Bytes bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }

Bytes bytes(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

Bytes integer_bytes(const uint64_t& key) {
  return {reinterpret_cast<const char*>(&key), sizeof key};
}

bool has_integer_keys(Database database) {
  return database == Database::kRecords || database == Database::kImmutables ||
         database == Database::kGraveyard;
}

}  // namespace

Transaction::Transaction() = default;

Transaction::~Transaction() = default;

void Transaction::swap(Transaction& other) noexcept {
  std::swap(environment_, other.environment_);
  std::swap(txn_, other.txn_);
  std::swap(stamp_, other.stamp_);
  std::swap(writable_, other.writable_);
  std::swap(cursors_, other.cursors_);
  std::swap(places_, other.places_);
}

std::optional<Bytes> Transaction::get(Database database, Bytes key) const {
  MDB_val k = view(key);
  MDB_val v;
  const unsigned handle = environment_->database_handle(database);
  int code = 0;
  if (places_ != nullptr) {
    code = places_->get(txn_, database, handle, k, v);
  } else {
    code = mdb_get(txn_, handle, &k, &v);
  }
  if (code == 0) return bytes(v);
  // An empty key cannot be stored, so it is absent.
  if (code == MDB_NOTFOUND || code == MDB_BAD_VALSIZE) return std::nullopt;
  throw_lmdb("read", environment_->path(), code);
}

std::optional<Bytes> Transaction::get(Database database, uint64_t key) const {
  if (places_ != nullptr && !writable_) {
    MDB_val v;
    if (places_->get_following(database, key, v)) return bytes(v);
  }
  return get(database, integer_bytes(key));
}

uint64_t Transaction::size(Database database) const {
  MDB_stat stat = {};
  const int code = mdb_stat(txn_, environment_->database_handle(database), &stat);
  if (code != 0) throw_lmdb("read", environment_->path(), code);
  return stat.ms_entries;
}

ReadTransaction Environment::begin_read() {
  ReadTransaction transaction;
  uint64_t serial = 0;
  transaction.txn_ = begin_raw_read(serial);
  transaction.environment_ = this;
  transaction.stamp_ = {serial, mdb_txn_id(transaction.txn_), 0};
  return transaction;
}

ReadTransaction::ReadTransaction(ReadTransaction&& other) noexcept { swap(other); }

ReadTransaction& ReadTransaction::operator=(ReadTransaction&& other) noexcept {
  swap(other);
  return *this;
}

void ReadTransaction::keep_places() {
  if (places_ == nullptr) places_ = std::make_unique<KeptCursors>();
}

// LMDB only frees them: it does not know the cursors of a read transaction.
void ReadTransaction::drop_places() noexcept {
  if (places_ != nullptr) places_->close();
}

ReadTransaction::~ReadTransaction() {
  drop_places();
  if (txn_ == nullptr || !environment_->owned_by_this_process()) return;
  mdb_txn_abort(txn_);
  environment_->leave();
}

void ReadTransaction::renew() {
  environment_->check_owned();
  drop_places();
  mdb_txn_reset(txn_);
  if (environment_->renew(txn_) == 0) {
    stamp_.transaction_id = mdb_txn_id(txn_);
    return;
  }
  // The environment may want to be opened again, which waits for this transaction among others.
  mdb_txn_abort(std::exchange(txn_, nullptr));
  environment_->leave();
  txn_ = environment_->begin_raw_read(stamp_.environment);
  stamp_.transaction_id = mdb_txn_id(txn_);
}

WriteTransaction::WriteTransaction() = default;

WriteTransaction::WriteTransaction(WriteTransaction&& other) noexcept { *this = std::move(other); }

WriteTransaction& WriteTransaction::operator=(WriteTransaction&& other) noexcept {
  swap(other);
  std::swap(dirty_, other.dirty_);
  std::swap(depth_, other.depth_);
  std::swap(on_writer_thread_, other.on_writer_thread_);
  std::swap(failed_, other.failed_);
  std::swap(uses_reserve_, other.uses_reserve_);
  return *this;
}

WriteTransaction::~WriteTransaction() { abort(); }

void WriteTransaction::written() noexcept { stamp_.write_generation = next_write_generation(); }

int WriteTransaction::put_in_place(Database database, Bytes key, Bytes value) noexcept {
  MDB_val k = view(key);
  MDB_val v = view(value);
  MDB_cursor* cursor = nullptr;
  const int code = places_->find(txn_, database, environment_->database_handle(database), cursor);
  return code == 0 ? mdb_cursor_put(cursor, &k, &v, 0) : code;
}

// Returns MDB_KEYEXIST where the key is not the last one, or that is likely.
int WriteTransaction::put_at_end(Database database, Bytes key, Bytes value) noexcept {
  if (!places_->may_append(database)) return MDB_KEYEXIST;
  MDB_val k = view(key);
  MDB_val v = view(value);
  const int code = mdb_put(txn_, environment_->database_handle(database), &k, &v, MDB_APPEND);
  if (code == MDB_KEYEXIST) places_->append_failed(database);
  return code;
}

void WriteTransaction::put_raw(Database database, Bytes key, Bytes value, bool at_end) {
  const bool good_key = has_integer_keys(database) ? key.size() == sizeof(uint64_t)
                                                   : !key.empty() && key.size() <= kMaxKeySize;
  if (!good_key) {
    throw_lmdb("write to", environment_->path(), MDB_BAD_VALSIZE);
  }
  written();
  dirty_->count(database, key, key.size() + value.size());
  int code = at_end ? put_at_end(database, key, value) : MDB_KEYEXIST;
  if (code == MDB_KEYEXIST) code = put_in_place(database, key, value);
  if (code != 0) fail(code, "write to", kToBeRolledBack);
}

void WriteTransaction::put(Database database, Bytes key, Bytes value) {
  put_raw(database, key, value, /*at_end=*/false);
}

void WriteTransaction::put(Database database, uint64_t key, Bytes value) {
  put_raw(database, integer_bytes(key), value, /*at_end=*/false);
}

void WriteTransaction::append(Database database, Bytes key, Bytes value) {
  put_raw(database, key, value, /*at_end=*/true);
}

void WriteTransaction::append(Database database, uint64_t key, Bytes value) {
  put_raw(database, integer_bytes(key), value, /*at_end=*/true);
}

bool WriteTransaction::erase(Database database, Bytes key) {
  if (key.empty() || key.size() > kMaxKeySize) return false;
  written();
  dirty_->count(database, key, key.size());
  MDB_val k = view(key);
  const int code = mdb_del(txn_, environment_->database_handle(database), &k, nullptr);
  if (code == 0) return true;
  if (code == MDB_NOTFOUND) return false;
  fail(code, "delete from", kToBeRolledBack);
}

bool WriteTransaction::erase(Database database, uint64_t key) {
  return erase(database, integer_bytes(key));
}

void WriteTransaction::fail(int code, const char* doing, const char* outcome) {
  failed_ = true;
  environment_->state_->reserve.met_failure(code);
  if (code == MDB_MAP_FULL) {
    // A reader that died may be what keeps pages from being used again.
    environment_->clear_stale_readers();
    const std::string bytes = std::to_string(environment_->map_size());
    const std::string full =
        environment_->state_->request.max_size
            ? "the map is full at its max_size of " + bytes +
                  " bytes (delete something, vacuum, or open it with a larger max_size)"
            : "the map is full at " + bytes +
                  " bytes, the address space that this process could have for it "
                  "(delete something, vacuum, or open it under a higher ulimit -v)";
    throw Error(ErrorCode::kMapFull, std::string("cannot ") + doing + " '" + environment_->path() +
                                         "': " + full + "; " + outcome);
  }
  throw_lmdb(doing, environment_->path(), code, environment_->file_descriptor(), outcome);
}

WriteTransaction WriteTransaction::begin_nested() {
  if (depth_ >= kMaxDepth) {
    throw Error(ErrorCode::kTransactionTooBig, "more than " + std::to_string(kMaxDepth) +
                                                   " savepoints inside each other on '" +
                                                   environment_->path() + "'");
  }
  // The database's size bounds what can have changed; it is only asked for where that matters.
  if (dirty_->total() > kMaxDirtyPages && pages_in_use() > kMaxDirtyPages) {
    throw Error(ErrorCode::kTransactionTooBig,
                "a savepoint on '" + environment_->path() +
                    "' is refused: its transaction has changed about " +
                    std::to_string(kMaxDirtyPages) + " pages or more; commit it first");
  }
  written();  // whatever was seen in this transaction is old once the inner one has ended
  places_->close();
  WriteTransaction inner;
  inner.environment_ = environment_;
  inner.writable_ = true;
  inner.depth_ = depth_ + 1;
  inner.dirty_ = std::make_unique<DirtyPages>(dirty_.get());
  inner.places_ = std::make_unique<KeptCursors>();
  const int code = mdb_txn_begin(environment_->raw(), txn_, 0, &inner.txn_);
  if (code != 0) {
    inner.txn_ = nullptr;
    throw_lmdb("begin a savepoint on", environment_->path(), code, environment_->file_descriptor());
  }
  inner.stamp_ = stamp_;
  inner.written();
  return inner;
}

uint64_t WriteTransaction::pages_in_use() const {
  uint64_t pages = 0;
  for (int i = 0; i < kDatabaseCount; ++i) {
    MDB_stat stat = {};
    if (mdb_stat(txn_, environment_->database_handle(static_cast<Database>(i)), &stat) != 0)
      continue;
    pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
  }
  return pages;
}

uint64_t WriteTransaction::writes() const noexcept {
  return dirty_ == nullptr ? 0 : dirty_->writes();
}

void WriteTransaction::count_removed(uint64_t entries) noexcept { dirty_->count_removed(entries); }

uint64_t WriteTransaction::removed() const noexcept {
  return dirty_ == nullptr ? 0 : dirty_->removed();
}

uint64_t WriteTransaction::dirty_pages() const noexcept {
  return dirty_ == nullptr ? 0 : static_cast<uint64_t>(dirty_->total());
}

void WriteTransaction::commit(const std::function<void()>& on_failure) {
  if (txn_ == nullptr) {
    throw Error(ErrorCode::kTransactionFailed, "the transaction has ended already");
  }
  if (failed_) {
    // Not left to LMDB: a nested commit after an error makes the parent unusable, an abort does
    // not.
    end(/*commit=*/false, on_failure);
    throw Error(ErrorCode::kTransactionFailed,
                "cannot commit to '" + environment_->path() +
                    "': a write failed earlier; the transaction was rolled back");
  }
  const bool removes = depth_ == 0 && (uses_reserve_ || removed() > 0);
  if (removes) environment_->before_removing(dirty_pages());
  const int code = end(/*commit=*/true, on_failure);
  if (code != 0) fail(code, "commit to", "the transaction was rolled back");
  dirty_->merge();
}

void WriteTransaction::abort() noexcept {
  if (txn_ != nullptr) end(/*commit=*/false, {});
}

int WriteTransaction::end(bool commit, const std::function<void()>& on_failure) noexcept {
  // LMDB frees the transaction and its cursors, also where the commit fails.
  MDB_txn* txn = std::exchange(txn_, nullptr);
  places_.reset();
  if (cursors_ != nullptr) cursors_->end();
  cursors_.reset();
  if (!environment_->owned_by_this_process()) return 0;
  int code = 0;
  const auto end = [&] {
    if (commit) {
      code = mdb_txn_commit(txn);
    } else {
      mdb_txn_abort(txn);
    }
  };
  if (on_writer_thread_) {
    environment_->writer_thread().run(std::ref(end));  // which allocates nothing
  } else {
    end();
  }
  const bool committed = commit && code == 0;
  if (!committed && on_failure) on_failure();
  if (committed && depth_ == 0) note_commit(stamp_.transaction_id);
  if (depth_ == 0) environment_->write_ended(committed);
  return code;
}

void WriteTransaction::restart() {
  places_ = std::make_unique<KeptCursors>();
  if (cursors_ != nullptr) cursors_->end();
  cursors_.reset();
  int code = 0;
  const auto again = [&] {
    mdb_txn_abort(std::exchange(txn_, nullptr));
    code = mdb_txn_begin(environment_->raw(), nullptr, 0, &txn_);
    if (code != 0) txn_ = nullptr;
  };
  if (on_writer_thread_) {
    environment_->writer_thread().run(std::ref(again));
  } else {
    again();
  }
  if (code != 0) {
    environment_->write_ended(false);
    throw_lmdb("write to", environment_->path(), code);
  }
  failed_ = false;
  dirty_->clear();
  stamp_.transaction_id = mdb_txn_id(txn_);
  written();
}

}  // namespace oocmap
