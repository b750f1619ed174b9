#include "python/native/caches.h"

#include "python/native/keys.h"

namespace oocmap::python {

ShapeObjects ShapeCache::load(Store& store, const Transaction& transaction, uint64_t id) {
  const std::shared_ptr<const Shape> shape = store.shape(transaction, id);
  const auto size = static_cast<Py_ssize_t>(shape->size());
  const WithoutCollection guard;
  ShapeObjects result;
  result.id = id;
  result.keys = Ref::steal(PyTuple_New(size));
  result.index = Ref::steal(PyDict_New());
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* key = key_to_python(shape->key(static_cast<size_t>(i))).release();
    if (PyUnicode_CheckExact(key)) PyUnicode_InternInPlace(&key);
    PyTuple_SET_ITEM(result.keys.get(), i, key);
    const Ref place = Ref::steal(PyLong_FromSsize_t(i));
    checked(PyDict_SetItem(result.index.get(), key, place.get()));
  }
  return result;
}

void ShapeCache::clear() noexcept {
  for (ShapeObjects& slot : slots_) slot = ShapeObjects{};
}

}  // namespace oocmap::python
