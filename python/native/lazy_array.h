// Stored arrays: the native side of oocmap.LazyArray, which is written in Python (arrays.py), and
// what passes between the two. Nothing here knows a library of arrays.
#pragma once

#include <memory>
#include <vector>

#include "core/store/array.h"
#include "python/native/lazy.h"

namespace oocmap::python {

// What arrays.py tells this module when it is imported.
struct ArraySupport {
  // LazyArray itself: lazy_array_type.
  // describe(value): how to store an array, as (library, type, item size, Fortran order, shape,
  // buffer of its bytes); text, where it is one that cannot be stored: why; None where it is none.
  PyObject* describe = nullptr;
  // build(head, bytearray): the array or tensor itself. `head` as of array_head().
  PyObject* build = nullptr;
};
extern ArraySupport array_support;

// Bytes of arrays read and written by this process, for tests.
struct ArrayCounters {
  uint64_t read = 0;
  uint64_t written = 0;
};
extern ArrayCounters array_counters;

// The memory an object exports, contiguous; it is not resized meanwhile.
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

// (library, type, item size, Fortran order, shape): int, str, int, bool, tuple of int.
Ref head_to_python(const ArrayHead& head);

// The type ArrayHandle, from which LazyArray inherits. Called once, when the module is made.
PyTypeObject* make_array_handle_type(PyObject* module);
// use_arrays(LazyArray, describe, build), called once by arrays.py.
void use_arrays(PyObject* type, PyObject* describe, PyObject* build);

// A new lazy object, its fields not set. Null with MemoryError set.
LazyObject* make_lazy_array() noexcept;

// Bytes from which on a copy lets other threads run Python meanwhile. 1 MiB takes 0.04 ms from a
// cache, 0.2 from memory, and 1 or more where pages come from the disk. To let the GIL go and take
// it again costs 0.1 us, but where another thread computes, a wait of 5 ms at worst.
inline constexpr uint64_t kCopiedWithoutGil = uint64_t{1} << 20;

// The arrays of a value that is made eager: a stand-in for each (unfinished.h), with its data.
// Large ones are only looked up while the value is read, and copied after that, without the GIL.
class CopiedArrays {
 public:
  // The stand-in of one. Errors: kCorrupt, MemoryError.
  Ref add(const MapReading& reading, const NodeView& node);
  // Copies what was only looked up. With kLate no Reading may live; else it must be the one.
  enum class When : uint8_t { kLate, kAtOnce };
  void finish(When when);

 private:
  // Data that is looked up and not copied yet.
  struct Pending {
    ArrayReader reader;
    std::unique_ptr<Exported> room;
  };
  void copy();
  std::vector<Pending> pending_;
  std::unique_ptr<const KeptMoment> kept_;
};

}  // namespace oocmap::python
