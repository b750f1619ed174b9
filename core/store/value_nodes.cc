// ValueWriter: nodes of small containers.

#include "core/store/key_member.h"
#include "core/store/value_writer.h"

namespace oocmap {
namespace {

constexpr uint8_t kHasHeap = 0x80;

}  // namespace

// Decides how the members are stored in a node of `record`: each in the fewest bytes, or all alike
// where that takes no more.
void ValueWriter::plan(const TapeNode& node, uint64_t record) {
  scratch_.planned_for = record;
  scratch_.stored.resize(node.count);
  Tag* const stored = scratch_.stored.data();
  Tag common = kMixedTags;
  size_t words = 0;
  for (uint64_t i = 0; i < node.count; ++i) {
    stored[i] = stored_tag(tags(node)[i], local_word(node, i, record));
    common = i == 0 ? stored[i] : common == kMixedTags ? kMixedTags : common_tag(common, stored[i]);
    words += kWordWidths[stored[i]];
  }
  const size_t same = size_t{kWordWidths[common]} * node.count;
  const bool uniform = common != kMixedTags && same <= words + node.count;
  scratch_.uniform = uniform ? common : kMixedTags;
  scratch_.words = uniform ? same : words;
}

// A reference into the record that is being filled is written as record 0, so that a record's bytes
// do not depend on its id.
uint64_t ValueWriter::local_word(const TapeNode& node, uint64_t i, uint64_t record) const noexcept {
  const uint64_t word = tape_.words[node.members + i];
  return is_container(tags(node)[i]) && record_of(word) == record ? slot_of(word) : word;
}

// Of a node that was planned.
size_t ValueWriter::small_size(const TapeNode& node) const noexcept {
  const bool shaped = node.small_kind() == NodeKind::kShapedDict;
  return kNodeHeader + (shaped ? kIdBytes : 0) + (node.heap_bytes == 0 ? 0 : 2) +
         (node.small_kind() == NodeKind::kInlineDict ? 4 : 0) +
         (scratch_.uniform == kMixedTags ? node.count : 0) + scratch_.words + node.heap_bytes;
}

void ValueWriter::write_small(RecordDraft& draft, const TapeNode& node, uint64_t shape) {
  const NodeKind kind = node.small_kind();
  char* at = draft.add(small_size(node));
  at[0] = static_cast<char>(static_cast<uint8_t>(kind) | (node.heap_bytes == 0 ? 0 : kHasHeap));
  at[1] = static_cast<char>(scratch_.uniform);
  store_le(at + 2, static_cast<uint16_t>(node.count));
  at += kNodeHeader;
  if (kind == NodeKind::kShapedDict) {
    std::memcpy(at, &shape, kIdBytes);
    at += kIdBytes;
  } else if (kind == NodeKind::kInlineDict) {  // an empty dict: no key words, no keys' heap
    store_le(at, uint32_t{0});
    at += 4;
  }
  if (node.heap_bytes != 0) {
    store_le(at, static_cast<uint16_t>(scratch_.words));
    at += 2;
  }
  if (scratch_.uniform == kMixedTags && node.count != 0) {
    std::memcpy(at, scratch_.stored.data(), node.count);
    at += node.count;
  }
  write_members(node, at, at + scratch_.words);
}

void ValueWriter::write_members(const TapeNode& node, char* words, char* heap) const noexcept {
  const bool mixed = scratch_.uniform == kMixedTags;
  for (uint64_t i = 0; i < node.count; ++i) {
    const Tag stored = mixed ? scratch_.stored[i] : scratch_.uniform;
    if (is_heap(stored)) {
      const Bytes text = tape_.payload(tape_.words[node.members + i]);
      store_le(words, static_cast<uint16_t>(text.size()));
      std::memcpy(heap, text.data(), text.size());
      heap += text.size();
    } else {
      write_stored(words, stored, local_word(node, i, scratch_.planned_for));
    }
    words += kWordWidths[stored];
  }
}

size_t ValueWriter::build_keys(const TapeNode& node) {
  NodeBuilder& builder = scratch_.builder;
  builder.reset(node.small_kind());
  // A set's heap_bytes are its keys', counted one by one below.
  size_t most =
      kNodeHeader + 6 + (is_set(node.kind) ? 9 * node.count : 18 * node.count + node.heap_bytes);
  Buffer hold;
  for (const RunKey& run_key : keys_of(node)) {
    const Key key = run_key.key();
    const Member as_member = key_member(key, hold);
    if (is_heap(as_member.tag)) most += as_member.size;
    if (most > kMaxNodeBytes) break;
    builder.add_key(as_member);
  }
  return most;
}

// Rare enough to take the builder's way.
bool ValueWriter::write_keyed(TapeNode& node) {
  const size_t most = build_keys(node);
  if (most > kMaxNodeBytes) return false;
  RecordDraft& draft = draft_for(node, most);
  add_keyed(draft, node);
  placed(node, draft);
  return true;
}

// After build_keys().
void ValueWriter::add_keyed(RecordDraft& draft, const TapeNode& node) {
  NodeBuilder& builder = scratch_.builder;
  for (uint64_t i = 0; i < node.count; ++i) {
    Member value = member(node, i);
    if (value.container() && record_of(value.word) == draft.id()) value.word = slot_of(value.word);
    builder.add(value);
  }
  scratch_.node.clear();
  builder.encode(scratch_.node);
  std::memcpy(draft.add(scratch_.node.size()), scratch_.node.data(), scratch_.node.size());
}

}  // namespace oocmap
