#include "core/lmdb/environment.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <thread>
#include <vector>

#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

using EnvironmentTest = LmdbTest;

TEST_F(EnvironmentTest, ValuesSurviveReopening) {
  put(*open(), "key", "value");
  EXPECT_EQ(get(*open(), "key"), "value");
}

TEST_F(EnvironmentTest, SecondOpenInTheProcessReturnsTheSame) {
  const auto first = open();
  EXPECT_EQ(open(), first);
  std::filesystem::create_symlink(path, folder.file("link"));
  EXPECT_EQ(open_file(folder.file("link")), first);
  EXPECT_EQ(open_file(folder.path() + "/./map.ooc"), first);
}

TEST_F(EnvironmentTest, ReopeningGivesAnotherSerial) {
  auto environment = open();
  const uint64_t serial = environment->serial();
  environment.reset();
  EXPECT_NE(open()->serial(), serial);
}

TEST_F(EnvironmentTest, ReadersShareAnEnvironmentOpenForWriting) {
  const auto writer = open();
  EXPECT_EQ(open(OpenMode::kRead), writer);
  EXPECT_FALSE(writer->read_only());
}

TEST_F(EnvironmentTest, WritersDoNotShareAnEnvironmentOpenForReading) {
  open();
  const auto reader = open(OpenMode::kRead);
  EXPECT_TRUE(reader->read_only());
  EXPECT_EQ(error_of([&] { open(OpenMode::kWrite); }).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of([&] { reader->begin_write(kSoon); }).code(), ErrorCode::kReadOnly);
}

TEST_F(EnvironmentTest, OptionsThatDifferAreRefused) {
  const auto environment = open();
  OpenOptions options;
  options.path = path;
  EXPECT_EQ(Environment::open(options, kTestFormat, nullptr), environment) << "nothing asked for";
  options.durability = Durability::kFull;
  const Error error = error_of([&] { Environment::open(options, kTestFormat, nullptr); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  options.durability.reset();
  options.max_size = 1 << 20;
  EXPECT_EQ(error_of([&] { Environment::open(options, kTestFormat, nullptr); }).code(),
            ErrorCode::kInvalidArgument);
}

TEST_F(EnvironmentTest, EveryDurabilityCommits) {
  for (const auto durability : {Durability::kFull, Durability::kNormal, Durability::kOff}) {
    const std::string file = folder.file(std::to_string(static_cast<int>(durability)));
    put(*open_file(file, OpenMode::kCreate, durability), "k", "v");
    EXPECT_EQ(open_file(file, OpenMode::kRead)->durability(), Durability::kOff) << "as asked for";
    EXPECT_EQ(get(*open_file(file), "k"), "v");
  }
}

TEST_F(EnvironmentTest, DataDescriptorsAreNotInherited) {
  const auto environment = open();
  int leaking = 0;
  for (int fd = 3; fd < 256; ++fd) {
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    char target[4096] = {};
    if (readlink(link.c_str(), target, sizeof target - 1) < 0) continue;
    if (std::string(target).rfind(path, 0) != 0) continue;
    if ((fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0) ++leaking;
  }
  EXPECT_EQ(leaking, 0);
}

TEST_F(EnvironmentTest, MaxSizeCapsAndTheMapStaysUsable) {
  OpenOptions options;
  options.path = path;
  options.max_size = 1 << 20;
  const auto environment = Environment::open(options, kTestFormat, nullptr);
  put(*environment, "first", "kept");
  const std::string big(2 << 20, 'x');
  const Error error = error_of([&] { put(*environment, "big", big); });
  EXPECT_EQ(error.code(), ErrorCode::kMapFull);
  EXPECT_NE(error.message().find("1048576"), std::string::npos) << error.message();
  EXPECT_EQ(get(*environment, "first"), "kept");
  put(*environment, "second", "kept too");
  EXPECT_EQ(get(*environment, "second"), "kept too");
}

TEST_F(EnvironmentTest, MaxSizeTooSmallSaysTheLeastAndLeavesNothingBehind) {
  const auto least = 32 * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  OpenOptions options;
  options.path = path;
  for (const uint64_t size : {uint64_t{0}, uint64_t{4096}, least - 1}) {
    options.max_size = size;
    const Error error = error_of([&] { Environment::open(options, kTestFormat, nullptr); });
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.message(), "a max_size of " + std::to_string(size) +
                                   " bytes is too small for '" + path + "': the least is " +
                                   std::to_string(least));
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  }
  options.max_size = least;
  const auto environment = Environment::open(options, kTestFormat, nullptr);
  for (int i = 0; i < 20; ++i) put(*environment, "k", std::to_string(i));
}

TEST_F(EnvironmentTest, AFileThatAnotherProcessMadeLargerIsMappedAgain) {
  OpenOptions options;
  options.path = path;
  options.max_size = 1 << 20;
  options.durability = Durability::kOff;
  Signal grown;
  Signal opened;
  Child child([&] {
    opened.await();
    put(*open(), "big", std::string(8 << 20, 'x'));
    grown.raise();
    return 0;
  });
  const auto environment = Environment::open(options, kTestFormat, nullptr);
  const uint64_t serial = environment->serial();
  { const ThreadReader reader(*environment); }
  opened.raise();
  grown.await();
  {
    const ThreadReader reader(*environment);
    EXPECT_EQ(reader.transaction().get(Database::kMeta, "big")->size(), 8u << 20);
    EXPECT_EQ(reader.transaction().stamp().environment, environment->serial());
  }
  EXPECT_NE(environment->serial(), serial);
  EXPECT_EQ(error_of([&] { put(*environment, "small", "x"); }).code(), ErrorCode::kMapFull);
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(EnvironmentTest, MappingAgainWaitsForSnapshotsUnderWay) {
  OpenOptions options;
  options.path = path;
  options.max_size = 1 << 20;
  options.durability = Durability::kOff;
  Signal grown;
  Signal opened;
  Child child([&] {
    opened.await();
    put(*open(), "big", std::string(8 << 20, 'x'));
    grown.raise();
    return 0;
  });
  const auto environment = Environment::open(options, kTestFormat, nullptr);
  std::optional<ReadTransaction> snapshot = environment->begin_read();
  opened.raise();
  grown.await();
  const Error error = error_of([&] { environment->begin_read(); });
  EXPECT_EQ(error.code(), ErrorCode::kIo);
  EXPECT_FALSE(snapshot->get(Database::kMeta, "big").has_value()) << "an old snapshot stays sound";
  snapshot.reset();
  EXPECT_TRUE(get(*environment, "big").has_value());
}

TEST_F(EnvironmentTest, SizesAndTransactionIdsAreKnown) {
  const auto environment = open();
  const uint64_t before = environment->last_transaction_id();
  put(*environment, "k", std::string(100'000, 'x'));
  EXPECT_EQ(environment->last_transaction_id(), before + 1);
  EXPECT_GT(environment->file_size(), 100'000u);
  EXPECT_GT(environment->allocated_size(), 100'000u);
  EXPECT_GE(environment->map_size(), environment->file_size());
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(environment->inode(), info.st_ino);
  EXPECT_EQ(environment->device(), info.st_dev);
}

TEST_F(EnvironmentTest, ManyThreadsOpenAndCloseAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 25; ++i) put(*open(), "t" + std::to_string(t), std::to_string(i));
    });
  }
  for (auto& thread : threads) thread.join();
  const auto environment = open();
  for (int t = 0; t < 4; ++t) EXPECT_EQ(get(*environment, "t" + std::to_string(t)), "24");
}

TEST_F(EnvironmentTest, ClosingEndsTheReadersOfOtherThreads) {
  auto environment = open();
  Signal cached;
  Signal closed;
  std::thread thread([&, raw = environment.get()] {
    { const ThreadReader reader(*raw); }
    cached.raise();
    closed.await();
    const auto again = open();
    const ThreadReader reader(*again);
    EXPECT_EQ(reader.transaction().stamp().environment, again->serial());
  });
  cached.await();
  environment.reset();
  closed.raise();
  thread.join();
}

}  // namespace
}  // namespace oocmap
