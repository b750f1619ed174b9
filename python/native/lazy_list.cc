#include <new>
#include <vector>

#include "core/base/error.h"
#include "core/store/list.h"
#include "python/native/compare.h"
#include "python/native/convert_in.h"
#include "python/native/convert_out.h"
#include "python/native/eager.h"
#include "python/native/errors.h"
#include "python/native/list_order.h"
#include "python/native/repr.h"
#include "python/native/sequence.h"
#include "python/native/writing.h"

namespace oocmap::python {
namespace {

std::vector<EncodedValue> encode_all(MapState& map, PyObject* list) {
  std::vector<EncodedValue> values;
  values.reserve(static_cast<size_t>(PyList_GET_SIZE(list)));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) {
    values.push_back(encode(map, PyList_GET_ITEM(list, i), {.index = i}));
  }
  return values;
}

// Python's index into a list of `count`, counted from the end where negative.
uint64_t place(Py_ssize_t i, uint64_t count, const char* message) {
  if (i < 0) i += static_cast<Py_ssize_t>(count);
  if (i < 0 || static_cast<uint64_t>(i) >= count) throw OutOfRange{message};
  return static_cast<uint64_t>(i);
}

// --- Assignment and deletion

void assign_item(Container& list, Py_ssize_t i, PyObject* value) {
  EncodedValue encoded = encode(*list.map, value);
  Member same;  // what is stored already, where the value is a lazy of this file
  if (const Container* reference = reference_in(*list.map, value)) {
    same.tag = reference->tag;
    same.word = reference->identity;
  }
  const Identity identity = list.identity;
  write(list, [&](Store& store, WriteTransaction& transaction) {
    const NodeView node = store.locate(transaction, identity);
    const uint64_t at = place(i, node.count(), "list assignment index out of range");
    if (same.tag != 0) {
      const Member old = list_get(store, transaction, node, at);
      if (old.tag == same.tag && old.word == same.word) return;
    }
    list_set(store, transaction, identity, at, std::move(encoded));
  });
}

void erase_item(Container& list, Py_ssize_t i) {
  const Identity identity = list.identity;
  write(list, [=](Store& store, WriteTransaction& transaction) {
    const uint64_t count = store.locate(transaction, identity).count();
    list_erase(store, transaction, identity, place(i, count, "list assignment index out of range"));
  });
}

// An argument that is an index, with list's errors.
Py_ssize_t size_of(PyObject* argument) {
  const Ref index = Ref::steal(PyNumber_Index(argument));
  const Py_ssize_t size = PyLong_AsSsize_t(index.get());
  if (size == -1 && PyErr_Occurred() != nullptr) throw PythonRaised{};
  return size;
}

struct Slice {
  Py_ssize_t start = 0;
  Py_ssize_t stop = 0;
  Py_ssize_t step = 1;
};

// Replaces members `start`..`start + size` by `values`: as far as both go in place.
void replace_range(Store& store, WriteTransaction& transaction, Identity list, uint64_t start,
                   uint64_t size, std::vector<EncodedValue> values) {
  size_t i = 0;
  for (; i < values.size() && i < size; ++i) {
    list_set(store, transaction, list, start + i, std::move(values[i]));
  }
  if (i < size) list_erase(store, transaction, list, start + i, size - i);
  for (; i < values.size(); ++i) {
    list_insert(store, transaction, list, start + i, std::move(values[i]));
  }
}

void assign_slice(Container& list, Slice slice, PyObject* value) {
  PyObject* const iterator = PyObject_GetIter(value);
  if (iterator == nullptr && PyErr_ExceptionMatches(PyExc_TypeError)) {
    raise(PyExc_TypeError, slice.step == 1 ? "can only assign an iterable"
                                           : "must assign iterable to extended slice");
  }
  const Ref owned = Ref::steal(iterator);
  const Ref members = Ref::steal(PySequence_List(iterator));
  std::vector<EncodedValue> values = encode_all(*list.map, members.get());
  LockedWrite locked(list);
  const auto count = static_cast<Py_ssize_t>(Reading(list).node().count());
  const Py_ssize_t size = PySlice_AdjustIndices(count, &slice.start, &slice.stop, slice.step);
  if (slice.step != 1 && static_cast<size_t>(size) != values.size()) {
    raise(PyExc_ValueError, "attempt to assign sequence of size %zd to extended slice of size %zd",
          PyList_GET_SIZE(members.get()), size);
  }
  const Identity identity = list.identity;
  locked.finish([&](Store& store, WriteTransaction& transaction) {
    if (slice.step == 1) {
      replace_range(store, transaction, identity, static_cast<uint64_t>(slice.start),
                    static_cast<uint64_t>(size), std::move(values));
      return;
    }
    for (Py_ssize_t i = 0; i < size; ++i) {
      list_set(store, transaction, identity, static_cast<uint64_t>(slice.start + i * slice.step),
               std::move(values[static_cast<size_t>(i)]));
    }
  });
}

void erase_slice(Container& list, Slice slice) {
  const Identity identity = list.identity;
  write(list, [=](Store& store, WriteTransaction& transaction) mutable {
    const auto count = static_cast<Py_ssize_t>(store.locate(transaction, identity).count());
    const Py_ssize_t size = PySlice_AdjustIndices(count, &slice.start, &slice.stop, slice.step);
    if (size == 0) return;
    if (slice.step == 1) {
      list_erase(store, transaction, identity, static_cast<uint64_t>(slice.start),
                 static_cast<uint64_t>(size));
      return;
    }
    for (Py_ssize_t i = 0; i < size; ++i) {  // from the end, so that no index shifts
      const Py_ssize_t nth = slice.step > 0 ? size - 1 - i : i;
      list_erase(store, transaction, identity,
                 static_cast<uint64_t>(slice.start + nth * slice.step));
    }
  });
}

int list_assign(PyObject* self, PyObject* key, PyObject* value) {
  return guarded_int([=] {
    Container& list = container_of(self);
    list.map->check_open();
    if (PyIndex_Check(key)) {
      const Py_ssize_t i = PyNumber_AsSsize_t(key, PyExc_IndexError);
      if (i == -1 && PyErr_Occurred() != nullptr) throw PythonRaised{};
      value == nullptr ? erase_item(list, i) : assign_item(list, i, value);
      return 0;
    }
    if (!PySlice_Check(key)) {
      raise(PyExc_TypeError, "list indices must be integers or slices, not %.200s",
            Py_TYPE(key)->tp_name);
    }
    Slice slice;
    checked(PySlice_Unpack(key, &slice.start, &slice.stop, &slice.step));
    value == nullptr ? erase_slice(list, slice) : assign_slice(list, slice, value);
    return 0;
  });
}

// --- Growing

// What is to be added. Not by list(): that believes a __length_hint__, and list.extend does not.
Ref members_to_add(PyObject* iterable) {
  if (is_lazy(iterable) || PyList_CheckExact(iterable) || PyTuple_CheckExact(iterable)) {
    return list_of(iterable);
  }
  Ref members = Ref::steal(PyList_New(0));
  const Ref iterator = Ref::steal(PyObject_GetIter(iterable));
  while (const Ref member = next_of(iterator.get())) {
    checked(PyList_Append(members.get(), member.get()));
  }
  return members;
}

void extend(Container& list, PyObject* iterable) {
  list.map->check_open();
  const Ref members = members_to_add(iterable);
  std::vector<EncodedValue> values = encode_all(*list.map, members.get());
  const Identity identity = list.identity;
  write(list, [&](Store& store, WriteTransaction& transaction) {
    list_extend(store, transaction, identity, std::move(values));
  });
}

PyObject* list_append(PyObject* self, PyObject* value) {
  return guarded([=] {
    Container& list = container_of(self);
    std::vector<EncodedValue> values;
    values.push_back(encode(*list.map, value));
    const Identity identity = list.identity;
    write(list, [&](Store& store, WriteTransaction& transaction) {
      list_extend(store, transaction, identity, std::move(values));
    });
    return Py_NewRef(Py_None);
  });
}

PyObject* list_extend_method(PyObject* self, PyObject* iterable) {
  return guarded([=] {
    extend(container_of(self), iterable);
    return Py_NewRef(Py_None);
  });
}

PyObject* list_insert_method(PyObject* self, PyObject* arguments) {
  PyObject* index = nullptr;
  PyObject* value = nullptr;
  if (!PyArg_UnpackTuple(arguments, "insert", 2, 2, &index, &value)) return nullptr;
  return guarded([=] {
    const Py_ssize_t i = size_of(index);
    Container& list = container_of(self);
    EncodedValue encoded = encode(*list.map, value);
    const Identity identity = list.identity;
    write(list, [&](Store& store, WriteTransaction& transaction) {
      const auto count = static_cast<Py_ssize_t>(store.locate(transaction, identity).count());
      const Py_ssize_t from_end = i < 0 ? std::max<Py_ssize_t>(i + count, 0) : i;
      list_insert(store, transaction, identity, static_cast<uint64_t>(std::min(from_end, count)),
                  std::move(encoded));
    });
    return Py_NewRef(Py_None);
  });
}

PyObject* list_inplace_concat(PyObject* self, PyObject* iterable) {
  return guarded([=] {
    extend(container_of(self), iterable);
    return Py_NewRef(self);
  });
}

// Before anything is made, so that what cannot fit is refused and not begun.
void make_room(std::vector<EncodedValue>& values, Py_ssize_t members, Py_ssize_t times) {
  if (members == 0 || times <= 0) return;
  const auto size = static_cast<size_t>(members);
  if (static_cast<size_t>(times) > values.max_size() / size) throw std::bad_alloc();
  values.reserve(size * static_cast<size_t>(times));
}

PyObject* list_inplace_repeat(PyObject* self, Py_ssize_t times) {
  return guarded([=]() mutable {
    Container& list = container_of(self);
    LockedWrite locked(list);
    std::vector<EncodedValue> values;
    {
      const Ref members = list_of(self);
      if (PyList_GET_SIZE(members.get()) == 0) times = std::min<Py_ssize_t>(times, 1);
      make_room(values, PyList_GET_SIZE(members.get()), times - 1);
      for (Py_ssize_t i = 1; i < times; ++i) {
        std::vector<EncodedValue> once = encode_all(*list.map, members.get());
        std::move(once.begin(), once.end(), std::back_inserter(values));
      }
    }
    const Identity identity = list.identity;
    locked.finish([&](Store& store, WriteTransaction& transaction) {
      if (times <= 0) {
        list_clear(store, transaction, identity);
      } else if (!values.empty()) {
        list_extend(store, transaction, identity, std::move(values));
      }
    });
    return Py_NewRef(self);
  });
}

// --- Shrinking

PyObject* list_pop(PyObject* self, PyObject* arguments) {
  PyObject* index = nullptr;
  if (!PyArg_UnpackTuple(arguments, "pop", 0, 1, &index)) return nullptr;
  return guarded([=] {
    const Py_ssize_t i = index == nullptr ? -1 : size_of(index);
    Container& list = container_of(self);
    LockedWrite locked(list);
    EagerValue value;
    uint64_t at = 0;
    {
      const Reading reading(list);
      const uint64_t count = reading.node().count();
      at = place(i, count, count == 0 ? "pop from empty list" : "pop index out of range");
      value = eager_member(reading,
                           list_get(reading.store(), reading.transaction(), reading.node(), at));
    }
    Ref result = value.finish();
    const Identity identity = list.identity;
    locked.finish([=](Store& store, WriteTransaction& transaction) {
      list_erase(store, transaction, identity, at);
    });
    return result.release();
  });
}

PyObject* list_remove(PyObject* self, PyObject* value) {
  return guarded([=] {
    Container& list = container_of(self);
    LockedWrite locked(list);
    const Py_ssize_t found = position_of(self, value, 0, PY_SSIZE_T_MAX);
    if (found < 0) raise(PyExc_ValueError, "list.remove(x): x not in list");
    const Identity identity = list.identity;
    locked.finish([=](Store& store, WriteTransaction& transaction) {
      list_erase(store, transaction, identity, static_cast<uint64_t>(found));
    });
    return Py_NewRef(Py_None);
  });
}

PyObject* list_clear_method(PyObject* self, PyObject*) {
  return guarded([self] {
    Container& list = container_of(self);
    const Identity identity = list.identity;
    write(list, [identity](Store& store, WriteTransaction& transaction) {
      list_clear(store, transaction, identity);
    });
    return Py_NewRef(Py_None);
  });
}

// As list's: the members are exchanged for those of the iterable.
int list_init(PyObject* self, PyObject* arguments, PyObject* keywords) {
  return guarded_int([=] {
    if (keywords != nullptr && PyDict_GET_SIZE(keywords) > 0) {
      raise(PyExc_TypeError, "list() takes no keyword arguments");
    }
    PyObject* iterable = nullptr;
    checked(PyArg_UnpackTuple(arguments, "list", 0, 1, &iterable) ? 0 : -1);
    Container& list = container_of(self);
    list.map->check_open();
    const Ref members = iterable == nullptr ? Ref::steal(PyList_New(0)) : members_to_add(iterable);
    assign_slice(list, {0, PY_SSIZE_T_MAX, 1}, members.get());
    return 0;
  });
}

PyObject* list_copy(PyObject* self, PyObject*) {
  return guarded([self] { return list_of(self).release(); });
}

PyMethodDef list_methods[] = {
    {"append", method(list_append), METH_O,
     "append($self, value, /)\n--\n\nAdd value at the end.  Errors: those of a write."},
    {"extend", method(list_extend_method), METH_O,
     "extend($self, iterable, /)\n--\n\nAdd all values of iterable at the end, or none where one "
     "cannot be stored.\n\nErrors: those of a write."},
    {"insert", method(list_insert_method), METH_VARARGS,
     "insert($self, index, value, /)\n--\n\nInsert value before index.  Errors: those of a write."},
    {"pop", method(list_pop), METH_VARARGS,
     "pop($self, index=-1, /)\n--\n\n"
     "Remove the member at index and return it, as a plain (eager) object.\n\n"
     "Errors: IndexError; those of a write."},
    {"remove", method(list_remove), METH_O,
     "remove($self, value, /)\n--\n\nRemove the first member that equals value.\n\n"
     "Errors: ValueError where there is none; those of a write."},
    {"clear", method(list_clear_method), METH_NOARGS,
     "clear($self, /)\n--\n\nRemove all members.  Errors: those of a write."},
    {"reverse", method(list_reverse), METH_NOARGS,
     "reverse($self, /)\n--\n\nReverse the order in place.  Errors: those of a write."},
    {"sort", method(list_sort), METH_VARARGS | METH_KEYWORDS,
     "sort($self, /, *, key=None, reverse=False)\n--\n\n"
     "Sort in place, stable.  Nested values stay the objects they are.\n\n"
     "Errors: those of a write, and of comparing the members.\n"
     "Cost: the write lock is held while key and the comparisons run."},
    {"copy", method(list_copy), METH_NOARGS,
     "copy($self, /)\n--\n\nReturn a plain list whose members may be lazy."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyTypeObject* make_lazy_list_type(PyObject* module, PyTypeObject* sequence) {
  PyType_Slot slots[] = {
      {Py_tp_doc,
       const_cast<char*>("A list inside a map: read when it is asked for, written at once.\n\n"
                         "Has list's methods.  Slices and operators give plain lists.")},
      {Py_tp_dealloc, slot(lazy_dealloc)},
      {Py_tp_traverse, slot(lazy_traverse)},
      {Py_tp_repr, slot(lazy_repr)},
      {Py_tp_richcompare, slot(list_richcompare)},
      {Py_tp_hash, slot(PyObject_HashNotImplemented)},
      {Py_tp_methods, list_methods},
      {Py_tp_init, slot(list_init)},
      {Py_mp_ass_subscript, slot(list_assign)},
      {Py_nb_inplace_add,
       slot(list_inplace_concat)},  // before nb_add, which sq_inplace_concat is not
      {Py_sq_inplace_concat, slot(list_inplace_concat)},
      {Py_sq_inplace_repeat, slot(list_inplace_repeat)},
      {0, nullptr},
  };
  PyType_Spec spec = {"oocmap.LazyList", sizeof(LazyObject), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_SEQUENCE |
                          Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
                      slots};
  PyObject* type = PyType_FromModuleAndSpec(module, &spec, reinterpret_cast<PyObject*>(sequence));
  if (type == nullptr) throw PythonRaised{};
  return reinterpret_cast<PyTypeObject*>(type);
}

}  // namespace oocmap::python
