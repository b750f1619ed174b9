// Slotted records: how containers lie in `records`. Pure functions over bytes; docs/format.md has
// the grammar. A container's identity is (record id, slot) for life; its node may move inside the
// record.
//
//   record = header(4) node* directory
//   header = flags u16 | slots u16
//   directory = u16 offset in units of 2 bytes, one a slot, at the record's end; 0 = dead
//   node   = a small container: node_layout.h
//          | kSpilledDict, kSpilledSet, kSpilledFrozenset: 0 u8 | 0 u16 | count u64 | next sequence
//          u64
//          | kSpilledList, kSpilledTuple: 0 u8 | height u16 | count u64 | root chunk u64 | next
//          chunk u64
//          | kArray: array.h
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/export.h"
#include "core/format/corrupt.h"
#include "core/format/node_layout.h"
#include "core/format/word.h"

namespace oocmap {

// Do not renumber: on disk.
enum class NodeKind : uint8_t {
  kShapedDict = 1,
  kInlineDict = 2,
  kSpilledDict = 3,
  kList = 4,
  kTuple = 5,
  kSpilledList = 6,
  kSpilledTuple = 7,
  kSet = 8,  // as kInlineDict, all values None
  kFrozenset = 9,
  kSpilledSet = 10,  // as kSpilledDict, all values None
  kArray = 11,
  kSpilledFrozenset = 12,
  kRegistered = 13,  // as kTuple: the class's name and its value
};

// Whether a node of this kind has keys of its own beside its values.
constexpr bool is_keyed(NodeKind kind) noexcept {
  return kind == NodeKind::kInlineDict || kind == NodeKind::kSet || kind == NodeKind::kFrozenset;
}
// Whether its members are in `entries` and `order`.
constexpr bool is_spilled_keyed(NodeKind kind) noexcept {
  return kind == NodeKind::kSpilledDict || kind == NodeKind::kSpilledSet ||
         kind == NodeKind::kSpilledFrozenset;
}
constexpr bool is_spilled(NodeKind kind) noexcept {
  return kind == NodeKind::kSpilledList || kind == NodeKind::kSpilledTuple ||
         is_spilled_keyed(kind);
}

// Record flags. Do not renumber: on disk.
inline constexpr uint16_t kRecordPinned = 1;  // a word to it was stored elsewhere: vacuum frees it
inline constexpr uint16_t kRecordImmutable = 2;  // a deeply immutable tuple or frozenset, in
                                                 // immutable_index
inline constexpr uint16_t kRecordShared = 4;     // immutable with more than one referent

inline constexpr size_t kRecordHeader = 4;
inline constexpr size_t kNodeHeader = 4;
// The directory's offsets are u16, in units of 2 bytes.
inline constexpr size_t kMaxNodeStart = 65'535 * 2;

// A container's node, bounds-checked once when it was located; its accessors only index.
// Lifetime: views the map; valid while the transaction's stamp is unchanged.
class OOCMAP_API NodeView {
 public:
  NodeView() = default;
  // Locates `identity`'s node in `record`. The word and tag arrays are checked here, heap ranges in
  // member(). Errors: kStaleHandle for a dead or unknown slot, kCorrupt.
  static NodeView locate(Bytes record, Identity identity);
  // Views `node`, which stands at the front of the bytes (a record's node, a leaf chunk).
  // References to record 0 become references to `record`. Errors: kCorrupt.
  static NodeView parse(Bytes node, Identity identity, uint64_t record);

  Identity identity() const noexcept { return identity_; }
  NodeKind kind() const noexcept { return kind_; }
  WordKind container_kind() const noexcept;  // kDict to kRegistered
  bool spilled() const noexcept { return is_spilled(kind_) || (is_array() && a_ != 0); }
  bool keyed() const noexcept { return is_keyed(kind_); }
  // An array has elements (array.h), which are no members: count() is 0.
  bool is_array() const noexcept { return kind_ == NodeKind::kArray; }
  uint64_t count() const noexcept { return count_; }  // members; Python's len

  // Small kinds only, i < count(). Errors: kCorrupt for a member that leaves the node, or whose tag
  // version 1 does not know. Cost: a few ns in order or where all members are words of one width,
  // else about 1 ns for each member passed.
  Member member(size_t i) const { return values_.at(i); }
  // keyed() only.
  Member key(size_t i) const { return keys_.at(i); }
  uint64_t shape() const noexcept { return a_; }  // kShapedDict only

  // Spilled kinds only.
  uint64_t next_sequence() const noexcept { return a_; }
  uint64_t root_chunk() const noexcept { return a_; }
  uint64_t next_chunk() const noexcept { return b_; }
  uint16_t height() const noexcept { return height_; }

  const char* data() const noexcept { return node_; }
  // The whole node, without padding. Errors: kCorrupt. Cost (small kinds): a scan of the tags.
  Bytes bytes() const { return {node_, node_size()}; }

  // Overwrites member `i` of a small node in `bytes`, from which this view was made, where the new
  // member takes exactly the bytes of the old one. Returns false, and changes nothing, where it
  // would not fit. `member.word` as in NodeBuilder::add; a record in immutable_index must not be
  // patched. Errors: kCorrupt.
  bool patch(char* bytes, size_t i, const Member& member) const;

  // Appends to `to` this small node with `erase` (0 or 1) members at `i` taken out and `insert`
  // (null: none) in their place, padded to 2. A list's count may change, a dict's may not. Returns
  // false, and appends nothing, where the node has to be built anew: its first member comes or its
  // last goes, the tags would become mixed, a first string comes. `insert->word` as in
  // NodeBuilder::add. Errors: kCorrupt. Cost: a scan of the tags and a copy.
  bool splice(size_t i, size_t erase, const Member* insert, Buffer& to) const;

 private:
  friend class NodeBuilder;
  static NodeView parse_as(NodeKind kind, Bytes node, Identity identity, uint64_t record);
  friend NodeView leaf_view(Bytes chunk, Identity container);
  void parse_small(Bytes node);
  void parse_spilled(Bytes node);
  void parse_array(Bytes node);

  size_t node_size() const;
  uint64_t local_word(const Member& member) const noexcept;
  const char* words_size_field() const noexcept;  // where it has a heap

  const char* node_ = nullptr;
  MemberRun values_;
  MemberRun keys_;
  uint64_t count_ = 0;
  uint64_t a_ = 0;  // shape, next sequence, root chunk; arrays: the size of a chunk
  uint64_t b_ = 0;
  uint64_t base_ = 0;  // what a reference to record 0 becomes: the record, shifted
  Identity identity_ = 0;
  uint32_t spilled_size_ = 0;  // of a node that is no small one
  uint16_t height_ = 0;
  NodeKind kind_ = NodeKind::kList;
};

// Overwrites member `i` of a small node inside `record` (NodeView::patch). Errors: kStaleHandle,
// kCorrupt. Cost: a locate and two stores.
OOCMAP_API bool patch_member(char* record, size_t size, Identity identity, size_t i,
                             const Member& member);

// Appends to `to` the record with other bytes for `node`, which was located in it: the nodes behind
// move, nothing is decoded. Returns false, and appends nothing, where one might start past
// kMaxNodeStart. Errors: kCorrupt.
bool replace_node(Bytes record, const NodeView& node, Bytes bytes, Buffer& to);

// What a node is built from: words, tags, and payloads that go to its heap. Reusable: reset() keeps
// the memory. The same calls give the same bytes.
class OOCMAP_API NodeBuilder {
 public:
  void reset(NodeKind kind);
  NodeKind kind() const noexcept { return kind_; }
  // Turns a loaded shaped dict into an inline one (then add_key its keys), or a list into a tuple.
  void set_kind(NodeKind kind) noexcept { kind_ = kind; }
  void set_shape(uint64_t shape) noexcept { shape_ = shape; }
  uint64_t shape() const noexcept { return shape_; }
  // A value member: `member.word` absolute or record 0 for the same record; a heap payload is
  // copied from `data`; inline text from `data`, or from the word where data is null.
  // Errors: kInvalidArgument where the heap would pass 2 GiB.
  void add(const Member& member) { append(words_, tags_, member); }
  void add_key(const Member& key) { append(key_words_, key_tags_, key); }  // is_keyed()
  // Takes over a decoded node (small kinds): its members and keys are copied, words to its own
  // record made local. Errors: kCorrupt.
  void load(const NodeView& view);
  void set(size_t i, const Member& member);
  void insert(size_t i, const Member& member);
  void erase(size_t i);  // is_keyed(): the key too
  // Lifetime of both: until the next change of the builder.
  Member at(size_t i) const { return decode(words_, tags_, i); }
  Member key_at(size_t i) const { return decode(key_words_, key_tags_, i); }
  size_t count() const noexcept { return words_.size(); }
  // Makes references to record 0 references to `record`: a node that becomes a chunk.
  void make_absolute(uint64_t record) noexcept;
  // What encode() would append, padding included. Cost: a scan of the tags.
  size_t encoded_size() const noexcept;
  // Appends the node, padded to 2. Errors: kInvalidArgument for more than 65,535 members or a key
  // count that is not the member count.
  void encode(Buffer& to) const;

 private:
  struct Plan;
  Plan plan() const noexcept;
  void load_member(const Member& member, uint64_t base);
  void append(std::vector<uint64_t>& words, std::vector<Tag>& tags, const Member& member) {
    tags.push_back(member.tag);
    words.push_back(store_payload(member));
  }
  // The word to keep for `member`; heap payloads go to heap_, where the word then points.
  uint64_t store_payload(const Member& member) {
    if (member.tag < kInHeap || is_immutable(member.tag)) return member.word;
    return store_text(member);
  }
  uint64_t store_text(const Member& member);
  Member decode(const std::vector<uint64_t>& words, const std::vector<Tag>& tags, size_t i) const;
  char* write_run(char* words, const std::vector<uint64_t>& from, const std::vector<Tag>& tags,
                  Tag uniform, char*& heap) const noexcept;

  NodeKind kind_ = NodeKind::kList;
  uint64_t shape_ = 0;
  std::vector<uint64_t> words_, key_words_;  // heap members: offset in heap_ | size << 32
  std::vector<Tag> tags_, key_tags_;
  Buffer heap_;
  size_t longest_ = 0;  // of the heap strings ever taken
};

// `kind`: one of is_spilled_keyed().
Buffer encode_spilled_dict(uint64_t count, uint64_t next_sequence,
                           NodeKind kind = NodeKind::kSpilledDict);
Buffer encode_spilled_list(NodeKind kind, uint16_t height, uint64_t count, uint64_t root_chunk,
                           uint64_t next_chunk);

// A record being built or edited in memory. Reusable: reset() and load() keep the memory.
class OOCMAP_API RecordEditor {
 public:
  RecordEditor();                       // empty
  explicit RecordEditor(Bytes record);  // Errors: kCorrupt
  void reset() noexcept;                // empty again
  void load(Bytes record);              // Errors: kCorrupt
  uint16_t flags() const noexcept { return flags_; }
  void set_flags(uint16_t flags) noexcept { flags_ = flags; }
  size_t slots() const noexcept { return offsets_.size(); }
  size_t live() const noexcept { return live_; }  // slots neither dead nor only reserved
  size_t encoded_size() const noexcept;           // what finish() would make
  // What finish() would make if `slot`'s node had `bytes`. Nodes that grow may take a record past
  // kMaxRecordBytes; none may start past kMaxNodeStart, so one is spilled before that.
  size_t size_with(uint16_t slot, size_t bytes) const noexcept;
  // Whether a slot is left and a node of `bytes` still fits kMaxRecordBytes; a first node does.
  bool has_room(size_t bytes) const noexcept;
  // Errors (reserve, add): kInvalidArgument where no slot is left.
  uint16_t reserve();        // a slot whose node comes later (cycles)
  uint16_t add(Bytes node);  // returns its slot
  // Errors (both): kInvalidArgument for a slot that is dead or was never given out.
  void replace(uint16_t slot, Bytes node);  // also fills a reserved slot
  void kill(uint16_t slot);                 // the slot is dead for ever
  Bytes node(uint16_t slot) const;          // with its padding; empty where dead or only reserved
  // The record. Slot numbers stay; the bytes of dead and replaced nodes are left out.
  // Errors: kInvalidArgument where a reserved slot was not filled; kTransactionTooBig where a node
  // would start past kMaxNodeStart.
  Buffer finish() const;
  void finish(Buffer& to) const;  // appends it

 private:
  struct Slot {
    uint32_t offset = 0;  // into nodes_
    uint32_t size = 0;    // 0 where dead or reserved
    bool reserved = false;
  };
  void put(uint16_t slot, Bytes node);
  void check_slot(uint16_t slot) const;
  size_t place(size_t slot, char* record, char* directory, size_t offset) const;
  size_t largest() const noexcept;

  Buffer nodes_;
  std::vector<Slot> offsets_;
  size_t dead_ = 0;  // bytes of nodes_ that no slot refers to
  size_t live_ = 0;
  uint16_t flags_ = 0;
};

// Reads only a record's flags. Errors: kCorrupt.
OOCMAP_API uint16_t record_flags(Bytes record);
// Slots ever given out, and live nodes. Errors: kCorrupt.
size_t record_slots(Bytes record);
size_t record_live(Bytes record);
// Whether `slot` has a node. Errors: kCorrupt.
bool slot_live(Bytes record, size_t slot);

}  // namespace oocmap
