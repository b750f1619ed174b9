#include "python/native/key_range.h"

#include <memory>

#include "core/lmdb/process.h"
#include "core/store/dict.h"
#include "python/native/convert_out.h"
#include "python/native/errors.h"
#include "python/native/iterate.h"
#include "python/native/keys.h"

namespace oocmap::python {
namespace {

struct RangeObject {
  PyObject_HEAD PyObject* owner;  // null once exhausted
  KeyWalk* walk;                  // null with it
  uint64_t process;               // process_epoch() when it was made
};

PyTypeObject* range_type = nullptr;

RangeObject* range_of(PyObject* self) noexcept { return reinterpret_cast<RangeObject*>(self); }

void finish(RangeObject* range) noexcept {
  std::unique_ptr<KeyWalk>(std::exchange(range->walk, nullptr)).reset();
  Py_CLEAR(range->owner);
}

// The order bytes of a bound; nullopt for None.
std::optional<Buffer> bound(PyObject* key) {
  if (key == Py_None) return std::nullopt;
  const std::optional<Key> found = key_to_find(key);
  return Buffer(found ? found->order() : key_to_store(key).order());
}

// The next pair; empty at the end.
Ref next_pair(const Reading& reading, KeyWalk& walk) {
  const WithoutCollection guard;
  DictEntry entry;
  if (!walk.next(reading.transaction(), entry)) return Ref();
  const Ref key = key_to_python(entry.key);
  const Ref value = Ref::steal(member_to_python(reading, entry.value));
  return Ref::steal(PyTuple_Pack(2, key.get(), value.get()));
}

PyObject* range_next(PyObject* self) {
  RangeObject* range = range_of(self);
  if (range->owner == nullptr) return nullptr;
  return guarded([range]() -> PyObject* {
    refuse_after_fork(range->process);
    Ref pair;
    {
      const Reading reading(container_of(range->owner));
      pair = next_pair(reading, *range->walk);
    }
    if (!pair) finish(range);
    return pair.release();
  });
}

void range_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  finish(range_of(self));
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

int range_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(range_of(self)->owner);
  return 0;
}

int range_clear(PyObject* self) {
  finish(range_of(self));
  return 0;
}

}  // namespace

PyObject* make_key_range(PyObject* owner, PyObject* start, PyObject* stop, bool reverse) {
  Container& dict = container_of(owner);
  dict.map->check_open();
  KeyBounds bounds;
  bounds.lower = bound(start);
  bounds.upper = bound(stop);
  bounds.upper_open = true;
  const Reading reading(dict);
  auto walk = std::make_unique<KeyWalk>(reading.store(), dict.identity, std::move(bounds), reverse);
  const WithoutCollection guard;
  RangeObject* range = PyObject_GC_New(RangeObject, range_type);
  if (range == nullptr) throw PythonRaised{};
  range->owner = Py_NewRef(owner);
  range->walk = walk.release();
  range->process = process_epoch();
  PyObject* object = reinterpret_cast<PyObject*>(range);
  PyObject_GC_Track(object);
  return object;
}

void make_key_range_type(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, slot(range_dealloc)}, {Py_tp_traverse, slot(range_traverse)},
      {Py_tp_clear, slot(range_clear)},     {Py_tp_iter, slot(PyObject_SelfIter)},
      {Py_tp_iternext, slot(range_next)},   {0, nullptr},
  };
  PyType_Spec spec = {"oocmap.LazyRange", sizeof(RangeObject), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION |
                          Py_TPFLAGS_IMMUTABLETYPE,
                      slots};
  range_type = reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
  if (range_type == nullptr) throw PythonRaised{};
}

}  // namespace oocmap::python
