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
    if (slot.id != id) slot = load(store, transaction, id);
    return slot;
  }
  void clear() noexcept;
  ShapeCache() : slots_(kSlots) {}

 private:
  static constexpr size_t kSlots = 4096;
  static ShapeObjects load(Store& store, const Transaction& transaction, uint64_t id);
  std::vector<ShapeObjects> slots_;
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
