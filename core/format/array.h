// The node of an array: what its elements are, its shape, and its data where that is small. Pure
// functions over bytes; docs/format.md, "Arrays", has the grammar.
//
//   array = 11 u8 | library u8 | flags u8 | dimensions u8 | item size u32 | type size u32 |
//           chunk size u32 | (length u64)[dimensions] | [type] | [data]
//
// The elements lie one after another in C order (the last index runs fastest), or in Fortran order.
// What they are is a text (the type) that only the language above understands; here they are items
// of so many bytes. Data that does not fit the node lies in chunks: rows 1, 2, ... under the
// array's identity, all of `chunk size` but the last. A type that does not fit is row 0.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/export.h"
#include "core/format/word.h"

namespace oocmap {

// Whose object the array was, and is when it is read. Do not renumber: on disk.
enum class ArrayLibrary : uint8_t { kNumpy = 0, kTorch = 1, kJax = 2, kTensorflow = 3 };
inline constexpr uint8_t kArrayLibraries = 4;

// Flags of an array's node. Do not renumber: on disk.
inline constexpr uint8_t kArrayFortran = 1;    // the first index runs fastest
inline constexpr uint8_t kArrayTypeApart = 2;  // the type is row 0; the data is in chunks too

inline constexpr size_t kArrayHeader = 16;
inline constexpr size_t kMaxArrayDimensions = 64;              // reader
inline constexpr uint64_t kMaxArrayBytes = uint64_t{1} << 47;  // reader
inline constexpr size_t kMaxArrayTypeBytes = size_t{1} << 20;  // reader
inline constexpr size_t kArrayTypeInNode = 4096;               // a longer type is row 0
inline constexpr uint32_t kArrayChunkBytes = 64 * 4096 - 16;   // 64 pages less LMDB's header

// What an array is, without its data.
struct OOCMAP_API ArrayHead {
  ArrayLibrary library = ArrayLibrary::kNumpy;
  bool fortran = false;
  uint32_t item_size = 0;  // bytes of one element; may be 0
  Buffer type;             // UTF-8
  std::vector<uint64_t> shape;

  // Bytes of all elements. Errors: kInvalidArgument past one of the limits above.
  uint64_t bytes() const;
};

// An array's node, read where it lies and checked once. Lifetime: that of the bytes.
class OOCMAP_API ArrayView {
 public:
  // `node`: from the node's first byte on; more may follow it. Errors: kCorrupt.
  explicit ArrayView(Bytes node);
  ArrayLibrary library() const noexcept { return static_cast<ArrayLibrary>(at_[1]); }
  bool fortran() const noexcept { return (flags() & kArrayFortran) != 0; }
  uint32_t item_size() const noexcept { return load_le<uint32_t>(at_ + 4); }
  size_t dimensions() const noexcept { return static_cast<uint8_t>(at_[3]); }
  uint64_t length(size_t axis) const noexcept {
    return load_le<uint64_t>(at_ + kArrayHeader + 8 * axis);
  }
  uint64_t items() const noexcept { return items_; }
  uint64_t bytes() const noexcept { return items_ * item_size(); }
  // Whether the type is row 0 of the chunks; type() is empty then.
  bool type_apart() const noexcept { return (flags() & kArrayTypeApart) != 0; }
  size_t type_size() const noexcept { return load_le<uint32_t>(at_ + 8); }
  Bytes type() const noexcept { return {type_at(), type_apart() ? 0 : type_size()}; }
  // 0: the data is in the node.
  uint32_t chunk_size() const noexcept { return load_le<uint32_t>(at_ + 12); }
  bool chunked() const noexcept { return chunk_size() != 0; }
  Bytes data() const noexcept { return {type_at() + type().size(), chunked() ? 0 : bytes()}; }
  // Bytes of the node, without padding; where its data begins in it.
  size_t node_size() const noexcept { return data_offset() + data().size(); }
  size_t data_offset() const noexcept { return kArrayHeader + 8 * dimensions() + type().size(); }

 private:
  uint8_t flags() const noexcept { return static_cast<uint8_t>(at_[2]); }
  const char* type_at() const noexcept { return at_ + kArrayHeader + 8 * dimensions(); }

  const char* at_;
  uint64_t items_ = 1;
};

// How an array will be laid out.
struct OOCMAP_API ArrayPlan {
  // Errors: kInvalidArgument past a limit.
  explicit ArrayPlan(const ArrayHead& head);
  uint64_t bytes = 0;       // of the data
  size_t node_size = 0;     // with the data where that is in it
  uint32_t chunk_size = 0;  // 0: in the node
  bool type_apart = false;
};

// Writes the node, but for its data, to `at`, which has room for plan.node_size bytes. Returns
// where the data goes.
OOCMAP_API char* write_array_node(char* at, const ArrayHead& head, const ArrayPlan& plan) noexcept;

}  // namespace oocmap
