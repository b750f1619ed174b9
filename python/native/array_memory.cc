#include "python/native/array_memory.h"

#include <utility>

#include "python/native/errors.h"

namespace oocmap::python {
namespace {

struct MemoryObject {
  PyObject_HEAD std::shared_ptr<const void>* held;
  Bytes bytes;
};

PyTypeObject* memory_type = nullptr;

// An exported buffer holds a reference to this object, and so what `held` keeps.
int memory_getbuffer(PyObject* self, Py_buffer* view, int flags) {
  const Bytes bytes = reinterpret_cast<MemoryObject*>(self)->bytes;
  return PyBuffer_FillInfo(view, self, const_cast<char*>(bytes.data()),
                           static_cast<Py_ssize_t>(bytes.size()), /*readonly=*/1, flags);
}

void memory_dealloc(PyObject* self) {
  std::unique_ptr<std::shared_ptr<const void>> held(reinterpret_cast<MemoryObject*>(self)->held);
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
  const WithoutGil released;  // the last user of a store closes its file
  held.reset();
}

}  // namespace

void make_array_memory_type(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_doc, const_cast<char*>("Data of a snapshot, where it lies in the file.")},
      {Py_tp_dealloc, slot(memory_dealloc)},
      {Py_bf_getbuffer, slot(memory_getbuffer)},
      {0, nullptr},
  };
  PyType_Spec spec = {
      "oocmap._native.ArrayMemory", sizeof(MemoryObject), 0,
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};
  memory_type = reinterpret_cast<PyTypeObject*>(
      Ref::steal(PyType_FromModuleAndSpec(module, &spec, nullptr)).release());
}

PyObject* make_array_memory(Bytes bytes, std::shared_ptr<const void> held) {
  auto kept = std::make_unique<std::shared_ptr<const void>>(std::move(held));
  auto* memory = PyObject_New(MemoryObject, memory_type);
  if (memory == nullptr) throw PythonRaised{};
  memory->held = kept.release();
  memory->bytes = bytes;
  return reinterpret_cast<PyObject*>(memory);
}

}  // namespace oocmap::python
