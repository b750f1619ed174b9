// How a session's transaction follows SQLite's callbacks, and how a write beside SQL joins it.
// "put" below is such a write; the order of callbacks is what SQLite was observed to do.
#include "core/store/session.h"

#include <chrono>
#include <thread>
#include <vector>

#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

using std::chrono::milliseconds;

struct SessionTest : testing::Test {
  SessionTest() {
    OpenOptions options;
    options.path = folder.file("map.ooc");
    options.durability = Durability::kOff;
    store = Store::open(options);
    session = Session::create(store);
    session->set_timeout(milliseconds(2000));
  }

  static void put_in(Session& target, const std::string& key, View view = View::kThread) {
    WriteScope scope(target, view);
    scope.transaction().put(Database::kMeta, "test " + key, "v");
    scope.commit();
  }
  void put(const std::string& key) { put_in(*session, key); }
  void update(const std::string& key) { put_in(*session, key, View::kSession); }  // xUpdate

  // What another connection sees: the last commit.
  std::string stored() const {
    const ReadTransaction transaction = store->environment().begin_read();
    return keys_in(transaction);
  }
  std::string seen(View view = View::kThread) const {
    const ReadScope scope(*session, view);
    return keys_in(scope.transaction());
  }
  static std::string keys_in(const Transaction& transaction) {
    std::string keys;
    Cursor cursor(transaction, Database::kMeta);
    for (bool at = cursor.seek("test "); at && cursor.key().substr(0, 5) == "test ";
         at = cursor.next()) {
      keys += cursor.key().substr(5);
    }
    return keys;
  }
  static ErrorCode code_of(const std::function<void()>& body) { return error_of(body).code(); }

  // A SQL connection that is in a transaction and has not told the session so yet.
  void in_sql_transaction(const std::function<void()>& on_join) {
    session->set_join_hooks({[] { return true; }, on_join});
  }
  void sql_transaction_over() { session->set_join_hooks({}); }

  TemporaryFolder folder;
  std::shared_ptr<Store> store;
  std::shared_ptr<Session> session;
};

using JoiningTest = SessionTest;

// --- The rows of what was observed, one test each

TEST_F(JoiningTest, ExceptionInsideWithConnection) {
  in_sql_transaction([this] { session->begin(); });
  put("a");
  update("b");
  EXPECT_EQ(seen(), "ab");
  EXPECT_EQ(stored(), "");
  session->rollback();
  sql_transaction_over();
  EXPECT_EQ(stored(), "");
  EXPECT_FALSE(session->in_transaction());
}

TEST_F(JoiningTest, WithConnectionThatCommits) {
  in_sql_transaction([this] { session->begin(); });
  put("a");
  update("b");
  session->commit();
  session->end();
  sql_transaction_over();
  EXPECT_EQ(stored(), "ab");
}

TEST_F(JoiningTest, OutermostSavepointRolledBackToAndReleased) {
  in_sql_transaction([this] { session->begin(); });
  put("c");
  session->rollback_to(-1);
  put("d");
  session->commit();
  session->end();
  EXPECT_EQ(stored(), "d");
}

TEST_F(JoiningTest, LateJoinGetsOnlyTheInnermostSavepoint) {
  in_sql_transaction([this] {
    session->begin();
    session->savepoint(1);  // stands for s1 and s2
  });
  put("e");
  session->savepoint(2);
  put("f");
  session->rollback_to(2);
  EXPECT_EQ(seen(), "e");
  session->rollback_to(0);  // below the first level seen
  EXPECT_EQ(seen(), "");
  put("g");
  session->commit();
  session->end();
  EXPECT_EQ(stored(), "g");
}

TEST_F(JoiningTest, ReleasedSavepointIsUndoneByAnOlderOne) {
  in_sql_transaction([this] {
    session->begin();
    session->savepoint(1);
  });
  put("h");
  session->release(1);
  EXPECT_EQ(seen(), "h");
  session->rollback_to(0);
  session->commit();
  session->end();
  EXPECT_EQ(stored(), "");
}

TEST_F(JoiningTest, JoinInsideTheSecondOfThreeSavepoints) {
  in_sql_transaction([this] {
    session->begin();
    session->savepoint(1);
  });
  put("i");
  session->savepoint(2);
  put("j");
  session->release(2);
  session->rollback_to(1);
  EXPECT_EQ(seen(), "");
  put("k");
  session->rollback_to(0);
  put("l");
  session->commit();
  session->end();
  EXPECT_EQ(stored(), "l");
}

TEST_F(JoiningTest, StatementThatFailsAtItsThirdRow) {
  in_sql_transaction([this] { session->begin(); });
  put("m");
  session->savepoint(0);
  update("n");
  update("o");
  session->rollback_to(0);
  session->release(0);
  EXPECT_EQ(seen(), "m");
  session->commit();
  session->end();
  EXPECT_EQ(stored(), "m");
}

TEST_F(JoiningTest, CommitThatIsBusyThenPutThenRollback) {
  in_sql_transaction([this] { session->begin(); });
  put("p");
  session->poison("another table answered BUSY");
  EXPECT_EQ(code_of([this] { session->commit(); }), ErrorCode::kTransactionFailed);
  EXPECT_EQ(code_of([this] { put("q"); }), ErrorCode::kTransactionFailed);
  session->rollback();
  sql_transaction_over();
  EXPECT_EQ(stored(), "");
  put("r");
  EXPECT_EQ(stored(), "r");
}

TEST_F(JoiningTest, CommitThatIsBusyAfterSyncLeavesTheMapCommitted) {
  in_sql_transaction([this] { session->begin(); });
  put("s");
  session->commit();
  EXPECT_TRUE(session->in_transaction()) << "SQLite's transaction is open still";
  put("t");  // begins anew
  EXPECT_EQ(seen(), "st");
  EXPECT_EQ(stored(), "s");
  session->rollback();
  EXPECT_EQ(stored(), "s");
}

TEST_F(JoiningTest, SyncMayBeRepeated) {
  session->begin();
  put("u");
  session->commit();
  session->commit();
  session->savepoint(0);
  put("v");
  session->rollback_to(0);
  session->release(0);
  put("w");
  session->commit();
  session->end();
  EXPECT_EQ(stored(), "uw");
}

TEST_F(JoiningTest, CursorsAreToldOfEveryCommitAndRollback) {
  const auto expect_change = [this](const std::function<void()>& what) {
    const uint64_t before = session->generation();
    what();
    EXPECT_NE(session->generation(), before);
  };
  session->begin();
  put("a");
  expect_change([this] { session->commit(); });
  session->end();
  session->begin();
  session->savepoint(0);
  put("b");
  expect_change([this] { session->rollback_to(0); });
  expect_change([this] { session->rollback(); });
  expect_change([this] { put("c"); });
}

TEST_F(JoiningTest, FunctionInsideAnInsertWritesDirectly) {
  session->begin();
  {
    WriteScope outer(*session, View::kSession);
    outer.transaction().put(Database::kMeta, "test x", "v");
    put("y");
    outer.commit();
  }
  session->commit();
  session->end();
  EXPECT_EQ(stored(), "xy");
}

TEST_F(JoiningTest, ConnectionClosedInsideATransaction) {
  session->begin();
  put("a");
  session->rollback();
  session->close();
  EXPECT_EQ(stored(), "");
  EXPECT_EQ(code_of([this] { put("b"); }), ErrorCode::kClosed);
  EXPECT_EQ(code_of([this] { seen(); }), ErrorCode::kClosed);
  EXPECT_EQ(code_of([this] { session->begin(); }), ErrorCode::kClosed);
}

// --- Levels

TEST_F(SessionTest, LevelsNeedNotBeginAtZeroNorComeOneByOne) {
  session->begin();
  session->savepoint(3);
  put("a");
  session->savepoint(7);
  put("b");
  session->savepoint(7);  // another table of the same connection
  put("c");
  session->rollback_to(7);
  EXPECT_EQ(seen(), "a");
  session->rollback_to(5);  // between the two: what is above it goes
  put("d");
  session->release(4);
  session->rollback_to(3);
  EXPECT_EQ(seen(), "");
  session->rollback();
}

TEST_F(SessionTest, RollbackToALevelAboveAllUndoesNothing) {
  session->begin();
  session->savepoint(0);
  put("a");
  session->rollback_to(5);
  session->release(5);
  session->commit();
  session->end();
  EXPECT_EQ(stored(), "a");
}

TEST_F(SessionTest, ASavepointThatCannotBeOpenedRefusesWritesAndLosesNothing) {
  constexpr int kOneTooMany = WriteTransaction::kMaxDepth;
  session->begin();
  put("a");
  for (int level = 0; level < kOneTooMany; ++level) session->savepoint(level);
  put("b");
  for (int level = kOneTooMany; level < kOneTooMany + 2; ++level) {
    session->savepoint(level);
    EXPECT_EQ(code_of([&] { put("c"); }), ErrorCode::kTransactionTooBig);
    EXPECT_EQ(seen(), "ab");
    session->rollback_to(level);
    EXPECT_EQ(code_of([&] { put("d"); }), ErrorCode::kTransactionTooBig);
  }
  session->release(kOneTooMany);
  EXPECT_EQ(seen(), "ab");
  put("e");
  session->savepoint(kOneTooMany);
  session->rollback_to(kOneTooMany - 1);  // of those that were opened
  EXPECT_EQ(seen(), "a");
  put("f");
  session->savepoint(kOneTooMany);
  session->commit();
  session->end();
  EXPECT_EQ(stored(), "af");
}

// A statement of several rows stands in a savepoint, to which SQLite rolls back where it fails.
TEST_F(SessionTest, APoisonedTransactionIsNotCuredByALaterSavepoint) {
  session->begin();
  put("a");
  session->poison("a write failed");
  for (int i = 0; i < 2; ++i) {
    session->savepoint(0);
    EXPECT_EQ(code_of([this] { put("b"); }), ErrorCode::kTransactionFailed);
    session->rollback_to(0);
    session->release(0);
    EXPECT_EQ(code_of([this] { put("b"); }), ErrorCode::kTransactionFailed);
  }
  EXPECT_EQ(code_of([this] { session->commit(); }), ErrorCode::kTransactionFailed);
  session->rollback();
  EXPECT_EQ(stored(), "");
}

TEST_F(SessionTest, RollbackToKeepsTheWriteLock) {
  session->begin();
  put("a");
  session->rollback_to(-1);
  std::thread other([this] {
    const auto second = Session::create(store);
    second->set_timeout(milliseconds(20));
    EXPECT_EQ(code_of([&] { put_in(*second, "z"); }), ErrorCode::kBusy);
  });
  other.join();
  session->rollback();
}

// --- A transaction of its own

TEST_F(SessionTest, SingleOperationsAreAtomic) {
  {
    WriteScope scope(*session);
    scope.transaction().put(Database::kMeta, "test a", "v");
  }
  EXPECT_EQ(stored(), "");
  put("b");
  EXPECT_EQ(stored(), "b");
  EXPECT_FALSE(session->in_transaction());
}

TEST_F(SessionTest, ReadOnly) {
  session->set_read_only(true);
  EXPECT_EQ(code_of([this] { put("a"); }), ErrorCode::kReadOnly);
  EXPECT_EQ(code_of([this] { session->begin(); }), ErrorCode::kReadOnly);
  EXPECT_EQ(seen(), "");
}

TEST_F(SessionTest, HooksAreAskedOnlyOutsideTheSessionsTransaction) {
  int asked = 0;
  int joined = 0;
  session->set_join_hooks({[&] {
                             ++asked;
                             return false;
                           },
                           [&] { ++joined; }});
  put("a");
  EXPECT_EQ(asked, 1);
  session->begin();
  put("b");
  update("c");
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(joined, 0);
  session->rollback();
}

TEST_F(SessionTest, AJoinThatFailsIsReportedAndHarmless) {
  in_sql_transaction([] { throw Error(ErrorCode::kBusy, "the lock is taken"); });
  EXPECT_EQ(code_of([this] { put("a"); }), ErrorCode::kBusy);
  in_sql_transaction([] {});
  EXPECT_EQ(code_of([this] { put("a"); }), ErrorCode::kBusy) << "a join that joined nothing";
  sql_transaction_over();
  put("b");
  EXPECT_EQ(stored(), "b");
}

TEST_F(SessionTest, AnEmptyTransactionCommitsNothing) {
  const uint64_t before = store->environment().last_transaction_id();
  session->begin();
  session->savepoint(0);
  session->release(0);
  session->commit();
  session->end();
  { WriteScope(*session).commit(); }
  EXPECT_EQ(store->environment().last_transaction_id(), before);
}

// --- Poison

TEST_F(SessionTest, AWriteThatFailsHalfWayPoisonsUntilTheRollback) {
  session->begin();
  put("a");
  {
    WriteScope scope(*session);
    scope.transaction().put(Database::kMeta, "test b", "v");
  }
  for (const auto& use : std::vector<std::function<void()>>{
           [this] { put("c"); }, [this] { seen(); }, [this] { seen(View::kSession); },
           [this] { session->commit(); }, [this] { session->begin(); }}) {
    EXPECT_EQ(code_of(use), ErrorCode::kTransactionFailed);
  }
  EXPECT_EQ(stored(), "");
  session->rollback();
  put("d");
  EXPECT_EQ(stored(), "d");
}

TEST_F(SessionTest, AnOperationThatFailsBeforeItsFirstPutIsHarmless) {
  session->begin();
  put("a");
  { const WriteScope scope(*session); }
  put("b");
  session->commit();
  session->end();
  EXPECT_EQ(stored(), "ab");
}

TEST_F(SessionTest, RollbackToBelowTheFailureCures) {
  session->begin();
  put("a");
  session->savepoint(0);
  session->savepoint(1);
  {
    WriteScope scope(*session);
    scope.transaction().put(Database::kMeta, "test b", "v");
  }
  session->rollback_to(1);
  EXPECT_EQ(seen(), "a");
  put("c");
  session->release(0);
  session->commit();
  session->end();
  EXPECT_EQ(stored(), "ac");
}

TEST_F(SessionTest, AReleaseAroundTheFailureHandsItOutwards) {
  session->begin();
  put("a");
  session->savepoint(0);
  session->savepoint(1);
  {
    WriteScope scope(*session);
    scope.transaction().put(Database::kMeta, "test b", "v");
  }
  session->release(1);
  session->savepoint(1);  // another one
  session->rollback_to(1);
  EXPECT_EQ(code_of([this] { put("c"); }), ErrorCode::kTransactionFailed);
  session->rollback_to(0);
  put("d");
  session->commit();
  session->end();
  EXPECT_EQ(stored(), "ad");
}

TEST_F(SessionTest, AFailureInAnOuterLevelIsNotCuredByAnInnerRollback) {
  session->begin();
  session->savepoint(0);
  {
    WriteScope scope(*session);
    scope.transaction().put(Database::kMeta, "test a", "v");
    session->savepoint(1);
    scope.transaction().put(Database::kMeta, "test b", "v");
    session->rollback_to(1);
    session->release(1);
  }
  EXPECT_EQ(code_of([this] { put("c"); }), ErrorCode::kTransactionFailed);
  session->rollback_to(0);
  put("d");
  EXPECT_EQ(seen(), "d");
  session->rollback();
}

TEST_F(SessionTest, AScopeWhoseWritesWereAllRolledBackIsHarmless) {
  session->begin();
  put("a");
  {
    WriteScope scope(*session, View::kSession);
    session->savepoint(9);
    scope.transaction().put(Database::kMeta, "test b", "v");
    session->rollback_to(9);
    session->release(9);
  }
  put("c");
  session->commit();
  session->end();
  EXPECT_EQ(stored(), "ac");
}

TEST_F(SessionTest, ScopesFollowSavepointsOpenedMeanwhile) {
  session->begin();
  {
    WriteScope write(*session);
    const ReadScope read(*session);
    session->savepoint(0);
    write.transaction().put(Database::kMeta, "test a", "v");
    EXPECT_EQ(keys_in(read.transaction()), "a");
    session->release(0);
    EXPECT_EQ(keys_in(read.transaction()), "a");
    write.commit();
  }
  session->commit();
  session->end();
  EXPECT_EQ(stored(), "a");
}

struct FullMapTest : SessionTest {
  FullMapTest() {
    OpenOptions options;
    options.path = folder.file("small.ooc");
    options.max_size = 1 << 20;
    options.durability = Durability::kOff;
    store = Store::open(options);
    session = Session::create(store);
    session->set_timeout(milliseconds(2000));
  }
  void put_too_much() {
    WriteScope scope(*session);
    scope.transaction().put(Database::kRecords, 1'000'000, std::string(2 << 20, 'x'));
    scope.commit();
  }
};

TEST_F(FullMapTest, APutThatFailsInLmdbPoisonsAJoinedTransaction) {
  in_sql_transaction([this] { session->begin(); });
  put("a");
  EXPECT_EQ(code_of([this] { put_too_much(); }), ErrorCode::kMapFull);
  EXPECT_EQ(code_of([this] { put("b"); }), ErrorCode::kTransactionFailed);
  EXPECT_EQ(code_of([this] { session->commit(); }), ErrorCode::kTransactionFailed);
  session->rollback();
  sql_transaction_over();
  EXPECT_EQ(stored(), "");
  put("c");
  EXPECT_EQ(stored(), "c");
}

TEST_F(FullMapTest, InASavepointItIsCuredByThatsRollback) {
  session->begin();
  put("a");
  session->savepoint(0);
  EXPECT_EQ(code_of([this] { put_too_much(); }), ErrorCode::kMapFull);
  session->rollback_to(0);
  session->release(0);
  put("b");
  session->commit();
  session->end();
  EXPECT_EQ(stored(), "ab");
}

TEST_F(FullMapTest, AloneItLeavesNothing) {
  EXPECT_EQ(code_of([this] { put_too_much(); }), ErrorCode::kMapFull);
  put("a");
  EXPECT_EQ(stored(), "a");
}

// --- What the store is told

TEST_F(SessionTest, RollbacksMakeBirthsStale) {
  session->begin();
  put("a");
  const uint64_t kept = store->birth();
  session->savepoint(0);
  put("b");
  const uint64_t lost = store->birth();
  session->rollback_to(0);
  EXPECT_TRUE(store->rolled_back(lost));
  EXPECT_FALSE(store->rolled_back(kept));
  put("c");
  const uint64_t later = store->birth();
  session->release(0);
  session->commit();
  session->end();
  EXPECT_FALSE(store->rolled_back(kept) || store->rolled_back(later));
  session->begin();
  put("d");
  const uint64_t gone = store->birth();
  session->rollback_to(-1);
  EXPECT_TRUE(store->rolled_back(gone));
  session->rollback();
}

// A nested commit that fails: LMDB has undone the level, so its handles are stale and what was
// remembered of it is to be forgotten.
TEST_F(SessionTest, AReleaseThatFailsInLmdbUndoesItsLevel) {
  OpenOptions options;
  options.path = folder.file("small.ooc");
  options.durability = Durability::kOff;
  options.max_size = 1 << 20;
  const auto small = Store::open(options);
  const auto its = Session::create(small);
  its->begin();
  put_in(*its, "a");
  const uint64_t outer = small->birth();
  its->savepoint(0);
  put_in(*its, "b");
  const uint64_t inner = small->birth();
  const uint64_t before = small->rollbacks();
  {
    WriteScope scope(*its);  // whose writer takes the failure for harmless
    const std::string large(2 << 20, 'x');
    EXPECT_EQ(code_of([&] { scope.transaction().put(Database::kMeta, "test c", large); }),
              ErrorCode::kMapFull);
    scope.commit();
  }
  its->release(0);
  EXPECT_TRUE(small->rolled_back(inner));
  EXPECT_FALSE(small->rolled_back(outer));
  EXPECT_GT(small->rollbacks(), before);
  EXPECT_EQ(code_of([&] { its->commit(); }), ErrorCode::kTransactionFailed);
  its->rollback();
  EXPECT_TRUE(small->rolled_back(outer));
  put_in(*its, "d");
  EXPECT_EQ(keys_in(small->environment().begin_read()), "d");
}

TEST_F(SessionTest, IdsOfARollbackAreNotGivenAgain) {
  const auto id_and = [this](bool commit) {
    WriteScope scope(*session);
    const uint64_t id = store->new_record_id();
    scope.transaction().put(Database::kMeta, "test x", "v");
    if (commit) scope.commit();
    return id;
  };
  const uint64_t lost = id_and(false);
  const uint64_t kept = id_and(true);
  EXPECT_GT(kept, lost);
  session->begin();
  const uint64_t undone = id_and(true);
  session->rollback();
  EXPECT_GT(undone, kept);
  EXPECT_GT(id_and(true), undone);
}

TEST_F(SessionTest, RollbacksThatUndoNothingAreNotCounted) {
  const uint64_t before = store->rollbacks();
  session->begin();
  session->savepoint(0);
  session->rollback_to(0);
  session->rollback_to(-1);
  session->rollback();
  { const WriteScope scope(*session); }
  EXPECT_EQ(store->rollbacks(), before);
  { WriteScope(*session).transaction().put(Database::kMeta, "test a", "v"); }
  EXPECT_EQ(store->rollbacks(), before + 1);
}

// --- Snapshots of cursors

TEST_F(SessionTest, CursorsShareOneSnapshot) {
  const auto writer = Session::create(store);
  session->cursor_opened();
  EXPECT_EQ(seen(View::kSession), "");
  put_in(*writer, "a");
  EXPECT_EQ(seen(View::kSession), "") << "a statement under way";
  EXPECT_EQ(seen(View::kThread), "a") << "no statement";
  session->cursor_opened();
  session->cursor_closed();
  EXPECT_EQ(seen(View::kSession), "");
  session->cursor_closed();
  session->cursor_opened();
  EXPECT_EQ(seen(View::kSession), "a");
  session->cursor_closed();
}

TEST_F(SessionTest, TheSessionsOwnWriteEndsTheSnapshot) {
  session->cursor_opened();
  EXPECT_EQ(seen(View::kSession), "");
  put("a");
  EXPECT_EQ(seen(View::kSession), "a");
  session->begin();
  put("b");
  EXPECT_EQ(seen(View::kSession), "ab");
  session->commit();
  session->end();
  EXPECT_EQ(seen(View::kSession), "ab");
  session->begin();
  put("c");
  session->rollback();
  EXPECT_EQ(seen(View::kSession), "ab");
  session->cursor_closed();
}

}  // namespace
}  // namespace oocmap
