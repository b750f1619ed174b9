#include "python/native/scalars.h"

#include <cstring>

#include "core/base/error.h"
#include "python/native/keys.h"
#include "python/native/other_types.h"
#include "python/native/unfinished.h"

namespace oocmap::python {

Text text_of(PyObject* str) {
  Text text;
  if (PyUnicode_IS_COMPACT_ASCII(str)) {
    text.bytes = {static_cast<const char*>(PyUnicode_DATA(str)),
                  static_cast<size_t>(PyUnicode_GET_LENGTH(str))};
    return text;
  }
  const WithoutCollection guard;  // from here on exceptions and tuples may be made
  Py_ssize_t size = 0;
  if (const char* utf8 = PyUnicode_AsUTF8AndSize(str, &size); utf8 != nullptr) {
    text.bytes = {utf8, static_cast<size_t>(size)};
    return text;
  }
  if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) throw PythonRaised{};
  PyErr_Clear();
  text.kind = PayloadKind::kWtf8;
  text.holder = Ref::steal(PyUnicode_AsEncodedString(str, "utf-8", "surrogatepass"));
  text.bytes = bytes_of(text.holder.get());
  return text;
}

bool fits_int64(PyObject* number, int64_t& value) {
  int overflow = 0;
  const long long result = PyLong_AsLongLongAndOverflow(number, &overflow);
  if (result == -1 && overflow == 0 && PyErr_Occurred() != nullptr) throw PythonRaised{};
  value = result;
  return overflow == 0;
}

// Through int's own methods: the C functions for this are private, or newer than CPython 3.11.
Buffer big_int_payload(PyObject* number) {
  const WithoutCollection guard;
  const Ref zero = Ref::steal(PyLong_FromLong(0));
  const bool negative = checked(PyObject_RichCompareBool(number, zero.get(), Py_LT)) != 0;
  const Ref magnitude = Ref::steal(PyNumber_Absolute(number));
  const Ref bits = Ref::steal(PyObject_CallMethod(magnitude.get(), "bit_length", nullptr));
  const Py_ssize_t size = (PyLong_AsSsize_t(bits.get()) + 7) / 8;
  const Ref bytes =
      Ref::steal(PyObject_CallMethod(magnitude.get(), "to_bytes", "ns", size, "little"));
  Buffer payload(1, negative ? '\1' : '\0');
  return payload.append(bytes_of(bytes.get()));
}

namespace {

[[noreturn]] void refuse(const char* what) {
  throw Error(ErrorCode::kCorrupt,
              std::string("the file is damaged: ") + what + " that does not decode");
}

bool is_ascii(const char* data, size_t size) noexcept {
  uint64_t seen = 0;
  for (; size >= 8; data += 8, size -= 8) seen |= load_le<uint64_t>(data);
  for (; size > 0; ++data, --size) seen |= static_cast<unsigned char>(*data);
  return (seen & 0x8080808080808080ull) == 0;
}

PyObject* decode_text(Bytes utf8, const char* errors) {
  PyObject* text = PyUnicode_DecodeUTF8(utf8.data(), static_cast<Py_ssize_t>(utf8.size()), errors);
  if (text == nullptr && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
    PyErr_Clear();
    refuse("text");
  }
  if (text == nullptr) throw PythonRaised{};
  return text;
}

PyObject* big_int_to_python(Bytes payload) {
  if (payload.size() < 2 || static_cast<unsigned char>(payload[0]) > 1) refuse("an int");
  const Bytes bytes = payload.substr(1);
  const WithoutCollection guard;
  const Ref magnitude = Ref::steal(
      PyObject_CallMethod(reinterpret_cast<PyObject*>(&PyLong_Type), "from_bytes", "y#s",
                          bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "little"));
  if (payload[0] == 0) return Py_NewRef(magnitude.get());
  return Ref::steal(PyNumber_Negative(magnitude.get())).release();
}

}  // namespace

PyObject* text_to_python(Bytes utf8) {
  if (!is_ascii(utf8.data(), utf8.size())) return decode_text(utf8, nullptr);
  PyObject* text = PyUnicode_New(static_cast<Py_ssize_t>(utf8.size()), 127);
  if (text == nullptr) throw PythonRaised{};
  // The empty str is shared, and has no room to write to.
  if (!utf8.empty()) std::memcpy(PyUnicode_1BYTE_DATA(text), utf8.data(), utf8.size());
  return text;
}

PyObject* payload_to_python(PayloadKind kind, Bytes payload) {
  switch (kind) {
    case PayloadKind::kStr:
      return text_to_python(payload);
    case PayloadKind::kWtf8:
      return decode_text(payload, "surrogatepass");
    case PayloadKind::kBytes:
      return Ref::steal(
                 PyBytes_FromStringAndSize(payload.data(), static_cast<Py_ssize_t>(payload.size())))
          .release();
    case PayloadKind::kBigInt:
      return big_int_to_python(payload);
    case PayloadKind::kPacked:
      return packed_to_python(payload).release();
    default:
      if (needs_python(kind, payload)) return unfinished_payload(kind, payload).release();
      return other_to_python(kind, payload);
  }
}

}  // namespace oocmap::python
