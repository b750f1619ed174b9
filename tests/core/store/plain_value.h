// Plain values in memory, for comparing a store with: what Python would hold.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/format/packed.h"
#include "core/store/dict.h"
#include "core/store/encoder.h"
#include "core/store/list.h"
#include "core/store/store.h"

namespace oocmap {

struct Plain {
  enum Kind {
    kNone,
    kBool,
    kInt,
    kFloat,
    kPayload,
    kList,
    kTuple,
    kSet,
    kFrozenset,
    kDict,
    kReference
  };
  Kind kind = kNone;
  int64_t number = 0;  // kBool, kInt; kReference: the identity
  double floating = 0;
  PayloadKind payload = PayloadKind::kStr;  // kPayload; kReference: unused
  std::string bytes;
  std::vector<Plain> items;                    // kList, kTuple, sets (frozensets in key order)
  std::vector<std::pair<Plain, Plain>> pairs;  // kDict, in insertion order

  Plain() = default;
  Plain(std::nullptr_t) {}                                             // NOLINT: reads as a literal
  Plain(bool value) : kind(kBool), number(value) {}                    // NOLINT
  Plain(int value) : kind(kInt), number(value) {}                      // NOLINT
  Plain(int64_t value) : kind(kInt), number(value) {}                  // NOLINT
  Plain(double value) : kind(kFloat), floating(value) {}               // NOLINT
  Plain(const char* text) : kind(kPayload), bytes(text) {}             // NOLINT
  Plain(std::string text) : kind(kPayload), bytes(std::move(text)) {}  // NOLINT

  static Plain raw(PayloadKind kind, std::string bytes) {
    Plain value(std::move(bytes));
    value.payload = kind;
    return value;
  }
  static Plain list(std::vector<Plain> items = {}) { return sequence(kList, std::move(items)); }
  static Plain tuple(std::vector<Plain> items = {}) { return sequence(kTuple, std::move(items)); }
  static Plain set(std::vector<Plain> items = {}) { return sequence(kSet, std::move(items)); }
  static Plain frozenset(std::vector<Plain> items = {}) {
    return sequence(kFrozenset, std::move(items));
  }
  static Plain dict(std::vector<std::pair<Plain, Plain>> pairs = {}) {
    Plain value;
    value.kind = kDict;
    value.pairs = std::move(pairs);
    return value;
  }
  static Plain reference(Identity identity, WordKind kind) {
    Plain value;
    value.kind = kReference;
    value.number = static_cast<int64_t>(identity);
    value.bytes.push_back(static_cast<char>(kind));
    return value;
  }
  bool container() const { return kind >= kList; }

 private:
  static Plain sequence(Kind kind, std::vector<Plain> items) {
    Plain value;
    value.kind = kind;
    value.items = std::move(items);
    return value;
  }
};

// Same type and bits: 1, 1.0 and True differ, as eager() must keep them apart.
inline bool operator==(const Plain& a, const Plain& b) {
  return a.kind == b.kind && a.number == b.number &&
         std::memcmp(&a.floating, &b.floating, sizeof a.floating) == 0 && a.payload == b.payload &&
         a.bytes == b.bytes && a.items == b.items && a.pairs == b.pairs;
}

inline std::string repr(const Plain& value) {
  std::string text;
  switch (value.kind) {
    case Plain::kNone:
      return "None";
    case Plain::kBool:
      return value.number != 0 ? "True" : "False";
    case Plain::kInt:
      return std::to_string(value.number);
    case Plain::kFloat:
      return std::to_string(value.floating) + "f";
    case Plain::kPayload:
      return std::string(1, "swbi"[static_cast<int>(value.payload) & 3]) + "'" +
             (value.bytes.size() > 40 ? value.bytes.substr(0, 40) + "..." : value.bytes) + "'";
    case Plain::kReference:
      return "<" + std::to_string(value.number) + ">";
    case Plain::kDict:
      for (const auto& [key, member] : value.pairs) text += repr(key) + ": " + repr(member) + ", ";
      return "{" + text + "}";
    case Plain::kSet:
    case Plain::kFrozenset:
      for (const Plain& item : value.items) text += repr(item) + ", ";
      return value.kind == Plain::kSet ? "{" + text + "}" : "frozenset(" + text + ")";
    default:
      for (const Plain& item : value.items) text += repr(item) + ", ";
      return value.kind == Plain::kList ? "[" + text + "]" : "(" + text + ")";
  }
}
inline void PrintTo(const Plain& value, std::ostream* out) { *out << repr(value); }

// --- To the store

inline void pack(const Plain& value, Buffer& to) {
  switch (value.kind) {
    case Plain::kNone:
      return pack_none(to);
    case Plain::kBool:
      return pack_bool(to, value.number != 0);
    case Plain::kInt:
      return pack_int(to, value.number);
    case Plain::kFloat:
      return pack_float(to, value.floating);
    case Plain::kPayload:
      return pack_payload(to, value.payload, value.bytes);
    case Plain::kFrozenset: {
      std::vector<Buffer> members;
      for (const Plain& item : value.items) pack(item, members.emplace_back());
      return pack_frozenset(to, members);
    }
    default:
      pack_tuple(to, value.items.size());
      for (const Plain& item : value.items) pack(item, to);
  }
}

inline Key key_from(const Plain& value) {
  Buffer packed;
  pack(value, packed);
  return Key::packed(packed);
}

inline void encode(const Plain& value, ValueEncoder& to) {
  switch (value.kind) {
    case Plain::kNone:
      return to.none();
    case Plain::kBool:
      return to.boolean(value.number != 0);
    case Plain::kInt:
      return to.integer(value.number);
    case Plain::kFloat:
      return to.floating(value.floating);
    case Plain::kPayload:
      return to.payload(value.payload, value.bytes);
    case Plain::kReference:
      return to.reference(static_cast<Identity>(value.number),
                          static_cast<WordKind>(value.bytes.front()));
    case Plain::kDict:
      to.begin_dict(value.pairs.size());
      for (const auto& [key, member] : value.pairs) {
        to.key(key_from(key));
        encode(member, to);
      }
      return to.end();
    case Plain::kSet:
    case Plain::kFrozenset:
      value.kind == Plain::kSet ? to.begin_set() : to.begin_frozenset();
      for (const Plain& item : value.items) to.key(key_from(item));
      return to.end();
    case Plain::kList:
    case Plain::kTuple:
      value.kind == Plain::kList ? to.begin_list() : to.begin_tuple();
      for (const Plain& item : value.items) encode(item, to);
      return to.end();
  }
}

inline EncodedValue encode(const Plain& value) {
  ValueEncoder encoder;
  encode(value, encoder);
  return encoder.finish();
}

// --- From the store, deep

inline Plain unpack(Bytes& packed) {
  const Packed head = read_packed(packed);
  if (is_heap(head.tag)) {
    return Plain::raw(static_cast<PayloadKind>(head.tag & ~kLocationMask),
                      std::string(head.payload));
  }
  Member member{head.tag, head.word, nullptr, 0};
  switch (static_cast<WordKind>(head.tag)) {
    case WordKind::kNone:
      return nullptr;
    case WordKind::kFalse:
    case WordKind::kTrue:
      return head.tag == tag_of(WordKind::kTrue);
    case WordKind::kInt:
      return member.as_int();
    case WordKind::kFloat:
      return member.as_float();
    default:
      break;
  }
  Plain tuple = head.tag == tag_of(WordKind::kFrozenset) ? Plain::frozenset() : Plain::tuple();
  for (uint64_t i = 0; i < head.count; ++i) tuple.items.push_back(unpack(packed));
  return tuple;
}

inline Plain plain_key(const Key& key) {
  const Buffer packed = key.pack();
  Bytes rest = packed;
  return unpack(rest);
}

Plain read_container(Store& store, const Transaction& transaction, Identity identity);

inline Plain read_member(Store& store, const Transaction& transaction, const Member& member) {
  if (member.container()) return read_container(store, transaction, member.word);
  if (member.has_payload() || member.in_immutables()) {
    return Plain::raw(member.payload_kind(), std::string(store.payload(transaction, member)));
  }
  switch (static_cast<WordKind>(member.tag)) {
    case WordKind::kNone:
      return nullptr;
    case WordKind::kFalse:
    case WordKind::kTrue:
      return member.tag == tag_of(WordKind::kTrue);
    case WordKind::kInt:
      return member.as_int();
    default:
      return member.as_float();
  }
}

inline Plain read_container(Store& store, const Transaction& transaction, Identity identity) {
  const NodeView node = store.locate(transaction, identity);
  if (node.container_kind() == WordKind::kDict) {
    Plain dict = Plain::dict();
    DictWalk walk(store, identity);
    for (DictEntry entry; walk.next(transaction, entry);) {
      dict.pairs.emplace_back(plain_key(entry.key), read_member(store, transaction, entry.value));
    }
    return dict;
  }
  if (is_set(node.container_kind())) {
    Plain set = node.container_kind() == WordKind::kSet ? Plain::set() : Plain::frozenset();
    DictWalk walk(store, identity);
    for (DictEntry entry; walk.next(transaction, entry);) {
      set.items.push_back(plain_key(entry.key));
    }
    return set;
  }
  Plain list = node.container_kind() == WordKind::kTuple ? Plain::tuple() : Plain::list();
  ListWalk walk(store, identity);
  for (Member member; walk.next(transaction, member);) {
    list.items.push_back(read_member(store, transaction, member));
  }
  return list;
}

}  // namespace oocmap
