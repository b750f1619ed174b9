// The key codec against a reference order: bytes are equal where Python's keys are equal, and sort
// as Python's values do within a class.
#include "core/format/key_encoding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <compare>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/base/error.h"

namespace oocmap {
namespace {

__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 Uint128;

constexpr Uint128 kOne = 1;
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kTwoTo63 = 9223372036854775808.0;

Key tuple_of(std::initializer_list<Key> members) {
  Buffer packed;
  pack_tuple(packed, members.size());
  for (const Key& member : members) packed += member.pack();
  return Key::packed(packed);
}

// A kBigInt payload of (-1)^negative * magnitude.
Buffer big(bool negative, Uint128 magnitude) {
  Buffer payload(1, negative ? '\1' : '\0');
  for (; magnitude != 0; magnitude >>= 8) payload.push_back(static_cast<char>(magnitude));
  return payload;
}

Key big_key(bool negative, Uint128 magnitude) {
  return Key::payload(PayloadKind::kBigInt, big(negative, magnitude));
}

std::string hex(Bytes bytes) {
  static const char* const kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<uint8_t>(c) >> 4];
    out += kDigits[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

// --- Numbers against an exact comparison

struct Number {
  bool is_int = false;
  int64_t i = 0;
  double d = 0;
};

std::partial_ordering reversed(std::partial_ordering order) {
  if (std::is_lt(order)) return std::partial_ordering::greater;
  return std::is_gt(order) ? std::partial_ordering::less : order;
}

// Exact: an int and a float are compared by whole part, then by fraction.
std::partial_ordering compare(const Number& a, const Number& b) {
  if (a.is_int && b.is_int) return a.i <=> b.i;
  if (!a.is_int && !b.is_int) return a.d <=> b.d;
  if (!a.is_int) return reversed(compare(b, a));
  if (b.d >= kTwoTo63) return std::partial_ordering::less;
  if (b.d < -kTwoTo63) return std::partial_ordering::greater;
  const auto whole = static_cast<int64_t>(b.d);
  if (a.i != whole) return a.i <=> whole;
  return 0.0 <=> b.d - std::trunc(b.d);
}

Key key(const Number& n) { return n.is_int ? Key::integer(n.i) : Key::floating(n.d); }

std::vector<Number> interesting_numbers(std::mt19937_64& random) {
  std::vector<Number> out;
  const auto add_int = [&](uint64_t bits) { out.push_back({true, static_cast<int64_t>(bits), 0}); };
  const auto add_float = [&](double d) {
    for (const double x : {std::nextafter(d, -kInf), d, std::nextafter(d, kInf)}) {
      out.push_back({false, 0, x});
      out.push_back({false, 0, -x});
    }
  };
  for (int shift = 0; shift < 64; ++shift) {
    for (const uint64_t delta : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}}) {
      add_int((uint64_t{1} << shift) + delta);
      add_int(0 - (uint64_t{1} << shift) + delta);
    }
    add_float(std::ldexp(1, shift));
    add_float(std::ldexp(1, shift) + 0.5);
    add_float(std::ldexp(1, -shift));
  }
  for (const double d : {0.0, 0.1, 1.5, 5e-324, 2.2250738585072014e-308, 1e300, kInf, kTwoTo63}) {
    add_float(d);
  }
  for (int i = 0; i < 300; ++i) {
    add_int(random() >> (random() % 64));
    add_int(0 - (random() >> (random() % 64)));
    const uint64_t bits = random();
    double d;
    std::memcpy(&d, &bits, sizeof d);
    if (d == d) add_float(d);
    add_float(
        std::ldexp(static_cast<double>(random() % 1000), static_cast<int>(random() % 90) - 10));
  }
  std::erase_if(out, [](const Number& n) { return !n.is_int && n.d != n.d; });
  return out;
}

TEST(KeyEncoding, NumbersSortAndEqualAsInPython) {
  std::mt19937_64 random(20240607);
  const std::vector<Number> numbers = interesting_numbers(random);
  std::vector<Buffer> keys;
  keys.reserve(numbers.size());
  for (const Number& n : numbers) keys.emplace_back(key(n).order());
  for (size_t i = 0; i < numbers.size(); ++i) {
    for (size_t j = 0; j < numbers.size(); ++j) {
      const auto expected = compare(numbers[i], numbers[j]);
      const auto actual = std::partial_ordering(keys[i].compare(keys[j]) <=> 0);
      ASSERT_TRUE(expected == actual)
          << hex(keys[i]) << " (" << numbers[i].i << ", " << numbers[i].d << ") against "
          << hex(keys[j]) << " (" << numbers[j].i << ", " << numbers[j].d << ")";
    }
  }
}

TEST(KeyEncoding, NumbersComeBackExactly) {
  std::mt19937_64 random(7);
  for (const Number& n : interesting_numbers(random)) {
    const Key k = key(n);
    Buffer expected;
    n.is_int ? pack_int(expected, n.i) : pack_float(expected, n.d);
    ASSERT_EQ(hex(k.pack()), hex(expected)) << hex(k.order());
    const Key again = Key::stored(k.order(), k.form(), k.explicit_packed());
    ASSERT_EQ(hex(again.pack()), hex(expected));
  }
}

TEST(KeyEncoding, NumbersStayInTheirClassBytes) {
  std::mt19937_64 random(8);
  for (const Number& n : interesting_numbers(random)) {
    const auto first = static_cast<uint8_t>(key(n).order()[0]);
    ASSERT_GE(first, kClassNumberFirst);
    ASSERT_LE(first, kClassNumberLast);
  }
}

TEST(KeyEncoding, EqualNumbersOfDifferentTypesAreOneKey) {
  EXPECT_EQ(Key::integer(1), Key::floating(1.0));
  EXPECT_EQ(Key::integer(1), Key::boolean(true));
  EXPECT_EQ(Key::integer(0), Key::boolean(false));
  EXPECT_EQ(Key::integer(0), Key::floating(-0.0));
  EXPECT_EQ(Key::floating(std::ldexp(1, 100)), big_key(false, kOne << 100));
  EXPECT_EQ(Key::floating(-kTwoTo63), Key::integer(std::numeric_limits<int64_t>::min()));
  EXPECT_EQ(Key::integer(5), big_key(false, 5));
  EXPECT_NE(Key::integer(1).order(), Key::text("1").order());
}

TEST(KeyEncoding, FirstWrittenFormComesBack) {
  Buffer expected;
  pack_bool(expected, true);
  EXPECT_EQ(Key::boolean(true).pack(), expected);
  expected.clear();
  pack_float(expected, 1.0);
  EXPECT_EQ(Key::floating(1.0).pack(), expected);
  EXPECT_EQ(Key::floating(1.0).form(), KeyForm::kFloat);
  expected.clear();
  pack_float(expected, -0.0);
  EXPECT_EQ(Key::floating(-0.0).pack(), expected);
  EXPECT_EQ(Key::floating(-0.0).form(), KeyForm::kExplicit);
  expected.clear();
  pack_payload(expected, PayloadKind::kBigInt, big(true, kOne << 100));
  EXPECT_EQ(big_key(true, kOne << 100).pack(), expected);
}

TEST(KeyEncoding, NanIsRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(Key::floating(nan), Error);
  Buffer packed;
  pack_tuple(packed, 1);
  pack_float(packed, nan);
  try {
    Key::packed(packed);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  }
}

// --- Big ints

TEST(KeyEncoding, BigIntsSortAsNumbersAmongThemselves) {
  std::mt19937_64 random(9);
  std::vector<std::pair<Int128, Key>> keys;
  for (int i = 0; i < 400; ++i) {
    // Odd and wider than a binary64's 53 bits: of the class "other".
    const unsigned shift = static_cast<unsigned>(random() % 56);
    auto magnitude = (static_cast<Uint128>(random()) << 64 | random()) >> (shift + 1);
    magnitude |= (kOne << 70) | 1;
    const bool negative = random() % 2 == 0;
    const auto value = static_cast<Int128>(magnitude);
    keys.emplace_back(negative ? -value : value, big_key(negative, magnitude));
    Buffer expected;
    pack_payload(expected, PayloadKind::kBigInt, big(negative, magnitude));
    ASSERT_EQ(keys.back().second.pack(), expected);
    ASSERT_EQ(keys.back().second.form(), KeyForm::kCanonical);
  }
  for (const auto& [a, ka] : keys) {
    for (const auto& [b, kb] : keys) {
      ASSERT_EQ(a < b, ka.order() < kb.order());
      ASSERT_EQ(a == b, ka == kb);
    }
  }
}

TEST(KeyEncoding, BigIntsHaveTheNumericFormWhereABinary64EqualsThem) {
  std::mt19937_64 random(10);
  for (int i = 0; i < 2000; ++i) {
    const uint64_t mantissa = (random() >> 11) | 1;
    const unsigned shift = static_cast<unsigned>(random() % 65);
    const auto magnitude = static_cast<Uint128>(mantissa) << shift;
    const Key k = big_key(false, magnitude);
    ASSERT_EQ(k, Key::floating(std::ldexp(static_cast<double>(mantissa), static_cast<int>(shift))));
    // With a bit further up than 53 bits reach, no binary64 equals it.
    const Key wide = big_key(false, static_cast<Uint128>(mantissa) | kOne << 127);
    ASSERT_EQ(static_cast<uint8_t>(wide.order()[0]), kClassOther);
  }
  // 2**1023 is a binary64, 2**1024 is none.
  Buffer payload(1 + 127, '\0');
  payload.push_back('\x80');
  EXPECT_EQ(Key::payload(PayloadKind::kBigInt, payload), Key::floating(std::ldexp(1, 1023)));
  payload.back() = '\0';
  payload.push_back('\1');
  EXPECT_EQ(static_cast<uint8_t>(Key::payload(PayloadKind::kBigInt, payload).order()[0]),
            kClassOther);
}

// --- Text, bytes, classes

std::string random_bytes(std::mt19937_64& random, size_t most) {
  static const std::string kAlphabet(
      "\0\0\x01"
      "ab\xfe\xff",
      7);
  std::string out(random() % (most + 1), ' ');
  for (char& c : out) c = kAlphabet[random() % kAlphabet.size()];
  return out;
}

TEST(KeyEncoding, TextAndBytesSortByTheirBytes) {
  std::mt19937_64 random(11);
  for (const PayloadKind kind : {PayloadKind::kStr, PayloadKind::kBytes, PayloadKind::kWtf8}) {
    for (int i = 0; i < 3000; ++i) {
      const std::string a = random_bytes(random, 5);
      const std::string b = random_bytes(random, 5);
      const Key ka = Key::payload(kind, a);
      const Key kb = Key::payload(kind, b);
      ASSERT_EQ(a < b, ka.order() < kb.order()) << hex(a) << " " << hex(b);
      ASSERT_EQ(a == b, ka == kb);
      Buffer expected;
      pack_payload(expected, kind, a);
      ASSERT_EQ(ka.pack(), expected);
    }
  }
}

TEST(KeyEncoding, ClassesSortAsSqlSortsThem) {
  const std::vector<Key> keys = {Key::floating(-kInf),
                                 Key::integer(0),
                                 Key::floating(kInf),
                                 Key::text(""),
                                 Key::text("zzz"),
                                 Key::payload(PayloadKind::kBytes, ""),
                                 Key::payload(PayloadKind::kBytes, "\xff"),
                                 Key::none(),
                                 big_key(true, (kOne << 70) + 1),
                                 big_key(false, (kOne << 70) + 1),
                                 Key::payload(PayloadKind::kWtf8, "\xed\xa0\x80"),
                                 tuple_of({})};
  for (size_t i = 1; i < keys.size(); ++i) EXPECT_LT(keys[i - 1].order(), keys[i].order()) << i;
}

// --- Tuples

struct Value {  // an int, a float, a str or a tuple: what Python compares within one position
  enum { kNumber, kStr, kTuple } type = kNumber;
  Number number;
  std::string text;
  std::vector<Value> members;
};

std::partial_ordering compare(const Value& a, const Value& b) {
  if (a.type != b.type) return a.type <=> b.type;
  if (a.type == Value::kNumber) return compare(a.number, b.number);
  if (a.type == Value::kStr) return a.text.compare(b.text) <=> 0;
  for (size_t i = 0; i < a.members.size() && i < b.members.size(); ++i) {
    if (const auto order = compare(a.members[i], b.members[i]); std::is_neq(order)) return order;
  }
  return a.members.size() <=> b.members.size();
}

void pack(Buffer& to, const Value& value) {
  if (value.type == Value::kStr) return pack_payload(to, PayloadKind::kStr, value.text);
  if (value.type == Value::kNumber) {
    return value.number.is_int ? pack_int(to, value.number.i) : pack_float(to, value.number.d);
  }
  pack_tuple(to, value.members.size());
  for (const Value& member : value.members) pack(to, member);
}

Value random_value(std::mt19937_64& random, int depth) {
  static const double kFloats[] = {0.0, 0.5, -0.5, 1.0, 1.5, -1.0, -1.5, 300.25, 1e30, -1e30, kInf};
  Value value;
  const unsigned choice = static_cast<unsigned>(random() % (depth > 0 ? 8 : 5));
  if (choice < 2) {
    value.number = {true, static_cast<int64_t>(random() % 5) - 2 + (random() % 2 ? 0 : 300), 0};
  } else if (choice < 3) {
    value.number = {false, 0, kFloats[random() % std::size(kFloats)]};
  } else if (choice < 5) {
    value.type = Value::kStr;
    value.text = random_bytes(random, 2);
  } else {
    value.type = Value::kTuple;
    value.members.resize(random() % 4);
    for (Value& member : value.members) member = random_value(random, depth - 1);
  }
  return value;
}

TEST(KeyEncoding, TuplesSortAndEqualAsInPython) {
  std::mt19937_64 random(12);
  std::vector<Value> values(900);
  std::vector<Key> keys;
  for (Value& value : values) {
    value.type = Value::kTuple;
    value.members.resize(random() % 4);
    for (Value& member : value.members) member = random_value(random, 3);
    Buffer packed;
    pack(packed, value);
    keys.push_back(Key::packed(packed));
    ASSERT_EQ(hex(keys.back().pack()), hex(packed));
    const Key again =
        Key::stored(keys.back().order(), keys.back().form(), keys.back().explicit_packed());
    ASSERT_EQ(hex(again.pack()), hex(packed));
  }
  for (size_t i = 0; i < values.size(); ++i) {
    for (size_t j = 0; j < values.size(); ++j) {
      const auto actual = std::partial_ordering(keys[i].order().compare(keys[j].order()) <=> 0);
      ASSERT_TRUE(compare(values[i], values[j]) == actual) << hex(keys[i].order()) << "\n"
                                                           << hex(keys[j].order());
    }
  }
}

TEST(KeyEncoding, AShorterTupleSortsFirst) {
  const Key one = tuple_of({Key::integer(1)});
  const Key one_two = tuple_of({Key::integer(1), Key::integer(2)});
  const Key two = tuple_of({Key::integer(2)});
  EXPECT_LT(one.order(), one_two.order());
  EXPECT_LT(one_two.order(), two.order());
}

TEST(KeyEncoding, EqualTuplesShareBytesAndKeepTheirForm) {
  const Key ints = tuple_of({Key::integer(1), tuple_of({Key::integer(0)})});
  const Key mixed = tuple_of({Key::boolean(true), tuple_of({Key::floating(-0.0)})});
  EXPECT_EQ(ints, mixed);
  EXPECT_EQ(ints.form(), KeyForm::kCanonical);
  EXPECT_EQ(mixed.form(), KeyForm::kExplicit);
  EXPECT_NE(ints.pack(), mixed.pack());
}

TEST(KeyEncoding, DeepTuplesNeitherOverflowTheStackNorGrowQuadratically) {
  constexpr size_t kDepth = 10'000;
  Buffer packed;
  for (size_t i = 0; i < kDepth; ++i) pack_tuple(packed, 1);
  pack_tuple(packed, 0);
  const Key deep = Key::packed(packed);
  EXPECT_EQ(deep.order().size(), 3 * (kDepth + 1));
  EXPECT_EQ(deep.pack(), packed);
  Bytes rest = packed;
  skip_packed(rest);
  EXPECT_TRUE(rest.empty());
}

TEST(KeyEncoding, TooDeepIsACleanError) {
  Buffer packed;
  for (int i = 0; i <= kMaxDepth; ++i) pack_tuple(packed, 1);
  pack_none(packed);
  EXPECT_THROW(Key::packed(packed), Error);
}

// --- Stored members

// --- Frozensets

Key frozenset_of(std::vector<Key> keys) {
  std::vector<Buffer> members;
  for (const Key& key : keys) members.push_back(key.pack());
  Buffer packed;
  pack_frozenset(packed, members);
  return Key::packed(packed);
}

TEST(KeyEncoding, EqualFrozensetsAreOneKeyInWhateverOrderTheirMembersCome) {
  std::vector<Key> members = {
      Key::integer(3),     Key::text("b"),   Key::none(),    tuple_of({Key::none()}),
      Key::floating(-1.5), frozenset_of({}), Key::text("a"), Key::text(Bytes("a\0", 2))};
  const Key first = frozenset_of(members);
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::shuffle(members.begin(), members.end(), random);
    EXPECT_EQ(frozenset_of(members), first);
    EXPECT_EQ(frozenset_of(members).pack(), first.pack());
  }
  EXPECT_NE(frozenset_of({Key::integer(3)}), first);
  EXPECT_NE(frozenset_of({}), tuple_of({}));
}

TEST(KeyEncoding, AFrozensetHoldsEqualMembersOnceAndTheFirst) {
  const Key key = frozenset_of({Key::boolean(true), Key::integer(1), Key::floating(1.0)});
  EXPECT_EQ(key, frozenset_of({Key::integer(1)}));
  EXPECT_EQ(key.form(), KeyForm::kExplicit);
  Buffer expected;
  pack_frozenset_head(expected, 1);
  pack_bool(expected, true);
  EXPECT_EQ(key.pack(), expected);
}

TEST(KeyEncoding, FrozensetsNestInEachOtherAndInTuples) {
  const Key inner = frozenset_of({Key::integer(1), Key::text("x")});
  const Key key = tuple_of({frozenset_of({inner, frozenset_of({}), tuple_of({inner})}), inner});
  EXPECT_EQ(unpack_order(key.order()), key.pack());
  EXPECT_EQ(Key::packed(key.pack()), key);
  Buffer blob;
  append_element(blob, key.order());
  Bytes rest = blob;
  EXPECT_EQ(read_element(rest), key.order());
  EXPECT_TRUE(rest.empty());
}

TEST(KeyEncoding, AFrozensetOutOfOrderIsCorrupt) {
  const auto packed = [](std::initializer_list<int64_t> members) {
    Buffer out;
    pack_frozenset_head(out, members.size());
    for (const int64_t member : members) pack_int(out, member);
    return out;
  };
  EXPECT_EQ(Key::packed(packed({1, 2, 3})),
            frozenset_of({Key::integer(1), Key::integer(2), Key::integer(3)}));
  for (const Buffer& wrong : {packed({2, 1}), packed({1, 1}), packed({1, 3, 2})}) {
    try {
      Key::packed(wrong);
      ADD_FAILURE() << hex(wrong);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorrupt) << error.message();
    }
  }
  // The same in order bytes: 0x50 0x10, elements 2 and 1, the end.
  for (const Bytes wrong :
       {Bytes("\x50\x10\x1b\x02\0\x1b\x01\0\0", 9), Bytes("\x50\x10\x1b\x02\0\x1b\x02\0\0", 9)}) {
    EXPECT_THROW(unpack_order(wrong), Error) << hex(wrong);
  }
  EXPECT_NO_THROW(unpack_order(Bytes("\x50\x10\x1b\x01\0\x1b\x02\0\0", 9)));
}

TEST(KeyEncoding, DeepFrozensetsTakeNoStack) {
  constexpr size_t kDepth = 50'000;
  Buffer packed;
  for (size_t i = 0; i < kDepth; ++i) pack_frozenset_head(packed, 1);
  pack_frozenset_head(packed, 0);
  const Key key = Key::packed(packed);
  EXPECT_EQ(key.order().size(), 3 * (kDepth + 1));
  EXPECT_EQ(key.pack(), packed);
}

TEST(KeyEncoding, StoredMembersEqualTheKeyTheyAre) {
  std::mt19937_64 random(13);
  const std::vector<Number> numbers = interesting_numbers(random);
  for (const Number& n : numbers) {
    uint64_t word = static_cast<uint64_t>(n.i);
    if (!n.is_int) std::memcpy(&word, &n.d, sizeof word);
    const Tag tag = tag_of(n.is_int ? WordKind::kInt : WordKind::kFloat);
    ASSERT_TRUE(key_equals(tag, word, {}, key(n)));
    ASSERT_EQ(key_of(tag, word, {}).pack(), key(n).pack());
    const Number& other = numbers[random() % numbers.size()];
    ASSERT_EQ(key_equals(tag, word, {}, key(other)), std::is_eq(compare(n, other)));
  }
  EXPECT_TRUE(key_equals(tag_of(WordKind::kTrue), 0, {}, Key::floating(1)));
  EXPECT_TRUE(key_equals(tag_of(WordKind::kNone), 0, {}, Key::none()));
  EXPECT_FALSE(key_equals(tag_of(WordKind::kNone), 0, {}, Key::integer(0)));
  EXPECT_TRUE(key_equals(inline_text_tag(2), 0, "ab", Key::text("ab")));
  EXPECT_FALSE(key_equals(inline_bytes_tag(2), 0, "ab", Key::text("ab")));
  EXPECT_TRUE(key_equals(immutable_tag(PayloadKind::kStr), 77, "long", Key::text("long")));
  const Key tuple = tuple_of({Key::integer(1)});
  EXPECT_TRUE(key_equals(heap_tag(PayloadKind::kPacked), 0, tuple.pack(), tuple));
  EXPECT_FALSE(key_equals(heap_tag(PayloadKind::kPacked), 0, tuple.pack(), Key::none()));
}

// --- LMDB keys

TEST(KeyEncoding, LmdbKeysNeverPass511Bytes) {
  const Identity largest = make_identity((uint64_t{1} << 48) - 1, 65'534);
  for (const size_t size : {kMaxKeyBytes - 1, kMaxKeyBytes, kMaxKeyBytes + 1, size_t{100'000}}) {
    const Key text = Key::text(std::string(size - 1, 'x'));
    ASSERT_EQ(text.order().size(), size);
    Buffer lmdb = entry_key(largest, text.order(), 255);
    EXPECT_LE(lmdb.size(), size_t{511});
    EXPECT_EQ(is_long_key(text.order()), size > kMaxKeyBytes);
    Bytes rest = lmdb;
    EXPECT_EQ(read_container(rest), largest);
    EXPECT_EQ(is_cut(rest), size > kMaxKeyBytes);
  }
  EXPECT_LE(order_key(largest, ~uint64_t{0}).size(), size_t{511});
}

TEST(KeyEncoding, LongKeysWithOnePrefixDifferByHashAndProbe) {
  const std::string prefix(1000, 'p');
  const Key a = Key::text(prefix + "a");
  const Key b = Key::text(prefix + "b");
  const Identity container = make_identity(1, 0);
  EXPECT_NE(entry_key(container, a.order()), entry_key(container, b.order()));
  EXPECT_LT(entry_key(container, a.order(), 0), entry_key(container, a.order(), 1));
  EXPECT_EQ(entry_key(container, a.order()).substr(0, 400),
            entry_key(container, b.order()).substr(0, 400));
}

TEST(KeyEncoding, SequencesSortAsNumbersUnderTheirContainer) {
  const Identity container = make_identity(300, 7);
  uint64_t last = 0;
  for (const uint64_t sequence :
       {1ull, 240ull, 241ull, 2287ull, 2288ull, 67823ull, 67824ull, 1ull << 40}) {
    EXPECT_LT(order_key(container, last), order_key(container, sequence));
    Buffer lmdb = order_key(container, sequence);
    EXPECT_TRUE(lmdb.starts_with(entry_prefix(container)));
    Bytes rest = lmdb;
    EXPECT_EQ(read_container(rest), container);
    EXPECT_EQ(read_sequence(rest), sequence);
    last = sequence;
  }
}

TEST(KeyEncoding, ElementsEndByThemselvesAndSortAlike) {
  const std::vector<Key> keys = {Key::floating(-1.5),
                                 Key::integer(-1),
                                 Key::integer(0),
                                 Key::floating(0.5),
                                 Key::integer(1),
                                 Key::floating(1.5),
                                 Key::floating(kInf),
                                 Key::text(""),
                                 Key::text(Bytes("\0", 1)),
                                 Key::text("a"),
                                 Key::payload(PayloadKind::kBytes, "a"),
                                 Key::none(),
                                 tuple_of({Key::none()})};
  Buffer before;
  for (const Key& k : keys) {
    Buffer element;
    append_element(element, k.order());
    EXPECT_LT(before, element);
    before = element;
    element += "tail";
    Bytes rest = element;
    EXPECT_EQ(hex(read_element(rest)), hex(k.order()));
    EXPECT_EQ(rest, "tail");
  }
}

}  // namespace
}  // namespace oocmap
