#include "python/native/lazy_array.h"

#include <array>
#include <optional>
#include <utility>

#include "python/native/array_memory.h"
#include "python/native/errors.h"
#include "python/native/scalars.h"
#include "python/native/writing.h"

namespace oocmap::python {

ArraySupport array_support;
ArrayCounters array_counters;

namespace {

// The memory an object exports, contiguous.
class Exported {
 public:
  Exported(PyObject* object, int flags) { checked(PyObject_GetBuffer(object, &view_, flags)); }
  ~Exported() { PyBuffer_Release(&view_); }
  Exported(const Exported&) = delete;
  Exported& operator=(const Exported&) = delete;
  char* data() const noexcept { return static_cast<char*>(view_.buf); }
  size_t size() const noexcept { return static_cast<size_t>(view_.len); }

 private:
  Py_buffer view_{};
};

// (start, step, count) of each axis, in one flat tuple of ints.
class Ranges {
 public:
  explicit Ranges(PyObject* flat) {
    if (!PyTuple_CheckExact(flat) || PyTuple_GET_SIZE(flat) % 3 != 0 ||
        PyTuple_GET_SIZE(flat) / 3 > static_cast<Py_ssize_t>(kMaxArrayDimensions)) {
      raise(PyExc_TypeError, "a tuple of three ints for each axis is needed");
    }
    axes_ = static_cast<size_t>(PyTuple_GET_SIZE(flat)) / 3;
    for (size_t axis = 0; axis < axes_; ++axis) {
      ranges_[axis] = {number(flat, 3 * axis), number(flat, 3 * axis + 1),
                       number(flat, 3 * axis + 2)};
    }
  }
  std::span<const AxisRange> get() const noexcept { return {ranges_.data(), axes_}; }

 private:
  static uint64_t number(PyObject* flat, size_t i) {
    const auto value =
        PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(flat, static_cast<Py_ssize_t>(i)));
    if (PyErr_Occurred() != nullptr) throw PythonRaised{};
    return value;
  }
  std::array<AxisRange, kMaxArrayDimensions> ranges_;
  size_t axes_ = 0;
};

void check_arguments(Py_ssize_t count) {
  if (count != 2) raise(PyExc_TypeError, "two arguments are needed, not %zd", count);
}

// --- Methods

PyObject* array_head(PyObject* self, PyObject*) {
  return guarded([self] {
    ArrayHead head;
    {
      const Reading reading(container_of(self));
      head = ArrayReader(reading.transaction(), reading.node()).head();
    }
    return head_to_python(head).release();
  });
}

PyObject* array_read(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([=] {
    check_arguments(count);
    const Ranges ranges(arguments[1]);
    const Exported room(arguments[0], PyBUF_WRITABLE);
    {
      const Reading reading(container_of(self));
      ArrayReader reader(reading.transaction(), reading.node());
      reader.read(ranges.get(), room.size(), room.data());
    }
    array_counters.read += room.size();
    return Py_NewRef(Py_None);
  });
}

// The data where it lies, in a snapshot: what it shows can neither change nor go away. None
// elsewhere, and where it is not in one piece. Data in a node is not given so: it is small, and not
// aligned.
PyObject* array_memory(PyObject* self, PyObject*) {
  return guarded([self] {
    Container& container = container_of(self);
    container.map->check_open();
    if (!container.map->moment()) return Py_NewRef(Py_None);
    std::shared_ptr<const void> held = container.map->session().hold_moment();
    const Reading reading(container);
    const ArrayReader reader(reading.transaction(), reading.node());
    const std::optional<Bytes> data = reader.view().chunked() ? reader.whole() : std::nullopt;
    if (!data || data->empty()) return Py_NewRef(Py_None);
    return make_array_memory(*data, std::move(held));
  });
}

// Rows of the first axis of an array in C order, in any order, by a buffer of 64-bit indices.
PyObject* array_read_rows(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([=] {
    check_arguments(count);
    const Exported wanted(arguments[1], PyBUF_SIMPLE);
    const Exported room(arguments[0], PyBUF_WRITABLE);
    const size_t rows = wanted.size() / sizeof(int64_t);
    {
      const Reading reading(container_of(self));
      ArrayReader reader(reading.transaction(), reading.node());
      const ArrayView& array = reader.view();
      if (array.dimensions() == 0 || array.fortran()) {
        throw Error(ErrorCode::kInvalidArgument, "the array has no rows");
      }
      const uint64_t length = array.length(0);
      const uint64_t bytes = length == 0 ? 0 : array.bytes() / length;
      if (rows != 0 && (length == 0 || room.size() != rows * bytes)) {
        throw Error(ErrorCode::kInvalidArgument, "the room is not of the size of the rows");
      }
      for (size_t i = 0; i < rows; ++i) {
        const auto row = load_le<uint64_t>(wanted.data() + i * sizeof(int64_t));
        if (row >= length) throw Error(ErrorCode::kInvalidArgument, "the array has no such row");
        reader.read(row * bytes, bytes, room.data() + i * bytes);
      }
    }
    array_counters.read += room.size();
    return Py_NewRef(Py_None);
  });
}

PyObject* array_write(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([=] {
    check_arguments(count);
    const Ranges ranges(arguments[1]);
    const Exported data(arguments[0], PyBUF_SIMPLE);
    const Bytes bytes(data.data(), data.size());
    Container& container = container_of(self);
    const Identity identity = container.identity;
    uint64_t written = 0;
    write(container, [&](Store& store, WriteTransaction& transaction) {
      written = write_array(store, transaction, identity, ranges.get(), bytes);
    });
    array_counters.written += written;
    return Py_NewRef(Py_None);
  });
}

// As lazy_dealloc, but for the memory: the type is a class written in Python.
void array_dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  auto* lazy = reinterpret_cast<LazyObject*>(self);
  if (lazy->here.map != nullptr) lazy->here.map->release(lazy->here.identity);
  PyTypeObject* type = Py_TYPE(self);
  PyObject* owner = lazy->head.owner;
  type->tp_free(self);
  Py_XDECREF(owner);
  Py_DECREF(type);
}

PyMethodDef array_methods[] = {
    {"_head", method(array_head), METH_NOARGS,
     "_head($self, /)\n--\n\nReturn (library, type, item size, Fortran order, shape)."},
    {"_read", method(array_read), METH_FASTCALL,
     "_read($self, room, ranges, /)\n--\n\nCopy a part, in the order of storage, into a buffer."},
    {"_read_rows", method(array_read_rows), METH_FASTCALL,
     "_read_rows($self, room, rows, /)\n--\n\nCopy rows of the first axis, by int64 indices."},
    {"_memory", method(array_memory), METH_NOARGS,
     "_memory($self, /)\n--\n\nReturn the data of a snapshot where it lies, or None."},
    {"_write", method(array_write), METH_FASTCALL,
     "_write($self, data, ranges, /)\n--\n\nWrite a part, given as _read gives it."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

Ref head_to_python(const ArrayHead& head) {
  const WithoutCollection guard;
  const auto dimensions = static_cast<Py_ssize_t>(head.shape.size());
  const Ref shape = Ref::steal(PyTuple_New(dimensions));
  for (Py_ssize_t axis = 0; axis < dimensions; ++axis) {
    const uint64_t length = head.shape[static_cast<size_t>(axis)];
    PyTuple_SET_ITEM(shape.get(), axis, Ref::steal(PyLong_FromUnsignedLongLong(length)).release());
  }
  const Ref type = Ref::steal(text_to_python(head.type));
  return Ref::steal(Py_BuildValue("iOIOO", static_cast<int>(head.library), type.get(),
                                  head.item_size, head.fortran ? Py_True : Py_False, shape.get()));
}

LazyObject* make_lazy_array() noexcept {
  const WithoutCollection guard;  // the caller is in the midst of a read
  PyObject* made = lazy_array_type->tp_alloc(lazy_array_type, 0);
  if (made == nullptr) return nullptr;
  PyObject_GC_UnTrack(made);
  return reinterpret_cast<LazyObject*>(made);
}

PyTypeObject* make_array_handle_type(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_doc, const_cast<char*>("The native side of LazyArray.")},
      {Py_tp_dealloc, slot(array_dealloc)},
      {Py_tp_traverse, slot(lazy_traverse)},
      {Py_tp_methods, array_methods},
      {0, nullptr},
  };
  PyType_Spec spec = {"oocmap._native.ArrayHandle", sizeof(LazyObject), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE |
                          Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
                      slots};
  PyObject* type = PyType_FromModuleAndSpec(module, &spec, nullptr);
  if (type == nullptr) throw PythonRaised{};
  return reinterpret_cast<PyTypeObject*>(type);
}

void use_arrays(PyObject* type, PyObject* describe, PyObject* build) {
  if (lazy_array_type != nullptr) raise(PyExc_RuntimeError, "use_arrays() was called before");
  auto* made = reinterpret_cast<PyTypeObject*>(type);
  if (!PyType_Check(type) || made->tp_basicsize != sizeof(LazyObject)) {
    raise(PyExc_TypeError, "LazyArray must have the layout of ArrayHandle");
  }
  lazy_array_type = reinterpret_cast<PyTypeObject*>(Py_NewRef(type));
  array_support = {Py_NewRef(describe), Py_NewRef(build)};
}

Ref copy_array(const MapReading& reading, const NodeView& node) {
  ArrayReader reader(reading.transaction(), node);
  Ref head = head_to_python(reader.head());
  const auto size = static_cast<Py_ssize_t>(reader.view().bytes());
  Ref data = Ref::steal(PyByteArray_FromStringAndSize(nullptr, size));
  reader.read(0, reader.view().bytes(), PyByteArray_AS_STRING(data.get()));
  array_counters.read += reader.view().bytes();
  return unfinished_array(std::move(head), std::move(data));
}

}  // namespace oocmap::python
