// Sessions across threads, processes and forks.
#include <chrono>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "core/store/session.h"
#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

using std::chrono::milliseconds;

struct SessionThreadsTest : testing::Test {
  std::shared_ptr<Session> open() const {
    OpenOptions options;
    options.path = path;
    options.durability = Durability::kOff;
    auto session = Session::create(Store::open(options));
    session->set_timeout(milliseconds(10'000));
    return session;
  }
  static void put(Session& session, const std::string& key) {
    WriteScope scope(session);
    scope.transaction().put(Database::kMeta, key, "v");
    scope.commit();
  }
  static bool sees(Session& session, const std::string& key, View view = View::kThread) {
    const ReadScope scope(session, view);
    return scope.transaction().get(Database::kMeta, key).has_value();
  }
  static int increment(WriteTransaction& transaction) {
    const auto old = transaction.get(Database::kMeta, "counter");
    const int next = (old ? std::stoi(std::string(*old)) : 0) + 1;
    transaction.put(Database::kMeta, "counter", std::to_string(next));
    return next;
  }
  static ErrorCode code_of(const std::function<void()>& body) { return error_of(body).code(); }

  TemporaryFolder folder;
  std::string path = folder.file("map.ooc");
};

TEST_F(SessionThreadsTest, OtherThreadsReadTheLastCommitAndWaitToWrite) {
  const auto session = open();
  session->begin();
  put(*session, "mine");
  EXPECT_TRUE(session->owned_by_this_thread());
  std::thread other([&] {
    EXPECT_FALSE(session->owned_by_this_thread());
    EXPECT_FALSE(sees(*session, "mine")) << "a direct read";
    EXPECT_TRUE(sees(*session, "mine", View::kSession)) << "SQL on the connection";
    session->set_timeout(milliseconds(30));
    EXPECT_EQ(code_of([&] { put(*session, "theirs"); }), ErrorCode::kBusy);
    EXPECT_EQ(code_of([&] { session->begin(View::kThread); }), ErrorCode::kBusy);
    session->set_timeout(milliseconds(10'000));
  });
  other.join();
  std::thread waiting([&] { put(*session, "theirs"); });
  std::this_thread::sleep_for(milliseconds(20));
  session->commit();
  session->end();
  waiting.join();
  EXPECT_TRUE(sees(*session, "mine") && sees(*session, "theirs"));
}

TEST_F(SessionThreadsTest, SqlOnAnotherThreadWritesInTheSameTransaction) {
  const auto session = open();
  session->begin();
  std::thread other([&] {
    session->begin();  // idempotent, SQL's
    WriteScope scope(*session, View::kSession);
    scope.transaction().put(Database::kMeta, "k", "v");
    scope.commit();
  });
  other.join();
  EXPECT_TRUE(sees(*session, "k"));
  session->rollback();
  EXPECT_FALSE(sees(*session, "k"));
}

TEST_F(SessionThreadsTest, AnotherSessionOfTheThreadIsRefusedAtOnce) {
  const auto first = open();
  const auto second = open();
  first->begin();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(code_of([&] { put(*second, "k"); }), ErrorCode::kBusy);
  EXPECT_EQ(code_of([&] { second->begin(); }), ErrorCode::kBusy);
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(2000));
  first->rollback();
  put(*second, "k");
}

TEST_F(SessionThreadsTest, TransactionsOfManyThreadsCount) {
  const auto shared = open();
  constexpr int kEach = 200;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto session = t % 2 == 0 ? shared : open();
      for (int i = 0; i < kEach; ++i) {
        const bool is_explicit = i % 2 == 0;
        if (is_explicit) session->begin(View::kThread);
        WriteScope scope(*session);
        increment(scope.transaction());
        scope.commit();
        if (is_explicit) {
          session->commit();
          session->end();
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const ReadScope scope(*shared);
  EXPECT_EQ(scope.transaction().get(Database::kMeta, "counter"), std::to_string(4 * kEach));
}

TEST_F(SessionThreadsTest, TwoProcessesCount) {
  constexpr int kEach = 2000;
  const auto count = [this] {
    const auto session = open();
    session->set_timeout(std::chrono::minutes(2));
    for (int i = 0; i < kEach; ++i) {
      session->begin();
      WriteScope scope(*session);
      increment(scope.transaction());
      scope.commit();
      session->commit();
      session->end();
    }
    return 0;
  };
  Child first(count);
  Child second(count);
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(second.wait(), 0);
  const auto session = open();
  const ReadScope scope(*session);
  EXPECT_EQ(scope.transaction().get(Database::kMeta, "counter"), std::to_string(2 * kEach));
}

// A transaction begun on one thread and ended on another must not leave LMDB's lock with the first,
// which lives on: another process has to be able to write at once.
TEST_F(SessionThreadsTest, EndedOnAnotherThreadAnotherProcessWritesAtOnce) {
  const std::vector<std::function<void(std::shared_ptr<Session>&)>> ends = {
      [](auto& session) {
        session->commit();
        session->end();
      },
      [](auto& session) { session->rollback(); },
      [](auto& session) { session->close(); },
      [](auto& session) { session.reset(); },
  };
  for (const auto& end : ends) {
    Signal ended;
    Child other([&] {  // forked before anything is open
      ended.await();
      const auto mine = open();
      mine->set_timeout(milliseconds(1000));
      put(*mine, "other");
      return 0;
    });
    std::shared_ptr<Session> session = open();
    const std::shared_ptr<Store> keep_open = session->store_ptr();
    Signal begun;
    Signal over;
    std::thread beginner([&] {
      session->begin();
      put(*session, "k");
      begun.raise();
      over.await();
    });
    begun.await();
    end(session);
    ended.raise();
    EXPECT_EQ(other.wait(), 0);
    over.raise();
    beginner.join();
  }
}

TEST_F(SessionThreadsTest, AForkedChildLeavesTheParentsTransactionAlone) {
  auto session = open();
  session->begin();
  session->savepoint(0);
  put(*session, "k");
  Child child([&] {
    if (code_of([&] { put(*session, "x"); }) != ErrorCode::kClosed) return 1;
    if (code_of([&] { sees(*session, "x"); }) != ErrorCode::kClosed) return 2;
    if (code_of([&] { session->commit(); }) != ErrorCode::kClosed) return 3;
    session->rollback();  // leaving an inherited `with` neither commits nor rolls back
    session->end();
    const auto mine = open();
    if (sees(*mine, "k")) return 4;
    session.reset();
    mine->set_timeout(milliseconds(20));
    if (code_of([&] { put(*mine, "x"); }) != ErrorCode::kBusy) return 5;
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_TRUE(sees(*session, "k"));
  session->commit();
  session->end();
  EXPECT_TRUE(sees(*session, "k"));
}

TEST_F(SessionThreadsTest, AChildForkedWhileAnotherThreadHasTheSession) {
  auto session = open();
  Signal inside;
  Signal over;
  std::thread holder([&] {
    session->begin();
    {
      WriteScope scope(*session);  // holds the session's mutex
      inside.raise();
      over.await();
    }
    session->rollback();
  });
  inside.await();
  Child child([&] {
    if (code_of([&] { put(*session, "x"); }) != ErrorCode::kClosed) return 1;
    session.reset();
    return sees(*open(), "x") ? 2 : 0;
  });
  EXPECT_EQ(child.wait(), 0);
  over.raise();
  holder.join();
}

TEST_F(SessionThreadsTest, ClosingWhileOthersReadAndWrite) {
  const auto session = open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      try {
        for (;;) {
          put(*session, "k");
          sees(*session, "k");
          sees(*session, "k", View::kSession);
        }
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kClosed) << error.message();
      }
    });
  }
  std::this_thread::sleep_for(milliseconds(30));
  session->close();
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace oocmap
