#include "core/lmdb/page_tree.h"

#include <algorithm>

#include "core/base/error.h"

namespace oocmap {
namespace {

constexpr uint64_t kProgressEvery = 4096;
constexpr uint64_t kFirstPage = 2;  // behind the meta pages

}  // namespace

// --- PageUse

PageUse::PageUse(const std::string& path, uint64_t pages, uint64_t last)
    : path_(path), met_(std::min(pages, last + 1)), last_(last) {}

void PageUse::take(uint64_t page, const std::string& what) {
  if (page < kFirstPage || page >= met_.size()) {
    refuse(path_, "is damaged: " + what + " is page " + std::to_string(page) + " of " +
                      std::to_string(met_.size()));
  }
  if (met_[page]) {
    refuse(path_, "is damaged: page " + std::to_string(page) + " is used twice, also as " + what);
  }
  met_[page] = true;
  if (++used_ % kProgressEvery == 0 && progress) progress(used_);
}

void PageUse::take_free(uint64_t page) {
  ++free_;
  if (page < kFirstPage || page > last_) {
    refuse(path_, "is damaged: the list of free pages has page " + std::to_string(page) +
                      ", and the last one is " + std::to_string(last_));
  }
  if (page >= met_.size()) {
    beyond_.push_back(page);
    return;
  }
  if (met_[page]) {
    refuse(path_, "is damaged: page " + std::to_string(page) +
                      " is in the list of free pages, and is used or in it twice");
  }
  met_[page] = true;
}

void PageUse::check_beyond() {
  std::sort(beyond_.begin(), beyond_.end());
  const auto twice = std::adjacent_find(beyond_.begin(), beyond_.end());
  if (twice != beyond_.end()) {
    refuse(path_,
           "is damaged: page " + std::to_string(*twice) + " is twice in the list of free pages");
  }
}

// --- PageTree

PageTree::PageTree(const File& file, PageUse* use, std::string name, const TreeRecord& tree,
                   bool holds_trees, bool free_list)
    : file_(file),
      use_(use),
      name_(std::move(name)),
      tree_(tree),
      holds_trees_(holds_trees),
      free_list_(free_list) {
  const bool empty = tree.root == kNoPage;
  if (tree.depth > kMaxTreeDepth || empty != (tree.depth == 0)) {
    refuse(file.path, "is damaged: the tree of " + name_ + " has " + std::to_string(tree.depth) +
                          " levels below root page " + std::to_string(tree.root));
  }
}

void PageTree::wrong(uint64_t page, const std::string& what) const {
  refuse(file_.path,
         "is damaged: page " + std::to_string(page) + ", in the tree of " + name_ + ", " + what);
}

// Integers are compared as LMDB does, the others as memcmp and then the length: so does a view.
int PageTree::compare(Bytes a, Bytes b) const noexcept {
  if (!integer_keys()) return a.compare(b);
  const auto x = load_le<uint64_t>(a.data());
  const auto y = load_le<uint64_t>(b.data());
  return x < y ? -1 : static_cast<int>(x > y);
}

void PageTree::walk(const std::function<void(const LeafNode&)>& visit, Extent extent) {
  found_ = {};
  if (tree_.root == kNoPage) return check_counts();
  levels_.resize(tree_.depth);
  size_t depth = 0;
  descend(tree_.root, depth);
  for (;;) {
    Level& level = levels_[depth];
    if (depth + 1 == levels_.size()) {
      check_leaf(level, visit);
      if (extent == Extent::kLeftmost) return;
    } else if (level.next < level.count) {
      const size_t i = level.next++;
      const Node here = node(level, i, false);
      const uint64_t child = here.low | uint64_t{here.flags} << 32;
      Level& below = levels_[depth + 1];
      below.has_low = i > 0 || level.has_low;
      below.low = i > 0 ? here.key : level.low;
      below.has_high = i + 1 < level.count || level.has_high;
      below.high = i + 1 < level.count ? node(level, i + 1, false).key : level.high;
      descend(child, ++depth);
      continue;
    }
    do {
      if (depth == 0) return check_counts();
      --depth;
    } while (levels_[depth].next >= levels_[depth].count);
  }
}

// Reads a page into the level and checks all of it but the data of a leaf.
PageTree::Level& PageTree::descend(uint64_t number, size_t depth) {
  Level& level = levels_[depth];
  const bool leaf = depth + 1 == levels_.size();
  if (use_ != nullptr) use_->take(number, "a page of the tree of " + name_);
  if (number < kFirstPage || number >= file_.pages) wrong(number, "is not in the file");
  level.number = number;
  level.next = 0;
  level.page.resize(file_.page_size);
  if (!read_at(file_.fd, file_.path, number * file_.page_size, level.page.data(),
               level.page.size())) {
    wrong(number, "is cut off: the file ends in it");
  }
  check_header(level, leaf);
  level.count = (load_le<uint16_t>(&level.page[12]) - kPageHeader) / 2;
  ++(leaf ? found_.leaf_pages : found_.branch_pages);
  check_places(level, leaf);
  check_keys(level, leaf);
  return level;
}

void PageTree::check_header(const Level& level, bool leaf) {
  const char* const page = level.page.data();
  const auto number = load_le<uint64_t>(page);
  const auto flags = load_le<uint16_t>(page + 10);
  const size_t lower = load_le<uint16_t>(page + 12);
  const size_t upper = load_le<uint16_t>(page + 14);
  if (number != level.number) {
    wrong(level.number, "says that it is page " + std::to_string(number));
  }
  // A page that is one level above its place, or below, has the other's flag; those of a page in
  // memory (dirty, loose) would let LMDB write to the map.
  if (flags != (leaf ? kLeafPage : kBranchPage)) {
    wrong(level.number, "has flags " + std::to_string(flags) + " where a " +
                            (leaf ? "leaf's are 2" : "branch's are 1"));
  }
  // LMDB asserts that a branch has two children, but of the free list's.
  const size_t least = leaf || free_list_ ? 1 : 2;
  if (lower < kPageHeader + 2 * least || lower % 2 != 0 || lower > upper ||
      upper > level.page.size() || upper % 2 != 0) {
    wrong(level.number, "has offsets up to byte " + std::to_string(lower) +
                            " and nodes from byte " + std::to_string(upper) + " on");
  }
}

PageTree::Node PageTree::node(const Level& level, size_t i, bool leaf) const {
  const char* const page = level.page.data();
  const size_t size = level.page.size();
  Node node;
  node.at = load_le<uint16_t>(page + kPageHeader + 2 * i);
  if (node.at < load_le<uint16_t>(page + 14) || node.at % 2 != 0 || node.at + kNodeHead > size) {
    wrong(level.number, "has node " + std::to_string(i) + " at byte " + std::to_string(node.at));
  }
  node.low = load_le<uint32_t>(page + node.at);
  node.flags = load_le<uint16_t>(page + node.at + 4);
  const size_t key_size = load_le<uint16_t>(page + node.at + 6);
  size_t data_size = 0;
  if (leaf) data_size = (node.flags & kBigData) != 0 ? sizeof(uint64_t) : node.low;
  node.size = kNodeHead + key_size + data_size;
  if (key_size > kMaxLmdbKey || node.size > size - node.at) {
    wrong(level.number, "has node " + std::to_string(i) + " with a key of " +
                            std::to_string(key_size) + " bytes and " + std::to_string(data_size) +
                            " bytes of data, which leaves the page");
  }
  node.key = Bytes(page + node.at + kNodeHead, key_size);
  node.data = node.key.data() + key_size;
  return node;
}

// LMDB packs a page: its nodes fill it from `upper` to its end. Nodes that overlap would make it
// move bytes out of the page when it deletes one.
void PageTree::check_places(const Level& level, bool leaf) {
  places_.clear();
  for (size_t i = 0; i < level.count; ++i) {
    const Node here = node(level, i, leaf);
    const size_t even = here.size + here.size % 2;
    places_.emplace_back(static_cast<uint32_t>(here.at), static_cast<uint32_t>(here.at + even));
  }
  std::sort(places_.begin(), places_.end());
  uint32_t at = load_le<uint16_t>(&level.page[14]);
  for (const auto& [start, end] : places_) {
    if (start != at) {
      wrong(level.number, "has a node at byte " + std::to_string(start) +
                              " where the one before "
                              "it ends at byte " +
                              std::to_string(at));
    }
    at = end;
  }
  if (at != level.page.size()) {
    wrong(level.number, "has its last node end at byte " + std::to_string(at));
  }
}

void PageTree::check_keys(const Level& level, bool leaf) const {
  Bytes before = level.low;
  bool has_before = level.has_low;
  bool may_equal = true;
  for (size_t i = 0; i < level.count; ++i) {
    const Node here = node(level, i, leaf);
    if (!leaf && i == 0) continue;  // the first child's key is not looked at
    const size_t size = here.key.size();
    if (integer_keys() ? size != sizeof(uint64_t) : size == 0) {
      wrong(level.number,
            "has node " + std::to_string(i) + " with a key of " + std::to_string(size) + " bytes");
    }
    const int order = has_before ? compare(before, here.key) : -1;
    if (order > 0 || (order == 0 && !may_equal) ||
        (level.has_high && compare(here.key, level.high) >= 0)) {
      wrong(level.number, "has node " + std::to_string(i) + " out of order");
    }
    before = here.key;
    has_before = true;
    may_equal = false;
  }
}

void PageTree::check_leaf(const Level& level, const std::function<void(const LeafNode&)>& visit) {
  found_.entries += level.count;
  for (size_t i = 0; i < level.count; ++i) {
    const LeafNode entry = leaf_node(level, node(level, i, true));
    if (visit) visit(entry);
  }
}

LeafNode PageTree::leaf_node(const Level& level, const Node& node) {
  LeafNode entry;
  entry.key = node.key;
  entry.size = node.low;
  entry.tree = node.flags == kSubTree && holds_trees_;
  if (node.flags == kBigData) {
    const auto first = load_le<uint64_t>(node.data);
    char header[kPageHeader];
    if (first < kFirstPage || first >= file_.pages ||
        !read_at(file_.fd, file_.path, first * file_.page_size, header, sizeof header)) {
      wrong(level.number,
            "has data on page " + std::to_string(first) + ", which is not in the file");
    }
    const uint64_t length = load_le<uint32_t>(header + 12);
    // A run may be longer than it has to be: smaller data was written over larger.
    const uint64_t needed = (kPageHeader - 1 + uint64_t{entry.size}) / file_.page_size + 1;
    if (load_le<uint64_t>(header) != first || load_le<uint16_t>(header + 10) != kOverflowPage ||
        length < needed || length > file_.pages - first) {
      wrong(first, "is no run of " + std::to_string(needed) + " pages, as page " +
                       std::to_string(level.number) + " says");
    }
    for (uint64_t i = 0; use_ != nullptr && i < length; ++i) {
      use_->take(first + i, "data of the tree of " + name_);
    }
    found_.overflow_pages += length;
    entry.overflow = first;
  } else if (node.flags == 0 || entry.tree) {
    entry.data = Bytes(node.data, node.low);
  } else {
    wrong(level.number, "has a node with flags " + std::to_string(node.flags));
  }
  return entry;
}

void PageTree::check_counts() const {
  const auto check = [this](const char* what, uint64_t said, uint64_t found) {
    if (said == found) return;
    refuse(file_.path, "is damaged: the tree of " + name_ + " has " + std::to_string(found) + " " +
                           what + ", and says that it has " + std::to_string(said));
  };
  check("branch pages", tree_.branch_pages, found_.branch_pages);
  check("leaf pages", tree_.leaf_pages, found_.leaf_pages);
  check("overflow pages", tree_.overflow_pages, found_.overflow_pages);
  check("entries", tree_.entries, found_.entries);
}

}  // namespace oocmap
