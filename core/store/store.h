// The store: one environment's content - records, immutables, counters - and this process's caches
// of it. Shared by every session on the file; one Store per Environment.
//
// Threads: reading functions may be called from any thread with that thread's transaction;
// functions
//          taking a WriteTransaction are serialized by the write lock.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/export.h"
#include "core/format/immutable.h"
#include "core/format/key_encoding.h"
#include "core/format/record.h"
#include "core/format/word.h"
#include "core/lmdb/environment.h"

namespace oocmap {

// The keys of a shaped dict, decoded once. Immutable.
class OOCMAP_API Shape {
 public:
  explicit Shape(Bytes payload);  // Errors: kCorrupt
  size_t size() const noexcept { return keys_.size(); }
  const Key& key(size_t i) const { return keys_[i]; }
  // Index of the key with these order bytes, -1 where absent. Cost: one hash.
  int find(Bytes order) const noexcept {
    const auto found = index_.find(order);
    return found == index_.end() ? -1 : found->second;
  }
  Bytes payload() const noexcept { return payload_; }

 private:
  Buffer payload_;
  std::vector<Key> keys_;
  std::unordered_map<Bytes, int> index_;  // views into keys_
};

// What a vacuum under way has to be told (barrier.h). 0s: none is.
struct Barrier {
  uint64_t records = 0;     // ids below may be erased by it
  uint64_t immutables = 0;  // likewise
  // Containers with records below may have lost what they refer to. Stays when the vacuum that the
  // others are of is over, until one comes to its end.
  uint64_t sweeping = 0;
};

class RecentTexts;  // the window of recently written strings (immutables.h)
class ShapeIds;     // ids of recently written shapes (immutables.h)

class OOCMAP_API Store : public std::enable_shared_from_this<Store> {
 public:
  // Opens the file, or returns the store this process has open on it.
  // Errors: those of Environment::open; kFormatVersion; kCorrupt; kInvalidArgument where less
  //         durability is asked for than the file promises (durability.h).
  static std::shared_ptr<Store> open(const OpenOptions& options);
  ~Store();

  Environment& environment() const noexcept { return *environment_; }
  const std::string& path() const noexcept { return environment_->path(); }
  uint64_t id() const noexcept { return id_; }  // first 8 bytes of the random store id
  Identity root() const noexcept { return make_identity(1, 0); }  // always a spilled dict

  // --- Reading

  // A record's bytes. Cost, lifetime, errors: those of locate().
  Bytes record(const Transaction& transaction, uint64_t id) const;
  // Finds a container's node. Cost: one descent. Lifetime: until the transaction's stamp changes.
  // Errors: kStaleHandle where the container is gone, kCorrupt.
  NodeView locate(const Transaction& transaction, Identity identity) const;
  // The bytes of a heap, inline or immutable member. Cost: nothing, or one descent (immutable).
  // Errors: kCorrupt.
  Bytes payload(const Transaction& transaction, const Member& member) const;
  // Cost: a hash lookup once it is cached. Errors: kCorrupt.
  std::shared_ptr<const Shape> shape(const Transaction& transaction, uint64_t id);

  // --- Handles this process holds. A detached value is not freed while its record is held.
  // A table of counters by hash of the record id: a false "held" only delays a reclaim.
  // Threads: hold() and release() one at a time (Python's lock); held() at any time. Cost: 1 ns.
  void hold(Identity identity) noexcept { change_held(identity, 1); }
  void release(Identity identity) noexcept { change_held(identity, -1); }
  bool held(Identity identity) const noexcept { return held_[held_slot(identity)] != 0; }

  // --- Births and rollbacks. A handle made inside an open transaction remembers birth() and is
  // stale once that part of the transaction was rolled back. Outside a transaction its birth is 0.
  // `rollbacks()` rises with every rollback that undid something; caches keyed by id (shapes,
  // immutables, interned objects) are to be dropped when it changed.
  uint64_t birth() noexcept {
    const uint64_t event = event_.load(std::memory_order_acquire);
    last_birth_.store(event, std::memory_order_release);
    return event;
  }
  uint64_t rollbacks() const noexcept { return rollbacks_.load(std::memory_order_acquire); }
  // Whether the part of a transaction that `birth` belongs to was rolled back. Cost: an atomic load
  // until something was; then a lock and a binary search.
  bool rolled_back(uint64_t birth) const;

  // --- After a fork, in the child: `parent` is what the child has in memory of the store its
  // parent has open on the same file. Takes over which handles there are and which of them are
  // stale; those born from event `open_since` on (0: none) were in a transaction that this process
  // will not see the end of, and are stale too. Once a parent, whichever of its maps asks.
  void inherit(const Store& parent, uint64_t open_since) noexcept;

  // --- Called by sessions (and by nobody else), holding the write lock
  // Outermost: loads the counters. Errors: kCorrupt, kIo.
  void write_begun(WriteTransaction& transaction);
  // Puts a row again as it is, so that there is something to commit. Errors: those of put;
  // kCorrupt.
  static void change_nothing(WriteTransaction& transaction);
  // Outermost: frees some garbage (reclaim.h), then stores the counters. Errors: those of put.
  void before_commit(WriteTransaction& transaction);
  uint64_t next_event() noexcept;  // at begin and savepoint; returns the level's first event
  // Everything since that event was rolled back: also where a commit failed.
  void undone(uint64_t first_event) noexcept;

  // --- The writer's side, under the write lock
  // Ids rise and are never given twice by this process, rolled back or not.
  uint64_t new_record_id() noexcept { return next_record_++; }
  uint64_t new_immutable_id() noexcept { return next_immutable_++; }
  // The next ones, not given out yet.
  uint64_t next_record_id() const noexcept { return next_record_; }
  uint64_t next_immutable_id() const noexcept { return next_immutable_; }
  // As of the write transaction that is open. Who changes what the file says changes this, too.
  const Barrier& barrier() const noexcept { return barrier_; }
  void set_barrier(const Barrier& barrier) noexcept { barrier_ = barrier; }
  // Changes when ids this process remembers may have been freed or undone behind its back: at every
  // rollback, at the first write after another process's commit, and when vacuum says so.
  uint64_t cache_epoch() const noexcept { return cache_epoch_; }
  void bump_cache_epoch() noexcept { ++cache_epoch_; }
  RecentTexts& recent_texts() noexcept { return *recent_; }
  ShapeIds& shape_ids() noexcept { return *shape_ids_; }
  // Reclaiming is paid for by writing: what freeing all that store_value puts will cost at most is
  // what later steps may spend on top of their own small allowance, so garbage cannot outgrow
  // writing.
  void add_credit(uint64_t units) noexcept { credit_ += units; }
  uint64_t take_credit() noexcept { return std::exchange(credit_, 0); }
  // Where the next drain of the graveyard begins.
  uint64_t& graveyard_position() noexcept { return graveyard_position_; }

 private:
  Store();
  static void initialize(WriteTransaction& transaction, Durability durability);
  void read_meta(const Transaction& transaction);
  static size_t held_slot(Identity identity) noexcept {
    return (record_of(identity) * 0x9E3779B97F4A7C15ull) >> 48;
  }
  void change_held(Identity identity, int by) noexcept {
    std::atomic<uint32_t>& count = held_[held_slot(identity)];
    count.store(count.load(std::memory_order_relaxed) + static_cast<uint32_t>(by),
                std::memory_order_release);
  }
  void add_undone(uint64_t first_event, uint64_t last_event) noexcept;  // under mutex_
  std::shared_ptr<Environment> environment_;
  uint64_t id_ = 0;
  uint64_t next_record_ = 0;
  uint64_t next_immutable_ = 0;
  uint64_t stored_record_ = 0;  // as the last commit wrote them
  uint64_t stored_immutable_ = 0;
  std::unique_ptr<std::array<std::atomic<uint32_t>, 65536>> held_table_;
  std::atomic<uint32_t>* held_ = nullptr;
  std::atomic<uint64_t> event_{1};
  std::atomic<uint64_t> last_birth_{0};  // the event of the last birth
  std::atomic<uint64_t> rollbacks_{0};
  std::atomic<bool> any_undone_{false};
  mutable std::mutex mutex_;  // shapes_, undone_
  std::unordered_map<uint64_t, std::shared_ptr<const Shape>> shapes_;
  std::vector<std::pair<uint64_t, uint64_t>> undone_;  // events [first, last] that were rolled back
  std::unique_ptr<RecentTexts> recent_;
  std::unique_ptr<ShapeIds> shape_ids_;
  uint64_t cache_epoch_ = 1;
  Barrier barrier_;
  uint64_t last_commit_ =
      0;  // id of the last transaction of ours that was to be committed; 0: unknown
  const Store* inherited_ = nullptr;  // the parent of inherit(); never read through
  uint64_t credit_ = 0;
  uint64_t graveyard_position_ = 0;
};

}  // namespace oocmap
