// Every decoder of core/format, with inputs that decode: for mutated bytes (hostile_bytes_test.cc)
// and fuzzed ones (tests/fuzz/format_fuzz.cc).
#pragma once

#include <functional>
#include <ostream>
#include <vector>

#include "core/base/error.h"
#include "core/format/record.h"

namespace oocmap {

struct Decoder {
  const char* name;
  std::vector<Buffer> inputs;
  // Decodes and reads every byte that the decode points at. Throws Error, or std::logic_error where
  // what it read contradicts itself.
  std::function<void(Bytes)> use;
  std::vector<ErrorCode> also = {};  // allowed beside kCorrupt
};

inline std::ostream& operator<<(std::ostream& out, const Decoder& decoder) {
  return out << decoder.name;
}

std::vector<Decoder> decoders();

Member text_member(Tag tag, Bytes text);  // views `text`
Buffer some_node(NodeKind kind);          // with members of every form

}  // namespace oocmap
