#include "core/store/chunks.h"

#include <algorithm>

namespace oocmap {

ChunkBuilder::ChunkBuilder(WriteTransaction& transaction, Identity container, uint64_t first_chunk)
    : transaction_(transaction), container_(container), next_(first_chunk) {
  leaf_.reset(NodeKind::kList);
}

void ChunkBuilder::add(const Member& member) {
  const size_t bytes = 9 + (is_heap(member.tag) ? member.size : 0);
  if (leaf_.count() >= kChunkMembers ||
      (leaf_.count() > 0 && leaf_bytes_ + bytes > kMaxLeafBytes)) {
    end_leaf();
  }
  leaf_.add(member);
  leaf_bytes_ += bytes;
  ++count_;
}

void ChunkBuilder::put(uint64_t members, const Buffer& chunk, Level& level) {
  transaction_.append(Database::kChunks, chunk_key(container_, next_), chunk);
  level.emplace_back(next_++, members);
}

void ChunkBuilder::end_leaf() {
  put(leaf_.count(), encode_leaf(leaf_), leaves_);
  leaf_.reset(NodeKind::kList);
  leaf_bytes_ = 2 * kNodeHeader;
}

// Groups `below` evenly, so that no inner chunk is left with a single child.
ChunkBuilder::Level ChunkBuilder::build_above(const Level& below) {
  Level level;
  const size_t groups = (below.size() + kChunkFanOut - 1) / kChunkFanOut;
  size_t done = 0;
  for (size_t group = 0; group < groups; ++group) {
    const size_t end = below.size() * (group + 1) / groups;
    InnerChunk inner;
    uint64_t members = 0;
    for (; done < end; ++done) {
      inner.children.push_back(below[done]);
      members += below[done].second;
    }
    put(members, encode_inner(inner), level);
  }
  return level;
}

ChunkTree ChunkBuilder::finish() {
  if (leaf_.count() > 0) end_leaf();
  ChunkTree tree;
  Level level = std::move(leaves_);
  while (level.size() > 1) {
    level = build_above(level);
    ++tree.height;
  }
  tree.count = count_;
  tree.root_chunk = level.empty() ? 0 : level.front().first;
  tree.next_chunk = next_;
  return tree;
}

}  // namespace oocmap
