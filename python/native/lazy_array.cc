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

// Reads `size` bytes of an array: small parts, and those inside the caller's own transaction, at
// once; else `locate(reader)` with the GIL, and `copy(reader)` without it. The session's lock is
// not held then: who waits for it has the GIL.
template <typename Locate, typename Copy>
void read_part(Container& container, uint64_t size, Locate&& locate, Copy&& copy) {
  std::optional<ArrayReader> reader;
  std::unique_ptr<const KeptMoment> kept;
  {
    const Reading reading(container);
    reader.emplace(reading.transaction(), reading.node());
    if (size >= kCopiedWithoutGil) kept = reading.keep();
    if (kept == nullptr) return copy(*reader);
    locate(*reader);
  }
  const WithoutGil released;
  copy(*reader);
  kept.reset();  // here: the file's last user closes it, and nobody waits for this reader in vain
}

PyObject* array_read(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([=] {
    check_arguments(count);
    const Ranges ranges(arguments[1]);
    const Exported room(arguments[0], PyBUF_WRITABLE);
    read_part(
        container_of(self), room.size(),
        [&](ArrayReader& reader) { reader.locate(ranges.get(), room.size()); },
        [&](ArrayReader& reader) { reader.read(ranges.get(), room.size(), room.data()); });
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

// Rows of the first axis of an array in C order, in any order.
class Rows {
 public:
  // `wanted`: 64-bit indices. Errors: kInvalidArgument.
  Rows(const ArrayReader& reader, const Exported& wanted, const Exported& room)
      : wanted_(wanted), count_(wanted.size() / sizeof(int64_t)) {
    const ArrayView& array = reader.view();
    if (array.dimensions() == 0 || array.fortran()) {
      throw Error(ErrorCode::kInvalidArgument, "the array has no rows");
    }
    length_ = array.length(0);
    bytes_ = length_ == 0 ? 0 : array.bytes() / length_;
    if (count_ != 0 && (length_ == 0 || room.size() != count_ * bytes_)) {
      throw Error(ErrorCode::kInvalidArgument, "the room is not of the size of the rows");
    }
  }

  // Calls f(offset in the data, bytes, offset in the room) for each row. Another thread may change
  // the indices meanwhile: each is looked at when it is used.
  template <typename F>
  void each(F&& f) const {
    for (size_t i = 0; i < count_; ++i) {
      const auto row = load_le<uint64_t>(wanted_.data() + i * sizeof(int64_t));
      if (row >= length_) throw Error(ErrorCode::kInvalidArgument, "the array has no such row");
      f(row * bytes_, bytes_, i * bytes_);
    }
  }

 private:
  const Exported& wanted_;
  size_t count_;
  uint64_t length_ = 0;
  uint64_t bytes_ = 0;
};

PyObject* array_read_rows(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  return guarded([=] {
    check_arguments(count);
    const Exported wanted(arguments[1], PyBUF_SIMPLE);
    const Exported room(arguments[0], PyBUF_WRITABLE);
    read_part(
        container_of(self), room.size(),
        [&](ArrayReader& reader) {
          Rows(reader, wanted, room).each([&](uint64_t from, uint64_t bytes, uint64_t) {
            reader.locate(from, bytes);
          });
        },
        [&](ArrayReader& reader) {
          Rows(reader, wanted, room).each([&](uint64_t from, uint64_t bytes, uint64_t to) {
            reader.read(from, bytes, room.data() + to);
          });
        });
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

// --- CopiedArrays

Ref CopiedArrays::add(const MapReading& reading, const NodeView& node) {
  ArrayReader reader(reading.transaction(), node);
  Ref head = head_to_python(reader.head());
  const uint64_t bytes = reader.view().bytes();
  Ref data = Ref::steal(PyByteArray_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(bytes)));
  const bool large = bytes >= kCopiedWithoutGil;
  if (large && kept_ == nullptr) kept_ = reading.keep();
  if (large && kept_ != nullptr) {
    reader.locate(0, bytes);
    pending_.push_back({std::move(reader), std::make_unique<Exported>(data.get(), PyBUF_WRITABLE)});
  } else {
    reader.read(0, bytes, PyByteArray_AS_STRING(data.get()));
  }
  array_counters.read += bytes;
  return unfinished_array(std::move(head), std::move(data));
}

void CopiedArrays::copy() {
  for (Pending& each : pending_) {
    each.reader.read(0, each.reader.view().bytes(), each.room->data());
  }
  kept_.reset();
}

void CopiedArrays::finish(When when) {
  if (pending_.empty()) return kept_.reset();
  if (when == When::kLate) {
    const WithoutGil released;
    copy();
  } else {
    copy();
  }
  pending_.clear();  // gives the rooms back, which is done with the GIL
}

}  // namespace oocmap::python
