// Stored arrays: reading parts of one, and writing over parts. core/format/array.h has the node.
// What an array is (shape, order, type of element) never changes; its elements do.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>

#include "core/base/export.h"
#include "core/format/array.h"
#include "core/store/store.h"

namespace oocmap {

// Which indices of one axis: start, start + step, ..., `count` of them. step >= 1.
struct AxisRange {
  uint64_t start = 0;
  uint64_t step = 1;
  uint64_t count = 0;
};

// Reads one array at one moment. Lifetime: until the transaction's stamp changes.
class OOCMAP_API ArrayReader {
 public:
  // Errors: kStaleHandle where `node` is no array (an identity from outside may name any
  // container), kCorrupt.
  ArrayReader(const Transaction& transaction, const NodeView& node);

  const ArrayView& view() const noexcept { return view_; }
  // What the array is. Errors: kCorrupt (the type is missing).
  ArrayHead head() const;

  // Copies the bytes [from, from + size) of the data, which are there, to `to`.
  // Errors: kCorrupt for a missing chunk, or one of another length than it must have.
  // Cost: a copy, and a descent for each chunk that differs from the one read last.
  void read(uint64_t from, uint64_t size, char* to) {
    if (from - first_ <= here_.size() && size <= here_.size() - (from - first_)) {
      here_.copy(to, size, from - first_);
    } else {
      read_across(from, size, to);
    }
  }
  // Copies a rectangular part, in the array's own order of storage, without gaps. `ranges`: one an
  // axis; `size`: the bytes of the part, for which `to` has room. Errors: kInvalidArgument for a
  // part that is not inside, or of another size; those of read().
  // Cost: one copy of each run of bytes that lie together; only the chunks that hold them.
  void read(std::span<const AxisRange> ranges, uint64_t size, char* to);
  // Looks up what a read() of such a part needs, once or several times; that and every later one
  // of what was looked up uses the transaction no more, only its moment (KeptMoment). Another part
  // may not be read then. Errors: as read(). Cost: a descent a chunk, no copy.
  void locate(uint64_t from, uint64_t size);
  void locate(std::span<const AxisRange> ranges, uint64_t size);
  // All the data where it lies in one piece, else nullopt.
  std::optional<Bytes> whole() const;

 private:
  void read_across(uint64_t from, uint64_t size, char* to);
  Bytes chunk(uint64_t number) const;

  const Transaction& transaction_;
  Identity identity_;
  ArrayView view_;
  Bytes here_;          // the chunk read last (data in the node: that)
  uint64_t first_ = 0;  // where it begins in the data
  std::unordered_map<uint64_t, Bytes> located_;
  uint64_t last_located_ = 0;  // the chunk that was looked up last
};

// Writes a rectangular part of the array, given as ArrayReader::read() gives it. Returns how many
// bytes of rows were put.
// Errors: kInvalidArgument for a part that is not inside, kStaleHandle, kCorrupt, those of put.
// Cost: a put for each chunk touched, unless it has these bytes already, and a copy of one that is
// written in part.
OOCMAP_API uint64_t write_array(Store& store, WriteTransaction& transaction, Identity array,
                                std::span<const AxisRange> ranges, Bytes data);

}  // namespace oocmap
