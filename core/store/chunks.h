// The counted B+tree behind a spilled list or tuple: building one in bulk, from left to right.
// core/format/chunk.h has the bytes; list.h changes and reads such trees.
//
// A tree of height 0 is one leaf, its root; each level of inner chunks above adds 1. Chunk numbers
// start at 1 and are never used twice in one list. An empty list has height 0 and root chunk 0:
// none.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/format/chunk.h"
#include "core/lmdb/transaction.h"

namespace oocmap {

// A leaf is cut before its bytes pass this: a chunk full of short strings stays a few pages.
inline constexpr size_t kMaxLeafBytes = kMaxRecordBytes;

struct ChunkTree {
  uint16_t height = 0;
  uint64_t count = 0;
  uint64_t root_chunk = 0;
  uint64_t next_chunk = 1;
};

class ChunkBuilder {
 public:
  // `first_chunk`: the first number not used in `container` yet.
  ChunkBuilder(WriteTransaction& transaction, Identity container, uint64_t first_chunk = 1);
  // Container words must be absolute; payloads are copied. Errors: those of put.
  void add(const Member& member);
  // Puts what is left and the levels above. Errors: those of put.
  ChunkTree finish();

 private:
  using Level = std::vector<std::pair<uint64_t, uint64_t>>;  // (chunk number, members below)
  void put(uint64_t members, const Buffer& chunk, Level& level);
  void end_leaf();
  Level build_above(const Level& below);

  WriteTransaction& transaction_;
  Identity container_;
  NodeBuilder leaf_;
  size_t leaf_bytes_ = 0;  // an upper bound
  Level leaves_;
  uint64_t count_ = 0;
  uint64_t next_;
};

}  // namespace oocmap
