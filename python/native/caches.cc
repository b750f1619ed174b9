#include "python/native/caches.h"

#include <utility>

#include "python/native/keys.h"
#include "python/native/scalars.h"
#include "python/native/unfinished.h"

namespace oocmap::python {

namespace {

// Writers put plain keys into a shape only: making these runs no Python code.
Ref shape_key(const Key& key) {
  Ref object = key_to_python(key);
  if (!is_stand_in(object.get())) return object;
  throw Error(ErrorCode::kCorrupt, "the file is damaged: a shape has a key that none may have");
}

}  // namespace

ShapeObjects ShapeCache::load(Store& store, const Transaction& transaction, uint64_t id) {
  const std::shared_ptr<const Shape> shape = store.shape(transaction, id);
  const auto size = static_cast<Py_ssize_t>(shape->size());
  const WithoutCollection guard;
  ShapeObjects result;
  result.id = id;
  result.keys = Ref::steal(PyTuple_New(size));
  result.index = Ref::steal(PyDict_New());
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* key = shape_key(shape->key(static_cast<size_t>(i))).release();
    if (PyUnicode_CheckExact(key)) PyUnicode_InternInPlace(&key);
    PyTuple_SET_ITEM(result.keys.get(), i, key);
    const Ref place = Ref::steal(PyLong_FromSsize_t(i));
    checked(PyDict_SetItem(result.index.get(), key, place.get()));
  }
  return result;
}

void ShapeCache::clear() noexcept {
  for (ShapeObjects& slot : slots_) slot = ShapeObjects{};
}

namespace {

// The cache is bounded in entries, so these must be small.
constexpr Py_ssize_t kLargestKept = 512;

bool is_small(const Member& member, PyObject* object) noexcept {
  if (!member.has_payload() && !member.in_immutables()) return true;
  if (PyUnicode_CheckExact(object)) return PyUnicode_GET_LENGTH(object) <= kLargestKept;
  return PyBytes_CheckExact(object) && PyBytes_GET_SIZE(object) <= kLargestKept;
}

}  // namespace

void LookupCache::add(const Stamp& stamp, Identity container, PyObject* key, const Member& member,
                      PyObject* object) {
  const uint64_t wanted = name(container, key);
  const auto mark = static_cast<uint32_t>(wanted);
  if (std::exchange(wanted_[wanted % kSlots], mark) != mark) return;
  int64_t number = 0;
  if (PyLong_CheckExact(key) && !fits_int64(key, number)) return;
  if (!is_small(member, object) || is_stand_in(object)) return;
  if (!(stamp == stamp_)) {
    stamp_ = stamp;
    ++epoch_;
  }
  Slot& slot = slots_[wanted % kSlots];
  const Slot old = slot;
  slot.container = container;
  slot.key = Py_NewRef(key);
  slot.epoch = epoch_;
  slot.tag = member.container() ? member.tag : 0;
  if (member.container()) {
    slot.identity = member.word;
  } else {
    slot.object = Py_NewRef(object);
  }
  Py_XDECREF(old.key);
  if (old.tag == 0) Py_XDECREF(old.object);
}

void LookupCache::clear() noexcept {
  for (Slot& slot : slots_) {
    const Slot old = std::exchange(slot, Slot{});
    Py_XDECREF(old.key);
    if (old.tag == 0) Py_XDECREF(old.object);
  }
  stamp_ = Stamp{};
}

}  // namespace oocmap::python
