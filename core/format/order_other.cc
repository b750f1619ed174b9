#include "core/format/order_other.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/format/corrupt.h"
#include "core/format/key_encoding.h"
#include "core/format/order_number.h"
#include "core/format/order_types.h"

namespace oocmap {
namespace {

// Text and bytes inside an element end with 0x00; a 0x00 of their own is followed by 0xff. What
// follows an element is a class byte or a container's end, both below 0xff, so a prefix sorts
// first.
constexpr char kEnd = '\x00';
constexpr char kEscaped = '\xff';

void append_escaped(Buffer& to, Bytes raw) {
  for (;;) {
    const size_t zero = raw.find('\0');
    to.append(raw.substr(0, zero));
    if (zero == Bytes::npos) break;
    to.push_back('\0');
    to.push_back(kEscaped);
    raw.remove_prefix(zero + 1);
  }
  to.push_back(kEnd);
}

// Removes escaped bytes and their end from `from`; appends what they stand for to `to`.
void take_escaped(Bytes& from, Buffer& to) {
  for (;;) {
    const size_t zero = from.find('\0');
    if (zero == Bytes::npos) throw_corrupt("order-encoded text has no end");
    const bool escaped = zero + 1 < from.size() && from[zero + 1] == kEscaped;
    to.append(from.substr(0, zero + (escaped ? 1 : 0)));
    from.remove_prefix(zero + (escaped ? 2 : 1));
    if (!escaped) return;
  }
}

// Whether escaped canonical bytes follow the subclass.
bool is_canonical(uint8_t subclass) noexcept {
  return (subclass >= kOtherComplex && subclass <= kOtherRange) || subclass == kOtherDatetime64 ||
         subclass == kOtherTimedelta64;
}

void push(Buffer& to, uint8_t byte) { to.push_back(static_cast<char>(byte)); }

uint8_t take_byte(Bytes& from) {
  if (from.empty()) throw_corrupt("order bytes are cut short");
  const auto byte = static_cast<uint8_t>(from.front());
  from.remove_prefix(1);
  return byte;
}

void complement(char* first, size_t size) noexcept {
  for (size_t i = 0; i < size; ++i) first[i] = static_cast<char>(~first[i]);
}

// Removes a big int after its subclass byte; returns its kBigInt payload.
Buffer take_big(Bytes& from, bool negative) {
  char head[kMaxVarint];
  const size_t head_size = std::min(from.size(), kMaxVarint);
  std::copy_n(from.data(), head_size, head);
  if (negative) complement(head, head_size);
  Bytes rest(head, head_size);
  uint64_t size = 0;
  if (!read_varint(rest, size)) throw_corrupt("an order-encoded int is cut short");
  from.remove_prefix(head_size - rest.size());
  if (size == 0 || size > from.size()) throw_corrupt("an order-encoded int is cut short");
  Buffer payload(1 + size, negative ? '\1' : '\0');
  std::reverse_copy(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(size),
                    payload.begin() + 1);
  if (negative) complement(payload.data() + 1, size);
  if (payload.back() == '\0') throw_corrupt("an order-encoded int is not minimal");
  from.remove_prefix(size);
  return payload;
}

bool append_number_element(Buffer& to, const OrderNumber& number) {
  char bytes[kMaxOrderNumber];
  const size_t size = number.integral
                          ? encode_order_int(bytes, number.integer, OrderPlace::kElement)
                          : encode_order_float(bytes, number.real, OrderPlace::kElement);
  to.append(bytes, size);
  return number.integral || !is_int64(number.real);
}

bool append_payload_element(Buffer& to, PayloadKind kind, Bytes payload) {
  switch (kind) {
    case PayloadKind::kStr:
    case PayloadKind::kBytes:
      push(to, kind == PayloadKind::kStr ? kClassText : kClassBytes);
      append_escaped(to, payload);
      return true;
    case PayloadKind::kWtf8:
      append_order_wtf8(to, payload);
      return true;
    case PayloadKind::kBigInt:
      if (const auto number = big_as_number(payload)) {
        append_number_element(to, *number);
        return number->integral;
      }
      append_order_big(to, payload);
      return true;
    default:
      append_order_typed(to, kind, payload, OrderPlace::kElement);
      return false;
  }
}

// One packed head in element form; the members of a tuple or frozenset follow.
bool append_head(Buffer& to, const Packed& head) {
  if (is_heap(head.tag)) {
    return append_payload_element(to, static_cast<PayloadKind>(head.tag & ~kLocationMask),
                                  head.payload);
  }
  const Member member{head.tag, head.word, nullptr, 0};
  switch (static_cast<WordKind>(head.tag)) {
    case WordKind::kNone:
      push(to, kClassOther);
      push(to, kOtherNone);
      return true;
    case WordKind::kFalse:
    case WordKind::kTrue:
      append_number_element(to, {true, head.tag == tag_of(WordKind::kTrue) ? 1 : 0, 0});
      return false;
    case WordKind::kInt:
      return append_number_element(to, {true, member.as_int(), 0});
    case WordKind::kFloat:
      if (member.as_float() != member.as_float()) {
        throw Error(ErrorCode::kInvalidArgument, "nan cannot be a key: it does not equal itself");
      }
      return append_number_element(to, {false, 0, member.as_float()});
    default:
      push(to, kClassOther);
      push(to, head.registered()                          ? kOtherRegistered
               : head.tag == tag_of(WordKind::kFrozenset) ? kOtherFrozenset
                                                          : kOtherTuple);
      return (head.word & kValueIsDict) == 0;  // of a registered object; its order bytes forget it
  }
}

// Equal frozensets have equal bytes only where the members stand in one order, each once: an
// element must sort behind the one before it.
void check_rising(Bytes before, Bytes element) {
  if (before >= element) throw_corrupt("the members of a frozenset are not in order");
}

// Unpacks element by element. A packed tuple or frozenset starts with its count, which is known at
// its end only: so the members go to `body_`, and the heads are put between them in finish().
class Unpacker {
 public:
  void element(Bytes& from) {
    do {
      if (!open_.empty() && !from.empty() && from.front() == kEnd) {
        from.remove_prefix(1);
        check_members(heads_[open_.back().head]);
        open_.pop_back();
        ended(from);
        continue;
      }
      if (!open_.empty()) {
        ++heads_[open_.back().head].count;
        open_.back().at = from;
      }
      const size_t depth = open_.size();
      value(from);
      if (open_.size() == depth) ended(from);
    } while (!open_.empty());
  }

  void finish(Buffer& to) const {
    if (canonical_) throw_corrupt("a key that its order bytes do not give back stands alone");
    size_t done = 0;
    for (const Head& head : heads_) {
      to.append(body_, done, head.at - done);
      pack_head(to, head);
      done = head.at;
    }
    to.append(body_, done);
  }

 private:
  struct Head {
    size_t at = 0;  // in body_
    uint64_t count = 0;
    uint8_t subclass = kOtherTuple;
  };
  static void pack_head(Buffer& to, const Head& head) {
    switch (head.subclass) {
      case kOtherFrozenset:
        return pack_frozenset_head(to, head.count);
      case kOtherRegistered:
        push(to, tag_of(WordKind::kRegistered));
        return push(to, 0);  // its name and value are the members
      default:
        return pack_tuple(to, head.count);
    }
  }
  // A tuple or frozenset that is being read.
  struct Open {
    size_t head = 0;  // of heads_
    Bytes at;         // from its last element on
    Bytes before;     // frozensets: the element before that
  };

  void check_members(const Head& head) const {
    if (head.subclass != kOtherRegistered) return;
    const bool named =
        head.at < body_.size() && static_cast<Tag>(body_[head.at]) == heap_tag(PayloadKind::kStr);
    if (head.count != 2 || !named) throw_corrupt("a registered key is not a name and a value");
  }

  // The last element of the innermost container has been read up to `from`.
  void ended(Bytes from) {
    if (open_.empty()) return;
    Open& open = open_.back();
    if (heads_[open.head].subclass != kOtherFrozenset) return;
    const Bytes element = open.at.substr(0, open.at.size() - from.size());
    if (heads_[open.head].count > 1) check_rising(open.before, element);
    open.before = element;
  }

  void value(Bytes& from) {
    const auto first = from.empty() ? uint8_t{0} : static_cast<uint8_t>(from.front());
    if (first >= kClassNumberFirst && first <= kClassNumberLast) {
      const OrderNumber number = read_order_number(from, OrderPlace::kElement);
      number.integral ? pack_int(body_, number.integer) : pack_float(body_, number.real);
      return;
    }
    switch (take_byte(from)) {
      case kClassText:
        return escaped(from, PayloadKind::kStr);
      case kClassBytes:
        return escaped(from, PayloadKind::kBytes);
      case kClassOther:
        return other(from);
      default:
        throw_corrupt("order bytes have an unknown class");
    }
  }

  void other(Bytes& from) {
    switch (const uint8_t subclass = take_byte(from)) {
      case kOtherNone:
        return pack_none(body_);
      case kOtherNegativeBig:
      case kOtherPositiveBig:
        return pack_payload(body_, PayloadKind::kBigInt,
                            take_big(from, subclass == kOtherNegativeBig));
      case kOtherWtf8:
        return escaped(from, PayloadKind::kWtf8);
      case kOtherTuple:
      case kOtherFrozenset:
      case kOtherRegistered:
        if (open_.size() >= static_cast<size_t>(kMaxDepth)) throw_corrupt("a key is too deep");
        open_.push_back({heads_.size(), {}, {}});
        heads_.push_back({body_.size(), 0, subclass});
        return;
      default:
        if (!is_canonical(subclass)) {
          throw_corrupt("order bytes have an unknown subclass");
        }
        canonical_ = true;
        text_.clear();
        return take_escaped(from, text_);
    }
  }

  void escaped(Bytes& from, PayloadKind kind) {
    text_.clear();
    take_escaped(from, text_);
    pack_payload(body_, kind, text_);
  }

  Buffer body_;
  Buffer text_;
  bool canonical_ = false;   // a value was met that order bytes do not give back
  std::vector<Head> heads_;  // in the order the containers begin
  std::vector<Open> open_;
};

}  // namespace

void append_order_big(Buffer& to, Bytes payload) {
  const bool negative = payload.front() != 0;
  const Bytes digits = payload.substr(1);
  push(to, kClassOther);
  push(to, negative ? kOtherNegativeBig : kOtherPositiveBig);
  const size_t start = to.size();
  append_varint(to, digits.size());
  to.append(digits.rbegin(), digits.rend());
  if (negative) complement(to.data() + start, to.size() - start);
}

void append_order_wtf8(Buffer& to, Bytes wtf8) {
  push(to, kClassOther);
  push(to, kOtherWtf8);
  append_escaped(to, wtf8);
}

void append_order_canonical(Buffer& to, uint8_t subclass, Bytes canonical) {
  push(to, kClassOther);
  push(to, subclass);
  append_escaped(to, canonical);
}

bool append_packed_element(Buffer& to, Bytes packed) {
  struct Open {
    uint64_t left = 0;  // members
    bool frozenset = false;
    size_t at = 0;      // of `to`: where its last element begins
    size_t before = 0;  // frozensets: the element before that, none where the same
  };
  std::vector<Open> open;
  bool canonical = true;
  do {
    if (!open.empty()) {
      --open.back().left;
      open.back().before = std::exchange(open.back().at, to.size());
    }
    Packed head = read_packed(packed);
    while (head.registered() && (head.word & kEqualsItsValue) != 0) {  // as its value
      skip_packed(packed);
      head = read_packed(packed);
      canonical = false;
    }
    canonical = append_head(to, head) && canonical;
    if (head.has_members()) {
      if (open.size() >= static_cast<size_t>(kMaxDepth)) {
        throw Error(ErrorCode::kInvalidArgument,
                    "a key is nested deeper than " + std::to_string(kMaxDepth) + " levels");
      }
      open.push_back({head.count, head.tag == tag_of(WordKind::kFrozenset), to.size(), to.size()});
      if (head.count != 0) continue;
      to.push_back(kEnd);
      open.pop_back();
    }
    // An element has ended, and with it the containers whose last it is.
    while (!open.empty()) {
      const Open& top = open.back();
      if (top.frozenset && top.before != top.at) {
        const Bytes written(to);
        check_rising(written.substr(top.before, top.at - top.before), written.substr(top.at));
      }
      if (top.left != 0) break;
      to.push_back(kEnd);
      open.pop_back();
    }
  } while (!open.empty());
  if (!packed.empty()) throw_corrupt("a packed value has bytes after it");
  return canonical;
}

void unpack_element(Buffer& to, Bytes& from) {
  Unpacker unpacker;
  unpacker.element(from);
  unpacker.finish(to);
}

Bytes take_element(Bytes& from) {
  const Bytes before = from;
  Unpacker().element(from);
  return before.substr(0, before.size() - from.size());
}

}  // namespace oocmap
