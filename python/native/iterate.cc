#include "python/native/iterate.h"

#include <algorithm>
#include <memory>

#include "core/lmdb/process.h"
#include "core/store/dict.h"
#include "core/store/list.h"
#include "python/native/compare.h"
#include "python/native/convert_out.h"
#include "python/native/errors.h"
#include "python/native/free_list.h"
#include "python/native/keys.h"

namespace oocmap::python {
namespace {

constexpr unsigned kFirstBatch = 8;
constexpr unsigned kLargestBatch = 32;

// The objects of a batch are made from consecutive places, so a batch that is out of date is
// dropped and made anew from `position`. A dict without a shape has no places: its walk goes step
// by step.
struct IteratorObject {
  PyObject_HEAD PyObject* owner;  // null once exhausted
  What what;
  bool reverse;
  bool at_end;   // the batch reaches to the end of the container
  uint8_t next;  // of the batch
  uint8_t end;
  uint8_t batch;          // size of the next batch
  uint32_t size_changes;  // of the dict, when the iterator was made
  uint64_t position;      // place of the member that is handed out next
  uint64_t count;         // of the dict, when the iterator was made
  uint64_t shape;         // of `keys`
  PyObject* keys;         // shaped dicts: tuple, else null
  DictWalk* dict;         // other dicts, else null
  ListWalk* list;         // spilled lists and tuples, else null
  uint64_t process;       // process_epoch() when it was made
  Stamp stamp;            // of the batch
  PyObject* objects[kLargestBatch];
};

PyTypeObject* iterator_type = nullptr;
FreeList<IteratorObject, 64> free_iterators;

Container& container(const IteratorObject* it) { return container_of(it->owner); }

void drop_batch(IteratorObject* it) noexcept {
  while (it->next < it->end) Py_DECREF(it->objects[it->next++]);
  it->next = it->end = 0;
  it->at_end = false;
}

void finish(IteratorObject* it) noexcept {
  drop_batch(it);
  Py_CLEAR(it->keys);
  std::unique_ptr<DictWalk>(std::exchange(it->dict, nullptr)).reset();
  std::unique_ptr<ListWalk>(std::exchange(it->list, nullptr)).reset();
  Py_CLEAR(it->owner);
}

// --- Lists and tuples

void fill_from_node(IteratorObject* it, const Reading& reading, unsigned wanted) {
  for (unsigned i = 0; i < wanted; ++i) {
    it->objects[it->end] = member_to_python(reading, reading.node().member(it->position + i));
    ++it->end;
  }
}

void fill_from_chunks(IteratorObject* it, const Reading& reading, unsigned wanted) {
  if (it->list == nullptr || it->list->index() != it->position) {
    std::unique_ptr<ListWalk>(it->list).reset();
    it->list = nullptr;
    it->list =
        std::make_unique<ListWalk>(reading.store(), container(it).identity, it->position).release();
  }
  Member member;
  for (unsigned i = 0; i < wanted && it->list->next(reading.transaction(), member); ++i) {
    it->objects[it->end] = member_to_python(reading, member);
    ++it->end;
  }
}

void fill_members(IteratorObject* it, const Reading& reading) {
  const uint64_t count = reading.node().count();
  if (it->position >= count) return;
  const auto wanted = static_cast<unsigned>(std::min<uint64_t>(it->batch, count - it->position));
  if (reading.node().spilled()) {
    fill_from_chunks(it, reading, wanted);
  } else {
    fill_from_node(it, reading, wanted);
  }
  it->at_end = it->position + it->end >= count;
}

// Backwards one at a time; `position` counts what was handed out.
void fill_backwards(IteratorObject* it, const Reading& reading) {
  if (it->position == 0) return;
  const uint64_t i = it->position - 1;
  if (i >= reading.node().count()) return;  // as list's: shrunk below where it was, so it ends
  const Member member = list_get(reading.store(), reading.transaction(), reading.node(), i);
  it->objects[it->end++] = member_to_python(reading, member);
}

// --- Dicts

PyObject* pair(PyObject* key, PyObject* value) {
  Ref owned_key = Ref::steal(key);
  Ref owned_value = Ref::steal(value);
  PyObject* tuple = Ref::steal(PyTuple_New(2)).release();
  PyTuple_SET_ITEM(tuple, 0, owned_key.release());
  PyTuple_SET_ITEM(tuple, 1, owned_value.release());
  return tuple;
}

PyObject* shaped_entry(const IteratorObject* it, const Reading& reading, uint64_t place) {
  PyObject* key = PyTuple_GET_ITEM(it->keys, static_cast<Py_ssize_t>(place));
  if (it->what == What::kKeys) return Py_NewRef(key);
  PyObject* value = member_to_python(reading, reading.node().member(place));
  return it->what == What::kValues ? value : pair(Py_NewRef(key), value);
}

void fill_shaped(IteratorObject* it, const Reading& reading) {
  const auto size = static_cast<uint64_t>(PyTuple_GET_SIZE(it->keys));
  if (size > reading.node().count()) {
    throw Error(ErrorCode::kCorrupt, "the file is damaged: a dict with fewer members than keys");
  }
  const uint64_t stop = std::min<uint64_t>(size, it->position + it->batch);
  for (uint64_t place = it->position; place < stop; ++place) {
    it->objects[it->end] = shaped_entry(it, reading, place);
    ++it->end;
  }
  it->at_end = stop == size;
}

void fill_from_walk(IteratorObject* it, const Reading& reading) {
  if (it->what == What::kValues) {
    Member member;
    if (!it->dict->next_value(reading.transaction(), member)) return;
    it->objects[it->end++] = member_to_python(reading, member);
    return;
  }
  DictEntry entry;
  if (!it->dict->next(reading.transaction(), entry)) return;
  PyObject* key = key_to_python(entry.key).release();
  if (it->what == What::kItems) key = pair(key, member_to_python(reading, entry.value));
  it->objects[it->end++] = key;
}

void start_walk(IteratorObject* it, const Reading& reading) {
  Py_CLEAR(it->keys);
  it->dict =
      std::make_unique<DictWalk>(reading.store(), container(it).identity, it->reverse).release();
}

void take_shape(IteratorObject* it, const Reading& reading) {
  const uint64_t id = reading.node().shape();
  Py_XSETREF(
      it->keys,
      Py_NewRef(reading.map().shapes.find(reading.store(), reading.transaction(), id).keys.get()));
  it->shape = id;
}

// The keys of a dict that has changed: where each now is.
Ref places_of_keys(const Reading& reading) {
  Ref places = Ref::steal(PyDict_New());
  DictWalk walk(reading.store(), reading.container().identity);
  DictEntry entry;
  for (Py_ssize_t i = 0; walk.next(reading.transaction(), entry); ++i) {
    const Ref key = key_to_python(entry.key);
    const Ref place = Ref::steal(PyLong_FromSsize_t(i));
    checked(PyDict_SetItem(places.get(), key.get(), place.get()));
  }
  return places;
}

// A shaped dict has got other keys, or none in a shape: goes on behind the last key handed out that
// is still there.
void resume(IteratorObject* it, const Reading& reading) {
  const Ref places = places_of_keys(reading);
  uint64_t start = 0;
  for (uint64_t i = it->position; i > 0; --i) {
    PyObject* place = PyDict_GetItemWithError(
        places.get(), PyTuple_GET_ITEM(it->keys, static_cast<Py_ssize_t>(i - 1)));
    if (place == nullptr) continue;
    start = PyLong_AsUnsignedLongLong(place) + 1;
    break;
  }
  if (reading.node().kind() == NodeKind::kShapedDict) {
    take_shape(it, reading);
    it->position = start;
    return;
  }
  start_walk(it, reading);
  DictEntry entry;
  while (start-- > 0 && it->dict->next(reading.transaction(), entry)) {
  }
}

// dict's own error, where this process added or removed a key; what others do is followed.
void check_size(const IteratorObject* it, const Reading& reading) {
  if (reading.node().count() != it->count &&
      size_changes(container(it).identity) != it->size_changes) {
    const bool set = is_set(static_cast<WordKind>(container(it).tag));
    raise(PyExc_RuntimeError,
          set ? "Set changed size during iteration" : "dictionary changed size during iteration");
  }
}

void fill_entries(IteratorObject* it, const Reading& reading) {
  check_size(it, reading);
  if (it->keys == nullptr && it->dict == nullptr) {
    if (reading.node().kind() == NodeKind::kShapedDict && !it->reverse) {
      take_shape(it, reading);
    } else {
      start_walk(it, reading);
    }
  }
  if (it->keys != nullptr &&
      (reading.node().kind() != NodeKind::kShapedDict || reading.node().shape() != it->shape)) {
    resume(it, reading);
  }
  if (it->keys != nullptr) {
    fill_shaped(it, reading);
  } else {
    fill_from_walk(it, reading);
  }
}

// --- The iterator

// Without collection: a finalizer could step this very iterator, and fill the batch under our
// hands.
void fill(IteratorObject* it, const Reading& reading) {
  refuse_after_fork(it->process);
  const WithoutCollection guard;
  drop_batch(it);
  it->stamp = reading.transaction().stamp();
  if (it->what != What::kMembers) {
    fill_entries(it, reading);
  } else if (it->reverse) {
    fill_backwards(it, reading);
  } else {
    fill_members(it, reading);
  }
  it->batch = static_cast<uint8_t>(std::min<unsigned>(it->batch * 2u, kLargestBatch));
}

PyObject* take(IteratorObject* it) noexcept {
  it->position = it->what == What::kMembers && it->reverse ? it->position - 1 : it->position + 1;
  return it->objects[it->next++];
}

PyObject* iterator_next(PyObject* self) {
  auto* it = reinterpret_cast<IteratorObject*>(self);
  if (it->owner == nullptr) return nullptr;
  return guarded([it]() -> PyObject* {
    const bool more = it->next < it->end;
    if ((more || it->at_end) && untouched(*container(it).map, it->stamp)) {
      if (more) return take(it);
      finish(it);
      return nullptr;
    }
    {
      const Reading reading(container(it));
      if (!more || !(reading.transaction().stamp() == it->stamp)) fill(it, reading);
    }
    if (it->next < it->end) return take(it);
    finish(it);
    return nullptr;
  });
}

void iterator_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  auto* it = reinterpret_cast<IteratorObject*>(self);
  finish(it);
  PyTypeObject* type = Py_TYPE(self);
  free_iterators.give_back(it);
  Py_DECREF(type);
}

int iterator_traverse(PyObject* self, visitproc visit, void* arg) {
  auto* it = reinterpret_cast<IteratorObject*>(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(it->owner);
  for (unsigned i = it->next; i < it->end; ++i) Py_VISIT(it->objects[i]);
  return 0;
}

int iterator_clear(PyObject* self) {
  finish(reinterpret_cast<IteratorObject*>(self));
  return 0;
}

// How many are left, as far as is known: what list() sizes its result by.
PyObject* iterator_length_hint(PyObject* self, PyObject*) {
  auto* it = reinterpret_cast<IteratorObject*>(self);
  if (it->owner == nullptr) return PyLong_FromLong(0);
  return guarded([it] {
    const Reading reading(container(it));
    const uint64_t count = reading.node().count();
    const bool members_backwards = it->what == What::kMembers && it->reverse;
    const uint64_t left = members_backwards ? it->position : count - std::min(count, it->position);
    return Ref::steal(PyLong_FromUnsignedLongLong(left)).release();
  });
}

// --- Pickling: over a list or tuple as its iterators are, over a dict as a list of what is left

PyObject* builtin(const char* name) {
  const Ref builtins = Ref::steal(PyImport_ImportModule("builtins"));
  return Ref::steal(PyObject_GetAttrString(builtins.get(), name)).release();
}

// What an iterator over a dict has still to give; another one looks, so this one stays where it is.
Ref rest_of(const IteratorObject* it) {
  const Ref other = Ref::steal(make_iterator(it->owner, it->what, it->reverse));
  for (uint64_t i = 0; i < it->position && next_of(other.get()); ++i) {
  }
  return Ref::steal(PySequence_List(other.get()));
}

PyObject* iterator_reduce(PyObject* self, PyObject*) {
  auto* it = reinterpret_cast<IteratorObject*>(self);
  return guarded([=] {
    if (it->owner == nullptr) return Ref::steal(Py_BuildValue("N(())", builtin("iter"))).release();
    if (it->what != What::kMembers) {
      return Ref::steal(Py_BuildValue("N(N)", builtin("iter"), rest_of(it).release())).release();
    }
    // As list's: backwards it is the index of the next member, forwards too.
    const auto index = static_cast<Py_ssize_t>(it->position) - (it->reverse ? 1 : 0);
    return Ref::steal(
               Py_BuildValue("N(O)n", builtin(it->reverse ? "reversed" : "iter"), it->owner, index))
        .release();
  });
}

PyObject* iterator_set_state(PyObject* self, PyObject* state) {
  auto* it = reinterpret_cast<IteratorObject*>(self);
  return guarded([=] {
    Py_ssize_t index = PyLong_AsSsize_t(state);
    if (index == -1 && PyErr_Occurred() != nullptr) throw PythonRaised{};
    if (it->owner == nullptr || it->what != What::kMembers) return Py_NewRef(Py_None);
    if (it->reverse) {
      const auto count = static_cast<Py_ssize_t>(Reading(container(it)).node().count());
      index = std::min(index, count - 1) + 1;
    }
    drop_batch(it);
    it->stamp = Stamp{};
    it->position = static_cast<uint64_t>(std::max<Py_ssize_t>(index, 0));
    return Py_NewRef(Py_None);
  });
}

}  // namespace

// Its walk is of the parent's store.
void refuse_after_fork(uint64_t epoch) {
  if (epoch == process_epoch()) return;
  throw Error(ErrorCode::kClosed,
              "the iterator was made before this process was forked: make a new one");
}

PyObject* make_iterator(PyObject* owner, What what, bool reverse) {
  const Reading reading(container_of(owner));
  IteratorObject* it = free_iterators.make(iterator_type);
  if (it == nullptr) throw PythonRaised{};
  it->owner = Py_NewRef(owner);
  it->what = what;
  it->reverse = reverse;
  it->at_end = false;
  it->next = it->end = 0;
  it->batch = kFirstBatch;
  it->count = reading.node().count();
  it->position = what == What::kMembers && reverse ? it->count : 0;
  it->size_changes = size_changes(reading.container().identity);
  it->process = process_epoch();
  it->keys = nullptr;
  it->dict = nullptr;
  it->list = nullptr;
  PyObject* object = reinterpret_cast<PyObject*>(it);
  PyObject_GC_Track(object);
  Ref owned = Ref::steal(object);
  // While the container's moment is at hand: most are read in one batch. Not where fill() walks:
  // what was read ahead is dropped when anything commits before the first step, and a walk does not
  // go back for it.
  const bool walks =
      what != What::kMembers && (reverse || reading.node().kind() != NodeKind::kShapedDict);
  if (!walks) fill(it, reading);
  return owned.release();
}

PyTypeObject* make_iterator_type(PyObject* module) {
  static PyMethodDef methods[] = {
      {"__length_hint__", method(iterator_length_hint), METH_NOARGS, nullptr},
      {"__reduce__", method(iterator_reduce), METH_NOARGS, nullptr},
      {"__setstate__", method(iterator_set_state), METH_O, nullptr},
      {nullptr, nullptr, 0, nullptr},
  };
  PyType_Slot slots[] = {
      {Py_tp_dealloc, slot(iterator_dealloc)},
      {Py_tp_traverse, slot(iterator_traverse)},
      {Py_tp_clear, slot(iterator_clear)},
      {Py_tp_iter, slot(PyObject_SelfIter)},
      {Py_tp_iternext, slot(iterator_next)},
      {Py_tp_methods, methods},
      {0, nullptr},
  };
  PyType_Spec spec = {"oocmap.LazyIterator", sizeof(IteratorObject), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION |
                          Py_TPFLAGS_IMMUTABLETYPE,
                      slots};
  iterator_type = reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
  if (iterator_type == nullptr) throw PythonRaised{};
  return iterator_type;
}

}  // namespace oocmap::python
