// What a map remembers between two reads, so that a walk decodes nothing twice: where records lie
// at one moment, the keys of shapes, and small immutable values, each as the Python objects they
// are. All are bounded, belong to one map and are used with the GIL held.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/error.h"
#include "core/lmdb/transaction.h"
#include "core/store/store.h"
#include "python/native/python.h"

namespace oocmap::python {

// record id -> its bytes at a moment. Direct-mapped: a collision replaces.
class RecordCache {
 public:
  RecordCache() : slots_(kSlots) {}
  // The bytes of a record. Empty where there is none (the caller's locate() says why).
  Bytes find(const Transaction& transaction, uint64_t record) {
    Slot& slot = slots_[record % kSlots];
    const Stamp stamp = transaction.stamp();
    if (slot.record == record && slot.stamp == stamp) return slot.bytes;
    const auto bytes = transaction.get(Database::kRecords, record);
    if (!bytes) return {};
    slot = {record, stamp, *bytes};
    return *bytes;
  }

 private:
  static constexpr size_t kSlots = 256;
  struct Slot {
    uint64_t record = 0;
    Stamp stamp;
    Bytes bytes;
  };
  std::vector<Slot> slots_;
};

// The keys of dicts of one shape.
struct ShapeObjects {
  uint64_t id = 0;
  Ref keys;   // tuple, text interned
  Ref index;  // dict: key -> its place, holding only exact builtins, so a lookup runs no Python
              // code
};

class ShapeCache {
 public:
  // Lifetime: until the next call of find() or clear(). Errors: kCorrupt. Cost: a comparison once
  // cached.
  const ShapeObjects& find(Store& store, const Transaction& transaction, uint64_t id) {
    ShapeObjects& slot = slots_[id % slots_.size()];
    // An empty slot has id 0, which only a damaged file asks for: load() refuses it.
    if (slot.id != id || id == 0) slot = load(store, transaction, id);
    return slot;
  }
  void clear() noexcept;
  ShapeCache() : slots_(kSlots) {}

 private:
  static constexpr size_t kSlots = 4096;
  static ShapeObjects load(Store& store, const Transaction& transaction, uint64_t id);
  std::vector<ShapeObjects> slots_;
};

// What was read lately, by container and key or index: a program asks for the same things again and
// again. All of it is of one moment, and copied out of the file, so while that moment lasts it is
// right without a read transaction. Direct-mapped: a collision replaces, but only with what was
// asked for twice running, so that reading once what is larger than the cache costs it little.
class LookupCache {
 public:
  struct Slot {
    Identity container = 0;
    PyObject* key = nullptr;
    union {
      PyObject* object = nullptr;  // where tag is 0
      Identity identity;           // of the container with that tag
    };
    uint64_t epoch : 56 = 0;
    uint64_t tag : 8 = 0;
  };

  LookupCache() : slots_(kSlots), wanted_(kSlots) {}
  ~LookupCache() { clear(); }
  LookupCache(const LookupCache&) = delete;
  LookupCache& operator=(const LookupCache&) = delete;

  // Whether keys like this one are cached: exact int, or exact str of moderate size.
  static bool takes(PyObject* key) noexcept {
    return PyUnicode_CheckExact(key) ? PyUnicode_GET_LENGTH(key) <= kLongestKey
                                     : PyLong_CheckExact(key);
  }
  // The moment of what find() finds.
  const Stamp& stamp() const noexcept { return stamp_; }
  // What lay under `key` at stamp(); null where that is not known. `key` is one that takes().
  const Slot* find(Identity container, PyObject* key) const {
    const Slot& slot = slots_[name(container, key) % kSlots];
    const bool known = slot.container == container && slot.epoch == epoch_ && same(slot.key, key);
    return known ? &slot : nullptr;
  }
  // Takes note of what was read: `object`, as made from `member`.
  void add(const Stamp& stamp, Identity container, PyObject* key, const Member& member,
           PyObject* object);
  void clear() noexcept;

 private:
  static constexpr size_t kSlots = 4096;
  static constexpr Py_ssize_t kLongestKey = 64;

  static uint64_t name(Identity container, PyObject* key) {
    const auto hash = static_cast<uint64_t>(PyObject_Hash(key));
    return (container * 0x9E3779B97F4A7C15ull + hash) * 0xD6E8FEB86659FD93ull >> 32;
  }
  // Exact builtins: no Python code runs. True is no exact int, so 1 and True are not confused.
  static bool same(PyObject* known, PyObject* key) {
    return known == key ||
           (Py_TYPE(known) == Py_TYPE(key) && PyObject_RichCompareBool(known, key, Py_EQ) == 1);
  }

  Stamp stamp_;
  uint64_t epoch_ = 1;  // rises with every other stamp
  std::vector<Slot> slots_;
  std::vector<uint32_t> wanted_;  // the name last added to a slot or refused there
};

// Small immutable values by a 64-bit name: an id in `immutables`, or the word of an inline text.
class ObjectCache {
 public:
  explicit ObjectCache(size_t slots) : slots_(slots) {}
  ~ObjectCache() { clear(); }
  ObjectCache(const ObjectCache&) = delete;
  ObjectCache& operator=(const ObjectCache&) = delete;

  // A new reference, or null where the name is not cached.
  PyObject* find(uint64_t name) const noexcept {
    const Slot& slot = slots_[place(name)];
    return slot.name == name && slot.object != nullptr ? Py_NewRef(slot.object) : nullptr;
  }
  void add(uint64_t name, PyObject* object) noexcept {
    Slot& slot = slots_[place(name)];
    PyObject* old = slot.object;
    slot = {name, Py_NewRef(object)};
    Py_XDECREF(old);
  }
  void clear() noexcept {
    for (Slot& slot : slots_) Py_CLEAR(slot.object);
  }

 private:
  struct Slot {
    uint64_t name = 0;
    PyObject* object = nullptr;
  };
  size_t place(uint64_t name) const noexcept {
    return (name * 0x9E3779B97F4A7C15ull >> 32) % slots_.size();
  }
  std::vector<Slot> slots_;
};

}  // namespace oocmap::python
