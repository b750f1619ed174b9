#include <utility>

#include "core/base/error.h"
#include "core/store/session.h"
#include "core/store/session_state.h"

namespace oocmap {

// --- ReadScope

ReadScope::ReadScope(Session& session, View view) {
  if (session.attention_.load(std::memory_order_acquire) != 0) {
    attach(session, view);
    if (joined_ != nullptr || transaction_ != nullptr) return;
  }
  reader_.emplace(session.store_->environment());
  transaction_ = &reader_->transaction();
}

ReadScope::~ReadScope() = default;

void ReadScope::attach(Session& session, View view) {
  session.check_open();
  Session::State& state = *session.state_;
  if (session.has(Session::kPinned)) {
    lock_ = std::unique_lock(state.mutex);
    session.check_open();
    transaction_ = state.pinned.get();
    return;
  }
  const bool snapshot = view == View::kSession && session.has(Session::kSnapshot);
  if (!session.takes_part(view) && !snapshot) return;
  lock_ = std::unique_lock(state.mutex);
  if (session.has(Session::kClosed)) session.check_open();  // another thread's doing meanwhile
  if (session.takes_part(view)) {
    state.check_sound(session.store_->path());
    if (!state.levels.empty()) {
      joined_ = &session;
      return;
    }
  }
  if (snapshot && state.cursors > 0) {
    if (!state.snapshot.active()) {
      state.snapshot = session.store_->environment().begin_read();
      state.snapshot.keep_places();
    }
    transaction_ = &state.snapshot;
    return;
  }
  lock_.unlock();
}

const Transaction& ReadScope::innermost() const noexcept { return joined_->state_->innermost(); }

// --- KeptMoment

std::unique_ptr<const KeptMoment> KeptMoment::of(const ReadScope& scope, Session& session) {
  if (scope.joined_ != nullptr) return nullptr;
  auto kept = std::make_unique<KeptMoment>();
  if (!scope.reader_) {
    kept->pinned_ = session.hold_moment();
    return kept->pinned_ != nullptr ? std::move(kept) : nullptr;
  }
  kept->store_ = session.store_ptr();
  kept->reader_.emplace(kept->store_->environment());
  // Had the environment been opened again meanwhile, it would be another moment's.
  const bool same = kept->reader_->transaction().stamp() == scope.transaction().stamp();
  return same ? std::move(kept) : nullptr;
}

// --- WriteScope

WriteScope::WriteScope(Session& session, View view) : session_(session) {
  session.check_open();
  if (join_open(view)) return;
  Session::State& state = *session.state_;
  std::shared_ptr<const Session::JoinHooks> hooks;
  bool elsewhere = false;  // the transaction is another thread's: this one waits for its end
  {
    const std::lock_guard lock(state.mutex);
    hooks = state.hooks;
    elsewhere = !session.takes_part(view) && !state.levels.empty();
  }
  const bool again = session.takes_part(view);  // after xSync: the next write begins anew
  const bool ask_sql = view == View::kThread && !elsewhere && !again && hooks != nullptr &&
                       hooks->in_transaction && hooks->in_transaction();
  if (again) session.begin(view);
  if (ask_sql) hooks->join();
  if (again || ask_sql) {
    if (join_open(view)) return;
    session.check_open();
    throw Error(ErrorCode::kBusy, "cannot write to '" + session.store().path() +
                                      "': its transaction has ended, or is another thread's");
  }
  session.check_writable();
  own_ = session.store().environment().begin_write(session.timeout());
  session.store().write_begun(own_);
  first_event_ = session.store().next_event();
}

// Uses the session's open transaction where the caller takes part in it.
bool WriteScope::join_open(View view) {
  Session::State& state = *session_.state_;
  if (!session_.takes_part(view)) return false;
  lock_ = std::unique_lock(state.mutex);
  session_.check_open();
  if (session_.takes_part(view)) {
    state.check_sound(session_.store().path());
    if (!state.levels.empty()) {
      if (state.levels.back().refusal) throw Error(*state.levels.back().refusal);
      joined_ = true;
      start_writes_ = state.innermost().writes();
      return true;
    }
  }
  lock_.unlock();
  return false;
}

WriteTransaction& WriteScope::innermost() const noexcept { return session_.state_->innermost(); }

void WriteScope::commit() {
  if (!joined_ && own_.writes() > 0) {
    session_.store().before_commit(own_);
    own_.commit([this] { session_.store().undone(first_event_); });
    session_.after_own_commit(own_.removed());
  }
  done_ = true;
}

WriteScope::~WriteScope() {
  if (joined_) {
    const Session::State& state = *session_.state_;
    const bool left = !done_ && session_.usable() && !state.levels.empty() &&
                      innermost().writes() > start_writes_;
    if (left) session_.poison("a write in it failed half-way");
  } else if (own_.active()) {
    // Before the lock is given back: the store's counters are its holder's.
    if (own_.writes() > 0) session_.store().undone(first_event_);
  }
}

}  // namespace oocmap
