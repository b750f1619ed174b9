#include "python/native/other_types.h"

#include <algorithm>

#include "core/format/corrupt.h"
#include "core/format/other_payload.h"
#include "core/format/packed.h"
#include "python/native/datetimes.h"
#include "python/native/numpy_scalars.h"
#include "python/native/scalars.h"

namespace oocmap::python {
namespace {

Ref attribute(PyObject* object, const char* name) {
  return Ref::steal(PyObject_GetAttrString(object, name));
}

// A class of the standard library's, for good once it was needed. Its module is looked at only when
// loaded: a value of the class cannot be there before. Null where it is not.
class LibraryClass {
 public:
  constexpr LibraryClass(const char* module, const char* name) : module_(module), name_(name) {}

  PyObject* if_loaded() {
    if (class_ != nullptr) return class_;
    const Ref module_name = Ref::steal(PyUnicode_FromString(module_));
    PyObject* module = PyImport_GetModule(module_name.get());
    if (module == nullptr) {
      if (PyErr_Occurred() != nullptr) throw PythonRaised{};
      return nullptr;
    }
    const Ref owned = Ref::steal(module);
    PyObject* found = PyObject_GetAttrString(module, name_);
    if (found == nullptr) PyErr_Clear();  // the module is being imported
    return class_ = found;
  }

  PyObject* get() {
    if (if_loaded() == nullptr) {
      const Ref module = Ref::steal(PyImport_ImportModule(module_));
      class_ = attribute(module.get(), name_).release();
    }
    return class_;
  }

  bool is_type_of(PyObject* value) {
    PyObject* known = if_loaded();
    return known != nullptr && reinterpret_cast<PyObject*>(Py_TYPE(value)) == known;
  }

 private:
  const char* module_;
  const char* name_;
  PyObject* class_ = nullptr;
};

LibraryClass decimal_class("decimal", "Decimal");
LibraryClass fraction_class("fractions", "Fraction");
LibraryClass uuid_class("uuid", "UUID");
LibraryClass safe_uuid_class("uuid", "SafeUUID");

void append_int(Buffer& to, PyObject* number) {
  if (!PyLong_CheckExact(number)) {  // Fraction(True) keeps what it was given
    const Ref exact = Ref::steal(PyNumber_Index(number));
    return append_int(
        to, Ref::steal(PyNumber_Add(exact.get(), Ref::steal(PyLong_FromLong(0)).get())).get());
  }
  int64_t value = 0;
  if (fits_int64(number, value)) {
    pack_int(to, value);
  } else {
    pack_payload(to, PayloadKind::kBigInt, big_int_payload(number));
  }
}

Ref int_of(Bytes packed) {
  const Packed head = read_packed(packed);
  if (head.tag == tag_of(WordKind::kInt)) {
    return Ref::steal(PyLong_FromLongLong(static_cast<int64_t>(head.word)));
  }
  return Ref::steal(payload_to_python(PayloadKind::kBigInt, head.payload));
}

Buffer int_attributes(PyObject* object, std::initializer_list<const char*> names) {
  Buffer out;
  for (const char* name : names) append_int(out, attribute(object, name).get());
  return out;
}

Buffer uuid_payload(PyObject* uuid) {
  Buffer out(bytes_of(attribute(uuid, "bytes").get()));
  const Ref safe = attribute(uuid, "is_safe");
  const Ref number = attribute(safe.get(), "value");  // 0 safe, -1 unsafe, None unknown
  if (number.get() != Py_None) out.push_back(PyLong_AsLong(number.get()) == 0 ? '\1' : '\2');
  return out;
}

// As str() writes it in a context with capitals, which the thread's may be without.
Buffer decimal_payload(PyObject* decimal) {
  const Ref text = Ref::steal(PyObject_Str(decimal));
  Buffer out(text_of(text.get()).bytes);
  std::replace(out.begin(), out.end(), 'e', 'E');  // an exponent's: no word that it writes has one
  return out;
}

PyObject* complex_to_python(Bytes payload) {
  const ComplexParts value = decode_complex(payload);
  return PyComplex_FromDoubles(value.real, value.imaginary);
}

PyObject* range_to_python(Bytes payload) {
  const RangeParts range = decode_range(payload);
  return PyObject_CallFunctionObjArgs(reinterpret_cast<PyObject*>(&PyRange_Type),
                                      int_of(range.start).get(), int_of(range.stop).get(),
                                      int_of(range.step).get(), nullptr);
}

// Decimal(text) is exact, and refuses bad text; where the context does not trap that it gives NaN.
PyObject* decimal_to_python(Bytes payload) {
  const Ref text = Ref::steal(text_to_python(payload));
  PyObject* decimal = PyObject_CallOneArg(decimal_class.get(), text.get());
  if (decimal == nullptr && PyErr_ExceptionMatches(PyExc_ArithmeticError)) {
    PyErr_Clear();
    throw_corrupt("a Decimal's text is no number");
  }
  Ref owned = Ref::steal(decimal);
  if (decimal_payload(decimal) != payload) {
    throw_corrupt("a Decimal's text is not as Decimal writes it");
  }
  return owned.release();
}

Ref new_object(PyObject* type) {
  auto* const new_type = reinterpret_cast<PyTypeObject*>(type);
  const Ref nothing = Ref::steal(PyTuple_New(0));
  return Ref::steal(PyBaseObject_Type.tp_new(new_type, nothing.get(), nullptr));
}

// A Fraction or UUID is made by setting its slots, as its own unpickling does for UUID: their
// __new__ and __init__ are Python code, which may not run in the midst of a read.
void set_slot(const Ref& object, const char* name, PyObject* value) {
  const Ref text = Ref::steal(PyUnicode_FromString(name));
  checked(PyObject_GenericSetAttr(object.get(), text.get(), value));
}

PyObject* fraction_to_python(Bytes payload) {
  const FractionParts parts = decode_fraction(payload);
  Ref fraction = new_object(fraction_class.get());
  set_slot(fraction, "_numerator", int_of(parts.numerator).get());
  set_slot(fraction, "_denominator", int_of(parts.denominator).get());
  return fraction.release();
}

PyObject* uuid_to_python(Bytes payload) {
  static constexpr const char* kSafe[] = {"unknown", "safe", "unsafe"};
  uint8_t safe = 0;
  const Bytes bytes = decode_uuid(payload, safe);
  const Ref number =
      Ref::steal(PyObject_CallMethod(reinterpret_cast<PyObject*>(&PyLong_Type), "from_bytes", "y#s",
                                     bytes.data(), static_cast<Py_ssize_t>(bytes.size()), "big"));
  Ref uuid = new_object(uuid_class.get());
  set_slot(uuid, "int", number.get());
  set_slot(uuid, "is_safe", attribute(safe_uuid_class.get(), kSafe[safe]).get());
  return uuid.release();
}

PyObject* made(PayloadKind kind, Bytes payload) {
  switch (kind) {
    case PayloadKind::kComplex:
      return complex_to_python(payload);
    case PayloadKind::kBytearray:
      return PyByteArray_FromStringAndSize(payload.data(), static_cast<Py_ssize_t>(payload.size()));
    case PayloadKind::kRange:
      return range_to_python(payload);
    case PayloadKind::kDecimal:
      return decimal_to_python(payload);
    case PayloadKind::kFraction:
      return fraction_to_python(payload);
    case PayloadKind::kUuid:
      return uuid_to_python(payload);
    case PayloadKind::kNumpyScalar:
      return numpy_to_python(payload);
    default:
      return datetime_to_python(kind, payload);
  }
}

}  // namespace

std::optional<OtherPayload> other_payload(PyObject* value) {
  PyTypeObject* const type = Py_TYPE(value);
  const WithoutCollection guard;
  if (type == &PyComplex_Type) {
    return OtherPayload{PayloadKind::kComplex, encode_complex({PyComplex_RealAsDouble(value),
                                                               PyComplex_ImagAsDouble(value)})};
  }
  if (type == &PyByteArray_Type) {
    return OtherPayload{
        PayloadKind::kBytearray,
        Buffer(PyByteArray_AS_STRING(value), static_cast<size_t>(PyByteArray_GET_SIZE(value)))};
  }
  if (type == &PyRange_Type) {
    return OtherPayload{PayloadKind::kRange, int_attributes(value, {"start", "stop", "step"})};
  }
  if (auto datetime = datetime_payload(value)) return datetime;
  if (decimal_class.is_type_of(value)) {
    return OtherPayload{PayloadKind::kDecimal, decimal_payload(value)};
  }
  if (fraction_class.is_type_of(value)) {
    return OtherPayload{PayloadKind::kFraction,
                        int_attributes(value, {"_numerator", "_denominator"})};
  }
  if (uuid_class.is_type_of(value)) return OtherPayload{PayloadKind::kUuid, uuid_payload(value)};
  return numpy_payload(value);
}

bool needs_python(PayloadKind kind, Bytes payload) noexcept {
  switch (kind) {
    case PayloadKind::kNumpyScalar:
    case PayloadKind::kDecimal:  // its module is imported
    case PayloadKind::kFraction:
    case PayloadKind::kUuid:
      return true;
    case PayloadKind::kDatetime:
    case PayloadKind::kDate:
    case PayloadKind::kTime:
    case PayloadKind::kTimedelta:
      return datetime_needs_python(kind, payload);
    default:
      return false;
  }
}

PyObject* other_to_python(PayloadKind kind, Bytes payload) {
  const WithoutCollection guard;
  return Ref::steal(made(kind, payload)).release();
}

}  // namespace oocmap::python
