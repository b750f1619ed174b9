#include "python/native/store_array.h"

#include <memory>
#include <utility>

#include "python/native/lazy_array.h"
#include "python/native/scalars.h"

namespace oocmap::python {
namespace {

// Less is copied: it will stand in a record, and keeping it would cost as much.
constexpr size_t kWorthKeeping = 8'192;

// Memory of an object, which cannot be resized while it is exported. It may be let go on any
// thread, with or without the GIL; nobody who has the GIL waits for a lock that such a thread
// holds.
class PinnedBuffer {
 public:
  explicit PinnedBuffer(PyObject* object) {
    checked(PyObject_GetBuffer(object, &view_, PyBUF_SIMPLE));
  }
  ~PinnedBuffer() {
    if (Py_IsInitialized() == 0) return;
    const PyGILState_STATE state = PyGILState_Ensure();
    PyBuffer_Release(&view_);
    PyGILState_Release(state);
  }
  PinnedBuffer(const PinnedBuffer&) = delete;
  PinnedBuffer& operator=(const PinnedBuffer&) = delete;
  Bytes bytes() const noexcept {
    return {static_cast<const char*>(view_.buf), static_cast<size_t>(view_.len)};
  }

 private:
  Py_buffer view_{};
};

}  // namespace

FedArray feed_array(PyObject* value, ValueEncoder& to) {
  FedArray result;
  if (array_support.describe == nullptr) return result;
  const Ref found = Ref::steal(PyObject_CallOneArg(array_support.describe, value));
  if (found.get() == Py_None) return result;
  if (PyUnicode_Check(found.get())) {
    result.reason = text_of(found.get()).bytes;
    return result;
  }
  int library = 0;
  PyObject* type = nullptr;
  unsigned item_size = 0;
  int fortran = 0;
  PyObject* shape = nullptr;
  PyObject* data = nullptr;
  checked(PyArg_ParseTuple(found.get(), "iUIpO!O", &library, &type, &item_size, &fortran,
                           &PyTuple_Type, &shape, &data) != 0
              ? 0
              : -1);
  ArrayHead head;
  head.library = static_cast<ArrayLibrary>(library);
  head.fortran = fortran != 0;
  head.item_size = item_size;
  head.type = text_of(type).bytes;
  for (Py_ssize_t axis = 0; axis < PyTuple_GET_SIZE(shape); ++axis) {
    head.shape.push_back(PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(shape, axis)));
    if (PyErr_Occurred() != nullptr) throw PythonRaised{};
  }
  auto pinned = std::make_shared<const PinnedBuffer>(data);
  const Bytes bytes = pinned->bytes();
  if (bytes.size() <= kWorthKeeping) {
    result.number = to.array(std::move(head), bytes);
  } else {
    result.number = to.array(std::move(head), bytes, std::move(pinned));
  }
  result.fed = true;
  return result;
}

}  // namespace oocmap::python
