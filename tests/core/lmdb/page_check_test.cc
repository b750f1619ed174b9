#include "core/lmdb/page_check.h"

#include <fcntl.h>
#include <lmdb.h>

#include <atomic>
#include <functional>
#include <random>
#include <thread>

#include "core/base/bytes.h"
#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

constexpr size_t kPage = 4096;

struct PageCheckTest : LmdbTest {
  // A file whose trees have several levels, overflow runs and free pages.
  std::string make() {
    {
      const auto environment = open();
      for (int round = 0; round < 4; ++round) {
        WriteTransaction transaction = environment->begin_write(kSoon);
        for (uint64_t i = 0; i < 6000; ++i) {
          transaction.put(Database::kRecords, i * 7919 % 60'013, std::string(50 + i % 90, 'r'));
        }
        for (int i = 0; i < 3000; ++i) {
          const std::string key = "a key of some length, number " + std::to_string(i * 7);
          if ((i + round) % 3 == 0) {
            transaction.erase(Database::kEntries, key);
          } else {
            transaction.put(Database::kEntries, key, "v");
          }
        }
        for (int i = 0; i < 20; ++i) {
          const size_t size = 3000 * static_cast<size_t>((i + round) % 7 + 1);
          transaction.put(Database::kChunks, "c" + std::to_string(i), std::string(size, 'c'));
        }
        transaction.put(Database::kMeta, "k", "v");
        transaction.commit();
      }
      for (int i = 0; i < 5; ++i) put(*environment, "k", std::to_string(i));  // short free rows
    }
    return read_file(path);
  }

  PageReport check() const {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    PageReport report;
    try {
      EXPECT_TRUE(check_pages(fd, path, report));
    } catch (...) {
      close(fd);
      throw;
    }
    close(fd);
    return report;
  }

  // Checks a copy of `sound` that `change` has damaged.
  std::string problem(const std::string& sound, const std::function<void(char*)>& change) const {
    std::string damaged = sound;
    change(damaged.data());
    write_file(path, damaged);
    const Error error = error_of([&] { check(); });
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
    EXPECT_NE(error.message().find(path), std::string::npos);
    return error.message();
  }
};

char* meta_of(char* file) {
  char* const second = file + kPage;
  return load_le<uint64_t>(file + 144) < load_le<uint64_t>(second + 144) ? second : file;
}

// The tree of a named database, as it stands in the main tree's only leaf.
char* tree_of(char* file, const std::string& name) {
  char* const leaf = file + kPage * load_le<uint64_t>(meta_of(file) + 128);
  const size_t count = (load_le<uint16_t>(leaf + 12) - 16) / 2;
  for (size_t i = 0; i < count; ++i) {
    char* const node = leaf + load_le<uint16_t>(leaf + 16 + 2 * i);
    const size_t size = load_le<uint16_t>(node + 6);
    if (Bytes(node + 8, size) == name) return node + 8 + size;
  }
  ADD_FAILURE() << "no database " << name;
  return leaf;
}

char* page_at(char* file, uint64_t number) { return file + kPage * number; }
char* root_of(char* file, const std::string& name) {
  return page_at(file, load_le<uint64_t>(tree_of(file, name) + 40));
}
char* node_of(char* page, size_t i) { return page + load_le<uint16_t>(page + 16 + 2 * i); }
uint64_t child_of(char* page, size_t i) {
  return load_le<uint64_t>(node_of(page, i)) & 0xffff'ffff'ffff;
}
char* leaf_of(char* file, const std::string& name) {
  char* page = root_of(file, name);
  while (load_le<uint16_t>(page + 10) == 1) page = page_at(file, child_of(page, 1));
  return page;
}

void expect_said(const std::string& message, const std::string& part) {
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

TEST_F(PageCheckTest, ASoundFileIsCountedPageByPage) {
  make();
  const PageReport report = check();
  EXPECT_GT(report.transaction, 4u);
  EXPECT_GT(report.free, 10u);
  EXPECT_EQ(report.used + report.free, report.pages) << "LMDB leaked no page here";
  const PageReport mapped = check_pages(*open());
  EXPECT_EQ(mapped.used, report.used);
  EXPECT_EQ(mapped.free, report.free);
}

// However many the meta page says: each is an entry that is kept until all are read.
TEST_F(PageCheckTest, MoreDatabasesThanAnyStoreHas) {
  constexpr int kMany = 70;
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  ASSERT_EQ(mdb_env_create(&env), 0);
  ASSERT_EQ(mdb_env_set_maxdbs(env, kMany), 0);
  ASSERT_EQ(mdb_env_open(env, path.c_str(), MDB_NOSUBDIR | MDB_NOLOCK, 0600), 0);
  ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
  for (int i = 0; i < kMany; ++i) {
    MDB_dbi dbi = 0;
    ASSERT_EQ(mdb_dbi_open(txn, ("db" + std::to_string(i)).c_str(), MDB_CREATE, &dbi), 0);
  }
  ASSERT_EQ(mdb_txn_commit(txn), 0);
  mdb_env_close(env);
  const std::string sound = read_file(path);
  expect_said(problem(sound, [](char*) {}), "its main database has 70 entries");
  expect_said(problem(sound, [](char* file) { store_le<uint64_t>(meta_of(file) + 120, 8); }),
              "has more entries than it says");
}

TEST_F(PageCheckTest, DamagedPages) {
  const std::string sound = make();
  const auto leaf_problem = [&](const std::function<void(char*)>& change) {
    return problem(sound, [&](char* file) { change(leaf_of(file, "records")); });
  };
  expect_said(leaf_problem([](char* leaf) { store_le<uint64_t>(leaf, 3); }),
              "says that it is page 3");
  expect_said(leaf_problem([](char* leaf) { store_le<uint16_t>(leaf + 10, 0x12); }), "flags 18");
  expect_said(leaf_problem([](char* leaf) { store_le<uint16_t>(leaf + 10, 1); }), "flags 1");
  expect_said(leaf_problem([](char* leaf) { store_le<uint16_t>(leaf + 12, 16); }),
              "offsets up to byte 16");
  expect_said(leaf_problem([](char* leaf) { store_le<uint16_t>(leaf + 14, 4098); }),
              "nodes from byte 4098");
  expect_said(leaf_problem([](char* leaf) { store_le<uint16_t>(leaf + 18, 4094); }),
              "has node 1 at byte 4094");
  expect_said(
      leaf_problem([](char* leaf) { store_le<uint16_t>(leaf + 18, load_le<uint16_t>(leaf + 16)); }),
      "where the one before it ends");
  expect_said(leaf_problem([](char* leaf) { store_le<uint32_t>(node_of(leaf, 1), 0xffff'ffff); }),
              "leaves the page");
  expect_said(leaf_problem([](char* leaf) { store_le<uint16_t>(node_of(leaf, 1) + 6, 6); }),
              "node");
  expect_said(leaf_problem([](char* leaf) { store_le<uint16_t>(node_of(leaf, 1) + 4, 2); }),
              "a node with flags 2");
  expect_said(leaf_problem([](char* leaf) { store_le<uint16_t>(node_of(leaf, 1) + 4, 4); }),
              "a node with flags 4");
  expect_said(leaf_problem([](char* leaf) { store_le<uint64_t>(node_of(leaf, 1) + 8, 0); }),
              "out of order");
  expect_said(leaf_problem([](char* leaf) { store_le<uint64_t>(node_of(leaf, 0) + 8, 0); }),
              "out of order");
  const std::string sizes = problem(sound, [](char* file) {
    char* const leaf = leaf_of(file, "records");
    store_le<uint16_t>(node_of(leaf, 1) + 6, 4);
    store_le<uint32_t>(node_of(leaf, 1), load_le<uint32_t>(node_of(leaf, 1)) + 4);
  });
  expect_said(sizes, "a key of 4 bytes");
}

TEST_F(PageCheckTest, DamagedTrees) {
  const std::string sound = make();
  const auto tree_problem = [&](size_t at, uint64_t by) {
    return problem(sound, [&](char* file) {
      char* const tree = tree_of(file, "records");
      store_le<uint64_t>(tree + at, load_le<uint64_t>(tree + at) + by);
    });
  };
  expect_said(tree_problem(8, 1), "branch pages");
  expect_said(tree_problem(16, 1), "leaf pages");
  expect_said(tree_problem(24, 1), "overflow pages");
  expect_said(tree_problem(32, 1), "entries");
  expect_said(tree_problem(40, 1 << 20), "database 'records' is page");
  expect_said(tree_problem(4, 4), "flags 12");
  expect_said(
      problem(sound, [](char* file) { store_le<uint16_t>(tree_of(file, "records") + 6, 40); }),
      "40 levels");
  expect_said(
      problem(sound, [](char* file) { store_le<uint16_t>(tree_of(file, "records") + 6, 1); }),
      "flags 1 where a leaf's are 2");
  expect_said(problem(sound,
                      [](char* file) {
                        char* const root = root_of(file, "entries");
                        store_le(node_of(root, 1), static_cast<uint32_t>(child_of(root, 2)));
                      }),
              "out of order");
  expect_said(problem(sound,
                      [](char* file) {
                        char* const tree = tree_of(file, "graveyard");
                        std::memcpy(tree, tree_of(file, "meta"), 48);
                      }),
              "is used twice");
}

TEST_F(PageCheckTest, DamagedRuns) {
  const std::string sound = make();
  const auto run_problem = [&](const std::function<void(char* file, char* node)>& change) {
    return problem(sound, [&](char* file) {
      char* const leaf = leaf_of(file, "chunks");
      char* node = node_of(leaf, 0);
      for (size_t i = 1; load_le<uint16_t>(node + 4) != 1; ++i) node = node_of(leaf, i);
      change(file, node);
    });
  };
  const auto run = [](char* file, char* node) {
    return page_at(file, load_le<uint64_t>(node + 8 + load_le<uint16_t>(node + 6)));
  };
  expect_said(
      run_problem([&](char* file, char* node) { store_le<uint32_t>(run(file, node) + 12, 0); }),
      "is no run of");
  expect_said(run_problem([&](char* file, char* node) {
                store_le<uint32_t>(run(file, node) + 12, 0x7fff'ffff);
              }),
              "is no run of");
  expect_said(
      run_problem([&](char* file, char* node) { store_le<uint16_t>(run(file, node) + 10, 2); }),
      "is no run of");
  expect_said(run_problem([&](char*, char* node) { store_le<uint32_t>(node, 0xffff'fff0); }),
              "is no run of");
  expect_said(run_problem([&](char*, char* node) {
                store_le<uint64_t>(node + 8 + load_le<uint16_t>(node + 6), uint64_t{1} << 50);
              }),
              "which is not in the file");
}

TEST_F(PageCheckTest, DamagedFreeList) {
  const std::string sound = make();
  const auto first_row = [](char* file) {
    char* page = page_at(file, load_le<uint64_t>(meta_of(file) + 40 + 40));
    while (load_le<uint16_t>(page + 10) == 1) page = page_at(file, child_of(page, 0));
    const size_t count = (load_le<uint16_t>(page + 12) - 16) / 2;
    for (size_t i = 0; i < count; ++i) {
      char* const node = node_of(page, i);
      if (load_le<uint16_t>(node + 4) == 0 && load_le<uint64_t>(node + 16) > 1) return node + 8;
    }
    ADD_FAILURE() << "no short row of free pages";
    return page;
  };
  const auto row_problem = [&](size_t at, uint64_t value) {
    return problem(sound, [&](char* file) { store_le(first_row(file) + at, value); });
  };
  expect_said(row_problem(0, 0), "out of order");
  expect_said(row_problem(0, uint64_t{1} << 40), "");
  expect_said(row_problem(8, 1 << 20), "1048576 pages in");
  expect_said(row_problem(16, uint64_t{1} << 40), "the last one is");
  expect_said(row_problem(16, 1), "free pages has page 1,");
  expect_said(problem(sound,
                      [&](char* file) {
                        char* const row = first_row(file);
                        store_le(row + 24, load_le<uint64_t>(row + 16));
                      }),
              "is not sorted");
  expect_said(problem(sound,
                      [&](char* file) {
                        char* const row = first_row(file);
                        store_le(row + 16, load_le<uint64_t>(tree_of(file, "entries") + 40));
                      }),
              "is used or in it twice");
}

TEST_F(PageCheckTest, AMetaPageWithAnothersTransaction) {
  const std::string sound = make();
  expect_said(problem(sound,
                      [](char* file) {
                        char* const meta = meta_of(file);
                        store_le(meta + 144, load_le<uint64_t>(meta + 144) + 1);
                      }),
              "stands on meta page");
}

// What opening reads is looked at whatever is asked for; the rest where it is asked for.
TEST_F(PageCheckTest, OpeningChecksWhatItReads) {
  const std::string sound = make();
  const auto open_damaged = [&](Verify verify, const std::function<void(char*)>& change) {
    std::string damaged = sound;
    change(damaged.data());
    write_file(path, damaged);
    OpenOptions options;
    options.path = path;
    options.verify = verify;
    Environment::open(options, kTestFormat, nullptr);
  };
  const auto in_root = [](char* file) {
    store_le<uint16_t>(page_at(file, load_le<uint64_t>(meta_of(file) + 128)) + 20, 0xfff0);
  };
  const auto in_record = [](char* file) {
    store_le<uint16_t>(leaf_of(file, "records") + 18, 0xfff0);
  };
  EXPECT_EQ(error_of([&] { open_damaged(Verify::kQuick, in_root); }).code(), ErrorCode::kCorrupt);
  EXPECT_EQ(error_of([&] { open_damaged(Verify::kFull, in_record); }).code(), ErrorCode::kCorrupt);
  EXPECT_NO_THROW(open_damaged(Verify::kAuto, in_record)) << "the file is our own";
}

TEST_F(PageCheckTest, AnOpenFileIsCheckedWhenAsked) {
  make();
  const auto environment = open();
  std::string damaged = read_file(path);
  char* const leaf = leaf_of(damaged.data(), "records");
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  const uint16_t wrong = 0xfff0;
  ASSERT_EQ(pwrite(fd, &wrong, 2, leaf + 18 - damaged.data()), 2);
  close(fd);
  OpenOptions options;
  options.path = path;
  EXPECT_EQ(Environment::open(options, kTestFormat, nullptr), environment);
  options.verify = Verify::kFull;
  EXPECT_EQ(error_of([&] { Environment::open(options, kTestFormat, nullptr); }).code(),
            ErrorCode::kCorrupt);
}

// A check of a file that others write to meets no page that has been used again.
TEST_F(PageCheckTest, ThreadsWriteDuringTheCheck) {
  make();
  const auto environment = open();
  std::atomic<bool> done{false};
  std::thread writer([&] {
    std::mt19937 random(7);
    while (!done) {
      WriteTransaction transaction = environment->begin_write(std::chrono::seconds(5));
      for (int i = 0; i < 50; ++i) {
        transaction.put(Database::kRecords, random() % 60'013, std::string(random() % 9000, 'x'));
      }
      transaction.commit();
    }
  });
  uint64_t before = 0;
  int moved = 0;
  for (int i = 0; i < 20 || (moved <= 5 && i < 100'000); ++i) {
    const PageReport report = check_pages(*environment);
    moved += report.transaction != before ? 1 : 0;
    before = report.transaction;
  }
  done = true;
  writer.join();
  EXPECT_GT(moved, 5);
}

}  // namespace
}  // namespace oocmap
