#include "python/native/compare.h"
#include "python/native/eager.h"
#include "python/native/errors.h"
#include "python/native/lazy.h"
#include "python/native/nested_hash.h"
#include "python/native/repr.h"
#include "python/native/sequence.h"

namespace oocmap::python {
namespace {

// The tuple's own hash, so a LazyTuple finds what its tuple finds; TypeError where a member has
// none.
Py_hash_t tuple_hash(PyObject* self) {
  auto* lazy = reinterpret_cast<LazyObject*>(self);
  return guarded<Py_hash_t>(-1, [lazy] {
    if (lazy->hash != -1) {
      lazy->here.map->check_open();
      return lazy->hash;
    }
    const Ref tuple = eager(lazy->here);
    lazy->hash = nested_hash(tuple.get());
    return lazy->hash;
  });
}

PyObject* tuple_getnewargs(PyObject* self, PyObject*) {
  return guarded([self] {
    const Ref members = slice_of(container_of(self), 0, PY_SSIZE_T_MAX, 1, true);
    return Ref::steal(PyTuple_Pack(1, members.get())).release();
  });
}

PyMethodDef tuple_methods[] = {
    {"__getnewargs__", method(tuple_getnewargs), METH_NOARGS,
     "Return (the members as a plain tuple,), as tuple does."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyTypeObject* make_lazy_tuple_type(PyObject* module, PyTypeObject* sequence) {
  PyType_Slot slots[] = {
      {Py_tp_doc, const_cast<char*>("A tuple inside a map: read when it is asked for.\n\n"
                                    "Equal to its tuple, with the tuple's hash.")},
      {Py_tp_dealloc, slot(lazy_dealloc)},
      {Py_tp_traverse, slot(lazy_traverse)},
      {Py_tp_repr, slot(lazy_repr)},
      {Py_tp_richcompare, slot(tuple_richcompare)},
      {Py_tp_hash, slot(tuple_hash)},
      {Py_tp_methods, tuple_methods},
      {0, nullptr},
  };
  PyType_Spec spec = {"oocmap.LazyTuple", sizeof(LazyObject), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_SEQUENCE |
                          Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
                      slots};
  PyObject* type = PyType_FromModuleAndSpec(module, &spec, reinterpret_cast<PyObject*>(sequence));
  if (type == nullptr) throw PythonRaised{};
  return reinterpret_cast<PyTypeObject*>(type);
}

}  // namespace oocmap::python
