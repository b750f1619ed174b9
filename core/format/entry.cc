#include "core/format/entry.h"

#include <bit>

#include "core/base/error.h"
#include "core/format/corrupt.h"

namespace oocmap {
namespace {

uint8_t byte_of(char byte) noexcept { return static_cast<uint8_t>(byte); }

void append_sized(Buffer& to, Bytes bytes) {
  append_varint(to, bytes.size());
  to.append(bytes);
}

Bytes take_sized(Bytes& from) {
  uint64_t size = 0;
  if (!read_varint(from, size) || size > from.size()) throw_corrupt("an entry's key is cut short");
  const Bytes bytes = from.substr(0, size);
  from.remove_prefix(size);
  return bytes;
}

uint8_t take_byte(Bytes& from) {
  if (from.empty()) throw_corrupt("an entry is cut short");
  const uint8_t byte = byte_of(from.front());
  from.remove_prefix(1);
  return byte;
}

// How many low bytes give `word` back when extended with zeros, or with the sign.
size_t unsigned_size(uint64_t word) noexcept {
  return static_cast<size_t>(64 - std::countl_zero(word) + 7) / 8;
}
size_t signed_size(int64_t value) noexcept {
  if (value == 0) return 0;
  const auto bits = static_cast<uint64_t>(value < 0 ? ~value : value);
  return static_cast<size_t>(64 - std::countl_zero(bits)) / 8 + 1;
}

void append_low(Buffer& to, uint64_t word, size_t size) {
  to.append(reinterpret_cast<const char*>(&word), size);
}

// Two overlapping loads instead of a copy of unknown size: every step of a walk reads a word.
uint64_t read_low(Bytes bytes) {
  const char* const at = bytes.data();
  const size_t size = bytes.size();
  if (size > 8) throw_corrupt("an entry's word has more than 8 bytes");
  if (size >= 4) {
    const uint64_t low = load_le<uint32_t>(at);
    const uint64_t high = load_le<uint32_t>(at + size - 4);
    return low | high << (8 * (size - 4));
  }
  uint64_t word = 0;
  for (size_t i = 0; i < size; ++i) word |= uint64_t{byte_of(at[i])} << (8 * i);
  return word;
}

uint64_t read_signed(Bytes bytes) {
  const uint64_t word = read_low(bytes);
  if (bytes.empty()) return 0;
  const auto shift = static_cast<int>(64 - 8 * bytes.size());
  return static_cast<uint64_t>(static_cast<int64_t>(word << shift) >> shift);
}

void append_in_word(Buffer& to, const Member& member) {
  switch (static_cast<WordKind>(member.tag)) {
    case WordKind::kNone:
    case WordKind::kFalse:
    case WordKind::kTrue:
      return;
    case WordKind::kInt:
      return append_low(to, member.word, signed_size(member.as_int()));
    case WordKind::kFloat:
      return append_le(to, member.word);
    default:
      if (record_of(member.word) == 0) {
        throw Error(ErrorCode::kInvalidArgument, "an entry cannot refer to a record of its own");
      }
      return append_low(to, member.word, unsigned_size(member.word));
  }
}

void append_member(Buffer& to, const Member& member) {
  to.push_back(static_cast<char>(member.tag));
  if (is_immutable(member.tag)) {
    append_low(to, member.word, unsigned_size(member.word));
  } else if (is_inline(member.tag) && member.data == nullptr) {
    append_low(to, member.word, inline_size(member.tag));
  } else if (member.has_payload()) {
    to.append(member.payload());
  } else {
    append_in_word(to, member);
  }
}

void read_in_word(Member& member, Bytes payload) {
  switch (static_cast<WordKind>(member.tag)) {
    case WordKind::kNone:
    case WordKind::kFalse:
    case WordKind::kTrue:
      if (!payload.empty()) throw_corrupt("an entry has bytes after its value");
      return;
    case WordKind::kInt:
      member.word = read_signed(payload);
      return;
    case WordKind::kFloat:
      if (payload.size() != 8) throw_corrupt("an entry's float has not 8 bytes");
      member.word = read_low(payload);
      return;
    default:
      member.word = read_low(payload);
      return;
  }
}

// The rest of an entry: tag and payload.
Member read_member(Bytes from) {
  Member member;
  member.tag = take_byte(from);
  if (member.tag < kInHeap) {
    read_in_word(member, from);
  } else if (is_immutable(member.tag)) {
    member.word = read_low(from);
  } else {
    if (from.size() > UINT32_MAX) throw_corrupt("an entry's text is too long");
    member.data = from.data();
    member.size = static_cast<uint32_t>(from.size());
    if (is_inline(member.tag)) {
      if (!is_inline_tag_valid(member.tag) || from.size() != inline_size(member.tag)) {
        throw_corrupt("an entry's text has the wrong size");
      }
      member.word = read_low(from);
    }
  }
  return member;
}

KeyForm read_form(uint8_t byte) {
  if (byte > static_cast<uint8_t>(KeyForm::kExplicit)) throw_corrupt("a key has an unknown form");
  return static_cast<KeyForm>(byte);
}

// Bytes of a varint, by its first.
size_t varint_length(uint8_t first) noexcept {
  if (first <= 240) return 1;
  if (first <= 248) return 2;
  return first == 249 ? 3 : size_t{first} - 250 + 4;
}

void append_explicit(Buffer& to, const Key& key) {
  if (key.form() == KeyForm::kExplicit) append_sized(to, key.explicit_packed());
}

}  // namespace

void append_entry(Buffer& to, uint64_t sequence, const Key& key, const Member& member) {
  const bool is_long = is_long_key(key.order());
  append_varint(to, sequence);
  to.push_back(static_cast<char>(static_cast<uint8_t>(key.form()) | (is_long ? kLongKey : 0)));
  if (is_long) append_sized(to, key.order());
  append_explicit(to, key);
  append_member(to, member);
}

void append_order_entry(Buffer& to, const Key& key, const Member& member) {
  to.push_back(static_cast<char>(key.form()));
  append_sized(to, key.order());
  append_explicit(to, key);
  append_member(to, member);
}

Buffer encode_entry(uint64_t sequence, const Key& key, const Member& member) {
  Buffer out;
  append_entry(out, sequence, key, member);
  return out;
}

Buffer encode_order_entry(const Key& key, const Member& member) {
  Buffer out;
  append_order_entry(out, key, member);
  return out;
}

Entry decode_entry(Bytes value) {
  Entry entry;
  if (!read_varint(value, entry.sequence)) throw_corrupt("an entry is cut short");
  const uint8_t form = take_byte(value);
  entry.form = read_form(form & ~kLongKey);
  if ((form & kLongKey) != 0) {
    entry.order = take_sized(value);
    if (!is_long_key(entry.order)) throw_corrupt("an entry repeats a short key");
  }
  if (entry.form == KeyForm::kExplicit) entry.explicit_packed = take_sized(value);
  entry.member = read_member(value);
  return entry;
}

Entry decode_order_entry(Bytes value) {
  Entry entry;
  entry.form = read_form(take_byte(value));
  entry.order = take_sized(value);
  if (entry.form == KeyForm::kExplicit) entry.explicit_packed = take_sized(value);
  entry.member = read_member(value);
  return entry;
}

Member decode_entry_member(Bytes value) {
  const size_t skip = value.empty() ? 1 : varint_length(byte_of(value.front()));
  if (value.size() <= skip) throw_corrupt("an entry is cut short");
  const uint8_t form = byte_of(value[skip]);
  value.remove_prefix(skip + 1);
  if ((form & kLongKey) != 0) take_sized(value);
  if (read_form(form & ~kLongKey) == KeyForm::kExplicit) take_sized(value);
  return read_member(value);
}

Member decode_order_entry_member(Bytes value) { return decode_order_entry(value).member; }

uint64_t decode_entry_sequence(Bytes value) {
  uint64_t sequence = 0;
  if (!read_varint(value, sequence)) throw_corrupt("an entry is cut short");
  return sequence;
}

Key entry_key_of(Bytes order_part, const Entry& entry) {
  const bool cut = is_cut(order_part);
  if (cut == entry.order.empty()) throw_corrupt("an entry's key and value disagree on its length");
  return Key::stored(cut ? entry.order : order_part, entry.form, entry.explicit_packed);
}

}  // namespace oocmap
