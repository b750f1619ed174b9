// JSON text as a stream of events; who listens decides what becomes of it (reader.h, document.h).
#pragma once

#include <string_view>

#include "core/base/bytes.h"
#include "core/format/word.h"

namespace oocmap {

class JsonEvents {
 public:
  virtual ~JsonEvents() = default;
  virtual void null() = 0;
  virtual void boolean(bool value) = 0;
  virtual void integer(int64_t value) = 0;
  virtual void floating(double value) = 0;
  virtual void payload(PayloadKind kind, Bytes bytes) = 0;  // kStr, kWtf8, kBigInt
  virtual void begin_object() = 0;
  virtual void key(PayloadKind kind, Bytes text) = 0;  // kStr, kWtf8
  virtual void begin_array() = 0;
  virtual void end() = 0;
};

// Parses the one value in `text`. Errors: kInvalidJson (position in bytes from 0, and what was
// wrong); whatever `events` throws. Cost: O(size), no recursion.
void parse_json(std::string_view text, JsonEvents& events);

}  // namespace oocmap
