#include "core/store/array.h"

#include <algorithm>

#include "core/format/chunk.h"
#include "core/format/corrupt.h"
#include "core/store/array_runs.h"

namespace oocmap {
namespace {

ArrayView view_of(const NodeView& node) {
  if (!node.is_array()) {
    throw Error(ErrorCode::kStaleHandle, "what this object stands for is no array");
  }
  return ArrayView(node.bytes());
}

// Bytes that chunk `number` (from 1) of the array must have.
size_t chunk_length(const ArrayView& array, uint64_t number) noexcept {
  const uint64_t start = (number - 1) * array.chunk_size();
  return static_cast<size_t>(std::min<uint64_t>(array.bytes() - start, array.chunk_size()));
}

Bytes chunk_row(const Transaction& transaction, Identity identity, uint64_t number, size_t size) {
  const auto row = transaction.get(Database::kChunks, chunk_key(identity, number));
  if (!row) throw_corrupt("a chunk of an array is missing");
  if (row->size() != size) throw_corrupt("a chunk of an array is too short or too long");
  return *row;
}

}  // namespace

ArrayReader::ArrayReader(const Transaction& transaction, const NodeView& node)
    : transaction_(transaction), identity_(node.identity()), view_(view_of(node)) {
  here_ = view_.data();
}

ArrayHead ArrayReader::head() const {
  ArrayHead head;
  head.library = view_.library();
  head.fortran = view_.fortran();
  head.item_size = view_.item_size();
  head.type =
      view_.type_apart() ? chunk_row(transaction_, identity_, 0, view_.type_size()) : view_.type();
  for (size_t axis = 0; axis < view_.dimensions(); ++axis) {
    head.shape.push_back(view_.length(axis));
  }
  return head;
}

Bytes ArrayReader::chunk(uint64_t number) const {
  if (!located_.empty()) return located_.at(number);
  return chunk_row(transaction_, identity_, number, chunk_length(view_, number));
}

void ArrayReader::read_across(uint64_t from, uint64_t size, char* to) {
  while (size != 0) {
    const uint64_t number = from / view_.chunk_size() + 1;
    here_ = chunk(number);
    first_ = (number - 1) * view_.chunk_size();
    const size_t part = here_.copy(to, size, from - first_);
    from += part;
    size -= part;
    to += part;
  }
}

namespace {

ArrayRuns runs_of(const ArrayView& array, std::span<const AxisRange> ranges, uint64_t size) {
  ArrayRuns runs(array, ranges);
  if (runs.bytes(array) != size) {
    throw Error(ErrorCode::kInvalidArgument, "the room is not of the size of the part");
  }
  return runs;
}

}  // namespace

void ArrayReader::locate(uint64_t from, uint64_t size) {
  if (!view_.chunked() || size == 0) return;
  const uint64_t last = (from + size - 1) / view_.chunk_size() + 1;
  for (uint64_t number = from / view_.chunk_size() + 1; number <= last; ++number) {
    if (number == last_located_) continue;
    last_located_ = number;
    if (!located_.contains(number)) {
      located_.emplace(number,
                       chunk_row(transaction_, identity_, number, chunk_length(view_, number)));
    }
  }
}

void ArrayReader::locate(std::span<const AxisRange> ranges, uint64_t size) {
  runs_of(view_, ranges, size).each([&](uint64_t from, uint64_t bytes) { locate(from, bytes); });
}

void ArrayReader::read(std::span<const AxisRange> ranges, uint64_t size, char* to) {
  ArrayRuns runs = runs_of(view_, ranges, size);
  runs.each([&](uint64_t from, uint64_t bytes) {
    read(from, bytes, to);
    to += bytes;
  });
}

std::optional<Bytes> ArrayReader::whole() const {
  if (!view_.chunked()) return view_.data();
  if (view_.bytes() == 0) return Bytes();
  if (view_.bytes() > view_.chunk_size()) return std::nullopt;
  return chunk(1);
}

namespace {

// Data in the node: the record is put again, with other bytes in the midst.
uint64_t write_inside(WriteTransaction& transaction, const NodeView& node, const ArrayView& array,
                      ArrayRuns& runs, Bytes data) {
  const uint64_t id = record_of(node.identity());
  const auto record = transaction.get(Database::kRecords, id);
  if (!record) throw_stale();
  const auto start = static_cast<size_t>(node.data() - record->data()) + array.data_offset();
  if (start > record->size()) throw_corrupt("a node leaves its record");
  Buffer changed(*record);
  runs.each([&](uint64_t to, uint64_t size) {
    data.copy(changed.data() + start + to, size);
    data.remove_prefix(size);
  });
  transaction.put(Database::kRecords, id, changed);
  return changed.size();
}

// Takes runs in rising order and puts each chunk they touch once.
class ChunkWriter {
 public:
  ChunkWriter(WriteTransaction& transaction, Identity identity, const NodeView& node)
      : transaction_(transaction), identity_(identity), node_(node.bytes()), array_(node_) {}

  void write(uint64_t to, Bytes data) {
    while (!data.empty()) {
      const uint64_t number = to / array_.chunk_size() + 1;
      const auto at = static_cast<size_t>(to % array_.chunk_size());
      const size_t length = chunk_length(array_, number);
      const size_t part = std::min(data.size(), length - at);
      if (part == length) {
        flush();
        put_whole(number, data.substr(0, part));
      } else {
        if (number != number_) open(number, length);
        data.copy(chunk_.data() + at, part);
      }
      to += part;
      data.remove_prefix(part);
    }
  }
  void flush() {
    if (number_ != 0) put(number_, chunk_);
    number_ = 0;
  }
  uint64_t bytes() const noexcept { return bytes_; }

 private:
  void open(uint64_t number, size_t length) {
    flush();
    chunk_ = chunk_row(transaction_, identity_, number, length);
    number_ = number;
  }
  // What is there already is not put again.
  void put_whole(uint64_t number, Bytes data) {
    const auto row = transaction_.get(Database::kChunks, chunk_key(identity_, number));
    if (!row || *row != data) put(number, data);
  }
  void put(uint64_t number, Bytes data) {
    transaction_.put(Database::kChunks, chunk_key(identity_, number), data);
    bytes_ += data.size();
  }

  WriteTransaction& transaction_;
  Identity identity_;
  const Buffer node_;  // a put makes views invalid
  const ArrayView array_;
  Buffer chunk_;
  uint64_t number_ = 0;  // of chunk_; 0: none
  uint64_t bytes_ = 0;
};

}  // namespace

uint64_t write_array(Store& store, WriteTransaction& transaction, Identity array,
                     std::span<const AxisRange> ranges, Bytes data) {
  const NodeView node = store.locate(transaction, array);
  const ArrayView view = view_of(node);
  ArrayRuns runs(view, ranges);
  if (runs.bytes(view) != data.size()) {
    throw Error(ErrorCode::kInvalidArgument, "the data is not of the size of the part");
  }
  if (data.empty()) return 0;
  if (!view.chunked()) return write_inside(transaction, node, view, runs, data);
  ChunkWriter chunks(transaction, array, node);
  runs.each([&](uint64_t to, uint64_t size) {
    chunks.write(to, data.substr(0, size));
    data.remove_prefix(size);
  });
  chunks.flush();
  return chunks.bytes();
}

}  // namespace oocmap
