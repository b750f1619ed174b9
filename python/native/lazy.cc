#include "python/native/lazy.h"

#include <new>

#include "python/native/free_list.h"
#include "python/native/lazy_array.h"

namespace oocmap::python {

PyTypeObject* lazy_dict_type = nullptr;
PyTypeObject* lazy_list_type = nullptr;
PyTypeObject* lazy_tuple_type = nullptr;
PyTypeObject* lazy_array_type = nullptr;
PyTypeObject* lazy_set_type = nullptr;
PyTypeObject* lazy_frozenset_type = nullptr;
PyTypeObject* map_type = nullptr;

namespace {

FreeList<LazyObject, 256> free_lazies;  // of types that have one layout: not arrays

PyTypeObject* type_of(Tag tag) {
  switch (static_cast<WordKind>(tag)) {
    case WordKind::kDict:
      return lazy_dict_type;
    case WordKind::kList:
      return lazy_list_type;
    case WordKind::kTuple:
      return lazy_tuple_type;
    case WordKind::kSet:
      return lazy_set_type;
    case WordKind::kFrozenset:
      return lazy_frozenset_type;
    case WordKind::kArray:
      if (lazy_array_type == nullptr) break;
      return lazy_array_type;
    default:
      break;
  }
  throw Error(ErrorCode::kTypeMismatch, "this version cannot read a container of kind " +
                                            std::to_string(static_cast<int>(tag)));
}

}  // namespace

PyObject* new_lazy(const MapReading& reading, const Member& member, uint64_t parent_record,
                   Bytes parent_bytes) {
  MapState& map = reading.map();
  const Transaction& transaction = reading.transaction();
  const uint64_t birth = transaction.writable() ? map.store().birth() : 0;
  if (parent_record == record_of(member.word)) {
    return new_lazy(map, member.tag, member.word, birth, transaction.stamp(), parent_bytes);
  }
  return new_lazy(map, member.tag, member.word, birth, Stamp{}, {});
}

PyObject* new_lazy(MapState& map, Tag tag, Identity identity, uint64_t birth, const Stamp& stamp,
                   Bytes record) {
  PyTypeObject* type = type_of(tag);
  LazyObject* lazy = type == lazy_array_type ? make_lazy_array() : free_lazies.make(type);
  if (lazy == nullptr) throw PythonRaised{};
  lazy->head.container = &lazy->here;
  lazy->head.owner = Py_NewRef(map.self());
  lazy->hash = -1;
  Container& here = lazy->here;
  here.map = &map;
  here.identity = identity;
  here.birth = birth;
  here.tag = tag;
  here.located = false;
  here.stamp = stamp;
  here.record = record;
  map.hold(identity);
  PyObject* object = reinterpret_cast<PyObject*>(lazy);
  PyObject_GC_Track(object);
  return object;
}

void lazy_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  LazyObject* lazy = reinterpret_cast<LazyObject*>(self);
  lazy->here.map->release(lazy->here.identity);
  PyTypeObject* type = Py_TYPE(self);
  PyObject* owner = lazy->head.owner;
  free_lazies.give_back(lazy);
  Py_DECREF(owner);
  Py_DECREF(type);
}

// No tp_clear: the only references are to the map and the type, and a cycle through a map's
// attribute is broken there.
int lazy_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(reinterpret_cast<LazyObject*>(self)->head.owner);
  return 0;
}

}  // namespace oocmap::python
