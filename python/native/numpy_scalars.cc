#include "python/native/numpy_scalars.h"

#include "core/format/other_payload.h"
#include "core/format/packed.h"
#include "python/native/keys.h"
#include "python/native/scalars.h"

namespace oocmap::python {
namespace {

// numpy.generic, the base of its scalars; null where numpy is not loaded. Borrowed.
PyTypeObject* generic() {
  static PyObject* known = nullptr;
  if (known == nullptr) {
    PyObject* module = PyDict_GetItemString(PyImport_GetModuleDict(), "numpy");  // borrowed
    if (module == nullptr) return nullptr;
    known = PyObject_GetAttrString(module, "generic");
    if (known == nullptr) PyErr_Clear();  // it is being imported
  }
  return known != nullptr && PyType_Check(known) ? reinterpret_cast<PyTypeObject*>(known) : nullptr;
}

Ref stored_types(const char* function) {
  const Ref module = Ref::steal(PyImport_ImportModule("oocmap.stored_types"));
  return Ref::steal(PyObject_GetAttrString(module.get(), function));
}

// What .item() gives, or text or bytes. Errors: kTypeMismatch for anything else.
void pack_plain(Buffer& to, PyObject* plain) {
  if (PyUnicode_CheckExact(plain)) {
    const Text text = text_of(plain);
    pack_payload(to, text.kind, text.bytes);
  } else if (PyBytes_CheckExact(plain)) {
    pack_payload(to, PayloadKind::kBytes, bytes_of(plain));
  } else if (PyBool_Check(plain)) {
    pack_bool(to, plain == Py_True);
  } else if (PyFloat_CheckExact(plain)) {
    pack_float(to, PyFloat_AS_DOUBLE(plain));
  } else if (PyComplex_CheckExact(plain)) {
    pack_payload(to, PayloadKind::kComplex,
                 encode_complex({PyComplex_RealAsDouble(plain), PyComplex_ImagAsDouble(plain)}));
  } else if (int64_t number = 0; PyLong_CheckExact(plain) && fits_int64(plain, number)) {
    pack_int(to, number);
  } else if (PyLong_CheckExact(plain)) {
    pack_payload(to, PayloadKind::kBigInt, big_int_payload(plain));
  } else {
    throw Error(ErrorCode::kTypeMismatch, "cannot store a numpy scalar of this kind");
  }
}

}  // namespace

std::optional<OtherPayload> numpy_payload(PyObject* value) {
  PyTypeObject* const base = generic();
  if (base == nullptr || PyType_IsSubtype(Py_TYPE(value), base) == 0) return std::nullopt;
  const Ref parts = Ref::steal(PyObject_CallOneArg(stored_types("numpy_parts").get(), value));
  if (parts.get() == Py_None) return std::nullopt;
  if (PyUnicode_Check(parts.get())) {
    throw Error(ErrorCode::kTypeMismatch, std::string(text_of(parts.get()).bytes));
  }
  const auto part = [&](Py_ssize_t i) { return PyTuple_GET_ITEM(parts.get(), i); };
  Buffer plain;
  pack_plain(plain, part(2));
  const Text extra = text_of(part(3));
  NumpyScalar scalar;
  scalar.type = static_cast<uint8_t>(PyLong_AsLong(part(0)));
  scalar.equals_plain = part(1) == Py_True;
  scalar.plain = plain;
  scalar.extra = extra.bytes;
  scalar.raw = bytes_of(part(4));
  return OtherPayload{PayloadKind::kNumpyScalar, encode_numpy(scalar)};
}

PyObject* numpy_to_python(Bytes payload) {
  const Buffer kept(payload);  // Python code runs, an import perhaps
  const NumpyScalar scalar = decode_numpy(kept);
  const Ref plain = finish_key(scalar.plain);
  const Ref extra = Ref::steal(text_to_python(scalar.extra));
  return PyObject_CallFunction(stored_types("numpy_scalar").get(), "iOOy#",
                               static_cast<int>(scalar.type), plain.get(), extra.get(),
                               scalar.raw.data(), static_cast<Py_ssize_t>(scalar.raw.size()));
}

}  // namespace oocmap::python
