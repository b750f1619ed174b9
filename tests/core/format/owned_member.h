// What the tests of nodes and records compare members by.
#pragma once

#include <string>

#include "core/format/word.h"

namespace oocmap {

// A member that owns its text.
struct Owned {
  Tag tag = 0;
  uint64_t word = 0;
  std::string text;

  Member member() const { return {tag, word, text.data(), static_cast<uint32_t>(text.size())}; }
  bool operator==(const Owned&) const = default;
};

inline Owned own(const Member& member) {
  Owned out{member.tag, 0, std::string(member.payload())};
  if (!member.has_payload()) out.word = member.word;
  return out;
}

}  // namespace oocmap
