#include "tests/core/format/decoders.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "core/format/chunk.h"
#include "core/format/entry.h"
#include "core/format/handle.h"
#include "core/format/immutable.h"
#include "core/format/meta.h"

namespace oocmap {
namespace {

void require(bool holds, const char* otherwise) {
  if (!holds) throw std::logic_error(otherwise);
}

// Reads every byte, so that a view outside its input is seen.
uint64_t sum(Bytes bytes) {
  uint64_t total = bytes.size();
  for (const char c : bytes) total += static_cast<uint8_t>(c);
  return total;
}

uint64_t use(const Member& member) { return member.word + sum(member.payload()); }

uint64_t use(const NodeView& view) {
  uint64_t total = sum(view.bytes());
  if (view.spilled()) return total + view.count() + view.root_chunk() + view.next_chunk();
  for (size_t i = 0; i < view.count(); ++i) {
    total += use(view.member(i));
    if (view.keyed()) total += use(view.key(i));
  }
  NodeBuilder builder;
  builder.load(view);
  Buffer again;
  builder.encode(again);
  return total + sum(again);
}

uint64_t use(const Key& key) { return sum(key.order()) + sum(key.pack()); }

void use_record(Bytes record) {
  record_flags(record);
  for (size_t slot = 0; slot < std::min<size_t>(record_slots(record) + 1, 50); ++slot) {
    try {
      use(NodeView::locate(record, make_identity(3, static_cast<uint16_t>(slot))));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCorrupt && error.code() != ErrorCode::kStaleHandle) throw;
    }
  }
  RecordEditor editor(record);
  for (size_t slot = 0; slot < editor.slots(); ++slot)
    sum(editor.node(static_cast<uint16_t>(slot)));
  const Buffer same = editor.finish();
  require(same.size() <= record.size(), "a rebuilt record is longer");
  if (editor.slots() > 0 && !editor.node(0).empty()) editor.kill(0);
  sum(editor.finish());
}

void use_patch(Bytes record) {
  Buffer copy(record);
  const Identity identity = make_identity(3, 1);
  patch_member(copy.data(), copy.size(), identity, 2, {tag_of(WordKind::kInt), 5});
}

void use_inner(Bytes chunk) {
  const InnerView inner(chunk);
  uint64_t total = 0;
  for (size_t i = 0; i < inner.count(); ++i) total += inner.child(i) + inner.members(i);
  uint64_t expected = 0;
  for (const auto& [child, members] : decode_inner(chunk).children) expected += child + members;
  require(total == expected, "two ways to read a chunk differ");
}

void use_entry(Bytes value) {
  const Entry entry = decode_entry(value);
  use(entry.member);
  use(decode_entry_member(value));
  use(entry_key_of(entry.order.empty() ? Bytes("\x30k") : Bytes(std::string(457, 'x')), entry));
}

void use_stored_key(Bytes bytes) {
  if (bytes.empty()) return;
  const Tag tag = static_cast<Tag>(bytes.front());
  uint64_t word = 0;
  std::memcpy(&word, bytes.data(), std::min<size_t>(bytes.size(), 8));
  key_equals(tag, word, bytes.substr(1), Key::integer(1));
  use(key_of(tag, word, bytes.substr(1)));
}

void use_handle(Bytes bytes) {
  const Handle handle = decode_handle(bytes);
  sum(handle.packed);
  require(encode_handle(handle) == bytes, "a handle comes back otherwise");
}

// --- Inputs that decode

}  // namespace

Member text_member(Tag tag, Bytes text) {
  return {tag, 0, text.data(), static_cast<uint32_t>(text.size())};
}

namespace {

void add_some(NodeBuilder& builder) {
  builder.add({tag_of(WordKind::kInt), 5});
  builder.add({tag_of(WordKind::kDict), make_identity(8, 1)});
  builder.add(text_member(heap_tag(PayloadKind::kStr), "a string in the heap"));
  builder.add(text_member(inline_text_tag(4), "four"));
  builder.add({immutable_tag(PayloadKind::kBytes), 77});
}

}  // namespace

Buffer some_node(NodeKind kind) {
  NodeBuilder builder;
  builder.reset(kind);
  add_some(builder);
  for (size_t i = 0; is_keyed(kind) && i < builder.count(); ++i) {
    builder.add_key(text_member(heap_tag(PayloadKind::kStr), "some longer key"));
  }
  Buffer out;
  builder.encode(out);
  return out;
}

namespace {

Buffer some_record() {
  RecordEditor editor;
  for (const NodeKind kind : {NodeKind::kShapedDict, NodeKind::kInlineDict, NodeKind::kList}) {
    editor.add(some_node(kind));
  }
  editor.add(encode_spilled_dict(10, 11));
  editor.add(encode_spilled_list(NodeKind::kSpilledTuple, 2, 10, 1, 3));
  editor.add(some_node(NodeKind::kTuple));
  editor.add(some_node(NodeKind::kSet));
  editor.add(encode_spilled_dict(10, 11, NodeKind::kSpilledFrozenset));
  editor.kill(2);
  return editor.finish();
}

Buffer some_leaf() {
  NodeBuilder builder;
  builder.reset(NodeKind::kList);
  add_some(builder);
  return encode_leaf(builder);
}

Buffer some_packed() {
  Buffer packed;
  pack_tuple(packed, 6);
  pack_none(packed);
  pack_bool(packed, true);
  pack_float(packed, -1.5);
  pack_payload(packed, PayloadKind::kBigInt, Bytes("\1\0\0\0\0\0\0\0\1\1", 10));
  pack_tuple(packed, 1);
  pack_payload(packed, PayloadKind::kWtf8, "\xed\xa0\x80");
  pack_payload(packed, PayloadKind::kStr, Bytes("a\0b", 3));
  return packed;
}

Buffer some_frozenset() {
  std::vector<Buffer> members(4);
  pack_int(members[0], 300);
  pack_bool(members[1], true);
  pack_payload(members[2], PayloadKind::kStr, "member");
  std::vector<Buffer> inner(2);
  pack_tuple(inner[0], 0);
  pack_none(inner[1]);
  pack_frozenset(members[3], inner);
  Buffer packed;
  pack_frozenset(packed, members);
  return packed;
}

Buffer some_shape() {
  Buffer shape;
  append_shape_head(shape, 2);
  pack_payload(shape, PayloadKind::kStr, "name");
  return shape + some_packed();
}

Buffer some_handle(HandleKind kind) {
  static const Buffer kPacked = some_packed();
  return encode_handle({kind, 5, tag_of(WordKind::kDict), make_identity(4, 1), kPacked, 1, 2});
}

Buffer stored_key(PayloadKind kind, Bytes payload) {
  return Buffer(1, static_cast<char>(heap_tag(kind))).append(payload);
}

}  // namespace

std::vector<Decoder> decoders() {
  const Key long_key = Key::text(std::string(500, 'k'));
  const Key tuple = Key::packed(some_packed());
  const Key frozenset = Key::packed(some_frozenset());
  const Member text = text_member(heap_tag(PayloadKind::kStr), "text");
  const Member number{tag_of(WordKind::kInt), 300};
  return {
      {"record", {some_record()}, use_record},
      {"patch", {some_record()}, use_patch, {ErrorCode::kStaleHandle}},
      {"node",
       {some_node(NodeKind::kInlineDict), some_node(NodeKind::kTuple),
        some_node(NodeKind::kFrozenset)},
       [](Bytes b) { use(NodeView::parse(b, make_identity(3, 0), 3)); }},
      {"leaf", {some_leaf()}, [](Bytes b) { use(leaf_view(b, make_identity(3, 0))); }},
      {"inner", {encode_inner({{{1, 2}, {3, 4}}})}, use_inner},
      {"entry",
       {encode_entry(5, Key::text("k"), text), encode_entry(5, Key::floating(-0.0), number),
        encode_entry(5, long_key, text)},
       use_entry},
      {"order entry",
       {encode_order_entry(tuple, number), encode_order_entry(long_key, text)},
       [](Bytes b) {
         const Entry entry = decode_order_entry(b);
         use(entry.member);
         use(Key::stored(entry.order, entry.form, entry.explicit_packed));
       }},
      {"order bytes",
       {Buffer(tuple.order()), Buffer(frozenset.order()), Buffer(Key::floating(-1.5).order()),
        Buffer(Key::integer(300).order()),
        Buffer(Key::payload(PayloadKind::kBigInt, Bytes("\1\1\0\0\0\0\0\0\0\1", 10)).order())},
       [](Bytes b) { sum(unpack_order(b)); }},
      {"bool form",
       {Buffer(Key::integer(1).order())},
       [](Bytes b) { use(Key::stored(b, KeyForm::kBool, {})); }},
      {"float form",
       {Buffer(Key::integer(300).order()), Buffer(Key::floating(1.5).order())},
       [](Bytes b) { use(Key::stored(b, KeyForm::kFloat, {})); }},
      {"element",
       {Buffer(tuple.order()) + "tail", Buffer(frozenset.order()) + "tail"},
       [](Bytes b) { sum(read_element(b)); }},
      {"packed",
       {some_packed(), some_frozenset()},
       [](Bytes b) {
         Bytes rest = b;
         skip_packed(rest);
         sum(rest);
       }},
      {"packed key",
       {some_packed(), some_frozenset()},
       [](Bytes b) { use(Key::packed(b)); },
       {ErrorCode::kInvalidArgument, ErrorCode::kTypeMismatch}},
      {"stored key",
       {stored_key(PayloadKind::kPacked, some_packed()),
        stored_key(PayloadKind::kPacked, some_frozenset()), stored_key(PayloadKind::kStr, "text"),
        stored_key(PayloadKind::kBigInt, Bytes("\1\0\0\0\0\0\0\0\1\1", 10))},
       use_stored_key},
      {"entry key",
       {entry_key(make_identity(300, 300), long_key.order())},
       [](Bytes b) {
         read_container(b);
         is_cut(b);
         sum(b);
       }},
      {"sequence",
       {order_key(make_identity(300, 300), 70'000)},
       [](Bytes b) {
         read_container(b);
         read_sequence(b);
       }},
      {"immutable",
       {encode_immutable(1, PayloadKind::kStr, "payload")},
       [](Bytes b) { sum(decode_immutable(b).payload); }},
      {"index key", {index_key(1, IndexSpace::kRecords, 70'000)}, [](Bytes b) { index_id(b); }},
      {"shape",
       {some_shape()},
       [](Bytes b) {
         for (const Bytes key : decode_shape(b)) sum(key);
       }},
      {"handle",
       {some_handle(HandleKind::kContainer), some_handle(HandleKind::kScalar),
        some_handle(HandleKind::kUncommitted)},
       use_handle,
       {ErrorCode::kStaleHandle}},
      {"key blob",
       {encode_key_blob(tuple), encode_key_blob(Key::floating(2))},
       [](Bytes b) { use(decode_key_blob(b)); },
       {ErrorCode::kInvalidArgument}},
      {"format version",
       {encode_format_version()},
       [](Bytes b) { decode_format_version(b); },
       {ErrorCode::kFormatVersion}},
      {"features",
       {encode_meta_u64(0)},
       [](Bytes b) { decode_features(b); },
       {ErrorCode::kFormatVersion}},
      {"meta", {encode_meta_u64(7)}, [](Bytes b) { decode_meta_u64(kMetaRoot, b); }},
  };
}

}  // namespace oocmap
