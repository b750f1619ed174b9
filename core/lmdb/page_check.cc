#include "core/lmdb/page_check.h"

#include <lmdb.h>

#include <algorithm>
#include <optional>

#include "core/base/error.h"
#include "core/lmdb/environment.h"
#include "core/lmdb/page_tree.h"

namespace oocmap {
namespace {

// More than any store has.
constexpr size_t kMostDatabases = 64;
constexpr size_t kPiece = 65536;  // bytes of a long row of the free list that are read at once

struct NamedTree {
  std::string name;
  TreeRecord tree;
};

NamedTree named_tree(const std::string& path, const LeafNode& node) {
  // For messages: a hostile name may be anything.
  std::string name = "database '";
  for (const char c : node.key) name += c >= ' ' && c <= '~' ? c : '?';
  name += "'";
  if (node.data.size() != kTreeBytes) {
    refuse(path, "is damaged: the record of " + name + " has " + std::to_string(node.data.size()) +
                     " bytes");
  }
  NamedTree named{std::move(name), load_tree(node.data.data())};
  if ((named.tree.flags & ~kIntegerKeyTree) != 0) {
    refuse(path, "is damaged, or not an OOCMap: " + named.name + " has flags " +
                     std::to_string(named.tree.flags));
  }
  return named;
}

// The rows of the free list: transaction u64 -> count u64, page numbers u64, falling; what is left
// of the row is room.
class FreeList {
 public:
  FreeList(const PageTree::File& file, const FileMeta& meta, PageUse& use)
      : file_(file), meta_(meta), use_(use) {}

  void row(const LeafNode& node) {
    const auto transaction = load_le<uint64_t>(node.key.data());
    const auto wrong = [&](const std::string& what) {
      refuse(file_.path, "is damaged: the list of free pages, at transaction " +
                             std::to_string(transaction) + ", " + what);
    };
    if (transaction == 0 || transaction > meta_.transaction) {
      wrong("is of a later one than the file's " + std::to_string(meta_.transaction));
    }
    if (node.size < sizeof(uint64_t) || node.size % sizeof(uint64_t) != 0) {
      wrong("has " + std::to_string(node.size) + " bytes");
    }
    const uint64_t count = number(node, 0);
    if (count > node.size / sizeof(uint64_t) - 1) {
      wrong("has " + std::to_string(count) + " pages in " + std::to_string(node.size) + " bytes");
    }
    uint64_t before = kNoPage;
    for (uint64_t i = 1; i <= count; ++i) {
      const uint64_t page = number(node, i);
      if (page >= before) wrong("is not sorted: page " + std::to_string(page));
      use_.take_free(page);
      before = page;
    }
  }

 private:
  uint64_t number(const LeafNode& node, uint64_t i) {
    const uint64_t at = i * sizeof(uint64_t);
    if (node.overflow == 0) return load_le<uint64_t>(node.data.data() + at);
    if (i == 0 || at < piece_at_ || at >= piece_at_ + piece_.size()) {
      piece_at_ = at;
      piece_.resize(std::min<uint64_t>(kPiece, node.size - at));
      const uint64_t start = node.overflow * file_.page_size + kPageHeader + at;
      if (!read_at(file_.fd, file_.path, start, piece_.data(), piece_.size())) {
        refuse(file_.path, "is truncated: it ends within the list of free pages");
      }
    }
    return load_le<uint64_t>(piece_.data() + (at - piece_at_));
  }

  const PageTree::File& file_;
  const FileMeta& meta_;
  PageUse& use_;
  std::string piece_;
  uint64_t piece_at_ = 0;
};

std::vector<NamedTree> named_trees(const PageTree::File& file, PageUse* use, const FileMeta& meta) {
  if (meta.main.entries > kMostDatabases) {
    refuse(file.path, "is an LMDB file, but not an OOCMap: its main database has " +
                          std::to_string(meta.main.entries) + " entries");
  }
  std::vector<NamedTree> databases;
  PageTree main(file, use, "the databases", meta.main, true, false);
  main.walk([&](const LeafNode& node) {
    if (databases.size() == kMostDatabases) {  // whatever the meta page says
      refuse(file.path, "is damaged: its main database has more entries than it says");
    }
    if (node.tree) databases.push_back(named_tree(file.path, node));
  });
  return databases;
}

PageReport check_state(int fd, const std::string& path, const FileMeta& meta,
                       const PageProgress& progress) {
  const PageTree::File file{fd, path, meta.page_size, size_of(fd, path) / meta.page_size};
  PageUse use(path, file.pages, meta.last_page);
  if (progress) {
    use.progress = [&](uint64_t done) { progress(done, meta.last_page + 1); };
  }
  for (const NamedTree& database : named_trees(file, &use, meta)) {
    PageTree(file, &use, database.name, database.tree, false, false).walk({});
  }
  // Last: what it has must be what no tree has.
  FreeList rows(file, meta, use);
  PageTree(file, &use, "the free pages", meta.free_list, false, true)
      .walk([&](const LeafNode& node) { rows.row(node); });
  use.check_beyond();
  PageReport report;
  report.transaction = meta.transaction;
  report.pages = meta.last_page + 1;
  report.used = use.used();
  report.free = use.free();
  return report;
}

void check_entrance_of(int fd, const std::string& path, const FileMeta& meta) {
  const PageTree::File file{fd, path, meta.page_size, size_of(fd, path) / meta.page_size};
  for (const NamedTree& database : named_trees(file, nullptr, meta)) {
    PageTree tree(file, nullptr, database.name, database.tree, false, false);
    if (database.name == "database 'meta'") tree.walk({});
    if (database.name == "database 'records'") tree.walk({}, PageTree::Extent::kLeftmost);
  }
}

}  // namespace

bool check_pages(int fd, const std::string& path, PageReport& report,
                 const PageProgress& progress) {
  const FileMeta meta = read_meta(fd, path);
  try {
    report = check_state(fd, path, meta, progress);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCorrupt &&
        read_meta(fd, path).transaction != meta.transaction) {
      return false;
    }
    throw;
  }
  return true;
}

PageReport check_pages(Environment& environment, const PageProgress& progress) {
  constexpr int kAttempts = 1000;
  for (int i = 0; i < kAttempts; ++i) {
    const ReadTransaction transaction = environment.begin_read();
    MDB_env* const env = mdb_txn_env(transaction.raw());
    int fd = -1;
    MDB_stat stat = {};
    mdb_env_get_fd(env, &fd);
    mdb_env_stat(env, &stat);
    FileMeta meta;
    // The second commit from now on takes the meta page; the pages below it stay as long as the
    // read transaction does.
    if (!read_meta_of(fd, environment.path(), stat.ms_psize, mdb_txn_id(transaction.raw()), meta)) {
      continue;
    }
    return check_state(fd, environment.path(), meta, progress);
  }
  throw Error(ErrorCode::kBusy,
              "cannot check '" + environment.path() +
                  "': two commits came before its meta page was read, 1,000 times "
                  "in a row",
              0, environment.path());
}

void check_entrance(int fd, const std::string& path) {
  constexpr int kAttempts = 10;
  for (int attempt = 1;; ++attempt) {
    const FileMeta meta = read_meta(fd, path);
    try {
      return check_entrance_of(fd, path, meta);
    } catch (const Error& error) {
      const bool moved = error.code() == ErrorCode::kCorrupt &&
                         read_meta(fd, path).transaction != meta.transaction;
      if (!moved || attempt == kAttempts) throw;
    }
  }
}

}  // namespace oocmap
