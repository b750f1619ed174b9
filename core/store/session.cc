#include "core/store/session.h"

#include <algorithm>
#include <new>
#include <random>
#include <utility>

#include "core/base/error.h"
#include "core/store/session_state.h"

namespace oocmap {
namespace {

uint64_t random_nonce() {
  std::random_device device;  // getrandom; the same in no two processes, forked ones included
  return uint64_t{device()} << 32 | device();
}

std::string copy_or_nothing(std::string_view text) noexcept {
  try {
    return std::string(text);
  } catch (const std::bad_alloc&) {
    return {};
  }
}

// What the exception being handled says, nothing where memory ran out. To be called inside a catch
// block.
std::string reason_now() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return copy_or_nothing(error.message());
  } catch (...) {
    return {};
  }
}

}  // namespace

void Session::State::check_sound(const std::string& path) const {
  if (!poison) return;
  throw Error(ErrorCode::kTransactionFailed,
              "the transaction on '" + path + "' has to be rolled back: " +
                  (poison->reason.empty() ? "memory ran out" : poison->reason));
}

// --- Life

std::shared_ptr<Session> Session::create(std::shared_ptr<Store> store) {
  return std::shared_ptr<Session>(new Session(std::move(store)));
}

std::shared_ptr<Session> Session::create_snapshot(std::shared_ptr<Store> store) {
  std::shared_ptr<Session> session = create(std::move(store));
  auto moment = std::make_shared<ReadTransaction>(session->store_->environment().begin_read());
  moment->keep_places();
  session->state_->pinned = std::move(moment);
  session->set_read_only(true);
  session->set(kPinned);
  return session;
}

Session::Session(std::shared_ptr<Store> store)
    : store_(std::move(store)), nonce_(random_nonce()), state_(std::make_unique<State>()) {}

Session::~Session() {
  close();
  // In a forked child another thread of the parent may hold the mutex for ever.
  if (!usable()) static_cast<void>(state_.release());
}

void Session::refuse() const {
  if (has(kClosed)) {
    throw Error(ErrorCode::kClosed, "the map '" + store_->path() + "' is closed");
  }
  throw Error(ErrorCode::kClosed,
              "the map '" + store_->path() +
                  "' was opened before this process was forked, and belongs to the parent: open it "
                  "again");
}

void Session::close() noexcept {
  set(kClosed);
  if (!usable()) return;
  rollback();
  const std::lock_guard lock(state_->mutex);
  state_->snapshot = ReadTransaction();
  state_->pinned.reset();
  state_->hooks.reset();
}

std::shared_ptr<const void> Session::hold_moment() const {
  struct Held {
    std::shared_ptr<Store> store;  // outlives the transaction
    std::shared_ptr<const ReadTransaction> moment;
  };
  if (!has(kPinned)) return nullptr;
  const std::lock_guard lock(state_->mutex);
  check_open();
  return std::make_shared<const Held>(Held{store_, state_->pinned});
}

bool Session::closed() const noexcept { return has(kClosed); }

void Session::set_timeout(std::chrono::milliseconds timeout) noexcept {
  state_->timeout_ms.store(timeout.count(), std::memory_order_relaxed);
}

std::chrono::milliseconds Session::timeout() const noexcept {
  return std::chrono::milliseconds(state_->timeout_ms.load(std::memory_order_relaxed));
}

void Session::set_read_only(bool read_only) noexcept {
  state_->read_only.store(read_only, std::memory_order_relaxed);
}

bool Session::read_only() const noexcept {
  return state_->read_only.load(std::memory_order_relaxed) || store_->environment().read_only();
}

void Session::check_writable() const {
  if (!read_only()) return;
  const std::string& path = store_->path();
  throw Error(ErrorCode::kReadOnly,
              has(kPinned) ? "a snapshot of '" + path + "' cannot be written"
                           : "'" + path + "' is open for reading only",
              0, path);
}

void Session::set_join_hooks(JoinHooks hooks) {
  if (!usable()) return;
  auto shared = std::make_shared<const JoinHooks>(std::move(hooks));
  const std::lock_guard lock(state_->mutex);
  state_->hooks = std::move(shared);
}

bool Session::owned_by_this_thread() const noexcept {
  return state_->owner.load(std::memory_order_acquire) == this_thread_number();
}

bool Session::takes_part(View view) const noexcept {
  return in_transaction() && (view == View::kSession || owned_by_this_thread());
}

void Session::check_outside_transaction(const char* what) const {
  check_open();
  std::shared_ptr<const JoinHooks> hooks;
  bool elsewhere = false;  // the connection's transaction is another thread's
  {
    const std::lock_guard lock(state_->mutex);
    hooks = state_->hooks;
    elsewhere = in_transaction() && !owned_by_this_thread();
  }
  const bool sql =
      !elsewhere && hooks != nullptr && hooks->in_transaction != nullptr && hooks->in_transaction();
  if (sql || takes_part(View::kThread)) {
    throw Error(ErrorCode::kInvalidArgument, "cannot " + std::string(what) + " '" + store_->path() +
                                                 "' inside a transaction: commit or roll it back "
                                                 "first");
  }
  check_writable();
}

// Where another thread held the mutex when the process was forked, its levels cannot be looked at:
// then every birth counts as one of its.
uint64_t Session::open_since() const noexcept {
  if (!has(kInTransaction)) return 0;
  const std::unique_lock lock(state_->mutex, std::try_to_lock);
  if (!lock.owns_lock() || state_->levels.empty()) return 1;
  return state_->levels.front().first_event;
}

uint64_t Session::generation() const noexcept {
  return state_->generation.load(std::memory_order_acquire);
}

// --- The transaction

void Session::begin(View view, std::optional<std::chrono::milliseconds> wait) {
  check_open();
  {
    const std::lock_guard lock(state_->mutex);
    if (takes_part(view)) {
      state_->check_sound(store_->path());
      if (!state_->levels.empty()) return;
    }
  }
  check_writable();
  // Not under the mutex: whoever holds the write lock may need that to give it back.
  WriteTransaction transaction = store_->environment().begin_explicit(wait.value_or(timeout()));
  const std::lock_guard lock(state_->mutex);
  check_open();
  store_->write_begun(transaction);
  state_->levels.push_back({State::kOutermost, std::move(transaction), store_->next_event()});
  state_->owner.store(this_thread_number(), std::memory_order_release);
  set(kInTransaction);
  drop_snapshot();
}

void Session::savepoint(int level) {
  check_open();
  const std::lock_guard lock(state_->mutex);
  if (!in_transaction()) return;
  // After xSync nothing is open: what the next write begins lies inside this savepoint as a whole.
  if (state_->levels.empty() || state_->levels.back().number >= level) return;
  open_level(level);
}

// A savepoint that cannot be opened is remembered as one that nothing may be written in, so that a
// rollback to it undoes nothing rather than everything.
void Session::open_level(int level) {
  State::Level next;
  next.number = level;
  next.refusal = state_->levels.back().refusal;
  try {
    if (!next.refusal) {
      next.transaction = state_->innermost().begin_nested();
      next.first_event = store_->next_event();
    }
  } catch (const Error& error) {
    next.refusal = std::make_shared<const Error>(error);
  } catch (const std::bad_alloc&) {
    next.refusal = std::make_shared<const Error>(
        ErrorCode::kTransactionTooBig,
        "no memory is left for a savepoint on '" + store_->path() + "'");
  }
  state_->levels.push_back(std::move(next));
}

void Session::release(int level) {
  check_open();
  const std::lock_guard lock(state_->mutex);
  const size_t index = state_->index_of(level);
  if (index >= state_->levels.size()) return;
  if (state_->poison) {
    poison_outwards(index, {});
  } else {
    merge_from(index);
  }
}

// The levels from `index` on are over. What was to become part of the one before cannot be kept, so
// neither can that one. Not an error here: SQLite would drop the message and, at the end of a
// statement, answer by ending the transaction; the next use says it.
void Session::poison_outwards(size_t index, std::string reason) noexcept {
  std::optional<State::Poison> first = std::exchange(state_->poison, std::nullopt);
  undo_from(index);
  if (!first) first = State::Poison{std::move(reason), index - 1};
  first->level = std::min(first->level, index - 1);
  state_->poison = std::move(first);
}

// Makes the levels from `index` on part of the one before.
void Session::merge_from(size_t index) {
  while (state_->levels.size() > index) {
    if (state_->levels.back().refusal) {  // nothing was written in it
      state_->levels.pop_back();
      continue;
    }
    const uint64_t first_event = state_->levels.back().first_event;
    WriteTransaction inner = std::move(state_->levels.back().transaction);
    state_->levels.pop_back();
    try {
      inner.commit([&] { store_->undone(first_event); });
    } catch (...) {
      return poison_outwards(index, reason_now());
    }
  }
}

// Ends the levels from `index` on and what was written in them.
void Session::undo_from(size_t index) noexcept {
  auto& levels = state_->levels;
  if (index < levels.size() && !levels[index].refusal) {
    const uint64_t kept = index == 0 ? 0 : levels[index - 1].transaction.writes();
    // While the write lock is held: the store's counters and caches are its holder's.
    if (state_->innermost().writes() > kept) store_->undone(levels[index].first_event);
  }
  while (levels.size() > index) levels.pop_back();
  if (state_->poison && state_->poison->level >= index) state_->poison.reset();
  state_->next_generation();
}

// Everything since begin(), or since the last commit(). The write lock is kept, for what was read
// in the transaction has to stay true.
void Session::undo_everything() {
  undo_from(1);
  State::Level& outermost = state_->levels.front();
  if (outermost.transaction.writes() > 0) store_->undone(outermost.first_event);
  state_->poison.reset();
  try {
    outermost.transaction.restart();
    store_->write_begun(outermost.transaction);
    outermost.first_event = store_->next_event();
  } catch (...) {
    state_->levels.clear();
    state_->poison = State::Poison{reason_now(), 0};
    throw;
  }
}

void Session::rollback_to(int level) {
  check_open();
  const std::lock_guard lock(state_->mutex);
  if (state_->levels.empty()) {  // committed or failed to: there is nothing left to undo
    state_->poison.reset();
    return;
  }
  // A savepoint older than every one seen, or than the transaction: only the innermost of those
  // that were open when the session joined was reported.
  const bool older = state_->levels.size() == 1 || level < state_->levels[1].number;
  if (older) return undo_everything();
  const size_t index = state_->index_of(level);
  if (index >= state_->levels.size()) return;
  undo_from(index);
  open_level(level);
}

void Session::commit() {
  check_open();
  const std::lock_guard lock(state_->mutex);
  state_->check_sound(store_->path());
  if (state_->levels.empty()) return;
  merge_from(1);
  state_->check_sound(store_->path());
  State::Level& outermost = state_->levels.front();
  const bool wrote = outermost.transaction.writes() > 0;
  try {
    if (wrote) store_->before_commit(outermost.transaction);
    const uint64_t first_event = outermost.first_event;
    WriteTransaction transaction = std::move(outermost.transaction);
    state_->levels.clear();
    state_->next_generation();
    if (wrote) transaction.commit([&] { store_->undone(first_event); });
    if (wrote) count_removed(transaction.removed());
  } catch (...) {
    state_->poison = State::Poison{reason_now(), 0};
    throw;
  }
}

void Session::end() noexcept {
  rollback();
  vacuum_after_commit();
}

void Session::rollback() noexcept {
  if (!usable()) return;
  const std::lock_guard lock(state_->mutex);
  if (!in_transaction()) return;
  undo_from(0);
  state_->poison.reset();
  state_->owner.store(0, std::memory_order_release);
  clear(kInTransaction);
}

bool Session::end_unwritten() noexcept {
  if (!usable()) return false;
  const std::lock_guard lock(state_->mutex);
  if (in_transaction() &&
      (state_->poison || state_->levels.empty() || state_->innermost().writes() > 0)) {
    return false;
  }
  rollback();
  return true;
}

void Session::poison(std::string_view reason) noexcept {
  if (!usable()) return;
  const std::lock_guard lock(state_->mutex);
  if (state_->poison || !in_transaction()) return;
  const size_t innermost = state_->levels.empty() ? 0 : state_->levels.size() - 1;
  state_->poison = State::Poison{copy_or_nothing(reason), innermost};
}

// --- The cursors' snapshot

void Session::cursor_opened() {
  check_open();
  const std::lock_guard lock(state_->mutex);
  if (state_->cursors++ == 0) set(kSnapshot);
}

void Session::cursor_closed() noexcept {
  if (!usable()) return;
  const std::lock_guard lock(state_->mutex);
  if (--state_->cursors > 0) return;
  clear(kSnapshot);
  state_->snapshot = ReadTransaction();
}

void Session::drop_snapshot() noexcept {
  const std::lock_guard lock(state_->mutex);
  state_->snapshot = ReadTransaction();
}

void Session::after_own_commit(uint64_t removed) noexcept {
  state_->next_generation();
  if (has(kSnapshot)) drop_snapshot();
  count_removed(removed);
  vacuum_after_commit();
}

}  // namespace oocmap
