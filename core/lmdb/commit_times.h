// When commits were made, as far as this process was there: LMDB's readers have a number, no time.
// Private to core/lmdb.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace oocmap {

// Up to 256 moments at which some transaction was known to be the newest. Where there are more,
// every second one is forgotten, so the first one is kept. Threads: any.
class CommitTimes {
 public:
  using Clock = std::chrono::steady_clock;

  CommitTimes();  // all that the others need: they allocate nothing

  // After each commit of this process. Returns whether a thousand of them, or 10 s, have passed
  // since this last returned true, or since it was made. Cost: a lock that is seldom waited for.
  bool committed(uint64_t transaction, Clock::time_point now);
  // Says that `transaction` is the newest at `now`.
  void note(uint64_t transaction, Clock::time_point now);
  // For how long the state of `transaction` has not been the newest any more: that long at least.
  // nullopt: nothing newer was noted yet. Cost: a pass over the moments.
  std::optional<Clock::duration> age(uint64_t transaction, Clock::time_point now) const;

 private:
  struct Moment {
    uint64_t transaction;
    Clock::time_point time;
  };
  void add(uint64_t transaction, Clock::time_point now);

  mutable std::mutex mutex_;
  std::vector<Moment> moments_;  // in order
  uint32_t commits_ = 0;         // since `checked_`
  Clock::time_point checked_ = Clock::now();
};

}  // namespace oocmap
