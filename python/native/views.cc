#include "python/native/views.h"

#include "python/native/compare.h"
#include "python/native/dict_find.h"
#include "python/native/errors.h"
#include "python/native/free_list.h"

namespace oocmap::python {
namespace {

struct ViewObject {
  PyObject_HEAD PyObject* owner;
  What what;
};

PyTypeObject* keys_type = nullptr;
PyTypeObject* values_type = nullptr;
PyTypeObject* items_type = nullptr;
FreeList<ViewObject, 64> free_views;

ViewObject* view_of(PyObject* self) noexcept { return reinterpret_cast<ViewObject*>(self); }
Container& dict_of(PyObject* self) noexcept { return container_of(view_of(self)->owner); }

void view_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  PyTypeObject* type = Py_TYPE(self);
  PyObject* owner = view_of(self)->owner;
  free_views.give_back(view_of(self));
  Py_DECREF(owner);
  Py_DECREF(type);
}

int view_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(view_of(self)->owner);
  return 0;
}

Py_ssize_t view_length(PyObject* self) {
  return guarded<Py_ssize_t>(-1,
                             [self] { return static_cast<Py_ssize_t>(count_of(dict_of(self))); });
}

PyObject* view_iter(PyObject* self) {
  return guarded([self] { return make_iterator(view_of(self)->owner, view_of(self)->what); });
}

PyObject* view_reversed(PyObject* self, PyObject*) {
  return guarded([self] { return make_iterator(view_of(self)->owner, view_of(self)->what, true); });
}

int keys_contains(PyObject* self, PyObject* key) {
  return guarded_int([=] { return dict_contains(dict_of(self), key) ? 1 : 0; });
}

int items_contains(PyObject* self, PyObject* item) {
  if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 2) return 0;
  return guarded_int([=] {
    PyObject* found = dict_lookup(dict_of(self), PyTuple_GET_ITEM(item, 0));
    if (found == nullptr) return 0;
    const Ref value = Ref::steal(found);
    return equal_members(value.get(), PyTuple_GET_ITEM(item, 1)) ? 1 : 0;
  });
}

int values_contains(PyObject* self, PyObject* value) {
  return guarded_int([=] {
    const Ref iterator = Ref::steal(make_iterator(view_of(self)->owner, What::kValues));
    return contains_equal(iterator.get(), value) ? 1 : 0;
  });
}

// --- Set operations of keys and items, with what is there now

bool is_set_view(PyObject* object) noexcept {
  return Py_TYPE(object) == keys_type || Py_TYPE(object) == items_type;
}

template <typename Operation>
PyObject* as_sets(PyObject* left, PyObject* right, Operation operation) {
  return guarded([=] {
    const Ref left_set = Ref::steal(PySet_New(left));
    const Ref right_set = Ref::steal(PySet_New(right));
    return Ref::steal(operation(left_set.get(), right_set.get())).release();
  });
}

PyObject* view_or(PyObject* left, PyObject* right) { return as_sets(left, right, PyNumber_Or); }
PyObject* view_xor(PyObject* left, PyObject* right) { return as_sets(left, right, PyNumber_Xor); }
PyObject* view_subtract(PyObject* left, PyObject* right) {
  return as_sets(left, right, PyNumber_Subtract);
}

// What of `iterable` is in `view`, so that only that has to be hashable.
PyObject* view_and(PyObject* left, PyObject* right) {
  return guarded([=] {
    PyObject* view = is_set_view(left) ? left : right;
    Ref common = Ref::steal(PySet_New(nullptr));
    const Ref iterator = Ref::steal(PyObject_GetIter(view == left ? right : left));
    while (const Ref item = next_of(iterator.get())) {
      if (checked(PySequence_Contains(view, item.get())) != 0) {
        checked(PySet_Add(common.get(), item.get()));
      }
    }
    return common.release();
  });
}

PyObject* view_isdisjoint(PyObject* self, PyObject* other) {
  return guarded([=] {
    const Ref iterator = Ref::steal(PyObject_GetIter(other));
    while (const Ref item = next_of(iterator.get())) {
      if (checked(PySequence_Contains(self, item.get())) != 0) return Py_NewRef(Py_False);
    }
    return Py_NewRef(Py_True);
  });
}

bool all_in(PyObject* items, PyObject* container) {
  const Ref iterator = Ref::steal(PyObject_GetIter(items));
  while (const Ref item = next_of(iterator.get())) {
    if (checked(PySequence_Contains(container, item.get())) == 0) return false;
  }
  return true;
}

bool compare_views(PyObject* self, PyObject* other, int operation) {
  const Py_ssize_t ours = checked_size(PyObject_Size(self));
  const Py_ssize_t theirs = checked_size(PyObject_Size(other));
  switch (operation) {
    case Py_EQ:
      return ours == theirs && all_in(self, other);
    case Py_NE:
      return ours != theirs || !all_in(self, other);
    case Py_LT:
      return ours < theirs && all_in(self, other);
    case Py_LE:
      return ours <= theirs && all_in(self, other);
    case Py_GT:
      return ours > theirs && all_in(other, self);
    default:
      return ours >= theirs && all_in(other, self);
  }
}

PyObject* view_compare(PyObject* self, PyObject* other, int operation) {
  if (!PyAnySet_Check(other) && !is_lazy_set(other) && !PyDictKeys_Check(other) &&
      !PyDictItems_Check(other) && !is_set_view(other)) {
    Py_RETURN_NOTIMPLEMENTED;
  }
  return guarded(
      [=] { return Py_NewRef(compare_views(self, other, operation) ? Py_True : Py_False); });
}

PyObject* view_mapping(PyObject* self, void*) { return PyDictProxy_New(view_of(self)->owner); }

PyObject* view_repr(PyObject* self) {
  return guarded([self] {
    const Recursion guard(" while getting the repr of a view");
    const Ref members = Ref::steal(PySequence_List(self));
    const char* name = view_of(self)->what == What::kKeys     ? "LazyKeys"
                       : view_of(self)->what == What::kValues ? "LazyValues"
                                                              : "LazyItems";
    return Ref::steal(PyUnicode_FromFormat("%s(%R)", name, members.get())).release();
  });
}

PyMethodDef view_methods[] = {
    {"__reversed__", method(view_reversed), METH_NOARGS,
     "Return an iterator from the last to the first."},
    {"isdisjoint", method(view_isdisjoint), METH_O,
     "isdisjoint($self, other, /)\n--\n\nReturn whether nothing is in both."},
    {nullptr, nullptr, 0, nullptr},
};
PyMethodDef values_methods[] = {
    {"__reversed__", method(view_reversed), METH_NOARGS,
     "Return an iterator from the last to the first."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef view_attributes[] = {
    {"mapping", view_mapping, nullptr, "The dict this is a view of, read-only.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyTypeObject* make_type(PyObject* module, const char* name, PyType_Slot* slots) {
  PyType_Spec spec = {name, sizeof(ViewObject), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION |
                          Py_TPFLAGS_IMMUTABLETYPE,
                      slots};
  PyObject* type = PyType_FromModuleAndSpec(module, &spec, nullptr);
  if (type == nullptr) throw PythonRaised{};
  checked(PyModule_AddType(module, reinterpret_cast<PyTypeObject*>(type)));
  return reinterpret_cast<PyTypeObject*>(type);
}

PyTypeObject* make_set_type(PyObject* module, const char* name, const char* doc,
                            int (*contains)(PyObject*, PyObject*)) {
  PyType_Slot slots[] = {
      {Py_tp_doc, const_cast<char*>(doc)},
      {Py_tp_dealloc, slot(view_dealloc)},
      {Py_tp_traverse, slot(view_traverse)},
      {Py_tp_iter, slot(view_iter)},
      {Py_tp_repr, slot(view_repr)},
      {Py_tp_richcompare, slot(view_compare)},
      {Py_tp_hash, slot(PyObject_HashNotImplemented)},
      {Py_tp_methods, view_methods},
      {Py_tp_getset, view_attributes},
      {Py_sq_length, slot(view_length)},
      {Py_sq_contains, slot(contains)},
      {Py_nb_and, slot(view_and)},
      {Py_nb_or, slot(view_or)},
      {Py_nb_xor, slot(view_xor)},
      {Py_nb_subtract, slot(view_subtract)},
      {0, nullptr},
  };
  return make_type(module, name, slots);
}

}  // namespace

PyObject* make_view(PyObject* owner, What what) {
  container_of(owner).map->check_open();
  PyTypeObject* type = what == What::kKeys     ? keys_type
                       : what == What::kValues ? values_type
                                               : items_type;
  ViewObject* view = free_views.make(type);
  if (view == nullptr) throw PythonRaised{};
  view->owner = Py_NewRef(owner);
  view->what = what;
  PyObject_GC_Track(reinterpret_cast<PyObject*>(view));
  return reinterpret_cast<PyObject*>(view);
}

void make_view_types(PyObject* module) {
  keys_type =
      make_set_type(module, "oocmap.LazyKeys", "The keys of a dict: live, a set.", keys_contains);
  items_type =
      make_set_type(module, "oocmap.LazyItems",
                    "The (key, value) pairs of a dict: live, a set where its values are hashable.",
                    items_contains);
  PyType_Slot slots[] = {
      {Py_tp_doc, const_cast<char*>("The values of a dict: live.")},
      {Py_tp_dealloc, slot(view_dealloc)},
      {Py_tp_traverse, slot(view_traverse)},
      {Py_tp_iter, slot(view_iter)},
      {Py_tp_repr, slot(view_repr)},
      {Py_tp_methods, values_methods},
      {Py_tp_getset, view_attributes},
      {Py_sq_length, slot(view_length)},
      {Py_sq_contains, slot(values_contains)},
      {0, nullptr},
  };
  values_type = make_type(module, "oocmap.LazyValues", slots);
}

}  // namespace oocmap::python
