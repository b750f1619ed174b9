#include "python/native/stack.h"

#include <pthread.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace oocmap::python {
namespace {

struct Stack {
  uintptr_t lowest = 0;
  uintptr_t enough = 0;  // from here on
};

Stack stack_of_thread() noexcept {
  constexpr size_t kLeastKept = 32 << 10;
  constexpr size_t kMostKept = 128 << 10;
  Stack stack;
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return stack;
  void* lowest = nullptr;
  size_t size = 0;
  if (pthread_attr_getstack(&attributes, &lowest, &size) == 0) {
    stack.lowest = reinterpret_cast<uintptr_t>(lowest);
    stack.enough = stack.lowest + std::clamp(size / 4, kLeastKept, kMostKept);
  }
  pthread_attr_destroy(&attributes);
  return stack;
}

}  // namespace

bool stack_is_short() noexcept {
  static thread_local const Stack stack = stack_of_thread();
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  return here >= stack.lowest && here < stack.enough;
}

}  // namespace oocmap::python
