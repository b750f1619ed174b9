// A session that vacuums by itself.
//
// It runs after the commit, in no transaction, and on the thread that committed: its caller wanted
// the space, and a thread of ours would outlive what it works on. The write has succeeded by then,
// so no error of a vacuum is its error.
#include <algorithm>
#include <thread>

#include "core/base/error.h"
#include "core/lmdb/waiting.h"
#include "core/store/session.h"
#include "core/store/session_state.h"
#include "core/store/vacuum.h"

namespace oocmap {
namespace {

using std::chrono::milliseconds;

// Longest wait for another vacuum at a commit; not at the next ones, then, for that may take hours.
constexpr milliseconds kPatience{1000};
constexpr milliseconds kPause{2};
constexpr milliseconds kLongest = std::chrono::hours(24 * 365);

// Returns whether it was done, or failed for another reason than that somebody else is about it.
bool try_vacuum(Session& session) {
  try {
    vacuum(session);
  } catch (const Error& error) {
    return error.code() != ErrorCode::kBusy;
  }
  return true;
}

}  // namespace

void Session::set_auto_vacuum(uint64_t threshold) noexcept {
  state_->removed.store(0, std::memory_order_relaxed);
  state_->auto_vacuum.store(threshold, std::memory_order_relaxed);
}

uint64_t Session::auto_vacuum() const noexcept {
  return state_->auto_vacuum.load(std::memory_order_relaxed);
}

void Session::count_removed(uint64_t entries) noexcept {
  if (auto_vacuum() != 0) state_->removed.fetch_add(entries, std::memory_order_relaxed);
}

void Session::vacuum_if_due(milliseconds wait) noexcept {
  const uint64_t threshold = auto_vacuum();
  if (threshold == 0 || state_->removed.load(std::memory_order_relaxed) < threshold) return;
  if (!usable() || has(kClosed) || in_transaction()) return;
  const uint64_t counted = state_->removed.exchange(0, std::memory_order_relaxed);
  if (counted < threshold) {  // another thread is about it
    state_->removed.fetch_add(counted, std::memory_order_relaxed);
    return;
  }
  bool done = false;
  try {
    // Of its own: this one's connection may be at the end of a transaction still.
    const std::shared_ptr<Session> own = create(store_);
    own->set_timeout(timeout());
    const auto deadline = std::chrono::steady_clock::now() + std::min(wait, kLongest);
    while (!(done = try_vacuum(*own)) && std::chrono::steady_clock::now() < deadline &&
           !stop_waiting()) {
      std::this_thread::sleep_for(kPause);
    }
  } catch (const std::exception&) {  // no memory
  }
  state_->put_off.store(!done, std::memory_order_relaxed);
  if (!done) state_->removed.fetch_add(counted, std::memory_order_relaxed);
}

void Session::vacuum_after_commit() noexcept {
  store_->environment().refill_reserve(std::min(timeout(), kPatience));
  const bool put_off = state_->put_off.load(std::memory_order_relaxed);
  vacuum_if_due(put_off ? milliseconds(0) : std::min(timeout(), kPatience));
}

void Session::finish_auto_vacuum() noexcept { vacuum_if_due(timeout()); }

}  // namespace oocmap
