// KeptMoment: what a ReadScope looked up stays as it was after the scope, without a lock.
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "core/store/array.h"
#include "core/store/dict.h"
#include "core/store/encoder.h"
#include "core/store/session.h"
#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

constexpr uint64_t kSize = 3 * kArrayChunkBytes + 5;

struct KeptMomentThreadsTest : testing::Test {
  KeptMomentThreadsTest() {
    OpenOptions options;
    options.path = path;
    options.durability = Durability::kOff;
    session = Session::create(Store::open(options));
    fill('a');
  }

  // Stores an array of one byte repeated, over the old one.
  void fill(char byte) const {
    ValueEncoder encoder;
    ArrayHead head;
    head.item_size = 1;
    head.type = "|V1";
    head.shape = {kSize};
    encoder.array(head, Buffer(kSize, byte));
    WriteScope scope(*session);
    Store& store = session->store();
    dict_set(store, scope.transaction(), store.root(), Key::text("x"), encoder.finish());
    scope.commit();
  }
  static ArrayReader reader_of(const ReadScope& scope, Session& of) {
    Store& store = of.store();
    const NodeView root = store.locate(scope.transaction(), store.root());
    const auto member = dict_get(store, scope.transaction(), root, Key::text("x"));
    return {scope.transaction(), store.locate(scope.transaction(), member->word)};
  }
  static bool holds_only(ArrayReader& reader, char byte) {
    Buffer room(kSize, '\0');
    reader.read(0, kSize, room.data());
    return room == Buffer(kSize, byte);
  }

  TemporaryFolder folder;
  std::string path = folder.file("map.ooc");
  std::shared_ptr<Session> session;
};

// Looked up and kept, with the scope gone.
struct Kept {
  std::optional<ArrayReader> reader;
  std::unique_ptr<const KeptMoment> moment;
  explicit Kept(Session& session) {
    const ReadScope scope(session);
    reader.emplace(KeptMomentThreadsTest::reader_of(scope, session));
    moment = KeptMoment::of(scope, session);
    reader->locate(0, kSize);
  }
};

TEST_F(KeptMomentThreadsTest, WhatWasLookedUpOutlivesTheCommitsOfOtherThreads) {
  std::atomic<bool> ended = false;
  std::thread writer([&] {
    for (char byte = 'b'; !ended; byte = byte == 'z' ? 'b' : static_cast<char>(byte + 1)) {
      fill(byte);
    }
  });
  for (int round = 0; round < 20; ++round) {
    Kept kept(*session);
    ASSERT_NE(kept.moment, nullptr);
    char byte = 0;
    kept.reader->read(0, 1, &byte);
    for (int i = 0; i < 10; ++i) {
      EXPECT_TRUE(holds_only(*kept.reader, byte)) << round;
      std::this_thread::yield();
    }
  }
  ended = true;
  writer.join();
}

TEST_F(KeptMomentThreadsTest, AScopeInsideReadsTheSameMoment) {
  const Kept kept(*session);
  std::thread([&] { fill('b'); }).join();
  const ReadScope scope(*session);
  ArrayReader reader = reader_of(scope, *session);
  EXPECT_TRUE(holds_only(reader, 'a'));
}

TEST_F(KeptMomentThreadsTest, AnOpenTransactionOfTheCallerIsNotKept) {
  session->begin();
  fill('b');
  {
    const ReadScope scope(*session);
    EXPECT_EQ(KeptMoment::of(scope, *session), nullptr);
  }
  // Another thread reads the last commit.
  std::thread([&] {
    Kept kept(*session);
    ASSERT_NE(kept.moment, nullptr);
    EXPECT_TRUE(holds_only(*kept.reader, 'a'));
  }).join();
  session->rollback();
}

TEST_F(KeptMomentThreadsTest, ASnapshotsMomentOutlivesIt) {
  auto snapshot = Session::create_snapshot(session->store_ptr());
  Kept kept(*snapshot);
  ASSERT_NE(kept.moment, nullptr);
  // The lock is not held: another thread reads, and closes.
  std::thread([&] {
    const ReadScope scope(*snapshot);
    ArrayReader reader = reader_of(scope, *snapshot);
    EXPECT_TRUE(holds_only(reader, 'a'));
  }).join();
  std::thread([&] { snapshot->close(); }).join();
  snapshot.reset();
  session.reset();  // the file stays open as long as the moment
  EXPECT_TRUE(holds_only(*kept.reader, 'a'));
}

TEST_F(KeptMomentThreadsTest, TheStoreOutlivesItsSession) {
  Kept kept(*session);
  session->close();
  session.reset();
  EXPECT_TRUE(holds_only(*kept.reader, 'a'));
}

}  // namespace
}  // namespace oocmap
