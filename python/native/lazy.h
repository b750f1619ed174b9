// The lazy objects: a handle on one container, alive as long as Python holds it.
#pragma once

#include "python/native/map.h"
#include "python/native/reading.h"

namespace oocmap::python {

struct LazyObject {
  HandleObject head;
  Container here;
  Py_hash_t hash;  // LazyTuple, LazyFrozenSet: once computed, else -1
};

// The types, made with the module. LazyX_Check is an exact comparison: they cannot be
// subclassed.
extern PyTypeObject* lazy_dict_type;
extern PyTypeObject* lazy_list_type;
extern PyTypeObject* lazy_tuple_type;
extern PyTypeObject* lazy_array_type;  // made in Python: null until oocmap.arrays is imported
extern PyTypeObject* lazy_set_type;
extern PyTypeObject* lazy_frozenset_type;
extern PyTypeObject* map_type;

inline bool is_lazy_set(PyObject* object) noexcept {
  return Py_TYPE(object) == lazy_set_type || Py_TYPE(object) == lazy_frozenset_type;
}
inline bool is_lazy(PyObject* object) noexcept {
  const PyTypeObject* type = Py_TYPE(object);
  return type == lazy_dict_type || type == lazy_list_type || type == lazy_tuple_type ||
         type == lazy_array_type || is_lazy_set(object);
}
inline bool is_map(PyObject* object) noexcept { return PyObject_TypeCheck(object, map_type); }

// The container behind a LazyDict or a map, null for any other object.
inline Container* dict_behind(PyObject* object) noexcept {
  if (Py_TYPE(object) == lazy_dict_type || is_map(object)) return &container_of(object);
  return nullptr;
}

// A new lazy object for the container `member`. `parent_record`: the bytes of the record it may lie
// in too, which spares its first access a descent. Errors: kTypeMismatch for a kind this version
// does not know. Cost: about 20 ns.
PyObject* new_lazy(const MapReading& reading, const Member& member, uint64_t parent_record = 0,
                   Bytes parent_bytes = {});

// The same at a moment that is at hand: `stamp` is that of `parent_bytes`, or none.
PyObject* new_lazy(MapState& map, Tag tag, Identity identity, uint64_t birth, const Stamp& stamp,
                   Bytes record);

// What the cache knows of a member of `container`, as a new reference.
inline PyObject* known_object(const Container& container, const LookupCache::Slot& known) {
  if (known.tag == 0) return Py_NewRef(known.object);
  return new_lazy(*container.map, static_cast<Tag>(known.tag), known.identity, 0, Stamp{}, {});
}

// Each makes one type. Called once, when the module is made.
PyTypeObject* make_lazy_dict_type(PyObject* module, PyTypeObject* mapping);
PyTypeObject* make_lazy_list_type(PyObject* module, PyTypeObject* sequence);
PyTypeObject* make_lazy_tuple_type(PyObject* module, PyTypeObject* sequence);
PyTypeObject* make_lazy_set_type(PyObject* module, PyTypeObject* base);
PyTypeObject* make_lazy_frozenset_type(PyObject* module, PyTypeObject* base);

// Slots every lazy type has.
void lazy_dealloc(PyObject* self);
int lazy_traverse(PyObject* self, visitproc visit, void* arg);

}  // namespace oocmap::python
