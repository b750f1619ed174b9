#include "core/store/full_vacuum.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "core/base/error.h"
#include "core/lmdb/vacuum_lock.h"
#include "core/lmdb/waiting.h"

namespace oocmap {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Calls `attempt` until it does not say that somebody is busy, or the time is over.
template <typename Attempt>
void patiently(Clock::time_point deadline, Attempt attempt) {
  constexpr milliseconds kPause{5};
  for (;;) {
    try {
      return attempt();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kBusy || Clock::now() >= deadline || stop_waiting()) throw;
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

VacuumReport full_vacuum(Session& session, const FullVacuumOptions& options) {
  constexpr milliseconds kForEver = std::chrono::hours(24 * 365);
  const milliseconds timeout = std::clamp(options.timeout, milliseconds(0), kForEver);
  const Clock::time_point deadline = Clock::now() + timeout;
  session.check_outside_transaction("vacuum");
  VacuumOptions online = options.online;
  online.punch = false;
  VacuumReport report;
  patiently(deadline, [&] { report = vacuum(session, online); });
  if (!report.finished) return report;

  Environment& environment = session.store().environment();
  std::optional<VacuumLock> lock;
  patiently(deadline, [&] { lock.emplace(environment); });
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
  environment.compact(std::max(left, milliseconds(0)), options.copied);
  report.allocated_after = environment.allocated_size();
  return report;
}

}  // namespace oocmap
