// Opening, counters, caches, held containers, births and rollbacks; and what a full map leaves.
#include "core/store/store.h"

#include <random>
#include <thread>

#include "core/format/meta.h"
#include "core/store/dict.h"
#include "core/store/encoder.h"
#include "core/store/immutables.h"
#include "tests/core/lmdb/fixture.h"
#include "tests/core/store/plain_value.h"

namespace oocmap {
namespace {

class StoreTest : public testing::Test {
 protected:
  std::shared_ptr<Store> open(std::optional<uint64_t> max_size = std::nullopt) const {
    OpenOptions options;
    options.path = folder_.file("map.ooc");
    options.durability = Durability::kOff;
    options.max_size = max_size;
    return Store::open(options);
  }
  static WriteTransaction begin(Store& store) {
    WriteTransaction transaction = store.environment().begin_write(std::chrono::seconds(5));
    store.write_begun(transaction);
    return transaction;
  }
  static void commit(Store& store, WriteTransaction& transaction) {
    store.before_commit(transaction);
    transaction.commit();
  }
  // What another process does: a commit that this store hears nothing of.
  static void write_behind(Store& store, Database database, Bytes key, Bytes value) {
    WriteTransaction transaction = store.environment().begin_write(std::chrono::seconds(5));
    transaction.put(database, key, value);
    transaction.commit();
  }
  static uint64_t meta(Store& store, Bytes key) {
    const ReadTransaction transaction = store.environment().begin_read();
    return decode_meta_u64(key, *transaction.get(Database::kMeta, key));
  }

  TemporaryFolder folder_;
};

TEST_F(StoreTest, ANewStoreHasAnEmptyRoot) {
  const auto store = open();
  const ReadTransaction transaction = store->environment().begin_read();
  const NodeView root = store->locate(transaction, store->root());
  EXPECT_EQ(root.kind(), NodeKind::kSpilledDict);
  EXPECT_EQ(root.count(), 0u);
  EXPECT_EQ(transaction.size(Database::kRecords), 1u);
  // Whatever refers to the root, nothing frees it.
  EXPECT_EQ(record_flags(*transaction.get(Database::kRecords, 1)), kRecordPinned);
}

TEST_F(StoreTest, OneFileIsOneStoreAndKeepsItsId) {
  auto store = open();
  const auto again = open();
  EXPECT_EQ(store, again);
  const uint64_t id = store->id();
  EXPECT_NE(id, 0u);
  store.reset();
  EXPECT_EQ(open()->id(), id);
}

TEST_F(StoreTest, AStoreOpensAfreshOnceAllHaveLetGo) {
  const uint64_t id = open()->id();
  EXPECT_EQ(open()->id(), id);
}

TEST_F(StoreTest, AFileWithoutOurRowsIsRefusedByName) {
  { LmdbTest::open_file(folder_.file("map.ooc")); }
  const Error error = error_of([&] { open(); });
  EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
  EXPECT_NE(error.message().find("map.ooc"), std::string::npos) << error.message();
}

TEST_F(StoreTest, AnUnknownFeatureIsRefused) {
  write_behind(*open(), Database::kMeta, kMetaFlags, encode_meta_u64(uint64_t{1} << 40));
  const Error error = error_of([&] { open(); });
  EXPECT_EQ(error.code(), ErrorCode::kFormatVersion);
  EXPECT_NE(error.message().find("map.ooc"), std::string::npos) << error.message();
}

// --- Ids

TEST_F(StoreTest, IdsRiseAndAreStoredWithTheCommit) {
  auto store = open();
  WriteTransaction transaction = begin(*store);
  const uint64_t record = store->new_record_id();
  EXPECT_GT(record, 1u);
  EXPECT_EQ(store->new_record_id(), record + 1);
  const uint64_t immutable = store->new_immutable_id();
  commit(*store, transaction);
  EXPECT_EQ(meta(*store, kMetaNextRecord), record + 2);
  EXPECT_EQ(meta(*store, kMetaNextImmutable), immutable + 1);
  store.reset();
  store = open();
  transaction = begin(*store);
  EXPECT_EQ(store->new_record_id(), record + 2);
}

TEST_F(StoreTest, ARollbackGivesNoIdBack) {
  const auto store = open();
  WriteTransaction transaction = begin(*store);
  const uint64_t first = store->next_event();
  const uint64_t record = store->new_record_id();
  transaction.abort();
  store->undone(first);
  transaction = begin(*store);
  EXPECT_EQ(store->new_record_id(), record + 1);
}

TEST_F(StoreTest, IdsOfAnotherProcessAreHonoured) {
  const auto store = open();
  WriteTransaction transaction = begin(*store);
  store->new_record_id();
  commit(*store, transaction);
  write_behind(*store, Database::kMeta, kMetaNextRecord, encode_meta_u64(5000));
  transaction = begin(*store);
  EXPECT_EQ(store->new_record_id(), 5000u);
}

TEST_F(StoreTest, TheCacheEpochStandsWhileNobodyElseWrites) {
  const auto store = open();
  WriteTransaction transaction = begin(*store);
  const uint64_t epoch = store->cache_epoch();
  store->new_record_id();
  commit(*store, transaction);
  transaction = begin(*store);
  EXPECT_EQ(store->cache_epoch(), epoch);
  store->new_record_id();
  commit(*store, transaction);
  write_behind(*store, Database::kMeta, "x", "y");
  transaction = begin(*store);
  EXPECT_NE(store->cache_epoch(), epoch);
}

TEST_F(StoreTest, AFailedCommitIsNotTakenForOurs) {
  const auto store = open();
  WriteTransaction transaction = begin(*store);
  const uint64_t first = store->next_event();
  store->new_record_id();
  store->before_commit(transaction);
  transaction.abort();  // as where the disk is full
  store->undone(first);
  const uint64_t epoch = store->cache_epoch();
  // Another process's commit gets the very transaction id ours would have had.
  write_behind(*store, Database::kMeta, kMetaNextRecord, encode_meta_u64(9000));
  transaction = begin(*store);
  EXPECT_NE(store->cache_epoch(), epoch);
  EXPECT_EQ(store->new_record_id(), 9000u);
}

// --- Reading

TEST_F(StoreTest, WhatIsGoneIsStaleAndWhatIsMissingIsCorrupt) {
  const auto store = open();
  const ReadTransaction transaction = store->environment().begin_read();
  EXPECT_EQ(error_of([&] { store->locate(transaction, make_identity(77, 0)); }).code(),
            ErrorCode::kStaleHandle);
  EXPECT_EQ(error_of([&] { store->locate(transaction, make_identity(1, 9)); }).code(),
            ErrorCode::kStaleHandle);
  const Member missing{immutable_tag(PayloadKind::kStr), 99, nullptr, 0};
  EXPECT_EQ(error_of([&] { store->payload(transaction, missing); }).code(), ErrorCode::kCorrupt);
  EXPECT_EQ(error_of([&] { store->shape(transaction, 99); }).code(), ErrorCode::kCorrupt);
}

TEST_F(StoreTest, AnImmutableOfAnotherKindIsCorrupt) {
  const auto store = open();
  WriteTransaction transaction = begin(*store);
  const std::string text(600, 'x');
  const uint64_t id = place_indexed(*store, transaction, PayloadKind::kStr, text);
  EXPECT_EQ(store->payload(transaction, {immutable_tag(PayloadKind::kStr), id, nullptr, 0}), text);
  EXPECT_EQ(error_of([&] {
              store->payload(transaction, {immutable_tag(PayloadKind::kBytes), id, nullptr, 0});
            }).code(),
            ErrorCode::kCorrupt);
  EXPECT_EQ(error_of([&] { store->shape(transaction, id); }).code(), ErrorCode::kCorrupt);
}

Buffer shape_payload(std::initializer_list<Key> keys) {
  Buffer payload;
  append_shape_head(payload, keys.size());
  for (const Key& key : keys) payload += key.pack();
  return payload;
}

TEST_F(StoreTest, AShapeFindsItsKeysByEquality) {
  const Shape shape(shape_payload({Key::text("a"), Key::integer(1), Key::none()}));
  EXPECT_EQ(shape.size(), 3u);
  EXPECT_EQ(shape.find(Key::floating(1.0).order()), 1);
  EXPECT_EQ(shape.find(Key::none().order()), 2);
  EXPECT_EQ(shape.find(Key::text("b").order()), -1);
  EXPECT_EQ(shape.key(0), Key::text("a"));
}

TEST_F(StoreTest, AShapeWithEqualKeysOrJunkIsCorrupt) {
  for (const Buffer& payload :
       {shape_payload({Key::integer(1), Key::boolean(true)}), Buffer("\x02x", 2), Buffer()}) {
    EXPECT_EQ(error_of([&] { Shape shape(payload); }).code(), ErrorCode::kCorrupt);
  }
}

TEST_F(StoreTest, ShapesAreReadFromManyThreads) {
  const auto store = open();
  WriteTransaction transaction = begin(*store);
  std::vector<uint64_t> ids;
  for (int i = 0; i < 200; ++i) {
    ids.push_back(shape_id(*store, transaction, shape_payload({Key::integer(i)})));
  }
  commit(*store, transaction);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const ReadTransaction reader = store->environment().begin_read();
      for (int i = 0; i < 200; ++i) {
        EXPECT_EQ(store->shape(reader, ids[i])->key(0), Key::integer(i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(StoreTest, ARollbackDropsTheShapesItUndid) {
  const auto store = open();
  WriteTransaction transaction = begin(*store);
  const uint64_t first = store->next_event();
  const uint64_t id = shape_id(*store, transaction, shape_payload({Key::text("mine")}));
  EXPECT_EQ(store->shape(transaction, id)->key(0), Key::text("mine"));
  transaction.abort();
  store->undone(first);
  // Another process gets the same id for another shape.
  uint64_t key = id;
  write_behind(*store, Database::kImmutables, {reinterpret_cast<const char*>(&key), 8},
               encode_immutable(kImmutableShared, PayloadKind::kShape,
                                shape_payload({Key::text("theirs")})));
  const ReadTransaction reader = store->environment().begin_read();
  EXPECT_EQ(store->shape(reader, id)->key(0), Key::text("theirs"));
}

// --- Holding, births

TEST_F(StoreTest, HeldIsCounted) {
  const auto store = open();
  const Identity identity = make_identity(42, 3);
  EXPECT_FALSE(store->held(identity));
  store->hold(identity);
  store->hold(make_identity(42, 7));
  store->release(identity);
  EXPECT_TRUE(store->held(identity));
  store->release(make_identity(42, 7));
  EXPECT_FALSE(store->held(identity));
}

TEST_F(StoreTest, BirthsAfterAnUndoneSavepointAreRolledBackAndOthersAreNot) {
  const auto store = open();
  store->next_event();  // begin
  const uint64_t before = store->birth();
  const uint64_t savepoint = store->next_event();
  const uint64_t inside = store->birth();
  EXPECT_FALSE(store->rolled_back(inside));
  store->undone(savepoint);
  EXPECT_TRUE(store->rolled_back(inside));
  EXPECT_FALSE(store->rolled_back(before));
  const uint64_t after = store->birth();  // the savepoint is still open
  EXPECT_FALSE(store->rolled_back(after));
  store->undone(savepoint);
  EXPECT_TRUE(store->rolled_back(after));
  EXPECT_FALSE(store->rolled_back(0));
}

TEST_F(StoreTest, AReleasedSavepointIsUndoneWithItsParent) {
  const auto store = open();
  const uint64_t transaction = store->next_event();
  const uint64_t first = store->birth();
  store->next_event();  // savepoint, released
  const uint64_t inner = store->birth();
  const uint64_t second = store->next_event();  // savepoint, undone
  const uint64_t undone = store->birth();
  store->undone(second);
  EXPECT_TRUE(store->rolled_back(undone));
  EXPECT_FALSE(store->rolled_back(inner));
  store->undone(transaction);
  for (const uint64_t birth : {first, inner, undone}) EXPECT_TRUE(store->rolled_back(birth));
  EXPECT_FALSE(store->rolled_back(store->birth()));
}

TEST_F(StoreTest, EveryRollbackIsCountedBirthsOrNot) {
  const auto store = open();
  const uint64_t before = store->rollbacks();
  store->undone(store->next_event());
  EXPECT_EQ(store->rollbacks(), before + 1);
}

TEST_F(StoreTest, BirthsAgreeWithAModelOfLevels) {
  const auto store = open();
  std::mt19937_64 random(3);
  struct Level {
    uint64_t event;
    size_t births;  // how many there were when it began
  };
  std::vector<Level> levels;
  std::vector<std::pair<uint64_t, bool>> births;  // event, undone
  for (int step = 0; step < 3000; ++step) {
    const auto pick = random() % 6;
    if (levels.empty() || pick == 0) {
      levels.push_back({store->next_event(), births.size()});
    } else if (pick < 3) {
      births.emplace_back(store->birth(), false);
    } else if (pick == 3) {
      levels.pop_back();  // release, commit
    } else {
      const size_t to = random() % levels.size();
      for (size_t i = levels[to].births; i < births.size(); ++i) births[i].second = true;
      store->undone(levels[to].event);
      levels.resize(to + (to > 0 && pick == 4 ? 1 : 0));  // rollback_to keeps its level open
    }
  }
  for (const auto& [event, undone] : births) ASSERT_EQ(store->rolled_back(event), undone);
}

// --- Faults

TEST_F(StoreTest, AFullMapLeavesNoHalfValueAndStaysReadable) {
  const auto store = open(uint64_t{2} << 20);
  Plain kept = Plain::list({"a", "b", Plain::list()});
  WriteTransaction transaction = begin(*store);
  EncodedValue value = encode(kept);
  const Member member = store_value(*store, transaction, value);
  commit(*store, transaction);

  // Enough small containers, spilled members, texts to fail in each kind of put, one after another.
  Plain large = Plain::list();
  for (int i = 0; i < 60'000; ++i) large.items.push_back(Plain::list({i, "eighteen bytes ..."}));
  Plain dict = Plain::dict();
  for (int i = 0; i < 60'000; ++i) dict.pairs.emplace_back(std::to_string(i) + " as a key", i);
  Plain texts = Plain::list();
  for (int i = 0; i < 3000; ++i) texts.items.push_back(std::string(700, 'x') + std::to_string(i));
  Plain members = Plain::list();
  for (int i = 0; i < 300'000; ++i) members.items.push_back((int64_t{1} << 40) + i);
  for (const Plain& too_large : {large, dict, texts, members}) {
    transaction = begin(*store);
    const uint64_t first = store->next_event();
    const uint64_t records = transaction.size(Database::kRecords);
    value = encode(too_large);
    EXPECT_EQ(error_of([&] { store_value(*store, transaction, value); }).code(),
              ErrorCode::kMapFull);
    transaction.abort();
    store->undone(first);
    const ReadTransaction reader = store->environment().begin_read();
    EXPECT_EQ(reader.size(Database::kRecords), records);
    EXPECT_EQ(reader.size(Database::kEntries) + reader.size(Database::kOrder) +
                  reader.size(Database::kChunks) + reader.size(Database::kImmutables) +
                  reader.size(Database::kImmutableIndex),
              0u);
    EXPECT_EQ(read_member(*store, reader, member), kept);
  }
  // And can be written to again.
  transaction = begin(*store);
  value = encode(kept);
  const Member second = store_value(*store, transaction, value);
  commit(*store, transaction);
  const ReadTransaction reader = store->environment().begin_read();
  EXPECT_EQ(read_member(*store, reader, second), kept);
}

}  // namespace
}  // namespace oocmap
