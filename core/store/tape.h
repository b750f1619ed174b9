// A value between ValueEncoder and ValueWriter: its containers, children first, in a few flat
// arrays.
//
// Why a tape and not finished records: where a text goes (the node's heap, or `immutables`) is
// known only with the store at hand, and decides the layout of the node it stands in. So the
// encoder collects members, and the writer lays every node out exactly once, when record id, shape
// id and text are known: nothing is patched or relocated afterwards. The price is one more copy of
// 9 bytes a member, about 1 ns.
//
// Tags on the tape are those of word.h, with two differences until the writer has resolved a node:
//   heap tags    word = where the payload starts in `text`: u32 size, then the bytes
//   child tags   (kChildOfTape | container tag) word = number of a container of this tape
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/format/array.h"
#include "core/format/key_encoding.h"
#include "core/format/record.h"
#include "core/store/encoder.h"
#include "core/store/pod_vector.h"

namespace oocmap {

inline constexpr Tag kChildOfTape = 0x20;  // no WordKind has this bit
constexpr bool is_tape_child(Tag tag) noexcept { return tag >= 0x20 && tag < 0x40; }

inline constexpr uint32_t kNoShape = ~uint32_t{0};
inline constexpr uint32_t kOpen = ~uint32_t{0};  // TapeNode::position of a container not ended yet

// One container. Its number is its index in Tape::nodes.
struct TapeNode {
  enum : uint8_t {
    kResolve = 1,   // some member is a child, a reference or a text that may be shared
    kAliased = 2,   // again() named it
    kAlone = 4,     // ... while it was open: it gets a record of its own
    kInterned = 8,  // an immutable tuple, frozenset or registered object with a record of its own,
                    // stored once
    kOwned = 16,    // a part of an interned one, laid out with it
    kImmutable = 32,  // a deeply immutable tuple or frozenset
    kDropped = 64,    // a duplicate key replaced it: not stored
  };
  uint64_t members = 0;  // its first member in words, tags
  uint64_t count = 0;
  // Payload bytes below kIndexedText; of a set those of its keys; arrays: of the node.
  uint64_t heap_bytes = 0;
  // Sets, dicts without a shape: their key run in `text`; arrays: which.
  uint64_t keys = 0;
  Identity identity = 0;      // 0 until it is placed
  uint32_t shape = kNoShape;  // index in Tape::shapes
  uint32_t first_inside = 0;  // of `order`: where the containers inside it begin
  uint32_t position = kOpen;  // of `order`: its own place
  WordKind kind = WordKind::kList;
  uint8_t flags = 0;

  bool has(uint8_t any_of) const noexcept { return (flags & any_of) != 0; }
  // Its node's kind where it does not spill.
  NodeKind small_kind() const noexcept {
    if (kind == WordKind::kList) return NodeKind::kList;
    if (kind == WordKind::kTuple) return NodeKind::kTuple;
    if (kind == WordKind::kArray) return NodeKind::kArray;
    if (kind == WordKind::kRegistered) return NodeKind::kRegistered;
    if (kind == WordKind::kSet) return NodeKind::kSet;
    if (kind == WordKind::kFrozenset) return NodeKind::kFrozenset;
    return shape == kNoShape ? NodeKind::kInlineDict : NodeKind::kShapedDict;
  }
};

// An array's data may belong to somebody else, whom `keep` keeps.
struct TapeArray {
  ArrayHead head;
  Bytes data;
  std::shared_ptr<const void> keep;
};

struct Tape {
  PodVector<uint64_t> words;
  PodVector<Tag> tags;
  PodVector<char> text;
  PodVector<TapeNode> nodes;
  PodVector<uint32_t> order;  // numbers of the containers, in the order they ended
  std::vector<std::shared_ptr<const ShapeKeys>> shapes;
  std::vector<TapeArray> arrays;

  void clear() noexcept;
  size_t memory() const noexcept;

  Bytes payload(uint64_t at) const noexcept {
    return {text.data() + at + 4, load_le<uint32_t>(text.data() + at)};
  }
};

// Key runs: the keys of a dict without a shape, one after another:
//   order size u32 | explicit size u32 | form u8 | order bytes | explicit bytes
struct RunKey {
  Bytes order;
  Bytes explicit_packed;
  KeyForm form = KeyForm::kCanonical;
  Key key() const { return Key::stored(order, form, explicit_packed); }
};
void append_run_key(PodVector<char>& to, const Key& key);
// Reads the key at `at` and moves `at` behind it.
RunKey read_run_key(const char*& at) noexcept;

struct EncodedValue::Parts {
  Tape tape;
};

}  // namespace oocmap
