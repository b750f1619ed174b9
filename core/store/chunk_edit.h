// Changing the counted B+tree behind a spilled list (core/format/chunk.h, chunks.h): by index, and
// at the right end. Only words move: nothing is detached or pinned here.
#pragma once

#include <vector>

#include "core/store/chunks.h"

namespace oocmap {

// A spilled list's tree, as its node says. Errors: kCorrupt where the height is impossible.
ChunkTree chunk_tree(const NodeView& node);

// The leaf that member `i` < count lies in.
struct LeafAt {
  NodeView leaf;
  uint64_t first = 0;  // index of the leaf's first member
  uint64_t chunk = 0;  // its number
  Bytes bytes;         // the whole chunk
};
// Errors: kCorrupt. Cost: a descent in `chunks` a level. Lifetime: until the stamp changes.
LeafAt find_leaf(const Transaction& transaction, Identity list, const ChunkTree& tree, uint64_t i);

// Changes a tree. Chunks are put at once; tree() is what the list's node has to say afterwards.
class ChunkEditor {
 public:
  ChunkEditor(WriteTransaction& transaction, Identity list, const ChunkTree& tree)
      : transaction_(transaction), list_(list), tree_(tree) {}
  const ChunkTree& tree() const noexcept { return tree_; }

  // Container words absolute; i < count for set, i <= count for insert. Cost: one leaf rewritten,
  // and for insert the inner chunks above it.
  // set: `at` is where member `i` stands, found under the present stamp.
  void set(uint64_t i, const LeafAt& at, const Member& member);
  void insert(uint64_t i, const Member& member);
  // Adds a member at the end where the last leaf has room and its layout allows it; else returns
  // false: ChunkAppender then begins another leaf.
  bool append(const Member& member);
  // Erases members i .. i + count - 1, appending them to `erased`. A leaf left empty goes, with
  // what is empty above it. Cost: as insert, for each leaf touched.
  void erase(uint64_t i, uint64_t count, std::vector<Member>& erased);
  // Erases every chunk (of a tree about to be built anew).
  void erase_all();

 private:
  struct Step {  // an inner chunk on the way down, and which child is taken
    uint64_t chunk;
    Buffer bytes;
    size_t child;
  };
  uint64_t descend(uint64_t& i, std::vector<Step>& path) const;
  NodeView leaf(uint64_t chunk) const;
  void put(uint64_t chunk, Bytes bytes);
  bool splice_leaf(const NodeView& leaf, uint64_t chunk, size_t i, size_t erase,
                   const Member* insert);
  void put_leaf(const NodeBuilder& members, uint64_t chunk, std::vector<Step>& path,
                int64_t change);
  void put_path(std::vector<Step>& path, int64_t change);
  void split_leaf(const NodeBuilder& members, uint64_t chunk, std::vector<Step>& path,
                  int64_t change);
  void add_child(std::vector<Step>& path, uint64_t left_members, uint64_t right_chunk,
                 uint64_t right_members, int64_t change);
  size_t erase_in_leaf(uint64_t i, uint64_t count, std::vector<Member>& erased);
  void remove_child(std::vector<Step>& path, uint64_t members);
  void lower_root();
  void erase_below(uint64_t chunk, int height);

  WriteTransaction& transaction_;
  Identity list_;
  ChunkTree tree_;
};

// Appends to a tree, leaf by leaf: what is appended in order stands in full leaves.
class ChunkAppender {
 public:
  // Errors: kCorrupt.
  ChunkAppender(WriteTransaction& transaction, Identity list, const ChunkTree& tree);
  // Container words absolute; payloads are copied. Errors: those of put.
  void add(const Member& member);
  // Puts the right edge of the tree. Errors: those of put.
  ChunkTree finish();

 private:
  struct Level {  // an inner chunk at the right edge, without its last child, which is being filled
    uint64_t chunk = 0;
    InnerChunk inner;
    uint64_t members = 0;
  };
  void put_leaf();
  void push(size_t level, uint64_t chunk, uint64_t members);

  WriteTransaction& transaction_;
  Identity list_;
  ChunkTree tree_;
  uint64_t leaf_chunk_ = 0;  // 0: no leaf is begun
  NodeBuilder leaf_;
  size_t leaf_bytes_ = 0;      // an upper bound
  std::vector<Level> levels_;  // [0]: above the leaves
};

}  // namespace oocmap
