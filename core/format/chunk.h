// Chunks of a spilled list or tuple: a counted B+tree, so that the middle can grow. docs/format.md.
//   leaf  = 0x01 u8 (bit 7: has heap) | uniform tag u8 | count u16 | [heap bytes u32]
//           words | tags | heap        (but for its first byte a node of kind kList)
//   inner = 0x02 u8 | 0 u8 | count u16 | (chunk number u64, members below u64)*
// LMDB key: varint record, varint slot, varint chunk number.
#pragma once

#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/format/record.h"

namespace oocmap {

Buffer chunk_key(Identity container, uint64_t chunk);

bool is_leaf_chunk(Bytes chunk);  // Errors: kCorrupt
// A leaf as a list node (words are absolute: a chunk stands in no record). Errors: kCorrupt.
NodeView leaf_view(Bytes chunk, Identity container);
Buffer encode_leaf(const NodeBuilder& members);  // kind() must be kList

// An inner chunk read where it lies: the hot path of a descent.
class InnerView {
 public:
  explicit InnerView(Bytes chunk);  // Errors: kCorrupt (no inner chunk, no child, cut short)
  size_t count() const noexcept { return count_; }
  uint64_t child(size_t i) const noexcept { return load_le<uint64_t>(pairs_ + 16 * i); }
  uint64_t members(size_t i) const noexcept { return load_le<uint64_t>(pairs_ + 16 * i + 8); }
  // Where members(i) stands in the chunk.
  static size_t members_at(size_t i) noexcept { return 4 + 16 * i + 8; }

 private:
  const char* pairs_;
  size_t count_;
};

struct InnerChunk {
  std::vector<std::pair<uint64_t, uint64_t>> children;  // (chunk number, members below)
};
InnerChunk decode_inner(Bytes chunk);  // Errors: kCorrupt
Buffer encode_inner(const InnerChunk& inner);

}  // namespace oocmap
