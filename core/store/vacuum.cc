#include "core/store/vacuum.h"

#include <algorithm>
#include <thread>

#include "core/lmdb/punch.h"
#include "core/lmdb/vacuum_lock.h"
#include "core/store/barrier.h"
#include "core/store/reclaim.h"
#include "core/store/sweeper.h"
#include "core/store/tracer.h"

namespace oocmap {
namespace {

using Clock = std::chrono::steady_clock;
using Step = VacuumProgress::Step;
using std::chrono::milliseconds;

// Between two transactions, for those that wait for the write lock: who polls for it does so every
// millisecond.
constexpr milliseconds kPause{2};
constexpr uint64_t kTraceAtOnce = 2000;  // containers
// While others write, who free and use pages all the time: rounds of freeing, and steps of punching
// where free pages are scattered.
constexpr int kRoundsBesideOthers = 20;
constexpr int kStepsBesideOthers = 10;

class Vacuum {
 public:
  Vacuum(Session& session, const VacuumOptions& options)
      : store_(session.store()), options_(options), session_(Session::create(session.store_ptr())) {
    session_->set_timeout(options.timeout.value_or(session.timeout()));
    if (options.time_limit) deadline_ = Clock::now() + *options.time_limit;
  }

  VacuumReport run() {
    const VacuumLock lock(store_.environment());
    report_.allocated_before = store_.environment().allocated_size();
    // On a full disk what is free already comes first: it makes room for the commits that free
    // more.
    report_.finished = (!store_.environment().nearly_full() || punch_free_pages()) &&
                       free_graveyard() && trace_and_sweep() && punch();
    report_.allocated_after = store_.environment().allocated_size();
    return report_;
  }

 private:
  // Each returns whether it came to its end.
  bool free_graveyard();
  bool trace_and_sweep();
  bool trace(Tracer& tracer);
  bool trace_on(Tracer& tracer, const Transaction& transaction);
  bool sweep(Tracer& tracer);
  bool sweep_some(Tracer& tracer, Sweeper& sweeper);
  bool punch();
  bool punch_free_pages();
  void lower();
  // Whether to go on; calls the caller's function where it has not been for a while.
  bool go_on(Step step, uint64_t done, uint64_t total);
  // The same, between two write transactions.
  bool go_on_writing(Step step, uint64_t done, uint64_t total);

  Store& store_;
  const VacuumOptions& options_;
  std::shared_ptr<Session> session_;  // of its own: what it writes is nobody's transaction
  VacuumReport report_;
  std::optional<Clock::time_point> deadline_;
  Clock::time_point last_report_;
  std::optional<Step> reported_;
};

bool Vacuum::go_on(Step step, uint64_t done, uint64_t total) {
  const Clock::time_point now = Clock::now();
  if (deadline_ && now >= *deadline_) return false;
  if (!options_.progress) return true;
  if (reported_ == step && now < last_report_ + options_.report_every) return true;
  reported_ = step;
  last_report_ = now;
  return options_.progress({step, done, total});
}

bool Vacuum::go_on_writing(Step step, uint64_t done, uint64_t total) {
  if (!go_on(step, done, total)) return false;
  std::this_thread::sleep_for(kPause);
  return true;
}

// What handles hold stays there, so rows are counted rather than awaited: once round, and on for as
// long as that frees anything. Beside others who write, and so free and bury all the time, there
// would be no end of that: what they have buried meanwhile is theirs.
bool Vacuum::free_graveyard() {
  if (!go_on(Step::kFree, 0, 0)) return false;
  uint64_t looked_at = 0;
  uint64_t freed_at = 0;
  uint64_t last_commit = 0;
  for (int beside_others = 0; beside_others < kRoundsBesideOthers;) {
    WriteScope scope(*session_);
    WriteTransaction& transaction = scope.transaction();
    transaction.use_reserve();
    const uint64_t id = transaction.stamp().transaction_id;
    if (last_commit != 0 && id != last_commit + 1) ++beside_others;
    last_commit = id;
    const uint64_t rows = transaction.size(Database::kGraveyard);
    if (rows == 0 || looked_at - freed_at > rows) return true;
    const uint64_t before = transaction.writes();
    drain_graveyard(store_, transaction, options_.rows_at_once);
    looked_at += options_.rows_at_once / 2 + 1;  // as many as it looks at
    if (transaction.writes() != before) freed_at = looked_at;
    scope.commit();
    if (!go_on_writing(Step::kFree, looked_at, looked_at + rows)) return false;
  }
  return true;
}

bool Vacuum::trace_and_sweep() {
  Barrier barrier;
  {
    WriteScope scope(*session_);
    scope.transaction().use_reserve();
    barrier = raise_barrier(store_, scope.transaction());
    store_.set_barrier(barrier);
    scope.commit();
  }
  Tracer tracer(barrier);
  const bool done = trace(tracer) && sweep(tracer);
  lower();  // where this is not come to, the next write finds that nobody needs it
  return done;
}

bool Vacuum::trace(Tracer& tracer) {
  // After the barrier went up. As long as it lives no page of its moment is used again.
  const ReadTransaction moment = store_.environment().begin_read();
  if (!go_on(Step::kTrace, 0, 0)) return false;
  tracer.add_root(store_);
  if (!trace_on(tracer, moment)) return false;
  tracer.add_others(store_, moment);
  return trace_on(tracer, moment);
}

bool Vacuum::trace_on(Tracer& tracer, const Transaction& transaction) {
  while (tracer.run(transaction, kTraceAtOnce)) {
    if (!go_on(Step::kTrace, tracer.containers(), 0)) return false;
  }
  return true;
}

bool Vacuum::sweep(Tracer& tracer) {
  Sweeper sweeper(store_, tracer.marks(), options_.rows_at_once);
  uint64_t rows = 0;
  if (!go_on(Step::kSweep, 0, 0)) return false;
  for (bool more = true; more;) {
    {
      // What was touched is traced beforehand, so that little is left to do under the lock.
      const ReadTransaction moment = store_.environment().begin_read();
      tracer.add_touched(moment);
      if (!trace_on(tracer, moment)) return false;
      sweeper.look_ahead(moment);
      rows = moment.size(Database::kRecords) + moment.size(Database::kImmutables);
    }
    more = sweep_some(tracer, sweeper);
    report_.containers = sweeper.containers();
    report_.immutables = sweeper.immutables();
    if (!go_on_writing(Step::kSweep, sweeper.looked_at(), rows) && more) return false;
  }
  return true;
}

bool Vacuum::sweep_some(Tracer& tracer, Sweeper& sweeper) {
  WriteScope scope(*session_);
  WriteTransaction& transaction = scope.transaction();
  transaction.use_reserve();
  tracer.add_touched(transaction);
  while (tracer.run(transaction, UINT64_MAX)) {
  }
  if (tracer.holes()) sweeper.keep_sweeping();
  bool more = true;
  // With very many of them this transaction has enough to do: they are marked, and that is kept.
  if (erase_touched(transaction, 4 * options_.rows_at_once)) more = sweeper.sweep(transaction);
  scope.commit();
  return more;
}

void Vacuum::lower() {
  for (bool down = false; !down;) {
    WriteScope scope(*session_);
    scope.transaction().use_reserve();
    down = lower_barrier(scope.transaction(), options_.rows_at_once);
    if (down) store_.set_barrier({0, 0, store_.barrier().sweeping});
    scope.commit();
    if (!down) std::this_thread::sleep_for(kPause);
  }
}

bool Vacuum::punch() {
  if (!options_.punch) return true;
  if (!go_on(Step::kPunch, 0, 0)) return false;
  // Pages that the last commit freed belong to the one before it. Two more make them free for good.
  for (int i = 0; i < 2; ++i) {
    WriteScope scope(*session_);
    scope.transaction().use_reserve();
    Store::change_nothing(scope.transaction());
    scope.commit();
  }
  if (!punch_free_pages()) return false;
  store_.environment().fit_reserve(session_->timeout());
  return true;
}

bool Vacuum::punch_free_pages() {
  const uint64_t before = report_.punched_bytes;
  Puncher puncher(store_.environment());
  bool more = true;
  int beside_others = 0;
  while (more) {
    const uint64_t commit = store_.environment().last_transaction_id();
    more = puncher.step(session_->timeout(), options_.punch_at_once);
    report_.punched_bytes = before + puncher.bytes();
    report_.can_punch = puncher.supported();
    if (!go_on_writing(Step::kPunch, puncher.bytes(), 0) && more) return false;
    // Others who write use the scattered ones again at once.
    const bool others = commit != store_.environment().last_transaction_id();
    if (others && puncher.at_short_runs() && ++beside_others == kStepsBesideOthers) break;
  }
  return true;
}

}  // namespace

VacuumReport vacuum(Session& session, const VacuumOptions& options) {
  session.check_outside_transaction("vacuum");
  return Vacuum(session, options).run();
}

}  // namespace oocmap
