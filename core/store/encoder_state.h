// The inside of a ValueEncoder: the containers that are open, and the tape of those that have
// ended.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/store/encoder.h"
#include "core/store/tape.h"

namespace oocmap {

inline constexpr size_t kKeepBytes = size_t{16} << 20;  // memory an idle encoder may keep

[[noreturn]] inline void misuse(const char* what) {
  throw Error(ErrorCode::kInvalidArgument, what);
}

// Up to 8 bytes as a little-endian word, without a call to memcpy of unknown size.
inline uint64_t inline_word(Bytes bytes) noexcept {
  const char* const at = bytes.data();
  const size_t size = bytes.size();
  if (size >= 4) {
    const uint64_t low = load_le<uint32_t>(at);
    const uint64_t high = load_le<uint32_t>(at + size - 4);
    return low | high << (8 * (size - 4));
  }
  uint64_t word = 0;
  for (size_t i = 0; i < size; ++i) word |= uint64_t{static_cast<uint8_t>(at[i])} << (8 * i);
  return word;
}

inline bool fits_word(PayloadKind kind, size_t size) noexcept {
  return size <= kInlineText && (kind == PayloadKind::kStr || kind == PayloadKind::kBytes);
}

inline Tag inline_tag(PayloadKind kind, size_t size) noexcept {
  return kind == PayloadKind::kStr ? inline_text_tag(size) : inline_bytes_tag(size);
}

// Errors: kInvalidArgument over kMaxValueBytes, kTypeMismatch for a kind that cannot be stored.
void check_payload(PayloadKind kind, Bytes bytes);

// Errors: kInvalidArgument, as ValueEncoder::begin_registered.
void check_class_name(Bytes name);

// One tape a thread is kept for the next value, so that encoding allocates nothing once warm.
template <typename Parts>
std::unique_ptr<Parts>& spare() {
  thread_local std::unique_ptr<Parts> parts;
  return parts;
}

template <typename Parts>
std::unique_ptr<Parts> take_parts() {
  if (spare<Parts>() == nullptr) return std::make_unique<Parts>();
  return std::move(spare<Parts>());
}

template <typename Parts>
void give_back(std::unique_ptr<Parts> parts) noexcept {
  if (parts == nullptr || spare<Parts>() != nullptr) return;
  if (parts->tape.memory() > kKeepBytes) return;
  parts->tape.clear();
  spare<Parts>() = std::move(parts);
}

struct ValueEncoder::State {
  // An open container. Its members, and the keys of a dict, are the tops of two stacks.
  struct Frame {
    uint64_t heap_bytes = 0;
    uint64_t owned_bytes = 0;  // tuples: what plain immutable containers inside add to their record
    size_t members = 0;        // where its members begin
    size_t keys = 0;           // where its key run begins
    uint32_t key_count = 0;
    uint32_t node = 0;
    uint32_t shape = kNoShape;
    WordKind kind = WordKind::kList;
    bool resolve = false;
    bool immutable = true;
    bool shapeless = false;  // a dict with a key that is not plain
  };

  // The shape of a dict whose keys came one by one, found by its key run.
  struct KnownShape {
    uint64_t hash = 0;
    Buffer run;
    std::shared_ptr<const ShapeKeys> shape;
  };

  static constexpr size_t kShapeSlots = 256;

  State() : parts(take_parts<EncodedValue::Parts>()), tape(&parts->tape), known(kShapeSlots) {
    frames.push(Frame{});
  }

  void add(Tag tag, uint64_t word) {
    tags.push(tag);
    words.push(word);
  }
  Frame& top() noexcept { return frames.back(); }
  size_t begin(WordKind kind);
  void end();
  void end_dict(Frame& frame, TapeNode& node);
  void end_set(Frame& frame, TapeNode& node);
  void sort_keys(Frame& frame);
  void intern(Frame& frame, TapeNode& node, size_t bytes, size_t most_members);
  size_t tuple_bytes(const TapeNode& node) const noexcept;
  size_t set_bytes(const TapeNode& node) const noexcept;
  void move_members(const Frame& frame, TapeNode& node);
  void drop_duplicate_keys(Frame& frame);
  std::shared_ptr<const ShapeKeys> shape_of_run(Frame& frame);
  uint32_t shape_index(std::shared_ptr<const ShapeKeys> shape);
  void own_inside(const TapeNode& tuple) noexcept;
  void drop_unreachable(uint32_t root);
  EncodedValue finish();
  void reset() noexcept;

  Bytes run(const Frame& frame) const noexcept {
    return {keys.data() + frame.keys, keys.size() - frame.keys};
  }

  std::unique_ptr<EncodedValue::Parts> parts;
  Tape* tape;
  PodVector<Frame> frames;    // the first is no container: the whole value is its one member
  PodVector<uint64_t> words;  // members of open containers
  PodVector<Tag> tags;
  PodVector<char> keys;  // key runs of open dicts
  std::vector<KnownShape> known;
  bool dropped = false;  // a duplicate key replaced a container
};

}  // namespace oocmap
