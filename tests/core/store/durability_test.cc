// The promise a file makes, and what a process may ask for.
#include "core/store/durability.h"

#include <string>

#include "core/format/meta.h"
#include "core/store/session.h"
#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

class DurabilityTest : public testing::Test {
 protected:
  std::shared_ptr<Store> open(std::optional<Durability> durability = std::nullopt,
                              OpenMode mode = OpenMode::kCreate, bool at_least = false) const {
    OpenOptions options;
    options.path = folder_.file("map.ooc");
    options.mode = mode;
    options.durability = durability;
    options.durability_at_least = at_least;
    return Store::open(options);
  }
  static Durability promised(Store& store) {
    return promised_durability(store.environment().begin_read());
  }
  static void promise(Store& store, Durability durability) {
    const auto session = Session::create(store.shared_from_this());
    WriteScope scope(*session);
    promise_durability(store.environment(), scope.transaction(), durability);
    scope.commit();
  }
  // Another process's doing: this one has not been told.
  static void write_behind(Store& store, Bytes value) {
    WriteTransaction transaction = store.environment().begin_write(std::chrono::seconds(5));
    transaction.put(Database::kMeta, kMetaDurability, value);
    transaction.commit();
  }

  TemporaryFolder folder_;
};

TEST_F(DurabilityTest, AFileIsOpenedAsItWasMade) {
  for (const Durability made : {Durability::kFull, Durability::kNormal, Durability::kOff}) {
    const TemporaryFolder folder;
    const OpenOptions options = {.path = folder.file("map.ooc"), .durability = made};
    Store::open(options);
    const auto store = Store::open({.path = options.path});
    EXPECT_EQ(promised(*store), made);
    EXPECT_EQ(store->environment().durability(), made);
  }
}

TEST_F(DurabilityTest, ANewFileIsFull) {
  const auto store = open();
  EXPECT_EQ(promised(*store), Durability::kFull);
  EXPECT_EQ(store->environment().durability(), Durability::kFull);
}

TEST_F(DurabilityTest, LessThanTheFilePromisesIsRefused) {
  open(Durability::kNormal);
  try {
    open(Durability::kOff);
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    for (const std::string part : {"'normal'", "'off'", "map.ooc", "set_durability"}) {
      EXPECT_NE(error.message().find(part), std::string::npos) << error.message();
    }
  }
  EXPECT_EQ(open()->environment().durability(), Durability::kNormal) << "nothing stays open";
}

TEST_F(DurabilityTest, AReaderMayAskForAnything) {
  open(Durability::kFull);
  const auto store = open(Durability::kOff, OpenMode::kRead);
  EXPECT_EQ(store->environment().durability(), Durability::kFull) << "it waits for nothing";
}

TEST_F(DurabilityTest, AtLeastIsThePromiseWhereThatIsMore) {
  open(Durability::kNormal);
  {
    const auto store = open(Durability::kOff, OpenMode::kWrite, true);
    EXPECT_EQ(store->environment().durability(), Durability::kNormal);
    EXPECT_EQ(open(Durability::kOff, OpenMode::kWrite, true), store);
    EXPECT_THROW(open(Durability::kFull, OpenMode::kWrite, true), Error) << "open with less";
  }
  EXPECT_EQ(open(Durability::kFull, OpenMode::kWrite, true)->environment().durability(),
            Durability::kFull);
}

TEST_F(DurabilityTest, MoreIsForThisProcessAndNoPromise) {
  open(Durability::kOff);
  const auto store = open(Durability::kFull);
  EXPECT_EQ(store->environment().durability(), Durability::kFull);
  EXPECT_EQ(promised(*store), Durability::kOff);
}

TEST_F(DurabilityTest, ARaisedPromiseIsKeptAtOnceALoweredOneLater) {
  const auto store = open(Durability::kOff);
  promise(*store, Durability::kNormal);
  EXPECT_EQ(store->environment().durability(), Durability::kNormal);
  promise(*store, Durability::kOff);
  EXPECT_EQ(promised(*store), Durability::kOff);
  EXPECT_EQ(store->environment().durability(), Durability::kNormal);
}

TEST_F(DurabilityTest, APromiseRaisedElsewhereIsTakenUpWithTheNextWrite) {
  const auto store = open(Durability::kOff);
  write_behind(*store, encode_meta_u8(static_cast<uint8_t>(Durability::kFull)));
  EXPECT_EQ(store->environment().durability(), Durability::kOff);
  const auto session = Session::create(store);
  const WriteScope scope(*session);
  EXPECT_EQ(store->environment().durability(), Durability::kFull);
}

TEST_F(DurabilityTest, AnUnknownDurabilityIsNoFileOfOurs) {
  write_behind(*open(Durability::kOff), encode_meta_u8(3));
  try {
    open();
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
    EXPECT_NE(error.message().find("durability is 3"), std::string::npos) << error.message();
  }
}

}  // namespace
}  // namespace oocmap
