// Dict keys: order-preserving bytes under which Python's equality is byte equality and SQL's order
// is memcmp. numbers < text < bytes < all others; 1, 1.0 and True have the same bytes.
// docs/format.md has the grammar.
#pragma once

#include <optional>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/export.h"
#include "core/format/packed.h"
#include "core/format/word.h"

namespace oocmap {

// How to get the key as first written back from its order bytes. Do not renumber: on disk.
enum class KeyForm : uint8_t {
  // The order bytes decode to it: an int where the number is an int64, else a float.
  kCanonical = 0,
  kBool = 1,
  kFloat = 2,     // a float that is an int64: 1.0
  kExplicit = 3,  // a packed value stands beside the order bytes: -0.0, 2**100, (1, True), a date
};

// Class bytes, in order. Do not renumber: on disk. A positive number's class is kClassZero and the
// bytes of its truncated magnitude, a negative one's kClassNegativeFraction less these.
inline constexpr uint8_t kClassNumberFirst = 0x10;       // below -2^63
inline constexpr uint8_t kClassNegativeFraction = 0x19;  // -1 < x < 0; 0x11-0x18: 8-1 bytes
inline constexpr uint8_t kClassZero = 0x1a;              // 0 <= x < 1; 0x1b-0x22: 1-8 bytes
inline constexpr uint8_t kClassNumberLast = 0x23;        // 2^63 and above
inline constexpr uint8_t kClassText = 0x30;              // + UTF-8
inline constexpr uint8_t kClassBytes = 0x40;             // + raw
inline constexpr uint8_t kClassOther = 0x50;             // + subclass byte

// Subclasses of kClassOther. Do not renumber: on disk. 0x11-0x18: + escaped canonical bytes, 0x00
// (order_types.h).
inline constexpr uint8_t kOtherNone = 0x01;
inline constexpr uint8_t kOtherNegativeBig = 0x02;  // + ~varint size, ~big-endian magnitude
inline constexpr uint8_t kOtherPositiveBig = 0x03;  // + varint size, big-endian magnitude
inline constexpr uint8_t kOtherWtf8 = 0x04;         // + escaped bytes, 0x00
inline constexpr uint8_t kOtherTuple = 0x08;        // + elements, 0x00
inline constexpr uint8_t kOtherFrozenset = 0x10;    // + elements, rising, 0x00
inline constexpr uint8_t kOtherComplex = 0x11;
inline constexpr uint8_t kOtherRational = 0x12;  // Decimal, Fraction
inline constexpr uint8_t kOtherDatetime = 0x13;
inline constexpr uint8_t kOtherDate = 0x14;
inline constexpr uint8_t kOtherTime = 0x15;
inline constexpr uint8_t kOtherTimedelta = 0x16;
inline constexpr uint8_t kOtherUuid = 0x17;
inline constexpr uint8_t kOtherRange = 0x18;
inline constexpr uint8_t kOtherRegistered = 0x19;  // + name and value as elements, 0x00
inline constexpr uint8_t kOtherDatetime64 =
    0x1a;  // of numpy, that no datetime equals: as 0x11-0x18
inline constexpr uint8_t kOtherTimedelta64 = 0x1b;  // likewise

// The longest key this format makes: prefix, cut order bytes, hash, probe. LMDB takes 511.
inline constexpr size_t kMaxEntryKey = 2 * kMaxVarint + kMaxKeyBytes + 16 + 1;
static_assert(kMaxEntryKey <= 511);

// A key ready to look up or to store. Holds its bytes.
class OOCMAP_API Key {
 public:
  // NaN throws kInvalidArgument ("nan cannot be a key ...").
  static Key none();
  static Key boolean(bool value);
  static Key integer(int64_t value);
  static Key floating(double value);
  static Key text(Bytes utf8);                          // valid UTF-8
  static Key payload(PayloadKind kind, Bytes payload);  // kStr to kUuid, but kBytearray
  // Any one packed value, tuples and frozensets too. Errors: kCorrupt where it does not decode,
  // kInvalidArgument for NaN in it or more than kMaxDepth levels, kTypeMismatch for what cannot be
  // a key (yet).
  static Key packed(Bytes packed);
  // From what is stored. `explicit_packed` is empty unless form is kExplicit. Whether `order`
  // decodes is seen in pack(). Errors: kCorrupt for an unknown form.
  static Key stored(Bytes order, KeyForm form, Bytes explicit_packed);
  // The same for a Key that is there, whose memory is used again: walks.
  void set_stored(Bytes order, KeyForm form, Bytes explicit_packed);

  Bytes order() const noexcept { return order_; }
  KeyForm form() const noexcept { return form_; }
  // The exact value as first written, packed. Errors: kCorrupt. Cost: one small allocation.
  Buffer pack() const;
  // Whether it is, and holds, nothing but None, bools, numbers, text, bytes, tuples and frozensets.
  // Cost: nothing for most.
  bool is_plain() const;
  // kExplicit only, else empty.
  Bytes explicit_packed() const noexcept { return explicit_; }

  bool operator==(const Key& other) const noexcept { return order_ == other.order_; }

 private:
  Buffer order_;
  KeyForm form_ = KeyForm::kCanonical;
  Buffer explicit_;
};

// Appends the order bytes of a number / text to `to` (what Key does, without a Key).
void append_order_int(Buffer& to, int64_t value);
void append_order_float(Buffer& to, double value);  // not NaN
void append_order_payload(Buffer& to, PayloadKind kind, Bytes payload);

// Appends the packed frozenset of `members`, each one packed value: sorted, the first of equal ones
// kept. `members` is used up. Errors: as Key::packed. Cost: each member's order bytes are made
// once.
OOCMAP_API void pack_frozenset(Buffer& to, std::vector<Buffer>& members);

// Whether the stored member `key` (None, bool, int, float, text, bytes, big int, kPacked; its
// payload already resolved) equals `wanted`. Cost: no allocation for numbers and text.
bool key_equals(Tag tag, uint64_t word, Bytes payload, const Key& wanted);
// The Key of such a stored member.
Key key_of(Tag tag, uint64_t word, Bytes payload);

// The packed value that canonical order bytes stand for. Errors: kCorrupt.
Buffer unpack_order(Bytes order);

// The element form of a key: order bytes that end by themselves and sort alike, as they stand in a
// tuple and in key blobs. Only numbers, text and bytes differ from their order bytes.
void append_element(Buffer& to, Bytes order);  // Errors: kCorrupt
// Reads one element from the front of `from`; returns its order bytes. Errors: kCorrupt.
Buffer read_element(Bytes& from);

// The LMDB key bytes of `order` under a container: varint record, varint slot, order bytes; order
// bytes over kMaxKeyBytes are cut to that and followed by their 16-byte hash128 and a probe byte
// (0, rising on a collision; the full order bytes stand in the value).
Buffer entry_prefix(Identity container);
bool is_long_key(Bytes order) noexcept;
Buffer entry_key(Identity container, Bytes order, uint8_t probe = 0);
Buffer order_key(Identity container, uint64_t sequence);

// entry_key and order_key on the stack: point reads need no allocation.
class EntryKey {
 public:
  EntryKey(Identity container, Bytes order, uint8_t probe = 0) noexcept;
  EntryKey(Identity container, uint64_t sequence) noexcept;    // the key in `order`, `chunks`
  operator Bytes() const noexcept { return {bytes_, size_}; }  // NOLINT: a key is its bytes

 private:
  size_t write_container(Identity container) noexcept;
  char bytes_[kMaxEntryKey];
  size_t size_;
};

// Removes the container from the front of a key of `entries`, `order` or `chunks`.
// Errors: kCorrupt.
Identity read_container(Bytes& key);
// The number after the container in a key of `order` or `chunks`. Errors: kCorrupt.
uint64_t read_sequence(Bytes key);
// Of what follows the container in a key of `entries`: whether it is cut, and Entry::order must be
// used. A cut key is longer than any whole one.
inline bool is_cut(Bytes order_part) noexcept { return order_part.size() > kMaxKeyBytes; }

}  // namespace oocmap
