// Python's text, bytes and ints as the format's payloads, and back.
#pragma once

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/format/word.h"
#include "python/native/python.h"

namespace oocmap::python {

// The UTF-8 of a str, or its generalised form where it has lone surrogates.
struct Text {
  PayloadKind kind = PayloadKind::kStr;
  Bytes bytes;  // of the str itself, or of `holder`
  Ref holder;
};
// Errors: MemoryError. Cost: nothing for ASCII; other text keeps its UTF-8 with the str.
Text text_of(PyObject* str);

inline Bytes bytes_of(PyObject* bytes) noexcept {
  return {PyBytes_AS_STRING(bytes), static_cast<size_t>(PyBytes_GET_SIZE(bytes))};
}

// Whether an int fits 64 bits; `value` is it.
bool fits_int64(PyObject* number, int64_t& value);
// The kBigInt payload of any int.
Buffer big_int_payload(PyObject* number);

// Each returns a new reference. Errors: kCorrupt for bytes that are not what they should be.
PyObject* text_to_python(Bytes utf8);
PyObject* payload_to_python(PayloadKind kind, Bytes payload);

}  // namespace oocmap::python
