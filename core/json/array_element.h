// JSON text of one element of an array, by the array's type.
#pragma once

#include <cstdint>

#include "core/base/bytes.h"

namespace oocmap {

// A type as docs/format.md has it ("Arrays"), as far as JSON text needs it. What it does not know,
// structured types among it, is written as the base64 text of the element's bytes.
class ElementWriter {
 public:
  ElementWriter(Bytes type, uint32_t item_size);
  // `item`: item_size bytes.
  void write(Bytes item, Buffer& to) const;

 private:
  enum class Kind : uint8_t {
    kBytes,  // base64 of all of them
    kBool,
    kInt,
    kUnsigned,
    kFloat,
    kBfloat16,
    kComplex,
    kDatetime,
    kTimedelta,
    kByteText,  // bytes filled up with zeros
    kText,      // code points of 4 bytes, likewise
  };
  void parse(Bytes type);
  void parse_unit(Bytes unit);
  void write_known(Bytes item, Buffer& to) const;
  void write_text(Bytes item, Buffer& to) const;

  Kind kind_ = Kind::kBytes;
  bool swapped_ = false;  // big-endian
  uint32_t size_ = 0;     // of an item
  int64_t multiple_ = 1;  // of the unit of a time
  int unit_ = -1;         // index in kUnits; -1: none
};

}  // namespace oocmap
