#include "core/lmdb/commit_times.h"

#include <cstddef>

namespace oocmap {
namespace {

constexpr size_t kMostMoments = 256;
constexpr uint32_t kCommits = 1000;
constexpr std::chrono::seconds kTime{10};
constexpr std::chrono::seconds kBetweenMoments{1};

}  // namespace

CommitTimes::CommitTimes() { moments_.reserve(kMostMoments); }

bool CommitTimes::committed(uint64_t transaction, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (moments_.empty() || now - moments_.back().time >= kBetweenMoments) add(transaction, now);
  if (++commits_ < kCommits && now - checked_ < kTime) return false;
  commits_ = 0;
  checked_ = now;
  return true;
}

void CommitTimes::note(uint64_t transaction, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  add(transaction, now);
}

void CommitTimes::add(uint64_t transaction, Clock::time_point now) {
  // The first moment of a transaction tells most.
  if (!moments_.empty() && moments_.back().transaction >= transaction) return;
  if (moments_.size() == kMostMoments) {
    for (size_t i = 0; i < kMostMoments / 2; ++i) moments_[i] = moments_[2 * i];
    moments_.resize(kMostMoments / 2, {0, {}});
  }
  moments_.push_back({transaction, now});
}

std::optional<CommitTimes::Clock::duration> CommitTimes::age(uint64_t transaction,
                                                             Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  for (const Moment& moment : moments_) {
    if (moment.transaction > transaction) return now - moment.time;
  }
  return std::nullopt;
}

}  // namespace oocmap
