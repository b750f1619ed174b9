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

// The keys of a dict with their hash; borrowed.
struct Keys {
  std::array<PyObject*, kMaxShapeKeys> objects;
  size_t size = 0;
  uint64_t hash = 0;
};

// Returns whether the dict has only plain str keys, 1 to kMaxShapeKeys of them.
bool collect(PyObject* dict, Keys& keys) {
  const Py_ssize_t size = PyDict_GET_SIZE(dict);
  if (size == 0 || size > static_cast<Py_ssize_t>(kMaxShapeKeys)) return false;
  PyObject* key = nullptr;
  Py_ssize_t position = 0;
  while (PyDict_Next(dict, &position, &key, nullptr) != 0) {
    if (Py_TYPE(key) != &PyUnicode_Type) return false;
    const auto hash = static_cast<uint64_t>(PyObject_Hash(key));  // kept in the str
    keys.hash = (keys.hash ^ hash) * 0x9E3779B97F4A7C15ull;
    keys.hash ^= keys.hash >> 29;
    keys.objects[keys.size++] = key;
  }
  return true;
}

bool matches(const Entry& entry, const Keys& keys) noexcept {
  if (entry.hash != keys.hash || entry.keys.size() != keys.size) return false;
  for (size_t i = 0; i < keys.size; ++i) {
    if (!same_text(entry.keys[i].get(), keys.objects[i])) return false;
  }
  return true;
}

// Null where a key has lone surrogates: such a dict is rare enough to be fed key by key.
std::shared_ptr<const ShapeKeys> make_shape(const Keys& keys) {
  std::vector<Key> encoded;
  encoded.reserve(keys.size);
  for (size_t i = 0; i < keys.size; ++i) {
    const Text text = text_of(keys.objects[i]);
    if (text.kind != PayloadKind::kStr) return nullptr;
    encoded.push_back(Key::text(text.bytes));
  }
  return ShapeKeys::from(encoded);
}

}  // namespace

std::shared_ptr<const ShapeKeys> shape_keys_of(PyObject* dict) {
  Keys keys;
  if (!collect(dict, keys)) return nullptr;
  Entry& entry = entries()[keys.hash % kEntries];
  if (matches(entry, keys)) return entry.shape;
  Entry made;
  made.hash = keys.hash;
  made.shape = make_shape(keys);
  if (made.shape == nullptr) return nullptr;
  for (size_t i = 0; i < keys.size; ++i) made.keys.push_back(Ref::borrow(keys.objects[i]));
  std::swap(entry, made);
  return entry.shape;
}

void clear_shape_keys() noexcept {
  for (Entry& entry : entries()) entry = Entry{};
}

}  // namespace oocmap::python
