#include "python/native/convert_out.h"

#include "python/native/eager.h"
#include "python/native/scalars.h"

namespace oocmap::python {
namespace {

// Larger ones are decoded anew each time: the cache is bounded in entries, so its entries must be
// small.
constexpr size_t kLargestCached = 512;

PyObject* immutable_to_python(const MapReading& reading, const Member& member) {
  ObjectCache& cache = reading.map().immutables;
  if (PyObject* known = cache.find(member.word)) return known;
  const Bytes payload = reading.store().payload(reading.transaction(), member);
  PyObject* object = payload_to_python(member.payload_kind(), payload);
  // What can be changed (a bytearray, numpy's void) is read as a copy: each its own.
  const PayloadKind kind = member.payload_kind();
  const bool fixed = kind != PayloadKind::kBytearray && kind != PayloadKind::kNumpyScalar;
  if (fixed && payload.size() <= kLargestCached && !is_stand_in(object)) {
    cache.add(member.word, object);
  }
  return object;
}

// Text of at most 8 bytes stands in the word itself, which is its name in the cache. A word of
// fewer bytes is told apart by its size, in the byte the text leaves free.
PyObject* inline_to_python(const MapReading& reading, const Member& member) {
  if (member.payload_kind() != PayloadKind::kStr || member.size == kInlineText) {
    return payload_to_python(member.payload_kind(), member.payload());
  }
  uint64_t name = uint64_t{member.size} << 56;
  std::memcpy(&name, member.data, member.size);
  ObjectCache& cache = reading.map().inline_texts;
  if (PyObject* known = cache.find(name)) return known;
  PyObject* object = text_to_python(member.payload());
  cache.add(name, object);
  return object;
}

}  // namespace

PyObject* scalar_to_python(const MapReading& reading, const Member& member) {
  ++read_counters.members;
  if (is_inline(member.tag)) return inline_to_python(reading, member);
  if (is_heap(member.tag)) return payload_to_python(member.payload_kind(), member.payload());
  if (is_immutable(member.tag)) return immutable_to_python(reading, member);
  switch (static_cast<WordKind>(member.tag)) {
    case WordKind::kNone:
      return Py_NewRef(Py_None);
    case WordKind::kFalse:
      return Py_NewRef(Py_False);
    case WordKind::kTrue:
      return Py_NewRef(Py_True);
    case WordKind::kInt:
      return Ref::steal(PyLong_FromLongLong(member.as_int())).release();
    case WordKind::kFloat:
      return Ref::steal(PyFloat_FromDouble(member.as_float())).release();
    default:
      break;
  }
  if (is_container(member.tag)) return nullptr;
  throw Error(ErrorCode::kTypeMismatch, "this version cannot read a value of kind " +
                                            std::to_string(static_cast<int>(member.tag)));
}

PyObject* member_to_python(const MapReading& reading, const Member& member, uint64_t record,
                           Bytes bytes) {
  if (!member.container()) return scalar_to_python(reading, member);
  if (static_cast<WordKind>(member.tag) == WordKind::kRegistered) {
    return eager_member(reading, member).unfinished().release();
  }
  ++read_counters.members;
  return new_lazy(reading, member, record, bytes);
}

}  // namespace oocmap::python
