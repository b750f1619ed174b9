#include "core/store/check.h"

#include <functional>
#include <random>

#include "core/format/chunk.h"
#include "core/format/entry.h"
#include "core/format/immutable.h"
#include "core/format/meta.h"
#include "core/store/dict.h"
#include "core/store/immutables.h"
#include "core/store/list.h"
#include "tests/core/store/container_fixture.h"

namespace oocmap {
namespace {

struct CheckTest : ContainerTest {
  CheckReport check() {
    commit();
    return check_file_and_store(store());
  }
  void expect_sound() {
    const CheckReport report = check();
    EXPECT_TRUE(report.ok()) << report.summary(5);
    EXPECT_EQ(report.leaked, 0u);
  }
  void expect_problem(const std::string& text) {
    const CheckReport report = check();
    EXPECT_FALSE(report.ok()) << text;
    EXPECT_NE(report.summary(100).find(text), std::string::npos) << report.summary(100);
  }
  Buffer record(Identity identity) {
    return Buffer(*txn().get(Database::kRecords, record_of(identity)));
  }
};

TEST_F(CheckTest, AnEmptyStoreIsSound) { expect_sound(); }

// Values of all layouts, made, changed and erased in any order, with what waits in the graveyard.
TEST_F(CheckTest, HonestStoresAreSound) {
  for (const uint32_t seed : {1u, 2u, 3u, 4u}) {
    std::mt19937 random(seed);
    const auto below = [&](uint32_t n) { return static_cast<int>(random() % n); };
    const std::string long_text(600, 'l');
    std::function<Plain(int)> any = [&](int depth) -> Plain {
      const int size = below(8) == 0 ? below(1200) : below(6);
      std::vector<Plain> items;
      std::vector<std::pair<Plain, Plain>> pairs;
      switch (depth > 3 ? below(6) : below(11)) {
        case 0:
          return nullptr;
        case 1:
          return below(1 << 30);
        case 2:
          return 0.5 * below(100);
        case 3:
          return "text " + std::to_string(below(50)) +
                 std::string(static_cast<size_t>(below(60)), 't');
        case 4:
          return long_text + std::to_string(below(5));
        case 5:
          return std::string(static_cast<size_t>(below(9000)), 'x');
        case 6:
        case 7:
          for (int i = 0; i < size; ++i)
            pairs.emplace_back("k" + std::to_string(i), any(depth + 1 + size / 20));
          return Plain::dict(pairs);
        case 8:
          for (int i = 0; i < size; ++i) items.push_back(any(depth + 1 + size / 20));
          return Plain::list(items);
        case 9:
          for (int i = 0; i < size % 20; ++i)
            items.push_back(below(9) == 0 ? Plain(long_text) : Plain(i));
          return Plain::tuple(items);
        default:
          for (int i = 0; i < size; ++i) items.push_back(i * 3);
          return Plain::set(items);
      }
    };
    for (int i = 0; i < 150; ++i) {
      const Plain key = "key " + std::to_string(below(25));
      if (below(3) == 0) {
        erase(store().root(), key);
      } else {
        set(store().root(), key, any(0));
      }
      if (below(10) == 0) commit();
      if (below(40) == 0) {
        const CheckReport report = check();
        ASSERT_TRUE(report.ok()) << "seed " << seed << ": " << report.summary(5);
        ASSERT_EQ(report.leaked, 0u) << "seed " << seed;
      }
    }
    const CheckReport report = check();
    ASSERT_TRUE(report.ok()) << "seed " << seed << ": " << report.summary(5);
    ASSERT_EQ(report.leaked, 0u) << "seed " << seed;
    EXPECT_GT(report.containers, 1u);
    EXPECT_GT(report.pages.used, 2u);
  }
}

TEST_F(CheckTest, ReferencesThatLeadNowhere) {
  const Identity list = make(Plain::list({Plain::list({1}), Plain("x")}));
  expect_sound();
  const Member inner = list_get(store(), txn(), node(list), 0);
  RecordEditor editor(record(inner.word));
  editor.kill(slot_of(inner.word));
  txn().put(Database::kRecords, record_of(inner.word), editor.finish());
  expect_problem("which is not there");
}

TEST_F(CheckTest, AnOrphanAndASecondReferent) {
  const Identity list = make(Plain::list({Plain::list({1}), Plain::list({2})}));
  const Member second = list_get(store(), txn(), node(list), 1);
  RecordEditor editor(record(list));
  NodeBuilder builder;
  builder.load(node(list));
  builder.set(0, {second.tag, make_identity(0, slot_of(second.word)), nullptr, 0});
  Buffer bytes;
  builder.encode(bytes);
  editor.replace(slot_of(list), bytes);
  txn().put(Database::kRecords, record_of(list), editor.finish());
  expect_problem("something else refers to, and it is not pinned");
  EXPECT_EQ(check().leaked, 1u);
}

TEST_F(CheckTest, RowsOfASpilledDictThatDisagree) {
  expect_sound();
  set(store().root(), "a", 1);
  set(store().root(), "b", 2);
  expect_sound();
  const Buffer b_order(*txn().get(Database::kOrder, order_key(store().root(), 1)));
  txn().put(Database::kOrder, order_key(store().root(), 0), b_order);
  expect_problem("the row of 'order' with sequence 0 differs");
  txn().erase(Database::kOrder, order_key(store().root(), 0));
  expect_problem("it has 1 rows in 'order', and says that it has 2 members");
  txn().erase(Database::kEntries, entry_key(store().root(), key_from("a").order()));
  expect_problem("it has 1 rows in 'entries'");
  txn().put(Database::kEntries, entry_key(make_identity(77, 0), "0x"), "x");
  expect_problem("record 77, slot 0: there are rows of it in 'entries'");
}

TEST_F(CheckTest, ChunksThatDisagree) {
  std::vector<Plain> items(2000, Plain(7));
  const Identity list = make(Plain::list(items));
  expect_sound();
  const uint64_t root = node(list).root_chunk();
  const Buffer whole(*txn().get(Database::kChunks, chunk_key(list, root)));
  InnerChunk inner = decode_inner(whole);
  const auto put_root = [&] {
    txn().put(Database::kChunks, chunk_key(list, root), encode_inner(inner));
  };
  inner.children[0].second += 1;
  put_root();
  expect_problem("another number of members");
  inner = decode_inner(whole);
  inner.children[1].first = inner.children[0].first;
  put_root();
  expect_problem("used twice");
  inner = decode_inner(whole);
  inner.children[1].first = 9999;
  put_root();
  expect_problem("impossible number");
  inner = decode_inner(whole);
  put_root();
  txn().put(Database::kChunks, chunk_key(list, 9000), whole);
  expect_problem("are in use");
}

TEST_F(CheckTest, ImmutablesAndTheirIndex) {
  const Identity list = make(Plain::list({Plain(std::string(700, 'x')), Plain::dict({{"k", 1}})}));
  expect_sound();
  const uint64_t text = list_get(store(), txn(), node(list), 0).word;
  const Buffer row(*txn().get(Database::kImmutables, text));
  const uint64_t hash = payload_hash(PayloadKind::kStr, Bytes(row).substr(2));
  txn().erase(Database::kImmutableIndex, index_key(hash, IndexSpace::kImmutables, text));
  expect_problem("immutable_index has no row of it");
  txn().put(Database::kImmutableIndex, index_key(hash + 1, IndexSpace::kImmutables, text), {});
  expect_problem("has another hash");
  txn().erase(Database::kImmutables, text);
  expect_problem("it refers to immutable " + std::to_string(text) + ", which is not there");
  txn().put(Database::kImmutables, 900, encode_immutable(0, PayloadKind::kStr, "\xff"));
  expect_problem("immutable 900: a text is not valid UTF-8");
  EXPECT_GE(check().leaked, 1u);
  expect_problem("900 was given out already");
}

TEST_F(CheckTest, GravesThatAreWrong) {
  const Identity list = make(Plain::list({1}));
  txn().put(Database::kGraveyard, list, Bytes("\x11", 1));
  store().hold(list);
  expect_problem("it is in the graveyard, and something refers to it");
  txn().put(Database::kGraveyard, list, Bytes("\x10", 1));
  expect_problem("it is of another kind");
  txn().put(Database::kGraveyard, list, Bytes("\x7f", 1));
  expect_problem("the row is malformed");
  store().release(list);
}

TEST_F(CheckTest, RowsOfMetaThatAreNotKnownAreLeftAlone) {
  txn().put(Database::kMeta, "a later helper's", "row");
  expect_sound();
  txn().put(Database::kMeta, kMetaRoot, encode_meta_u64(5));
  expect_problem("meta, row 'root'");
}

TEST_F(CheckTest, RowsOfAVacuumAreLookedAt) {
  txn().put(Database::kMeta, "vacuum_touched x00", {});
  expect_problem("vacuum_touched");
  txn().erase(Database::kMeta, "vacuum_touched x00");
  txn().put(Database::kMeta, kMetaVacuumSweeping, "7 bytes");
  expect_problem("vacuum_sweeping");
}

// Identities have 48 bits for it: the record after the last would be record 0.
TEST_F(CheckTest, TheNextRecordHasABound) {
  const auto corrupt = [](const auto& work) {
    try {
      work();
      ADD_FAILURE() << "went on";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorrupt) << error.what();
    }
  };
  const auto bytes = encode_meta_u64((uint64_t{1} << 48) + 1);
  corrupt([&] { decode_next_record(bytes); });
  corrupt([] { decode_next_record(encode_meta_u64(uint64_t{1} << 48)); });
  EXPECT_EQ(decode_next_record(encode_meta_u64((uint64_t{1} << 48) - 1)), (uint64_t{1} << 48) - 1);
}

// A vacuum that was cut off leaves garbage that refers to what it has erased. What the root reaches
// does not.
TEST_F(CheckTest, HolesAreLookedForFromTheRootWhileAVacuumIsUnfinished) {
  const Identity list = make(Plain::list({Plain::list({1})}));
  set(store().root(), "again", Plain::reference(list, WordKind::kList));
  erase(store().root(), "again");
  erase(store().root(), "made 1");
  EXPECT_EQ(check().unreferenced, 1u);  // pinned by the second place it had
  const Member inner = list_get(store(), txn(), node(list), 0);
  RecordEditor editor(record(inner.word));
  editor.kill(slot_of(inner.word));
  txn().put(Database::kRecords, record_of(inner.word), editor.finish());
  expect_problem("which is not there");
  txn().put(Database::kMeta, kMetaVacuumSweeping, encode_meta_u64(store().next_record_id()));
  expect_sound();
  set(store().root(), "reached", Plain::reference(list, WordKind::kList));
  expect_problem("is not there");
}

// 65,535 slots may lead to one node of as many members, each of which would be looked at as often.
TEST_F(CheckTest, NodesThatOverlapAreNotReadOften) {
  const Identity list = make(Plain::list({1, 2, 3}));
  Buffer bytes = record(list);
  const size_t directory = 2 * record_slots(bytes);
  const Buffer first = bytes.substr(bytes.size() - directory, 2);
  ASSERT_GE(directory, 2u);
  // One slot more, at the place of the first.
  bytes += first;
  bytes[2] = static_cast<char>(record_slots(bytes) + 1);
  txn().put(Database::kRecords, record_of(list), bytes);
  expect_problem("two of its nodes overlap");
}

// Thousands of keys may be one text of 10 MB: it is not read for each.
TEST_F(CheckTest, EqualKeysAreFoundBeforeTheirTextsAreRead) {
  const Identity dict = make(Plain::list({Plain(std::string(700, 'x')), 1}));
  const Member text = list_get(store(), txn(), node(dict), 0);
  ASSERT_TRUE(text.in_immutables());
  NodeBuilder builder;
  builder.reset(NodeKind::kInlineDict);
  for (int i = 0; i < 2; ++i) {
    builder.add(list_get(store(), txn(), node(dict), 1));
    builder.add_key(text);
  }
  Buffer bytes;
  builder.encode(bytes);
  RecordEditor editor(record(dict));
  editor.replace(slot_of(dict), bytes);
  txn().put(Database::kRecords, record_of(dict), editor.finish());
  expect_problem("two keys of it are equal");
  // The text itself is not looked at then: it may be gone.
  txn().erase(Database::kImmutables, text.word);
  expect_problem("two keys of it are equal");
}

TEST_F(CheckTest, ProblemsAreCountedBeyondTheFirst) {
  for (uint64_t i = 500; i < 600; ++i) {
    txn().put(Database::kImmutables, i, encode_immutable(0, PayloadKind::kStr, "\xff"));
  }
  txn().put(Database::kMeta, kMetaNextImmutable, encode_meta_u64(600));
  commit();
  const CheckReport report = check_store(store(), {.max_problems = 4, .progress = {}});
  EXPECT_EQ(report.problem_count, 100u);
  EXPECT_EQ(report.problems.size(), 4u);
  EXPECT_NE(report.summary(2).find("; and 98 more"), std::string::npos);
}

TEST_F(CheckTest, ProgressMayEndIt) {
  for (int i = 0; i < 5000; ++i) set(store().root(), i, i);
  commit();
  CheckOptions options;
  uint64_t calls = 0;
  options.progress = [&](uint64_t done, uint64_t total) {
    EXPECT_LE(done, total);
    ++calls;
    throw Error(ErrorCode::kBusy, "enough");
  };
  try {
    check_store(store(), options);
    ADD_FAILURE() << "went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBusy);
  }
  EXPECT_EQ(calls, 1u);
}

}  // namespace
}  // namespace oocmap
