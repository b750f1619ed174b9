#include "core/store/store.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <new>

#include "core/base/error.h"
#include "core/format/corrupt.h"
#include "core/format/meta.h"
#include "core/lmdb/process.h"
#include "core/store/barrier.h"
#include "core/store/durability.h"
#include "core/store/immutables.h"
#include "core/store/newer_peer.h"
#include "core/store/reclaim.h"
#include "core/store/store_id.h"

namespace oocmap {
namespace {

// Garbage every commit frees beyond what its own writes paid for.
constexpr size_t kDrainAtCommit = 32;

Bytes meta_row(const Transaction& transaction, Bytes key) {
  const auto row = transaction.get(Database::kMeta, key);
  if (!row) {
    throw Error(ErrorCode::kCorrupt,
                "not an OOCMap file: its meta has no \"" + std::string(key) + "\"");
  }
  return *row;
}

uint64_t meta_u64(const Transaction& transaction, Bytes key) {
  return decode_meta_u64(key, meta_row(transaction, key));
}

// One store an environment, while anybody has it.
std::mutex registry_mutex;
std::map<const Environment*, std::weak_ptr<Store>>& registry() {
  static std::map<const Environment*, std::weak_ptr<Store>> stores;
  return stores;
}

}  // namespace

// --- Shape

Shape::Shape(Bytes payload) : payload_(payload) {
  for (const Bytes packed : decode_shape(payload_)) keys_.push_back(Key::packed(packed));
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (!index_.emplace(keys_[i].order(), static_cast<int>(i)).second) {
      throw_corrupt("a shape has two equal keys");
    }
  }
}

// --- Opening

Store::Store()
    : held_table_(std::make_unique<std::array<std::atomic<uint32_t>, 65536>>()),
      held_(held_table_->data()),
      recent_(std::make_unique<RecentTexts>()),
      shape_ids_(std::make_unique<ShapeIds>()) {
  undone_.reserve(16);
}

Store::~Store() {
  if (environment_ == nullptr) return;  // open() found no memory for it, and holds the lock
  const std::lock_guard lock(registry_mutex);
  const auto found = registry().find(environment_.get());
  if (found != registry().end() && found->second.expired()) registry().erase(found);
}

std::shared_ptr<Store> Store::open(const OpenOptions& options) {
  const Durability durability = options.durability.value_or(Durability::kFull);
  std::shared_ptr<Environment> environment = Environment::open(
      options, kFormatVersion,
      [durability](WriteTransaction& transaction) { initialize(transaction, durability); });
  keep_over_forks<registry_mutex>();  // after those of the environments, which are inner ones
  std::shared_ptr<Store> store;       // before the lock, which ~Store takes too
  const std::lock_guard lock(registry_mutex);
  store = registry()[environment.get()].lock();
  if (store != nullptr) return store;
  store.reset(new Store());
  store->environment_ = environment;
  Durability promised = Durability::kFull;
  try {
    ReadTransaction transaction = environment->begin_read();
    store->read_meta(transaction);
    promised = promised_durability(transaction);
  } catch (const Error& error) {
    throw Error(error.code(), environment->path() + ": " + error.message());
  }
  agree_on_durability(*environment, promised, options);
  registry()[environment.get()] = store;
  return store;
}

void Store::initialize(WriteTransaction& transaction, Durability durability) {
  const StoreId id = random_store_id();
  transaction.put(Database::kMeta, kMetaFlags, encode_meta_u64(0));
  transaction.put(Database::kMeta, kMetaStoreId, Bytes(id.data(), id.size()));
  transaction.put(Database::kMeta, kMetaNextRecord, encode_meta_u64(kFirstRecord + 1));
  transaction.put(Database::kMeta, kMetaNextImmutable, encode_meta_u64(kFirstImmutable));
  transaction.put(Database::kMeta, kMetaDurability,
                  encode_meta_u8(static_cast<uint8_t>(durability)));
  transaction.put(Database::kMeta, kMetaRoot, encode_meta_u64(kRootIdentity));
  RecordEditor root;
  root.add(encode_spilled_dict(0, 0));
  root.set_flags(kRecordPinned);  // whatever refers to it, nothing ever frees it
  transaction.put(Database::kRecords, record_of(kRootIdentity), root.finish());
}

void Store::read_meta(const Transaction& transaction) {
  decode_features(meta_row(transaction, kMetaFlags));
  id_ = short_store_id(decode_store_id(meta_row(transaction, kMetaStoreId)));
  if (meta_u64(transaction, kMetaRoot) != kRootIdentity) {
    throw Error(ErrorCode::kCorrupt, "the root dict is not where version 1 keeps it");
  }
  locate(transaction, root());
}

// --- Reading

Bytes Store::record(const Transaction& transaction, uint64_t id) const {
  const auto record = transaction.get(Database::kRecords, id);
  if (!record) throw_stale();
  return *record;
}

NodeView Store::locate(const Transaction& transaction, Identity identity) const {
  return NodeView::locate(record(transaction, record_of(identity)), identity);
}

Bytes Store::payload(const Transaction& transaction, const Member& member) const {
  if (!member.in_immutables()) return member.payload();
  const auto row = transaction.get(Database::kImmutables, member.word);
  if (!row) throw_corrupt("a member names an immutable that is not there");
  const Immutable found = decode_immutable(*row);
  if (found.kind != member.payload_kind()) throw_corrupt("an immutable is of another kind");
  return found.payload;
}

namespace {

// The shapes a thread used lately: reading a dict should not take a lock.
struct ThreadShape {
  uint64_t environment = 0;
  uint64_t rollbacks = 0;
  uint64_t id = 0;
  std::shared_ptr<const Shape> shape;
};
constexpr size_t kThreadShapes = 64;

ThreadShape& thread_shape(uint64_t id) {
  // Behind a pointer: what is thread-local itself has to fit the few hundred bytes that a library
  // loaded late may have (ThreadReader's slot is in static thread-local storage).
  thread_local const auto shapes = std::make_unique<std::array<ThreadShape, kThreadShapes>>();
  return (*shapes)[id % kThreadShapes];
}

}  // namespace

std::shared_ptr<const Shape> Store::shape(const Transaction& transaction, uint64_t id) {
  const uint64_t rolled = rollbacks();
  ThreadShape& near = thread_shape(id);
  if (near.id == id && near.environment == environment_->serial() && near.rollbacks == rolled &&
      near.shape != nullptr) {
    return near.shape;
  }
  std::shared_ptr<const Shape> shape;
  {
    const std::lock_guard lock(mutex_);
    const auto found = shapes_.find(id);
    if (found != shapes_.end()) shape = found->second;
  }
  if (shape == nullptr) {
    const Member member{immutable_tag(PayloadKind::kShape), id, nullptr, 0};
    shape = std::make_shared<const Shape>(payload(transaction, member));
    const std::lock_guard lock(mutex_);
    // A rollback in between may have made this id another's.
    if (rollbacks() == rolled) shapes_.emplace(id, shape);
  }
  near = {environment_->serial(), rolled, id, shape};
  return shape;
}

// --- Transactions

void Store::write_begun(WriteTransaction& transaction) {
  const uint64_t id = transaction.stamp().transaction_id;
  const bool alone = last_commit_ != 0 && id == last_commit_ + 1;
  last_commit_ = 0;
  if (!alone || barrier_.records != 0) barrier_ = load_barrier(transaction);
  if (alone) return;  // nobody has written since our last commit: all we remember stands
  refuse_newer_peer(*environment_, transaction);
  follow_durability(*environment_, transaction);
  ++cache_epoch_;
  stored_record_ = decode_next_record(meta_row(transaction, kMetaNextRecord));
  stored_immutable_ = meta_u64(transaction, kMetaNextImmutable);
  next_record_ = std::max(next_record_, stored_record_);
  next_immutable_ = std::max(next_immutable_, stored_immutable_);
}

void Store::change_nothing(WriteTransaction& transaction) {
  const Buffer flags(meta_row(transaction, kMetaFlags));
  transaction.put(Database::kMeta, kMetaFlags, flags);
}

void Store::before_commit(WriteTransaction& transaction) {
  drain_graveyard(*this, transaction, kDrainAtCommit + take_credit());
  if (next_record_ != stored_record_) {
    transaction.put(Database::kMeta, kMetaNextRecord, encode_meta_u64(next_record_));
  }
  if (next_immutable_ != stored_immutable_) {
    transaction.put(Database::kMeta, kMetaNextImmutable, encode_meta_u64(next_immutable_));
  }
  stored_record_ = next_record_;
  stored_immutable_ = next_immutable_;
  last_commit_ = transaction.stamp().transaction_id;
}

// A new number only where the present one has births: rollbacks of transactions without any,
// however many, then share one interval.
uint64_t Store::next_event() noexcept {
  const uint64_t event = event_.load(std::memory_order_acquire);
  if (last_birth_.load(std::memory_order_acquire) != event) return event;
  event_.store(event + 1, std::memory_order_release);
  return event + 1;
}

void Store::undone(uint64_t first_event) noexcept {
  last_commit_ = 0;
  ++cache_epoch_;
  credit_ = 0;
  const std::lock_guard lock(mutex_);
  rollbacks_.fetch_add(1, std::memory_order_acq_rel);
  shapes_.clear();
  if (last_birth_.load(std::memory_order_acquire) < first_event) return;
  const uint64_t last_event = event_.load(std::memory_order_acquire);
  while (!undone_.empty() && undone_.back().second + 1 >= first_event) {
    first_event = std::min(first_event, undone_.back().first);
    undone_.pop_back();
  }
  add_undone(first_event, last_event);
  event_.store(last_event + 1, std::memory_order_release);
  any_undone_.store(true, std::memory_order_release);
}

// Without memory what was born in between is stale, too: the first ones always have room.
void Store::add_undone(uint64_t first_event, uint64_t last_event) noexcept {
  try {
    undone_.emplace_back(first_event, last_event);
  } catch (const std::bad_alloc&) {
    undone_.back().second = last_event;
  }
}

bool Store::rolled_back(uint64_t birth) const {
  if (birth == 0 || !any_undone_.load(std::memory_order_acquire)) return false;
  const std::lock_guard lock(mutex_);
  auto after =
      std::upper_bound(undone_.begin(), undone_.end(), birth,
                       [](uint64_t event, const auto& range) { return event < range.first; });
  return after != undone_.begin() && birth <= std::prev(after)->second;
}

void Store::inherit(const Store& parent, uint64_t open_since) noexcept {
  const std::lock_guard lock(mutex_);
  // Where another thread of the parent held it, what it guards may be half changed, and that thread
  // is not here: every handle of a transaction is taken for stale.
  const std::unique_lock theirs(parent.mutex_, std::try_to_lock);
  const uint64_t event = parent.event_.load(std::memory_order_acquire);
  if (inherited_ != &parent) {
    inherited_ = &parent;
    for (size_t i = 0; i < held_table_->size(); ++i) {
      held_[i].fetch_add(parent.held_[i].load(std::memory_order_relaxed));
    }
    try {
      if (theirs.owns_lock()) undone_ = parent.undone_;
    } catch (const std::bad_alloc&) {
      open_since = 1;  // as if the other had held the lock
    }
    // Above the parent's, so that no birth of its is one of ours.
    event_.store(std::max(event_.load(), event + 1), std::memory_order_release);
    last_birth_.store(event, std::memory_order_release);
    any_undone_.store(!undone_.empty(), std::memory_order_release);
  }
  if (!theirs.owns_lock()) open_since = 1;
  if (open_since == 0) return;
  while (!undone_.empty() && undone_.back().second >= open_since) {
    open_since = std::min(open_since, undone_.back().first);
    undone_.pop_back();
  }
  add_undone(open_since, event);
  any_undone_.store(true, std::memory_order_release);
}

}  // namespace oocmap
