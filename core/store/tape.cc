#include "core/store/tape.h"

namespace oocmap {

void Tape::clear() noexcept {
  words.clear();
  tags.clear();
  text.clear();
  nodes.clear();
  order.clear();
  shapes.clear();
  arrays.clear();
}

size_t Tape::memory() const noexcept {
  size_t arrays_size = arrays.capacity() * sizeof(TapeArray);
  for (const TapeArray& array : arrays) arrays_size += array.data.size();
  return arrays_size + words.capacity() * sizeof(uint64_t) + tags.capacity() + text.capacity() +
         nodes.capacity() * sizeof(TapeNode) + order.capacity() * sizeof(uint32_t) +
         shapes.capacity() * sizeof(shapes[0]);
}

void append_run_key(PodVector<char>& to, const Key& key) {
  const Bytes order = key.order();
  const Bytes explicit_packed = key.explicit_packed();
  char* const at = to.extend(9 + order.size() + explicit_packed.size());
  store_le(at, static_cast<uint32_t>(order.size()));
  store_le(at + 4, static_cast<uint32_t>(explicit_packed.size()));
  at[8] = static_cast<char>(key.form());
  std::memcpy(at + 9, order.data(), order.size());
  std::memcpy(at + 9 + order.size(), explicit_packed.data(), explicit_packed.size());
}

RunKey read_run_key(const char*& at) noexcept {
  RunKey key;
  key.order = {at + 9, load_le<uint32_t>(at)};
  key.explicit_packed = {at + 9 + key.order.size(), load_le<uint32_t>(at + 4)};
  key.form = static_cast<KeyForm>(at[8]);
  at += 9 + key.order.size() + key.explicit_packed.size();
  return key;
}

}  // namespace oocmap
