// Memory of dead objects of one layout, kept for the next: a walk makes and drops one lazy a step.
#pragma once

#include <array>
#include <cstddef>

#include "python/native/python.h"

namespace oocmap::python {

template <typename Object, size_t kSlots>
class FreeList {
 public:
  // An untracked object of a heap type that takes part in garbage collection, its fields as the
  // last owner left them. Null with MemoryError set.
  Object* make(PyTypeObject* type) noexcept {
    if (used_ == 0) {
      const WithoutCollection guard;  // the caller is in the midst of a read
      return PyObject_GC_New(Object, type);
    }
    Object* object = slots_[--used_];
    PyObject_Init(reinterpret_cast<PyObject*>(object), type);
    return object;
  }
  // Takes an untracked object; its reference to its type remains the caller's to drop.
  void give_back(Object* object) noexcept {
    if (used_ < kSlots) {
      slots_[used_++] = object;
    } else {
      PyObject_GC_Del(object);
    }
  }

 private:
  std::array<Object*, kSlots> slots_{};
  size_t used_ = 0;
};

}  // namespace oocmap::python
