// LMDB transactions and the named databases, as move-only handles. The only folder that knows LMDB.
//
// Ownership: a handle's destructor aborts and never throws; commit() consumes.
// Threads:   a ReadTransaction is used by one thread at a time (MDB_NOTLS: any thread). A
//            WriteTransaction is begun and ended on one thread (LMDB's lock belongs to it); in
//            between any thread may use it, one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/export.h"

struct MDB_txn;
struct MDB_cursor;

namespace oocmap {

class Environment;
class CursorPool;
class DirtyPages;
class KeptCursors;

// Do not renumber, do not rename: the names are on disk (docs/format.md).
enum class Database : uint8_t {
  kMeta = 0,            // "meta"             text key -> fixed values
  kRecords = 1,         // "records"          u64 (MDB_INTEGERKEY) -> record
  kEntries = 2,         // "entries"          container + key bytes -> member of a spilled dict
  kOrder = 3,           // "order"            container + sequence -> the same, in insertion order
  kChunks = 4,          // "chunks"           container + chunk number -> words of a spilled list
  kImmutables = 5,      // "immutables"       u64 (MDB_INTEGERKEY) -> flags, kind, payload
  kImmutableIndex = 6,  // "immutable_index"  hash + id -> nothing
  kGraveyard = 7,       // "graveyard"        u64 (MDB_INTEGERKEY) -> tag of a detached container
};
inline constexpr int kDatabaseCount = 8;  // "path_indexes" is a reserved name

// Names one moment of one environment's content: while two stamps are equal, every view taken under
// the first is still valid under the second.
struct Stamp {
  uint64_t environment = 0;       // process-unique number of the opened environment, never 0 in use
  uint64_t transaction_id = 0;    // LMDB's
  uint64_t write_generation = 0;  // 0 in a read transaction; else rises with every put, erase,
                                  // nested begin, commit and abort in this process
  bool operator==(const Stamp&) const = default;
};

// What a read or a write transaction can both do.
class OOCMAP_API Transaction {
 public:
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Reads the value stored under `key`.
  // Returns:   nullopt when absent (absence is never an exception).
  // Lifetime:  the view points into the map; valid while stamp() is unchanged and this lives.
  // Errors:    kIo, kCorrupt.
  // Cost:      one B-tree descent, no copy; in a write transaction, and in a read transaction that
  //            keeps its places, none where the key stands on the page of the last one.
  std::optional<Bytes> get(Database database, Bytes key) const;
  std::optional<Bytes> get(Database database, uint64_t key) const;

  // Number of entries in `database`. Cost: O(1).
  uint64_t size(Database database) const;

  Stamp stamp() const noexcept { return stamp_; }
  bool writable() const noexcept { return writable_; }
  Environment& environment() const noexcept { return *environment_; }
  MDB_txn* raw() const noexcept { return txn_; }

 protected:
  Transaction();
  ~Transaction();
  void swap(Transaction& other) noexcept;

  Environment* environment_ = nullptr;
  MDB_txn* txn_ = nullptr;
  Stamp stamp_;
  bool writable_ = false;
  // Write transactions only, made at the first cursor: LMDB frees a write transaction's cursors
  // with it, and a Cursor must know.
  mutable std::shared_ptr<CursorPool> cursors_;
  std::unique_ptr<KeptCursors> places_;  // write transactions, and ReadTransaction::keep_places()
  friend class Cursor;
};

// A read transaction: one snapshot, until it dies or is renewed.
class OOCMAP_API ReadTransaction final : public Transaction {
 public:
  ReadTransaction() = default;
  ReadTransaction(ReadTransaction&& other) noexcept;
  ReadTransaction& operator=(ReadTransaction&& other) noexcept;
  ~ReadTransaction();

  void renew();  // takes the newest snapshot. Cost: about 10 ns. Errors: kIo
  bool active() const noexcept { return txn_ != nullptr; }
  // For a transaction of many reads: from now on get() looks on the page it found the last key of
  // the database on before it descends. Cost: a cursor for each database read.
  void keep_places();

 private:
  friend class Environment;
  void drop_places() noexcept;
};

// A write transaction, or one nested in another.
class OOCMAP_API WriteTransaction final : public Transaction {
 public:
  WriteTransaction();
  WriteTransaction(WriteTransaction&& other) noexcept;
  WriteTransaction& operator=(WriteTransaction&& other) noexcept;
  ~WriteTransaction();  // aborts

  // Errors (all three): kMapFull, kDiskFull, kIo, kCorrupt; kTransactionTooBig where nested
  // transactions have changed more pages than LMDB can hold (the parents stay sound);
  // kInvalidArgument for a key that is empty or longer than 511 bytes. After any but the last the
  // transaction can only be aborted (failed() is true). Every view of this transaction is invalid
  // afterwards, whether it failed or not.
  void put(Database database, Bytes key, Bytes value);
  void put(Database database, uint64_t key, Bytes value);
  // As put, where `key` likely sorts after every key in the database (cheaper, fuller pages); falls
  // back to put where it does not, and then does not try for a while.
  void append(Database database, uint64_t key, Bytes value);
  void append(Database database, Bytes key, Bytes value);
  // Returns whether `key` was there.
  bool erase(Database database, Bytes key);
  bool erase(Database database, uint64_t key);

  // Begins a transaction inside this one; this one must not be used until that one ended.
  // Errors: kTransactionTooBig past kMaxDepth, and where this one and those around it have changed
  //         about kMaxDirtyPages already (it stays sound, and may go on and commit); kIo.
  WriteTransaction begin_nested();
  // Makes the changes durable as the environment's durability says (nested: part of the parent).
  // Errors: kDiskFull, kIo, ...; kTransactionFailed after a failed put; whatever happens the
  // transaction has ended, and after an error nothing of it is stored.
  // `on_failure` is called then, before the write lock is given back.
  void commit(const std::function<void()>& on_failure = {});
  void abort() noexcept;
  // Undoes everything and begins again without letting the write lock go (outermost only).
  // Errors: kIo, kCorrupt; the transaction has ended then.
  void restart();
  bool active() const noexcept { return txn_ != nullptr; }
  bool failed() const noexcept { return failed_; }
  // Number of puts and erases in this transaction and those it is nested in, rolled back ones
  // apart.
  uint64_t writes() const noexcept;
  // What was removed in this transaction, nested ones that were committed included: as its users
  // count it. Readable after commit(), too.
  void count_removed(uint64_t entries) noexcept;
  uint64_t removed() const noexcept;
  // Of one that makes room, though it removes no entries (vacuum): its commit may use the room that
  // is kept for removing (reserve.h), as one may that has removed some.
  void use_reserve() noexcept { uses_reserve_ = true; }
  // Pages changed in this transaction and those it is nested in, estimated.
  uint64_t dirty_pages() const noexcept;

  static constexpr int kMaxDepth = 64;
  static constexpr uint64_t kMaxDirtyPages = 100'000;  // 400 MB

 private:
  friend class Environment;
  void put_raw(Database database, Bytes key, Bytes value, bool at_end);
  int put_in_place(Database database, Bytes key, Bytes value) noexcept;
  int put_at_end(Database database, Bytes key, Bytes value) noexcept;
  void written() noexcept;
  [[noreturn]] void fail(int code, const char* doing, const char* outcome);
  int end(bool commit, const std::function<void()>& on_failure) noexcept;

  uint64_t pages_in_use() const;

  std::unique_ptr<DirtyPages> dirty_;
  int depth_ = 0;
  bool on_writer_thread_ = false;  // ends there too
  bool failed_ = false;
  bool uses_reserve_ = false;
};

// Walks one database in key order. It may die before or after its transaction, on any thread, but
// it only moves where usable(): after a write, in another transaction or on another thread make a
// new one and seek.
class OOCMAP_API Cursor {
 public:
  Cursor() = default;
  Cursor(const Transaction& transaction, Database database);
  Cursor(Cursor&& other) noexcept;
  Cursor& operator=(Cursor&& other) noexcept;
  ~Cursor();

  // Whether the cursor was made in `transaction`, and nothing was written or renewed to another
  // snapshot since. Equal stamps alone do not say so: another thread's transaction has them too.
  bool usable(const Transaction& transaction) const noexcept {
    return cursor_ != nullptr && txn_ == transaction.raw() && stamp_ == transaction.stamp();
  }

  // Each returns whether the cursor now stands on an entry; where it does not, it has to be placed
  // afresh. Errors: kIo, kCorrupt. Cost: seek one descent, next about 12 ns.
  bool first();
  bool last();
  bool next();
  bool previous();
  bool seek(Bytes key);  // first entry with a key >= `key`
  bool seek(uint64_t key);
  bool seek_before(Bytes key);  // last entry with a key < `key`
  bool seek_before(uint64_t key);

  // Valid while the cursor stands on an entry and the transaction's stamp is unchanged.
  Bytes key() const noexcept { return key_; }
  uint64_t integer_key() const noexcept { return load_le<uint64_t>(key_.data()); }
  Bytes value() const noexcept { return value_; }

 private:
  bool move(int operation);
  bool move(int operation, Bytes key);
  void swap(Cursor& other) noexcept;

  MDB_cursor* cursor_ = nullptr;
  const MDB_txn* txn_ = nullptr;
  const Environment* environment_ = nullptr;
  std::shared_ptr<CursorPool> pool_;  // write transactions only
  Database database_ = Database::kMeta;
  Stamp stamp_;
  Bytes key_;
  Bytes value_;
};

}  // namespace oocmap
