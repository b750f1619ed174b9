#include "python/native/sequence.h"

#include <memory>

#include "core/base/error.h"
#include "core/store/list.h"
#include "python/native/compare.h"
#include "python/native/convert_out.h"
#include "python/native/eager.h"
#include "python/native/errors.h"
#include "python/native/iterate.h"
#include "python/native/repr.h"

namespace oocmap::python {
namespace {

bool is_list(PyObject* self) noexcept { return Py_TYPE(self) == lazy_list_type; }

Member member_at(const Reading& reading, uint64_t i) {
  if (!reading.node().spilled()) return reading.node().member(i);
  return list_get(reading.store(), reading.transaction(), reading.node(), i);
}

// --- Slots

Py_ssize_t sequence_length(PyObject* self) {
  return guarded<Py_ssize_t>(
      -1, [self] { return static_cast<Py_ssize_t>(count_of(container_of(self))); });
}

// `i` counts from the end where it is negative.
Member member_at(PyObject* self, const Reading& reading, Py_ssize_t i) {
  const auto count = static_cast<Py_ssize_t>(reading.node().count());
  if (i < 0) i += count;
  if (i < 0 || i >= count) {
    throw OutOfRange{is_list(self) ? "list index out of range" : "tuple index out of range"};
  }
  return member_at(reading, static_cast<uint64_t>(i));
}

// Indices are kept as they are given, negative ones too.
PyObject* item_at(PyObject* self, PyObject* key) {
  Container& container = container_of(self);
  const bool cached = LookupCache::takes(key);
  if (cached) {
    if (const LookupCache::Slot* known = find_known(container, key)) {
      return known_object(container, *known);
    }
  }
  const Py_ssize_t i = PyNumber_AsSsize_t(key, PyExc_IndexError);
  if (i == -1 && PyErr_Occurred() != nullptr) throw PythonRaised{};
  const Reading reading(container);
  const Member member = member_at(self, reading, i);
  PyObject* object = member_to_python(reading, member);
  if (cached) remember(reading, key, member, object);
  return object;
}

// Called by PySequence_GetItem, which has added the length to a negative index already.
PyObject* sequence_item(PyObject* self, Py_ssize_t i) {
  return guarded([=] {
    if (i < 0)
      throw OutOfRange{is_list(self) ? "list index out of range" : "tuple index out of range"};
    const Reading reading(container_of(self));
    return member_to_python(reading, member_at(self, reading, i));
  });
}

PyObject* sequence_subscript(PyObject* self, PyObject* key) {
  return guarded([=] {
    if (PyIndex_Check(key)) return item_at(self, key);
    if (!PySlice_Check(key)) {
      raise(PyExc_TypeError, "%s indices must be integers or slices, not %.200s",
            is_list(self) ? "list" : "tuple", Py_TYPE(key)->tp_name);
    }
    Py_ssize_t start = 0;
    Py_ssize_t stop = 0;
    Py_ssize_t step = 0;
    checked(PySlice_Unpack(key, &start, &stop, &step));
    return slice_of(container_of(self), start, stop, step, !is_list(self)).release();
  });
}

PyObject* sequence_iter(PyObject* self) {
  return guarded([self] { return make_iterator(self, What::kMembers); });
}

int sequence_contains(PyObject* self, PyObject* value) {
  return guarded_int([=] {
    const Ref iterator = Ref::steal(make_iterator(self, What::kMembers));
    return contains_equal(iterator.get(), value) ? 1 : 0;
  });
}

// --- Operators: the results are plain

bool is_sequence(PyObject* object, bool list) {
  return list ? PyList_Check(object) || Py_TYPE(object) == lazy_list_type
              : PyTuple_Check(object) || Py_TYPE(object) == lazy_tuple_type;
}

Ref plain(PyObject* sequence, bool list) {
  return Ref::steal(list ? PySequence_List(sequence) : PySequence_Tuple(sequence));
}

// Either side may be the lazy one.
PyObject* sequence_add(PyObject* left, PyObject* right) {
  const bool list = is_list(left) || is_list(right);
  if (!is_sequence(left, list) || !is_sequence(right, list)) Py_RETURN_NOTIMPLEMENTED;
  return guarded([=] {
    const Ref first = plain(left, list);
    const Ref second = plain(right, list);
    return Ref::steal(PySequence_Concat(first.get(), second.get())).release();
  });
}

// What + comes to where neither side's number slot took it: the error of list and tuple.
PyObject* sequence_concat(PyObject* self, PyObject* other) {
  const bool list = is_list(self);
  if (is_sequence(other, list)) return sequence_add(self, other);
  const char* name = list ? "list" : "tuple";
  PyErr_Format(PyExc_TypeError, "can only concatenate %s (not \"%.200s\") to %s", name,
               Py_TYPE(other)->tp_name, name);
  return nullptr;
}

PyObject* sequence_repeat(PyObject* self, Py_ssize_t times) {
  return guarded([=] {
    const Ref members = plain(self, is_list(self));
    return Ref::steal(PySequence_Repeat(members.get(), times)).release();
  });
}

// --- Methods

PyObject* sequence_reversed(PyObject* self, PyObject*) {
  return guarded([self] { return make_iterator(self, What::kMembers, true); });
}

// A start or stop: cut to what fits, with the error of a slice.
Py_ssize_t slice_index(PyObject* index) {
  if (!PyIndex_Check(index)) {
    raise(PyExc_TypeError, "slice indices must be integers or have an __index__ method");
  }
  const Py_ssize_t size = PyNumber_AsSsize_t(index, nullptr);
  if (size == -1 && PyErr_Occurred() != nullptr) throw PythonRaised{};
  return size;
}

PyObject* sequence_index(PyObject* self, PyObject* arguments) {
  PyObject* value = nullptr;
  PyObject* from = nullptr;
  PyObject* to = nullptr;
  if (!PyArg_UnpackTuple(arguments, "index", 1, 3, &value, &from, &to)) return nullptr;
  return guarded([=] {
    Py_ssize_t start = 0;
    Py_ssize_t stop = PY_SSIZE_T_MAX;
    if (from != nullptr) start = slice_index(from);
    if (to != nullptr) stop = slice_index(to);
    const Py_ssize_t found = position_of(self, value, start, stop);
    if (found >= 0) return Ref::steal(PyLong_FromSsize_t(found)).release();
    if (is_list(self)) raise(PyExc_ValueError, "%R is not in list", value);
    raise(PyExc_ValueError, "tuple.index(x): x not in tuple");
  });
}

PyObject* sequence_count(PyObject* self, PyObject* value) {
  return guarded([=] {
    const Ref iterator = Ref::steal(make_iterator(self, What::kMembers));
    Py_ssize_t count = 0;
    while (contains_equal(iterator.get(), value)) ++count;
    return Ref::steal(PyLong_FromSsize_t(count)).release();
  });
}

PyObject* sequence_eager(PyObject* self, PyObject*) {
  return guarded([self] { return eager(container_of(self)).release(); });
}

PyObject* sequence_deepcopy(PyObject* self, PyObject*) { return sequence_eager(self, nullptr); }

PyObject* sequence_copy(PyObject* self, PyObject*) {
  return guarded([self] {
    return slice_of(container_of(self), 0, PY_SSIZE_T_MAX, 1, !is_list(self)).release();
  });
}

PyMethodDef sequence_methods[] = {
    {"index", method(sequence_index), METH_VARARGS,
     "index($self, value, start=0, stop=sys.maxsize, /)\n--\n\n"
     "Return the first place of value.  Errors: ValueError where it is not there."},
    {"count", method(sequence_count), METH_O,
     "count($self, value, /)\n--\n\nReturn how often value is there."},
    {"eager", method(sequence_eager), METH_NOARGS,
     "eager($self, /)\n--\n\n"
     "Return the whole value as plain Python objects, deep, of one consistent moment.\n\n"
     "Sharing and cycles are kept.  Cost: all of it is read and held in memory."},
    {"__copy__", method(sequence_copy), METH_NOARGS, "Return what [:] does."},
    {"__deepcopy__", method(sequence_deepcopy), METH_O, "Return what eager() does."},
    {"__rich_repr__", method(lazy_rich_repr), METH_NOARGS, kRichReprDoc},
    {"__reversed__", method(sequence_reversed), METH_NOARGS,
     "Return an iterator over the members, the last first."},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "See PEP 585."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

Py_ssize_t position_of(PyObject* sequence, PyObject* value, Py_ssize_t start, Py_ssize_t stop) {
  const auto count = static_cast<Py_ssize_t>(count_of(container_of(sequence)));
  if (start < 0) start = std::max<Py_ssize_t>(start + count, 0);
  if (stop < 0) stop = std::max<Py_ssize_t>(stop + count, 0);
  const Ref iterator = Ref::steal(make_iterator(sequence, What::kMembers));
  for (Py_ssize_t i = 0; i < stop; ++i) {
    const Ref member = next_of(iterator.get());
    if (!member) break;
    if (i < start) continue;
    if (equal_members(member.get(), value)) return i;
  }
  return -1;
}

Ref slice_of(Container& sequence, Py_ssize_t start, Py_ssize_t stop, Py_ssize_t step,
             bool as_tuple) {
  const Reading reading(sequence);
  const WithoutCollection guard;
  const Py_ssize_t size =
      PySlice_AdjustIndices(static_cast<Py_ssize_t>(reading.node().count()), &start, &stop, step);
  Ref result = Ref::steal(as_tuple ? PyTuple_New(size) : PyList_New(size));
  std::optional<ListWalk> walk;
  if (reading.node().spilled() && step == 1) {
    walk.emplace(reading.store(), sequence.identity, static_cast<uint64_t>(start));
  }
  for (Py_ssize_t i = 0; i < size; ++i) {
    Member member;
    if (!walk || !walk->next(reading.transaction(), member)) {
      member = member_at(reading, static_cast<uint64_t>(start + i * step));
    }
    PyObject* object = member_to_python(reading, member);
    if (as_tuple) {
      PyTuple_SET_ITEM(result.get(), i, object);
    } else {
      PyList_SET_ITEM(result.get(), i, object);
    }
  }
  return result;
}

Ref list_of(PyObject* iterable) {
  if (Py_TYPE(iterable) == lazy_list_type || Py_TYPE(iterable) == lazy_tuple_type) {
    return finished(slice_of(container_of(iterable), 0, PY_SSIZE_T_MAX, 1, false));
  }
  return Ref::steal(PySequence_List(iterable));
}

PyTypeObject* make_sequence_type(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_doc,
       const_cast<char*>("What LazyList and LazyTuple share: reading by index and slice.")},
      {Py_tp_iter, slot(sequence_iter)},
      {Py_tp_hash, slot(PyObject_HashNotImplemented)},
      {Py_tp_methods, sequence_methods},
      {Py_mp_length, slot(sequence_length)},
      {Py_mp_subscript, slot(sequence_subscript)},
      {Py_sq_length, slot(sequence_length)},
      {Py_sq_item, slot(sequence_item)},
      {Py_sq_contains, slot(sequence_contains)},
      {Py_sq_repeat, slot(sequence_repeat)},
      {Py_nb_add, slot(sequence_add)},
      {Py_sq_concat, slot(sequence_concat)},
      {0, nullptr},
  };
  PyType_Spec spec = {"oocmap.LazySequence", sizeof(HandleObject), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_SEQUENCE |
                          Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
                      slots};
  PyObject* type = PyType_FromModuleAndSpec(module, &spec, nullptr);
  if (type == nullptr) throw PythonRaised{};
  return reinterpret_cast<PyTypeObject*>(type);
}

}  // namespace oocmap::python
