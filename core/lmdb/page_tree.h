// One tree of pages, walked in key order and checked on the way. Used by page_check. Private to
// core/lmdb.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/lmdb/file_meta.h"

namespace oocmap {

// The pages of one file that were met so far.
class PageUse {
 public:
  // `pages`: that the file has room for; `last`: the last one its meta page says is in use.
  PageUse(const std::string& path, uint64_t pages, uint64_t last);
  // Errors: kCorrupt, for a page out of range or met before. `what` is said of it.
  void take(uint64_t page, const std::string& what);  // a page of a tree
  void take_free(uint64_t page);                      // a page of the free list
  void check_beyond();                                // once all are taken
  uint64_t used() const noexcept { return used_; }
  uint64_t free() const noexcept { return free_; }
  std::function<void(uint64_t done)> progress;  // after every 4,096 pages of trees

 private:
  const std::string& path_;
  std::vector<bool> met_;         // of those the file has
  std::vector<uint64_t> beyond_;  // free ones behind its end: they were never written
  uint64_t last_;
  uint64_t used_ = 2;
  uint64_t free_ = 0;
};

struct LeafNode {
  Bytes key;
  Bytes data;             // where it is on the leaf
  uint64_t overflow = 0;  // the page where a run with `size` bytes of data begins; else 0
  uint32_t size = 0;
  bool tree = false;  // the data is a TreeRecord
};

class PageTree {
 public:
  enum class Extent { kAll, kLeftmost };  // kLeftmost: only the pages on the way to the first entry
  struct File {
    int fd;
    const std::string& path;
    uint32_t page_size;
    uint64_t pages;  // the file has room for
  };
  // `name` in messages. `holds_trees`: the main tree, whose nodes may be trees. `use`: null where
  // pages are not to be counted.
  PageTree(const File& file, PageUse* use, std::string name, const TreeRecord& tree,
           bool holds_trees, bool free_list);
  // Calls `visit` with each entry; what the node views lives until the next. Errors: kCorrupt, kIo.
  void walk(const std::function<void(const LeafNode&)>& visit, Extent extent = Extent::kAll);

 private:
  struct Level {
    std::vector<char> page;
    uint64_t number = 0;
    size_t count = 0;
    size_t next = 0;  // child to go to
    bool has_low = false, has_high = false;
    Bytes low, high;  // keys of the subtree: low <= key < high
  };
  struct Node {
    size_t at, size;
    uint32_t low;
    uint16_t flags;
    Bytes key;
    const char* data;
  };

  [[noreturn]] void wrong(uint64_t page, const std::string& what) const;
  Level& descend(uint64_t number, size_t depth);
  void check_header(const Level& level, bool leaf);
  Node node(const Level& level, size_t i, bool leaf) const;
  void check_places(const Level& level, bool leaf);
  void check_keys(const Level& level, bool leaf) const;
  void check_leaf(const Level& level, const std::function<void(const LeafNode&)>& visit);
  LeafNode leaf_node(const Level& level, const Node& node);
  void check_counts() const;
  int compare(Bytes a, Bytes b) const noexcept;
  bool integer_keys() const noexcept { return (tree_.flags & kIntegerKeyTree) != 0; }

  const File& file_;
  PageUse* use_;
  std::string name_;
  TreeRecord tree_;
  bool holds_trees_;
  bool free_list_;
  std::vector<Level> levels_;
  std::vector<std::pair<uint32_t, uint32_t>> places_;  // of one page's nodes: start, end
  TreeRecord found_;                                   // the counts
};

}  // namespace oocmap
