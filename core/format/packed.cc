#include "core/format/packed.h"

#include "core/format/corrupt.h"

namespace oocmap {
namespace {

void push(Buffer& to, Tag tag) { to.push_back(static_cast<char>(tag)); }

uint64_t take_word(Bytes& from) {
  if (from.size() < 8) throw_corrupt("a packed number is cut short");
  const auto word = load_le<uint64_t>(from.data());
  from.remove_prefix(8);
  return word;
}

Bytes take_payload(Bytes& from) {
  uint64_t size = 0;
  if (!read_varint(from, size) || size > from.size())
    throw_corrupt("a packed payload is cut short");
  const Bytes payload = from.substr(0, size);
  from.remove_prefix(size);
  return payload;
}

// Every member takes at least its tag, so a count over what is left is a lie, not a large tuple.
uint64_t take_count(Bytes& from) {
  uint64_t count = 0;
  if (!read_varint(from, count) || count > from.size())
    throw_corrupt("a packed tuple or frozenset is cut short");
  return count;
}

// The flags; name and value are looked at, not taken.
Packed take_registered(Bytes& from) {
  if (from.empty() || (static_cast<uint8_t>(from.front()) & ~kRegisteredFlags) != 0) {
    throw_corrupt("a packed registered object has unknown flags");
  }
  Packed head;
  head.tag = tag_of(WordKind::kRegistered);
  head.word = static_cast<uint8_t>(from.front());
  head.count = 2;
  from.remove_prefix(1);
  if (from.empty() || static_cast<Tag>(from.front()) != heap_tag(PayloadKind::kStr)) {
    throw_corrupt("a packed registered object has no name");
  }
  return head;
}

}  // namespace

void pack_none(Buffer& to) { push(to, tag_of(WordKind::kNone)); }

void pack_bool(Buffer& to, bool value) {
  push(to, tag_of(value ? WordKind::kTrue : WordKind::kFalse));
}

void pack_int(Buffer& to, int64_t value) {
  push(to, tag_of(WordKind::kInt));
  append_le(to, value);
}

void pack_float(Buffer& to, double value) {
  push(to, tag_of(WordKind::kFloat));
  append_le(to, value);
}

void pack_payload(Buffer& to, PayloadKind kind, Bytes payload) {
  push(to, heap_tag(kind));
  append_varint(to, payload.size());
  to.append(payload);
}

void pack_tuple(Buffer& to, uint64_t count) {
  push(to, tag_of(WordKind::kTuple));
  append_varint(to, count);
}

void pack_frozenset_head(Buffer& to, uint64_t count) {
  push(to, tag_of(WordKind::kFrozenset));
  append_varint(to, count);
}

void pack_registered(Buffer& to, Bytes name, uint8_t flags) {
  push(to, tag_of(WordKind::kRegistered));
  to.push_back(static_cast<char>(flags));
  pack_payload(to, PayloadKind::kStr, name);
}

Packed read_packed(Bytes& from) {
  if (from.empty()) throw_corrupt("a packed value is missing");
  Packed head;
  head.tag = static_cast<Tag>(from.front());
  from.remove_prefix(1);
  if (is_heap(head.tag) && head.tag < heap_tag(PayloadKind::kPacked)) {
    head.payload = take_payload(from);
    return head;
  }
  switch (static_cast<WordKind>(head.tag)) {
    case WordKind::kNone:
    case WordKind::kFalse:
    case WordKind::kTrue:
      return head;
    case WordKind::kInt:
    case WordKind::kFloat:
      head.word = take_word(from);
      return head;
    case WordKind::kTuple:
    case WordKind::kFrozenset:
      head.count = take_count(from);
      return head;
    case WordKind::kRegistered:
      return take_registered(from);
    default:
      throw_corrupt("a packed value has an unknown tag");
  }
}

Packed read_shown(Bytes& from) {
  Packed head = read_packed(from);
  while (head.registered()) {
    skip_packed(from);  // the name
    head = read_packed(from);
  }
  return head;
}

bool is_packed_plain(Bytes packed) {
  while (!packed.empty()) {
    const Packed head = read_packed(packed);
    if (head.registered() || (is_heap(head.tag) && head.tag > heap_tag(PayloadKind::kBigInt))) {
      return false;
    }
  }
  return true;
}

void skip_packed(Bytes& from) {
  uint64_t pending = 1;
  // take_count bounds each count by the bytes left, so the sum cannot wrap.
  while (pending > 0) pending += read_packed(from).count - 1;
}

}  // namespace oocmap
