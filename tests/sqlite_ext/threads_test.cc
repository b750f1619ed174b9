// Writes beside SQL on other threads than the one that runs SQL, or closes the connection.
#include <atomic>
#include <thread>

#include "core/base/error.h"
#include "tests/sqlite_ext/database.h"

namespace oocmap {
namespace {

// A thread that writes beside SQL until the session is closed.
class Writer {
 public:
  explicit Writer(std::shared_ptr<Session> session)
      : session_(std::move(session)), thread_([this] { run(); }) {}
  ~Writer() { thread_.join(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  void wait_for_attempts(int count) const {
    for (const int start = attempts_; attempts_ < start + count;) std::this_thread::yield();
  }

 private:
  void run() {
    for (;;) {
      ++attempts_;
      try {
        put(*session_, "k", "1");
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kClosed) return;
        // Its transaction was ended under its hands, or SQL has the lock.
        EXPECT_TRUE(error.code() == ErrorCode::kBusy ||
                    error.code() == ErrorCode::kTransactionFailed)
            << error.message();
        if (error.code() != ErrorCode::kBusy) return;
      }
    }
  }

  std::shared_ptr<Session> session_;
  std::atomic<int> attempts_{0};
  std::thread thread_;
};

// SQLite frees the connection while writes ask it whether it is in a transaction, and join that.
TEST(ThreadsTest, ClosingTheConnectionBesideWrites) {
  const Folder folder;
  OpenOptions options;
  options.path = folder.file("m.ooc");
  options.durability = Durability::kOff;
  const auto store = Store::open(options);
  for (int i = 0; i < 100; ++i) {
    Sqlite db;
    db.run("CREATE VIRTUAL TABLE temp.m USING oocmap('" + options.path + "')");
    const auto session = session_of(db.raw(), store);
    const Writer first(session);
    const Writer second(session);
    for (int j = 0; j < i % 4; ++j) {
      db.run("BEGIN");
      first.wait_for_attempts(2);
      db.run("ROLLBACK");
    }
    if (i % 2 == 0) db.run("BEGIN");
    ASSERT_EQ(db.close(), SQLITE_OK) << "no statement of a write may be in its midst";
    EXPECT_TRUE(session->closed());
  }
}

}  // namespace
}  // namespace oocmap
