// LMDB 0.9's data file on a 64-bit machine, as far as it is looked at without LMDB. Private to
// core/lmdb.
//
//   page  = number u64 | pad u16 | flags u16 | lower u16 | upper u16 | offsets u16[] ... nodes
//           (an overflow page: its run's length u32 in place of lower and upper, then the data)
//   meta  = a page's first 16 bytes | magic u32 | version u32 | address u64 | map size u64 |
//           free list's tree | main tree | last page u64 | transaction u64
//   tree  = pad u32 (page size, in the first) | flags u16 | depth u16 | branch pages u64 |
//           leaf pages u64 | overflow pages u64 | entries u64 | root u64
//   node  = low u32 | flags u16 | key size u16 | key | data
//           (a branch's: the child's number in the first 6 bytes; a leaf's: the data's size in low)
#pragma once

#include <cstdint>

#include "core/base/bytes.h"

namespace oocmap {

inline constexpr uint32_t kLmdbMagic = 0xBEEFC0DE;
inline constexpr uint32_t kLmdbDataVersion = 1;
inline constexpr size_t kPageHeader = 16;
inline constexpr size_t kNodeHead = 8;  // before a node's key
inline constexpr size_t kTreeBytes = 48;
inline constexpr size_t kTreesAt = 40;
inline constexpr size_t kMetaBytes = 152;
inline constexpr uint16_t kTreeFlags =
    0x7f;  // what a tree can be; DUPSORT and the like: never ours
inline constexpr uint16_t kIntegerKeyTree = 0x08;
inline constexpr uint64_t kNoPage = ~uint64_t{0};
inline constexpr int kMaxTreeDepth = 32;    // LMDB's
inline constexpr size_t kMaxLmdbKey = 511;  // likewise
inline constexpr uint32_t kMinPageSize = 512;
inline constexpr uint32_t kMaxPageSize = 32768;

enum PageFlag : uint16_t { kBranchPage = 1, kLeafPage = 2, kOverflowPage = 4, kMetaPage = 8 };
enum NodeFlag : uint16_t { kBigData = 1, kSubTree = 2 };

// A B+tree of pages.
struct TreeRecord {
  uint16_t flags = 0;
  uint16_t depth = 0;
  uint64_t branch_pages = 0;
  uint64_t leaf_pages = 0;
  uint64_t overflow_pages = 0;
  uint64_t entries = 0;
  uint64_t root = kNoPage;
};

inline TreeRecord load_tree(const char* at) noexcept {
  TreeRecord tree;
  tree.flags = load_le<uint16_t>(at + 4);
  tree.depth = load_le<uint16_t>(at + 6);
  tree.branch_pages = load_le<uint64_t>(at + 8);
  tree.leaf_pages = load_le<uint64_t>(at + 16);
  tree.overflow_pages = load_le<uint64_t>(at + 24);
  tree.entries = load_le<uint64_t>(at + 32);
  tree.root = load_le<uint64_t>(at + 40);
  return tree;
}

}  // namespace oocmap
