#include "core/lmdb/commit_times.h"

#include <gtest/gtest.h>

namespace oocmap {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct CommitTimesTest : testing::Test {
  CommitTimes times;
  CommitTimes::Clock::time_point start = CommitTimes::Clock::now();
};

TEST_F(CommitTimesTest, EveryThousandCommits) {
  for (int round = 0; round < 3; ++round) {
    for (uint64_t i = 1; i < 1000; ++i) EXPECT_FALSE(times.committed(i, start));
    EXPECT_TRUE(times.committed(1000, start));
  }
}

TEST_F(CommitTimesTest, EveryTenSeconds) {
  EXPECT_FALSE(times.committed(1, start + seconds(9)));
  EXPECT_TRUE(times.committed(2, start + seconds(11)));
  EXPECT_FALSE(times.committed(3, start + seconds(20)));
  EXPECT_TRUE(times.committed(4, start + seconds(21)));
}

TEST_F(CommitTimesTest, AStateIsAsOldAsTheCommitAfterIt) {
  EXPECT_FALSE(times.age(4, start));
  times.committed(5, start);
  times.committed(6, start + milliseconds(500));  // within a second of the one before: not noted
  times.committed(7, start + seconds(2));
  times.note(7, start + seconds(3));  // known already
  const auto now = start + seconds(10);
  EXPECT_EQ(times.age(4, now), seconds(10));
  EXPECT_EQ(times.age(5, now), seconds(8));
  EXPECT_EQ(times.age(6, now), seconds(8));
  EXPECT_FALSE(times.age(7, now));
}

TEST_F(CommitTimesTest, OfManyMomentsTheFirstIsKept) {
  constexpr int kMany = 100'000;
  for (int i = 1; i <= kMany; ++i) times.committed(static_cast<uint64_t>(i), start + seconds(i));
  const auto now = start + seconds(kMany);
  EXPECT_EQ(times.age(0, now), now - start - seconds(1));
  // About each later one something is known too, which is no more than the truth.
  for (int i = 1; i < kMany / 2; i += 997) {
    const auto age = times.age(static_cast<uint64_t>(i), now);
    ASSERT_TRUE(age);
    EXPECT_LE(*age, seconds(kMany - i));
    EXPECT_GT(*age, seconds(0));
  }
}

}  // namespace
}  // namespace oocmap
