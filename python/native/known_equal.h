// What one comparison has found equal, so that containers which stand in many places are compared
// once: 60 levels of [x, x] against a copy of them are 60 pairs, not 2**60.
#pragma once

#include <cstdint>

#include "python/native/python.h"

namespace oocmap::python {

// A comparison of two containers by == or !=, the outermost one of this thread or one inside it.
// `left` is lazy or a Map. Both outlive it; GIL held. Cost: O(1), memory only for pairs with many
// others inside. Errors: RecursionError; what a signal handler raises (KeyboardInterrupt), for a
// comparison may take long.
class Comparing {
 public:
  Comparing(PyObject* left, PyObject* right);
  ~Comparing();
  Comparing(const Comparing&) = delete;
  Comparing& operator=(const Comparing&) = delete;

  // Whether the outermost comparison has found just these two equal before.
  bool known_equal() const;
  void found_equal();

 private:
  PyObject* left_;
  PyObject* right_;
  uint64_t before_;  // comparisons begun before this one
};

}  // namespace oocmap::python
