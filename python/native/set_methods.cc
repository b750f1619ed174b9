#include "python/native/set_methods.h"

#include <vector>

#include "core/store/dict.h"
#include "python/native/compare.h"
#include "python/native/eager.h"
#include "python/native/errors.h"
#include "python/native/iterate.h"
#include "python/native/keys.h"
#include "python/native/repr.h"

namespace oocmap::python {

Ref plain_set(PyObject* object) {
  return is_lazy_set(object) ? eager(container_of(object)) : Ref::borrow(object);
}

std::optional<Key> member_to_find(PyObject* member) {
  try {
    return key_to_find(member);
  } catch (const PythonRaised&) {
    const bool set = PySet_Check(member) || Py_TYPE(member) == lazy_set_type;
    if (!set || !PyErr_ExceptionMatches(PyExc_TypeError)) throw;
    PyErr_Clear();
  }
  const Ref plain = plain_set(member);
  const Ref frozen = Ref::steal(PyFrozenSet_New(plain.get()));
  return key_to_find(frozen.get());
}

namespace {

bool holds(const Reading& reading, const Key& key) {
  return dict_get(reading.store(), reading.transaction(), reading.node(), key).has_value();
}

// Hashing `member` may run Python code, so that comes before the reading.
bool contains(Container& set, PyObject* member, bool sets_too) {
  set.map->check_open();
  const std::optional<Key> wanted = sets_too ? member_to_find(member) : key_to_find(member);
  const Reading reading(set);
  return wanted && holds(reading, *wanted);
}

// Which of `given`, a tuple, are in the set, at one moment.
std::vector<bool> which_are_in(Container& set, PyObject* given) {
  set.map->check_open();
  const Py_ssize_t size = PyTuple_GET_SIZE(given);
  std::vector<std::optional<Key>> wanted;
  wanted.reserve(static_cast<size_t>(size));
  for (Py_ssize_t i = 0; i < size; ++i) wanted.push_back(key_to_find(PyTuple_GET_ITEM(given, i)));
  std::vector<bool> found;
  found.reserve(wanted.size());
  const Reading reading(set);
  for (const std::optional<Key>& key : wanted) found.push_back(key && holds(reading, *key));
  return found;
}

uint64_t size_of(PyObject* set) {
  return is_lazy_set(set) ? count_of(container_of(set))
                          : static_cast<uint64_t>(checked_size(PySet_Size(set)));
}

// --- Slots

Py_ssize_t set_length(PyObject* self) {
  return guarded<Py_ssize_t>(
      -1, [self] { return static_cast<Py_ssize_t>(count_of(container_of(self))); });
}

int set_contains(PyObject* self, PyObject* member) {
  return guarded_int([=] { return contains(container_of(self), member, true) ? 1 : 0; });
}

PyObject* set_iter(PyObject* self) {
  return guarded([self] { return make_iterator(self, What::kKeys); });
}

// --- Operators: the results are plain, of the left side's type

template <typename Operation>
PyObject* operate(PyObject* left, PyObject* right, Operation operation) {
  if (!is_any_set(left) || !is_any_set(right)) Py_RETURN_NOTIMPLEMENTED;
  return guarded([=] {
    const Ref first = plain_set(left);
    const Ref second = plain_set(right);
    return Ref::steal(operation(first.get(), second.get())).release();
  });
}

PyObject* set_or(PyObject* left, PyObject* right) { return operate(left, right, PyNumber_Or); }
PyObject* set_xor(PyObject* left, PyObject* right) { return operate(left, right, PyNumber_Xor); }
PyObject* set_subtract(PyObject* left, PyObject* right) {
  return operate(left, right, PyNumber_Subtract);
}

// What of `other` is in the set; only that much of a large set is looked at.
Ref common_with(PyObject* self, PyObject* other) {
  const Ref given = Ref::steal(PySequence_Tuple(other));
  const std::vector<bool> found = which_are_in(container_of(self), given.get());
  const Ref members = Ref::steal(PyList_New(0));
  for (size_t i = 0; i < found.size(); ++i) {
    PyObject* member = PyTuple_GET_ITEM(given.get(), static_cast<Py_ssize_t>(i));
    if (found[i]) checked(PyList_Append(members.get(), member));
  }
  return Ref::steal(Py_TYPE(self) == lazy_set_type ? PySet_New(members.get())
                                                   : PyFrozenSet_New(members.get()));
}

PyObject* set_and(PyObject* left, PyObject* right) {
  if (is_lazy_set(left) && is_any_set(right)) {
    return guarded([=]() -> PyObject* {
      const Ref other = plain_set(right);
      if (size_of(other.get()) < size_of(left)) return common_with(left, other.get()).release();
      const Ref mine = plain_set(left);
      return Ref::steal(PyNumber_And(mine.get(), other.get())).release();
    });
  }
  return operate(left, right, PyNumber_And);
}

// --- Methods

// The builtin's own method on what the set holds, so with its results and its errors.
PyObject* call_plain(PyObject* self, const char* name, PyObject* const* others, Py_ssize_t count) {
  return guarded([=] {
    const Ref mine = plain_set(self);
    const Ref arguments = Ref::steal(PyTuple_New(count));
    for (Py_ssize_t i = 0; i < count; ++i) {
      PyTuple_SET_ITEM(arguments.get(), i, plain_set(others[i]).release());
    }
    const Ref function = Ref::steal(PyObject_GetAttrString(mine.get(), name));
    return Ref::steal(PyObject_CallObject(function.get(), arguments.get())).release();
  });
}

PyObject* set_union(PyObject* self, PyObject* const* others, Py_ssize_t count) {
  return call_plain(self, "union", others, count);
}
PyObject* set_difference(PyObject* self, PyObject* const* others, Py_ssize_t count) {
  return call_plain(self, "difference", others, count);
}
PyObject* set_symmetric_difference(PyObject* self, PyObject* other) {
  return call_plain(self, "symmetric_difference", &other, 1);
}

PyObject* set_intersection(PyObject* self, PyObject* const* others, Py_ssize_t count) {
  if (count != 1) return call_plain(self, "intersection", others, count);
  if (is_any_set(others[0])) return set_and(self, others[0]);
  return guarded([=] { return common_with(self, others[0]).release(); });
}

// A set that is no larger is looked up at one moment; of any other iterable no more is asked for
// than it takes to know.
PyObject* set_isdisjoint(PyObject* self, PyObject* other) {
  return guarded([=] {
    if (is_any_set(other)) {
      const Ref common = Ref::steal(set_and(self, other));
      return Py_NewRef(PySet_GET_SIZE(common.get()) == 0 ? Py_True : Py_False);
    }
    const Ref iterator = Ref::steal(PyObject_GetIter(other));
    while (const Ref member = next_of(iterator.get())) {
      if (contains(container_of(self), member.get(), false)) return Py_NewRef(Py_False);
    }
    container_of(self).map->check_open();
    return Py_NewRef(Py_True);
  });
}

PyObject* set_issubset(PyObject* self, PyObject* other) {
  if (is_any_set(other)) return set_richcompare(self, other, Py_LE);
  return call_plain(self, "issubset", &other, 1);
}

PyObject* set_issuperset(PyObject* self, PyObject* other) {
  if (is_any_set(other)) return set_richcompare(self, other, Py_GE);
  return guarded([=] {
    const Ref iterator = Ref::steal(PyObject_GetIter(other));
    while (const Ref member = next_of(iterator.get())) {
      if (!contains(container_of(self), member.get(), false)) return Py_NewRef(Py_False);
    }
    container_of(self).map->check_open();
    return Py_NewRef(Py_True);
  });
}

PyObject* set_eager(PyObject* self, PyObject*) {
  return guarded([self] { return eager(container_of(self)).release(); });
}
PyObject* set_deepcopy(PyObject* self, PyObject*) { return set_eager(self, nullptr); }

PyMethodDef set_methods[] = {
    {"union", method(set_union), METH_FASTCALL,
     "union($self, /, *others)\n--\n\n"
     "Return a plain set (or frozenset) of what is in this set or any iterable of others."},
    {"intersection", method(set_intersection), METH_FASTCALL,
     "intersection($self, /, *others)\n--\n\n"
     "Return a plain set (or frozenset) of what is in this set and in every iterable of others.\n\n"
     "Cost: with one other, a lookup for each of its members, where it is no larger."},
    {"difference", method(set_difference), METH_FASTCALL,
     "difference($self, /, *others)\n--\n\n"
     "Return a plain set (or frozenset) of what is in this set and in none of others."},
    {"symmetric_difference", method(set_symmetric_difference), METH_O,
     "symmetric_difference($self, other, /)\n--\n\n"
     "Return a plain set (or frozenset) of what is in exactly one of the two."},
    {"isdisjoint", method(set_isdisjoint), METH_O,
     "isdisjoint($self, other, /)\n--\n\nReturn whether nothing is in both."},
    {"issubset", method(set_issubset), METH_O,
     "issubset($self, other, /)\n--\n\nReturn whether all of this set is in other."},
    {"issuperset", method(set_issuperset), METH_O,
     "issuperset($self, other, /)\n--\n\n"
     "Return whether all of other is in this set.  Cost: a lookup for each member of other."},
    {"copy", method(set_eager), METH_NOARGS,
     "copy($self, /)\n--\n\nReturn the members as a plain set (or frozenset)."},
    {"eager", method(set_eager), METH_NOARGS,
     "eager($self, /)\n--\n\n"
     "Return the whole value as a plain set (or frozenset), of one consistent moment.\n\n"
     "Cost: all of it is read and held in memory."},
    {"__copy__", method(set_eager), METH_NOARGS, "Return what copy() does."},
    {"__deepcopy__", method(set_deepcopy), METH_O, "Return what eager() does."},
    {"__rich_repr__", method(lazy_rich_repr), METH_NOARGS, kRichReprDoc},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "See PEP 585."},
    {nullptr, nullptr, 0, nullptr},
};

// The frozenset's own hash, so a LazyFrozenSet finds what its frozenset finds.
Py_hash_t frozenset_hash(PyObject* self) {
  auto* lazy = reinterpret_cast<LazyObject*>(self);
  return guarded<Py_hash_t>(-1, [lazy] {
    if (lazy->hash != -1) {
      lazy->here.map->check_open();
      return lazy->hash;
    }
    const Ref frozenset = eager(lazy->here);
    lazy->hash = PyObject_Hash(frozenset.get());
    if (lazy->hash == -1) throw PythonRaised{};
    return lazy->hash;
  });
}

PyTypeObject* make_type(PyObject* module, PyType_Spec& spec, PyTypeObject* base) {
  PyObject* type = PyType_FromModuleAndSpec(module, &spec, reinterpret_cast<PyObject*>(base));
  if (type == nullptr) throw PythonRaised{};
  return reinterpret_cast<PyTypeObject*>(type);
}

constexpr unsigned kFlags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                            Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE;

}  // namespace

PyTypeObject* make_set_base_type(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_doc, const_cast<char*>("What LazySet and LazyFrozenSet share: frozenset's methods.")},
      {Py_tp_iter, slot(set_iter)},
      {Py_tp_richcompare, slot(set_richcompare)},
      {Py_tp_hash, slot(PyObject_HashNotImplemented)},
      {Py_tp_methods, set_methods},
      {Py_sq_length, slot(set_length)},
      {Py_sq_contains, slot(set_contains)},
      {Py_nb_or, slot(set_or)},
      {Py_nb_and, slot(set_and)},
      {Py_nb_subtract, slot(set_subtract)},
      {Py_nb_xor, slot(set_xor)},
      {0, nullptr},
  };
  PyType_Spec spec = {"oocmap.LazyAnySet", sizeof(HandleObject), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION |
                          Py_TPFLAGS_IMMUTABLETYPE,
                      slots};
  return make_type(module, spec, nullptr);
}

PyTypeObject* make_lazy_set_type(PyObject* module, PyTypeObject* base) {
  PyType_Slot slots[] = {
      {Py_tp_doc,
       const_cast<char*>("A set inside a map: read when it is asked for, written at once.\n\n"
                         "Has set's methods; each that changes it is one atomic write.  Its\n"
                         "members are what a key can be, and come back plain, in the order in\n"
                         "which they were added.  Errors of any write: those of OOCMap.")},
      {Py_tp_dealloc, slot(lazy_dealloc)},
      {Py_tp_traverse, slot(lazy_traverse)},
      {Py_tp_repr, slot(lazy_repr)},
      {Py_tp_init, slot(set_init)},
      {Py_tp_methods, set_update_methods},
      {Py_nb_inplace_or, slot(set_inplace_or)},
      {Py_nb_inplace_and, slot(set_inplace_and)},
      {Py_nb_inplace_subtract, slot(set_inplace_subtract)},
      {Py_nb_inplace_xor, slot(set_inplace_xor)},
      {0, nullptr},
  };
  PyType_Spec spec = {"oocmap.LazySet", sizeof(LazyObject), 0, kFlags, slots};
  return make_type(module, spec, base);
}

PyTypeObject* make_lazy_frozenset_type(PyObject* module, PyTypeObject* base) {
  PyType_Slot slots[] = {
      {Py_tp_doc, const_cast<char*>("A frozenset inside a map: read when it is asked for.\n\n"
                                    "Equal to its frozenset, with the frozenset's hash.")},
      {Py_tp_dealloc, slot(lazy_dealloc)},
      {Py_tp_traverse, slot(lazy_traverse)},
      {Py_tp_repr, slot(lazy_repr)},
      {Py_tp_richcompare, slot(set_richcompare)},
      {Py_tp_hash, slot(frozenset_hash)},
      {0, nullptr},
  };
  PyType_Spec spec = {"oocmap.LazyFrozenSet", sizeof(LazyObject), 0, kFlags, slots};
  return make_type(module, spec, base);
}

}  // namespace oocmap::python
