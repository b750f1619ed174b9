// The moment of a snapshot, kept for views that outlive its session.
#include "core/base/error.h"
#include "core/store/session.h"
#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

struct SessionMomentTest : testing::Test {
  void put(Session& session, Bytes value) {
    WriteScope scope(session);
    scope.transaction().put(Database::kMeta, "key", value);
    scope.commit();
  }
  std::shared_ptr<Session> open() {
    OpenOptions options;
    options.path = folder.file("map.ooc");
    options.durability = Durability::kOff;
    return Session::create(Store::open(options));
  }
  TemporaryFolder folder;
};

TEST_F(SessionMomentTest, ViewsLastAsLongAsItIsHeld) {
  std::shared_ptr<Session> session = open();
  const std::string value(20'000, 'v');  // on pages of its own
  put(*session, value);
  std::shared_ptr<Session> snapshot = Session::create_snapshot(session->store_ptr());
  std::shared_ptr<const void> held = snapshot->hold_moment();
  ASSERT_NE(held, nullptr);
  const Bytes view = [&] {
    const ReadScope scope(*snapshot);
    return scope.transaction().get(Database::kMeta, "key").value();
  }();
  snapshot->close();
  for (char c = 'a'; c < 'z'; ++c) put(*session, std::string(20'000, c));
  EXPECT_EQ(view, value);
  const std::weak_ptr<Store> store = session->store_ptr();
  session.reset();
  snapshot.reset();
  EXPECT_EQ(view, value);
  EXPECT_FALSE(store.expired());  // nor is the file closed
  held.reset();
  EXPECT_TRUE(store.expired());
}

TEST_F(SessionMomentTest, OnlySnapshotsThatAreOpenHaveOne) {
  const std::shared_ptr<Session> session = open();
  EXPECT_EQ(session->hold_moment(), nullptr);
  const std::shared_ptr<Session> snapshot = Session::create_snapshot(session->store_ptr());
  snapshot->close();
  try {
    snapshot->hold_moment();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kClosed);
  }
}

}  // namespace
}  // namespace oocmap
