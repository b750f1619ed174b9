// Sessions that read one moment.
#include <thread>

#include "core/base/error.h"
#include "core/store/session.h"
#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

struct SessionSnapshotTest : testing::Test {
  SessionSnapshotTest() {
    OpenOptions options;
    options.path = folder.file("map.ooc");
    options.durability = Durability::kOff;
    session = Session::create(Store::open(options));
  }
  std::shared_ptr<Session> snapshot() const {
    return Session::create_snapshot(session->store_ptr());
  }
  void put(const std::string& key) const {
    WriteScope scope(*session);
    scope.transaction().put(Database::kMeta, key, "v");
    scope.commit();
  }
  static bool sees(Session& session, const std::string& key, View view = View::kThread) {
    const ReadScope scope(session, view);
    return scope.transaction().get(Database::kMeta, key).has_value();
  }

  TemporaryFolder folder;
  std::shared_ptr<Session> session;
};

TEST_F(SessionSnapshotTest, ReadsItsMoment) {
  put("before");
  const auto pinned = snapshot();
  put("after");
  for (const View view : {View::kThread, View::kSession}) {
    EXPECT_TRUE(sees(*pinned, "before", view));
    EXPECT_FALSE(sees(*pinned, "after", view));
  }
  EXPECT_TRUE(sees(*session, "after"));
  EXPECT_TRUE(sees(*snapshot(), "after"));
  EXPECT_FALSE(pinned->at_rest());
  std::thread([&] { EXPECT_FALSE(sees(*pinned, "after")); }).join();
}

TEST_F(SessionSnapshotTest, OfATransactionShowsTheLastCommit) {
  session->begin();
  put("mine");
  const auto pinned = snapshot();
  EXPECT_FALSE(sees(*pinned, "mine"));
  session->commit();
  session->end();
  EXPECT_FALSE(sees(*pinned, "mine"));
}

TEST_F(SessionSnapshotTest, IsNotWritten) {
  const auto pinned = snapshot();
  EXPECT_EQ(error_of([&] { const WriteScope scope(*pinned); }).code(), ErrorCode::kReadOnly);
  const Error error = error_of([&] { pinned->begin(); });
  EXPECT_EQ(error.code(), ErrorCode::kReadOnly);
  EXPECT_NE(error.message().find("a snapshot of"), std::string::npos);
  EXPECT_FALSE(pinned->in_transaction());
}

TEST_F(SessionSnapshotTest, EndsWithItsClose) {
  const auto pinned = snapshot();
  pinned->close();
  EXPECT_EQ(error_of([&] { const ReadScope scope(*pinned); }).code(), ErrorCode::kClosed);
  pinned->close();
}

TEST_F(SessionSnapshotTest, OutlivesTheSessionAndIsClosedInAChild) {
  put("before");
  const auto pinned = snapshot();
  session->close();
  session.reset();
  Child child([&] {
    return error_of([&] { const ReadScope scope(*pinned); }).code() == ErrorCode::kClosed ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(sees(*pinned, "before"));
}

}  // namespace
}  // namespace oocmap
