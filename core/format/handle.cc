#include "core/format/handle.h"

#include <algorithm>
#include <cstring>

#include "core/base/error.h"
#include "core/format/corrupt.h"
#include "core/format/packed.h"

namespace oocmap {
namespace {

constexpr Bytes kHandleMagic = "\xcfOM";
constexpr Bytes kKeyMagic = "\xcfOK";
constexpr char kVersion = 1;

Buffer begin(Bytes magic) {
  Buffer out(magic);
  out.push_back(kVersion);
  return out;
}

template <typename T>
T take(Bytes& from) {
  if (from.size() < sizeof(T)) throw_corrupt("a handle is cut short");
  const T value = load_le<T>(from.data());
  from.remove_prefix(sizeof(T));
  return value;
}

void read_container_part(Bytes& from, Handle& handle) {
  handle.tag = take<uint8_t>(from);
  handle.identity = take<uint64_t>(from);
  if (!is_container(handle.tag) || record_of(handle.identity) == 0) {
    throw_corrupt("a handle names no container");
  }
  if (handle.kind != HandleKind::kUncommitted) return;
  handle.nonce = take<uint64_t>(from);
  handle.birth = take<uint64_t>(from);
}

void read_scalar_part(Bytes& from, Handle& handle) {
  handle.packed = from;
  skip_packed(from);
}

// A key blob's exact value must be one of its order bytes'.
Key read_key(Bytes from) {
  const Buffer order = read_element(from);
  if (from.empty()) return Key::stored(order, KeyForm::kCanonical, {});
  Key key = Key::packed(from);
  if (key.order() != Bytes(order)) throw_corrupt("its two halves are different keys");
  return key;
}

}  // namespace

bool is_handle(Bytes bytes) noexcept { return bytes.starts_with(kHandleMagic); }

// One is made for each row that SQL reads, so a container's is put together on the stack.
Buffer encode_handle(const Handle& handle) {
  constexpr size_t kMost = 40;
  char bytes[kMost];
  char* end = std::copy(kHandleMagic.begin(), kHandleMagic.end(), bytes);
  *end++ = kVersion;
  *end++ = static_cast<char>(handle.kind);
  const auto put = [&](const auto& value) {
    std::memcpy(end, &value, sizeof value);
    end += sizeof value;
  };
  put(handle.store_id);
  if (handle.kind == HandleKind::kScalar) return Buffer(bytes, end).append(handle.packed);
  put(handle.tag);
  put(handle.identity);
  if (handle.kind == HandleKind::kUncommitted) {
    put(handle.nonce);
    put(handle.birth);
  }
  return {bytes, end};
}

Handle decode_handle(Bytes bytes) {
  if (!is_handle(bytes)) throw_corrupt("not a handle");
  bytes.remove_prefix(kHandleMagic.size());
  if (take<char>(bytes) != kVersion) {
    throw Error(ErrorCode::kStaleHandle, "not a handle of this version of oocmap");
  }
  Handle handle;
  handle.kind = static_cast<HandleKind>(take<uint8_t>(bytes));
  handle.store_id = take<uint64_t>(bytes);
  switch (handle.kind) {
    case HandleKind::kContainer:
    case HandleKind::kUncommitted:
      read_container_part(bytes, handle);
      break;
    case HandleKind::kScalar:
      read_scalar_part(bytes, handle);
      break;
    default:
      throw_corrupt("a handle has an unknown kind");
  }
  if (!bytes.empty()) throw_corrupt("a handle has bytes after it");
  return handle;
}

bool is_key_blob(Bytes bytes) noexcept { return bytes.starts_with(kKeyMagic); }

Buffer encode_key_blob(const Key& key) {
  Buffer out = begin(kKeyMagic);
  append_element(out, key.order());
  if (key.form() != KeyForm::kCanonical) out.append(key.pack());
  return out;
}

Key decode_key_blob(Bytes bytes) {
  if (!is_key_blob(bytes)) throw Error(ErrorCode::kInvalidArgument, "not a key of oocmap");
  bytes.remove_prefix(kKeyMagic.size());
  if (bytes.empty() || bytes.front() != kVersion) {
    throw Error(ErrorCode::kInvalidArgument, "not a key of this version of oocmap");
  }
  bytes.remove_prefix(1);
  try {
    return read_key(bytes);
  } catch (const Error& error) {
    throw Error(ErrorCode::kInvalidArgument, "not a key of oocmap: " + error.message());
  }
}

}  // namespace oocmap
