// Arrays and tensors on their way in.
#pragma once

#include <string>

#include "core/store/encoder.h"
#include "python/native/python.h"

namespace oocmap::python {

// Feeds `value` where it is an array or tensor that can be stored, and says so; runs Python code.
// Large data is not copied: the encoded value keeps its memory.
struct FedArray {
  bool fed = false;
  size_t number = 0;   // where it was fed: the encoder's, for again()
  std::string reason;  // where it is one that cannot be stored: why
};
FedArray feed_array(PyObject* value, ValueEncoder& to);

}  // namespace oocmap::python
