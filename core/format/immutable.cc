#include "core/format/immutable.h"

#include <algorithm>

#include "core/base/hash.h"
#include "core/format/corrupt.h"

namespace oocmap {
namespace {

constexpr size_t kImmutableHeader = 2;
constexpr size_t kIndexHead = 9;         // hash, space
constexpr uint64_t kRecordSeed = 0x100;  // no PayloadKind has it
constexpr size_t kRecordFlagsSize = 2;

}  // namespace

Buffer encode_immutable(uint8_t flags, PayloadKind kind, Bytes payload) {
  Buffer out;
  out.reserve(kImmutableHeader + payload.size());
  out.push_back(static_cast<char>(flags));
  out.push_back(static_cast<char>(kind));
  out.append(payload);
  return out;
}

Immutable decode_immutable(Bytes value) {
  if (value.size() < kImmutableHeader) throw_corrupt("an immutable is cut short");
  const auto kind = static_cast<uint8_t>(value[1]);
  if (kind >= kInHeap) throw_corrupt("an immutable has an unknown kind");
  return {static_cast<uint8_t>(value[0]), static_cast<PayloadKind>(kind),
          value.substr(kImmutableHeader)};
}

Buffer index_prefix(uint64_t hash, IndexSpace space) {
  Buffer out;
  append_be64(out, hash);
  out.push_back(static_cast<char>(space));
  return out;
}

Buffer index_key(uint64_t hash, IndexSpace space, uint64_t id) {
  Buffer out = index_prefix(hash, space);
  append_varint(out, id);
  return out;
}

uint64_t index_id(Bytes key) {
  if (key.size() < kIndexHead) throw_corrupt("a key of immutable_index is cut short");
  key.remove_prefix(kIndexHead);
  uint64_t id = 0;
  if (!read_varint(key, id) || !key.empty()) {
    throw_corrupt("a key of immutable_index has a malformed id");
  }
  return id;
}

uint64_t payload_hash(PayloadKind kind, Bytes payload) noexcept {
  return hash64(payload, static_cast<uint64_t>(kind));
}

uint64_t record_hash(Bytes record) noexcept {
  record.remove_prefix(std::min(record.size(), kRecordFlagsSize));
  return hash64(record, kRecordSeed);
}

bool same_content(Bytes record, Bytes other) noexcept {
  if (record.size() != other.size() || record.size() < kRecordFlagsSize) return false;
  record.remove_prefix(kRecordFlagsSize);
  other.remove_prefix(kRecordFlagsSize);
  return record == other;
}

void append_shape_head(Buffer& to, uint64_t count) { append_varint(to, count); }

std::vector<Bytes> decode_shape(Bytes payload) {
  uint64_t count = 0;
  if (!read_varint(payload, count) || count > payload.size()) {
    throw_corrupt("a shape is cut short");
  }
  std::vector<Bytes> keys;
  keys.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    const Bytes before = payload;
    skip_packed(payload);
    keys.push_back(before.substr(0, before.size() - payload.size()));
  }
  if (!payload.empty()) throw_corrupt("a shape has bytes after its last key");
  return keys;
}

}  // namespace oocmap
