#include "python/native/shape_keys.h"

#include <array>
#include <cstring>
#include <vector>

#include "core/format/limits.h"
#include "python/native/scalars.h"

namespace oocmap::python {
namespace {

struct Entry {
  uint64_t hash = 0;
  std::vector<Ref> keys;
  std::shared_ptr<const ShapeKeys> shape;
};

// Direct-mapped: a collision replaces. Never destroyed: that would be after the interpreter's end.
constexpr size_t kEntries = 1024;
std::array<Entry, kEntries>& entries() {
  static auto& all = *std::make_unique<std::array<Entry, kEntries>>().release();
  return all;
}

bool same_text(PyObject* left, PyObject* right) noexcept {
  if (left == right) return true;
  const Py_ssize_t size = PyUnicode_GET_LENGTH(left);
  const auto kind = PyUnicode_KIND(left);
  return size == PyUnicode_GET_LENGTH(right) && kind == PyUnicode_KIND(right) &&
         std::memcmp(PyUnicode_DATA(left), PyUnicode_DATA(right),
                     static_cast<size_t>(size) * static_cast<size_t>(kind)) == 0;
}

// The keys of a dict with their hash, and its values; borrowed.
struct Members {
  std::array<PyObject*, kMaxShapeKeys> keys;
  std::array<PyObject*, kMaxShapeKeys> values;
  size_t size = 0;
  uint64_t hash = 0;
};

// A str that is a key has computed its hash.
uint64_t hash_of(PyObject* key) noexcept {
  return static_cast<uint64_t>(reinterpret_cast<PyASCIIObject*>(key)->hash);
}

// Returns whether the dict has only plain str keys, 1 to kMaxShapeKeys of them.
bool collect(PyObject* dict, Members& members) noexcept {
  const Py_ssize_t size = PyDict_GET_SIZE(dict);
  if (size == 0 || size > static_cast<Py_ssize_t>(kMaxShapeKeys)) return false;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  Py_ssize_t position = 0;
  while (PyDict_Next(dict, &position, &key, &value) != 0) {
    if (Py_TYPE(key) != &PyUnicode_Type) return false;
    members.hash = (members.hash ^ hash_of(key)) * 0x9E3779B97F4A7C15ull;
    members.hash ^= members.hash >> 29;
    members.keys[members.size] = key;
    members.values[members.size++] = value;
  }
  return true;
}

bool matches(const Entry& entry, const Members& members) noexcept {
  if (entry.hash != members.hash || entry.keys.size() != members.size) return false;
  for (size_t i = 0; i < members.size; ++i) {
    if (!same_text(entry.keys[i].get(), members.keys[i])) return false;
  }
  return true;
}

// Null where a key has lone surrogates: such a dict is rare enough to be fed key by key.
std::shared_ptr<const ShapeKeys> make_shape(const Members& members) {
  std::vector<Key> encoded;
  encoded.reserve(members.size);
  for (size_t i = 0; i < members.size; ++i) {
    const Text text = text_of(members.keys[i]);
    if (text.kind != PayloadKind::kStr) return nullptr;
    encoded.push_back(Key::text(text.bytes));
  }
  return ShapeKeys::from(encoded);
}

}  // namespace

std::shared_ptr<const ShapeKeys> shape_keys_of(PyObject* dict, std::vector<Ref>& values) {
  Members members;
  if (!collect(dict, members)) return nullptr;
  const size_t before = values.size();
  for (size_t i = 0; i < members.size; ++i) values.push_back(Ref::borrow(members.values[i]));
  Entry& entry = entries()[members.hash % kEntries];
  if (matches(entry, members)) return entry.shape;
  Entry made;
  made.hash = members.hash;
  made.shape = make_shape(members);
  if (made.shape == nullptr) {
    values.resize(before);
    return nullptr;
  }
  for (size_t i = 0; i < members.size; ++i) made.keys.push_back(Ref::borrow(members.keys[i]));
  std::swap(entry, made);
  return entry.shape;
}

void clear_shape_keys() noexcept {
  for (Entry& entry : entries()) entry = Entry{};
}

}  // namespace oocmap::python
