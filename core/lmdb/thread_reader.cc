// Every thread keeps one read transaction an environment, reset between uses: to renew it costs 10
// ns where a new one costs 40. The environment knows them all, and ends them when it closes.
#include <lmdb.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "core/lmdb/environment.h"
#include "core/lmdb/environment_state.h"
#include "core/lmdb/process.h"

namespace oocmap {

struct ThreadReader::Slot final : public Transaction {
  // Serial of the environment served; 0 once that has closed. Written under reader_mutex().
  std::atomic<uint64_t> serial{0};
  // Set before the environment's serial is looked at, so that who clears the serial sees it.
  std::atomic<bool> busy{false};
  uint64_t epoch = process_epoch();
  int depth = 0;

  bool serves(const Environment& environment) const noexcept {
    const uint64_t mine = serial.load(std::memory_order_relaxed);
    return mine != 0 && mine == environment.serial();
  }

  // Whether it is in use on its thread: then a nested use shares it, also while the environment is
  // about to be opened again, which waits for the outer one.
  bool in_use_for(const Environment& environment) const noexcept {
    return depth > 0 && environment_ == &environment;
  }

  // Renews. Returns false where the environment is being opened again or LMDB refuses.
  bool enter(const Environment& environment) noexcept {
    if (depth > 0) {
      ++depth;
      return true;
    }
    busy.store(true, std::memory_order_seq_cst);
    if (serves(environment) && environment.renew(txn_) == 0) {
      stamp_.transaction_id = mdb_txn_id(txn_);
      depth = 1;
      return true;
    }
    busy.store(false, std::memory_order_release);
    return false;
  }

  void leave() noexcept {
    if (--depth > 0) return;
    // In a forked child the reader is the parent's.
    if (epoch == process_epoch()) mdb_txn_reset(txn_);
    busy.store(false, std::memory_order_release);
  }

  // Takes over a transaction that has just begun. Under reader_mutex().
  void adopt(Environment& environment, MDB_txn* txn, uint64_t of_serial) noexcept {
    environment_ = &environment;
    txn_ = txn;
    stamp_ = {of_serial, mdb_txn_id(txn), 0};
    depth = 1;
    busy.store(true, std::memory_order_seq_cst);
    serial.store(of_serial, std::memory_order_relaxed);
  }

  // Under reader_mutex().
  void end() noexcept {
    if (txn_ != nullptr && epoch == process_epoch()) mdb_txn_abort(txn_);
    txn_ = nullptr;
    environment_ = nullptr;
    serial.store(0, std::memory_order_relaxed);
  }
  bool ended() const noexcept { return environment_ == nullptr; }
  // The environment's list of readers; the slot is in it until one of the two ends.
  std::vector<Slot*>* listed_in = nullptr;
};

namespace {

using Slot = ThreadReader::Slot;

// The slot used last. Apart from the list, and initial-exec, because this is the hot path.
[[gnu::tls_model("initial-exec")]] constinit thread_local Slot* last_slot = nullptr;

// The slots of one thread.
class ThreadSlots {
 public:
  ThreadSlots() = default;
  ThreadSlots(const ThreadSlots&) = delete;
  ThreadSlots& operator=(const ThreadSlots&) = delete;

  ~ThreadSlots() {
    last_slot = nullptr;
    const std::lock_guard lock(reader_mutex());
    for (const auto& slot : slots_) {
      if (slot->ended()) continue;
      std::erase(*slot->listed_in, slot.get());
      slot->end();
    }
  }

  Slot* find(const Environment& environment) {
    for (const auto& slot : slots_) {
      if (slot->serves(environment) || slot->in_use_for(environment)) return slot.get();
    }
    return nullptr;
  }

  // Under reader_mutex().
  Slot* add() {
    std::erase_if(slots_, [](const auto& slot) { return slot->ended() && slot->depth == 0; });
    return slots_.emplace_back(std::make_unique<Slot>()).get();
  }

 private:
  std::vector<std::unique_ptr<Slot>> slots_;
};

thread_local ThreadSlots thread_slots;

}  // namespace

std::mutex& reader_mutex() noexcept {
  static constinit std::mutex mutex;  // needs no destructor: threads may end after main()
  return mutex;
}

bool end_cached_readers(std::vector<Slot*>& readers, bool only_if_idle) {
  const auto busy = [](Slot* slot) { return slot->busy.load(std::memory_order_seq_cst); };
  if (only_if_idle && std::any_of(readers.begin(), readers.end(), busy)) return false;
  for (Slot* slot : readers) slot->end();
  readers.clear();
  return true;
}

ThreadReader::ThreadReader(Environment& environment) {
  Slot* slot = last_slot;
  if (slot == nullptr || !slot->serves(environment) || !slot->enter(environment)) {
    slot = attach(environment);
    last_slot = slot;
  }
  slot_ = slot;
  transaction_ = slot;
}

ThreadReader::~ThreadReader() { slot_->leave(); }

// Another environment than last time, or the first use on this thread, or the environment has to be
// opened again, which begin_raw_read() sees to.
ThreadReader::Slot* ThreadReader::attach(Environment& environment) {
  Slot* known = thread_slots.find(environment);
  if (known != nullptr && known->enter(environment)) return known;
  uint64_t serial = 0;
  MDB_txn* txn = environment.begin_raw_read(serial);
  try {
    const std::lock_guard lock(reader_mutex());
    Slot* slot = thread_slots.add();
    slot->listed_in = &environment.state_->readers;
    slot->listed_in->push_back(slot);
    slot->adopt(environment, txn, serial);
    environment.leave();  // from here on it is the slot that counts
    return slot;
  } catch (const std::bad_alloc&) {
    mdb_txn_abort(txn);
    environment.leave();
    throw;
  }
}

}  // namespace oocmap
