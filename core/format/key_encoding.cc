#include "core/format/key_encoding.h"

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/format/corrupt.h"
#include "core/format/order_number.h"
#include "core/format/order_other.h"
#include "core/format/order_types.h"

namespace oocmap {
namespace {

uint8_t class_of(Bytes order) noexcept {
  return order.empty() ? 0 : static_cast<uint8_t>(order.front());
}

bool is_number(uint8_t order_class) noexcept {
  return order_class >= kClassNumberFirst && order_class <= kClassNumberLast;
}

[[noreturn]] void throw_nan() {
  throw Error(ErrorCode::kInvalidArgument, "nan cannot be a key: it does not equal itself");
}

OrderNumber number_of(Bytes order) { return read_order_number(order, OrderPlace::kKey); }

// The exact float -0.0 equals 0, whose order bytes forget the sign.
bool is_negative_zero(double value) noexcept { return value == 0 && std::signbit(value); }

Buffer unpack_bool(Bytes order) {
  const OrderNumber number = number_of(order);
  if (!number.integral || (number.integer != 0 && number.integer != 1)) {
    throw_corrupt("a bool key is neither 0 nor 1");
  }
  Buffer out;
  pack_bool(out, number.integer == 1);
  return out;
}

Buffer unpack_float(Bytes order) {
  const OrderNumber number = number_of(order);
  const double value = number.integral ? static_cast<double>(number.integer) : number.real;
  if (number.integral && (!is_int64(value) || static_cast<int64_t>(value) != number.integer)) {
    throw_corrupt("a float key is no binary64");
  }
  Buffer out;
  pack_float(out, value);
  return out;
}

bool number_equals(char* bytes, size_t size, const Key& wanted) noexcept {
  return wanted.order() == Bytes(bytes, size);
}

bool payload_equals(PayloadKind kind, Bytes payload, const Key& wanted) {
  const Bytes order = wanted.order();
  switch (kind) {
    case PayloadKind::kStr:
    case PayloadKind::kBytes:
      return order.size() == payload.size() + 1 &&
             class_of(order) == (kind == PayloadKind::kStr ? kClassText : kClassBytes) &&
             order.substr(1) == payload;
    default:
      return key_of(heap_tag(kind), 0, payload) == wanted;
  }
}

PayloadKind payload_kind_of(Tag tag) noexcept { return Member{tag, 0, nullptr, 0}.payload_kind(); }

Key scalar_key(Tag tag, uint64_t word, Bytes payload) {
  if (tag >= kInHeap) return Key::payload(payload_kind_of(tag), payload);
  const Member member{tag, word, nullptr, 0};
  switch (static_cast<WordKind>(tag)) {
    case WordKind::kNone:
      return Key::none();
    case WordKind::kFalse:
      return Key::boolean(false);
    case WordKind::kTrue:
      return Key::boolean(true);
    case WordKind::kInt:
      return Key::integer(member.as_int());
    case WordKind::kFloat:
      return Key::floating(member.as_float());
    default:
      throw_corrupt("a key has an unknown tag");
  }
}

}  // namespace

Key Key::none() {
  Key key;
  key.order_ = {static_cast<char>(kClassOther), static_cast<char>(kOtherNone)};
  return key;
}

Key Key::boolean(bool value) {
  Key key = integer(value ? 1 : 0);
  key.form_ = KeyForm::kBool;
  return key;
}

Key Key::integer(int64_t value) {
  Key key;
  append_order_int(key.order_, value);
  return key;
}

Key Key::floating(double value) {
  if (value != value) throw_nan();
  Key key;
  append_order_float(key.order_, value);
  if (is_negative_zero(value)) {
    key.form_ = KeyForm::kExplicit;
    pack_float(key.explicit_, value);
  } else if (is_int64(value)) {
    key.form_ = KeyForm::kFloat;
  }
  return key;
}

Key Key::text(Bytes utf8) {
  Key key;
  append_order_payload(key.order_, PayloadKind::kStr, utf8);
  return key;
}

Key Key::payload(PayloadKind kind, Bytes payload) {
  if (kind == PayloadKind::kPacked) return packed(payload);
  Key key;
  append_order_payload(key.order_, kind, payload);
  // The order bytes of 2**100 are those of the float that equals it, and those of a Decimal or a
  // date are nobody's own.
  const uint8_t order_class = class_of(key.order_);
  if (order_class == kClassNumberFirst || order_class == kClassNumberLast ||
      kind > PayloadKind::kBigInt) {
    key.form_ = KeyForm::kExplicit;
    pack_payload(key.explicit_, kind, payload);
  }
  return key;
}

Key Key::packed(Bytes packed) {
  Bytes rest = packed;
  const Packed head = read_packed(rest);
  if (!head.has_members()) {
    if (!rest.empty()) throw_corrupt("a packed key has bytes after it");
    return scalar_key(head.tag, head.word, head.payload);
  }
  if (head.registered() && (head.word & kEqualsItsValue) != 0) {
    // One key with its value, whose order bytes these are; the last of a row of such counts.
    Bytes value = packed;
    for (Bytes next = value; read_packed(next).registered(); value = next) {
      skip_packed(next);  // the name
      Bytes flags = value;
      if ((read_packed(flags).word & kEqualsItsValue) == 0) break;
    }
    Key key = Key::packed(value);
    key.form_ = KeyForm::kExplicit;
    key.explicit_.assign(packed);
    return key;
  }
  Key key;
  if (!append_packed_element(key.order_, packed)) {
    key.form_ = KeyForm::kExplicit;
    key.explicit_.assign(packed);
  }
  return key;
}

Key Key::stored(Bytes order, KeyForm form, Bytes explicit_packed) {
  Key key;
  key.set_stored(order, form, explicit_packed);
  return key;
}

void Key::set_stored(Bytes order, KeyForm form, Bytes explicit_packed) {
  if (form > KeyForm::kExplicit || explicit_packed.empty() != (form != KeyForm::kExplicit)) {
    throw_corrupt("a key has an unknown form");
  }
  order_.assign(order);
  form_ = form;
  if (!explicit_packed.empty() || !explicit_.empty()) explicit_.assign(explicit_packed);
}

bool Key::is_plain() const {
  if (form_ == KeyForm::kExplicit) return is_packed_plain(explicit_);
  if (class_of(order_) != kClassOther || order_.size() < 2) return true;
  switch (static_cast<uint8_t>(order_[1])) {
    case kOtherTuple:
    case kOtherFrozenset:
    case kOtherRegistered:
      return is_packed_plain(pack());
    default:
      return true;
  }
}

Buffer Key::pack() const {
  switch (form_) {
    case KeyForm::kBool:
      return unpack_bool(order_);
    case KeyForm::kFloat:
      return unpack_float(order_);
    case KeyForm::kExplicit:
      return explicit_;
    default:
      return unpack_order(order_);
  }
}

void append_order_int(Buffer& to, int64_t value) {
  char bytes[kMaxOrderNumber];
  to.append(bytes, encode_order_int(bytes, value, OrderPlace::kKey));
}

void append_order_float(Buffer& to, double value) {
  char bytes[kMaxOrderNumber];
  to.append(bytes, encode_order_float(bytes, value, OrderPlace::kKey));
}

void append_order_payload(Buffer& to, PayloadKind kind, Bytes payload) {
  switch (kind) {
    case PayloadKind::kStr:
    case PayloadKind::kBytes:
      to.reserve(to.size() + 1 + payload.size());
      to.push_back(static_cast<char>(kind == PayloadKind::kStr ? kClassText : kClassBytes));
      to.append(payload);
      return;
    case PayloadKind::kWtf8:
      return append_order_wtf8(to, payload);
    case PayloadKind::kBigInt:
      if (const auto number = big_as_number(payload)) {
        return number->integral ? append_order_int(to, number->integer)
                                : append_order_float(to, number->real);
      }
      return append_order_big(to, payload);
    case PayloadKind::kPacked:
      append_packed_element(to, payload);
      return;
    default:
      return append_order_typed(to, kind, payload, OrderPlace::kKey);
  }
}

void pack_frozenset(Buffer& to, std::vector<Buffer>& members) {
  std::vector<std::pair<Buffer, Buffer>> elements;  // in element form, packed
  elements.reserve(members.size());
  for (Buffer& member : members) {
    Buffer element;
    append_packed_element(element, member);
    elements.emplace_back(std::move(element), std::move(member));
  }
  const auto before = [](const auto& a, const auto& b) { return a.first < b.first; };
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  std::stable_sort(elements.begin(), elements.end(), before);
  elements.erase(std::unique(elements.begin(), elements.end(), same), elements.end());
  pack_frozenset_head(to, elements.size());
  for (const auto& [element, packed] : elements) to += packed;
}

bool key_equals(Tag tag, uint64_t word, Bytes payload, const Key& wanted) {
  if (tag >= kInHeap) return payload_equals(payload_kind_of(tag), payload, wanted);
  const Member member{tag, word, nullptr, 0};
  char bytes[kMaxOrderNumber];
  switch (static_cast<WordKind>(tag)) {
    case WordKind::kNone:
      return wanted.order().size() == 2 && class_of(wanted.order()) == kClassOther &&
             wanted.order()[1] == static_cast<char>(kOtherNone);
    case WordKind::kFalse:
    case WordKind::kTrue:
      return number_equals(
          bytes, encode_order_int(bytes, tag == tag_of(WordKind::kTrue), OrderPlace::kKey), wanted);
    case WordKind::kInt:
      return number_equals(bytes, encode_order_int(bytes, member.as_int(), OrderPlace::kKey),
                           wanted);
    case WordKind::kFloat:
      return member.as_float() == member.as_float() &&
             number_equals(bytes, encode_order_float(bytes, member.as_float(), OrderPlace::kKey),
                           wanted);
    default:
      throw_corrupt("a key has an unknown tag");
  }
}

Key key_of(Tag tag, uint64_t word, Bytes payload) {
  try {
    return scalar_key(tag, word, payload);
  } catch (const Error& error) {
    // What could not have been stored as a key, such as NaN, is there nevertheless.
    if (error.code() == ErrorCode::kCorrupt) throw;
    throw_corrupt(error.message());
  }
}

Buffer unpack_order(Bytes order) {
  Buffer out;
  const uint8_t order_class = class_of(order);
  if (is_number(order_class)) {
    const OrderNumber number = number_of(order);
    number.integral ? pack_int(out, number.integer) : pack_float(out, number.real);
  } else if (order_class == kClassText) {
    pack_payload(out, PayloadKind::kStr, order.substr(1));
  } else if (order_class == kClassBytes) {
    pack_payload(out, PayloadKind::kBytes, order.substr(1));
  } else {
    unpack_element(out, order);
    if (!order.empty()) throw_corrupt("order bytes have bytes after them");
  }
  return out;
}

void append_element(Buffer& to, Bytes order) {
  if (class_of(order) == kClassOther) {
    to.append(order);
  } else {
    append_packed_element(to, unpack_order(order));
  }
}

Buffer read_element(Bytes& from) {
  const Bytes element = take_element(from);
  if (class_of(element) == kClassOther) return Buffer(element);
  Buffer packed;
  Bytes rest = element;
  unpack_element(packed, rest);
  return Buffer(Key::packed(packed).order());
}

EntryKey::EntryKey(Identity container, Bytes order, uint8_t probe) noexcept {
  size_ = write_container(container);
  const size_t kept = std::min(order.size(), kMaxKeyBytes);
  std::copy_n(order.data(), kept, bytes_ + size_);
  size_ += kept;
  if (!is_long_key(order)) return;
  const auto hash = hash128(order);
  std::copy_n(hash.data(), hash.size(), bytes_ + size_);
  size_ += hash.size();
  bytes_[size_++] = static_cast<char>(probe);
}

EntryKey::EntryKey(Identity container, uint64_t sequence) noexcept {
  size_ = write_container(container);
  size_ += write_varint(bytes_ + size_, sequence);
}

size_t EntryKey::write_container(Identity container) noexcept {
  const size_t size = write_varint(bytes_, record_of(container));
  return size + write_varint(bytes_ + size, slot_of(container));
}

Buffer entry_prefix(Identity container) {
  Buffer out;
  append_varint(out, record_of(container));
  append_varint(out, slot_of(container));
  return out;
}

bool is_long_key(Bytes order) noexcept { return order.size() > kMaxKeyBytes; }

Buffer entry_key(Identity container, Bytes order, uint8_t probe) {
  return Buffer(Bytes(EntryKey(container, order, probe)));
}

Buffer order_key(Identity container, uint64_t sequence) {
  return Buffer(Bytes(EntryKey(container, sequence)));
}

Identity read_container(Bytes& key) {
  uint64_t record = 0;
  uint64_t slot = 0;
  if (!read_varint(key, record) || !read_varint(key, slot) || record >> 48 != 0 ||
      slot >= kMaxSlots) {
    throw_corrupt("an entry's key names no container");
  }
  return make_identity(record, static_cast<uint16_t>(slot));
}

uint64_t read_sequence(Bytes key) {
  uint64_t sequence = 0;
  if (!read_varint(key, sequence) || !key.empty()) {
    throw_corrupt("an entry's key has a malformed number");
  }
  return sequence;
}

}  // namespace oocmap
