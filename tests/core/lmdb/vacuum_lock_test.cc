// One vacuum a file, among threads and among processes.
#include "core/lmdb/vacuum_lock.h"

#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

struct VacuumLockTest : LmdbTest {};

TEST_F(VacuumLockTest, OneAtATimeInAProcess) {
  const auto environment = open();
  {
    const VacuumLock lock(*environment);
    EXPECT_TRUE(VacuumLock::held(*environment));
    const Error error = error_of([&] { const VacuumLock second(*environment); });
    EXPECT_EQ(error.code(), ErrorCode::kBusy);
    EXPECT_EQ(error.message(),
              "cannot vacuum '" + path + "': this process does so already; wait for its end");
  }
  EXPECT_FALSE(VacuumLock::held(*environment));
  const VacuumLock again(*environment);
}

TEST_F(VacuumLockTest, OneAtATimeAmongProcesses) {
  Signal taken;
  Signal enough;
  Child other([&] {
    const auto environment = open();
    const VacuumLock lock(*environment);
    taken.raise();
    enough.await();
    return 0;
  });
  taken.await();
  const auto environment = open();
  EXPECT_TRUE(VacuumLock::held(*environment));
  const Error error = error_of([&] { const VacuumLock lock(*environment); });
  EXPECT_EQ(error.code(), ErrorCode::kBusy);
  EXPECT_EQ(error.message(),
            "cannot vacuum '" + path + "': another process does so already; wait for its end");
  enough.raise();
  EXPECT_EQ(other.wait(), 0);
  EXPECT_FALSE(VacuumLock::held(*environment));
  const VacuumLock lock(*environment);
}

TEST_F(VacuumLockTest, ADeadProcessHoldsNothing) {
  Signal taken;
  const Child other([&] {
    const auto environment = open();
    const VacuumLock lock(*environment);
    taken.raise();
    for (;;) pause();
    return 0;
  });
  taken.await();
  const auto environment = open();
  EXPECT_TRUE(VacuumLock::held(*environment));
  kill(other.pid(), SIGKILL);
  for (int i = 0; i < 1000 && VacuumLock::held(*environment); ++i) usleep(1000);
  EXPECT_FALSE(VacuumLock::held(*environment));
}

TEST_F(VacuumLockTest, AForkedChildHoldsItNot) {
  const auto environment = open();
  auto lock = std::make_unique<VacuumLock>(*environment);
  Child child([&] {
    lock.reset();  // the parent's
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(VacuumLock::held(*environment));
  EXPECT_EQ(error_of([&] { const VacuumLock second(*environment); }).code(), ErrorCode::kBusy);
}

TEST_F(VacuumLockTest, AReadOnlyFileIsNotVacuumed) {
  open();
  const auto environment = open_file(path, OpenMode::kRead);
  EXPECT_EQ(error_of([&] { const VacuumLock lock(*environment); }).code(), ErrorCode::kReadOnly);
}

}  // namespace
}  // namespace oocmap
