#include "python/native/compare.h"

#include "python/native/dict_find.h"
#include "python/native/eager.h"
#include "python/native/errors.h"
#include "python/native/iterate.h"
#include "python/native/known_equal.h"

namespace oocmap::python {
namespace {

bool same_container(PyObject* left, PyObject* right) {
  if (!is_lazy(right) && !is_map(right)) return false;
  const Container& a = container_of(left);
  const Container& b = container_of(right);
  a.map->check_open();
  b.map->check_open();
  if (a.identity != b.identity) return false;
  if (a.map == b.map) return true;
  const bool both_live = !a.map->moment() && !b.map->moment();
  return both_live && a.map->store().id() == b.map->store().id();
}

PyObject* answer(bool value) { return Py_NewRef(value ? Py_True : Py_False); }

// --- Dicts

Ref value_in(PyObject* dict, PyObject* key) {
  Container* lazy = dict_behind(dict);
  PyObject* found =
      lazy != nullptr ? dict_lookup(*lazy, key) : Py_XNewRef(PyDict_GetItemWithError(dict, key));
  if (found != nullptr) return Ref::steal(found);
  if (PyErr_Occurred() != nullptr) throw PythonRaised{};
  return Ref();
}

bool dicts_equal(PyObject* self, PyObject* other) {
  if (same_container(self, other)) return true;
  Comparing comparing(self, other);
  if (comparing.known_equal()) return true;
  Container* lazy = dict_behind(other);
  const uint64_t size =
      lazy != nullptr ? count_of(*lazy) : static_cast<uint64_t>(PyDict_GET_SIZE(other));
  if (count_of(container_of(self)) != size) return false;
  const Ref items = Ref::steal(make_iterator(self, What::kItems));
  while (const Ref item = next_of(items.get())) {
    const Ref theirs = value_in(other, PyTuple_GET_ITEM(item.get(), 0));
    if (!theirs) return false;
    PyObject* ours = PyTuple_GET_ITEM(item.get(), 1);
    if (!equal_members(ours, theirs.get())) return false;
  }
  comparing.found_equal();
  return true;
}

// --- Lists and tuples

uint64_t length_of(PyObject* sequence) {
  return is_lazy(sequence) ? count_of(container_of(sequence))
                           : static_cast<uint64_t>(checked_size(PyObject_Size(sequence)));
}

PyObject* compare_numbers(uint64_t left, uint64_t right, int operation) {
  Py_RETURN_RICHCOMPARE(left, right, operation);
}

// As list and tuple do it: the first members that differ decide, else the lengths.
PyObject* compare_sequences(PyObject* self, PyObject* other, int operation) {
  const bool equality = operation == Py_EQ || operation == Py_NE;
  if (same_container(self, other)) return compare_numbers(0, 0, operation);
  if (equality && length_of(self) != length_of(other)) return answer(operation == Py_NE);
  Comparing comparing(self, other);
  if (comparing.known_equal()) return compare_numbers(0, 0, operation);
  const Ref left = Ref::steal(make_iterator(self, What::kMembers));
  const Ref right = Ref::steal(PyObject_GetIter(other));
  while (true) {
    const Ref ours = next_of(left.get());
    const Ref theirs = next_of(right.get());
    if (!ours || !theirs) {
      if (!ours && !theirs) comparing.found_equal();
      return compare_numbers(ours ? 1 : 0, theirs ? 1 : 0, operation);
    }
    if (equal_members(ours.get(), theirs.get())) continue;
    if (equality) return answer(operation == Py_NE);
    return Ref::steal(PyObject_RichCompare(ours.get(), theirs.get(), operation)).release();
  }
}

// --- Sets

// The order of sets is inclusion, so all but the sizes needs the members.
bool compare_sets(PyObject* self, PyObject* other, int operation) {
  const bool equality = operation == Py_EQ || operation == Py_NE;
  if (same_container(self, other)) {
    return operation == Py_EQ || operation == Py_LE || operation == Py_GE;
  }
  const auto ours = static_cast<Py_ssize_t>(count_of(container_of(self)));
  const Py_ssize_t theirs = checked_size(PyObject_Size(other));
  if (equality && ours != theirs) return operation == Py_NE;
  if ((operation == Py_LE && ours > theirs) || (operation == Py_LT && ours >= theirs) ||
      (operation == Py_GE && ours < theirs) || (operation == Py_GT && ours <= theirs)) {
    return false;
  }
  const Ref left = eager(container_of(self));
  const Ref right = is_lazy_set(other) ? eager(container_of(other)) : Ref::borrow(other);
  return checked(PyObject_RichCompareBool(left.get(), right.get(), operation)) != 0;
}

}  // namespace

bool equal_members(PyObject* member, PyObject* value) {
  if (lazy_array_type != nullptr && Py_TYPE(member) == lazy_array_type &&
      same_container(member, value)) {
    return true;
  }
  return checked(PyObject_RichCompareBool(member, value, Py_EQ)) != 0;
}

Ref next_of(PyObject* iterator) {
  PyObject* next = PyIter_Next(iterator);
  if (next != nullptr) return Ref::steal(next);
  if (PyErr_Occurred() != nullptr) throw PythonRaised{};
  return Ref();
}

bool contains_equal(PyObject* iterator, PyObject* value) {
  while (const Ref member = next_of(iterator)) {
    if (equal_members(member.get(), value)) return true;
  }
  return false;
}

PyObject* dict_richcompare(PyObject* self, PyObject* other, int operation) {
  if ((operation != Py_EQ && operation != Py_NE) ||
      (!PyDict_Check(other) && dict_behind(other) == nullptr)) {
    Py_RETURN_NOTIMPLEMENTED;
  }
  return guarded([=] { return answer(dicts_equal(self, other) == (operation == Py_EQ)); });
}

PyObject* list_richcompare(PyObject* self, PyObject* other, int operation) {
  if (!PyList_Check(other) && Py_TYPE(other) != lazy_list_type) Py_RETURN_NOTIMPLEMENTED;
  return guarded([=] { return compare_sequences(self, other, operation); });
}

PyObject* tuple_richcompare(PyObject* self, PyObject* other, int operation) {
  if (!PyTuple_Check(other) && Py_TYPE(other) != lazy_tuple_type) Py_RETURN_NOTIMPLEMENTED;
  return guarded([=] { return compare_sequences(self, other, operation); });
}

PyObject* set_richcompare(PyObject* self, PyObject* other, int operation) {
  const bool view = PyDictKeys_Check(other) || PyDictItems_Check(other);
  if (!PyAnySet_Check(other) && !is_lazy_set(other) && !view) Py_RETURN_NOTIMPLEMENTED;
  return guarded([=] { return answer(compare_sets(self, other, operation)); });
}

}  // namespace oocmap::python
