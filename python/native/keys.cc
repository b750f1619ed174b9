#include "python/native/keys.h"

#include <cmath>
#include <vector>

#include "core/base/error.h"
#include "core/format/packed.h"
#include "python/native/compare.h"
#include "python/native/eager.h"
#include "python/native/lazy.h"
#include "python/native/nested_hash.h"
#include "python/native/other_types.h"
#include "python/native/registered.h"
#include "python/native/scalars.h"
#include "python/native/unfinished.h"

namespace oocmap::python {
namespace {

[[noreturn]] void refuse_type(PyObject* key) {
  throw Error(ErrorCode::kTypeMismatch,
              std::string("cannot store a key of type '") + Py_TYPE(key)->tp_name + "'");
}

// Whether `type`, a subclass of `base`, compares and hashes as `base` does.
bool compares_as(const PyTypeObject* type, const PyTypeObject* base) noexcept {
  return type->tp_hash == base->tp_hash && type->tp_richcompare == base->tp_richcompare;
}

// The exact builtin a key is looked up as; empty where no stored key can equal it.
Ref as_builtin(PyObject* key) {
  PyTypeObject* type = Py_TYPE(key);
  if (type == lazy_tuple_type || type == lazy_frozenset_type) return eager(container_of(key));
  if (PyUnicode_Check(key)) {
    if (compares_as(type, &PyUnicode_Type)) return Ref::steal(PyUnicode_FromObject(key));
  } else if (PyLong_Check(key)) {
    if (compares_as(type, &PyLong_Type)) return Ref::steal(PyLong_Type.tp_as_number->nb_int(key));
  } else if (PyFloat_Check(key)) {
    if (compares_as(type, &PyFloat_Type)) {
      return Ref::steal(PyFloat_FromDouble(PyFloat_AS_DOUBLE(key)));
    }
  } else if (PyBytes_Check(key)) {
    if (compares_as(type, &PyBytes_Type)) {
      return Ref::steal(PyBytes_FromStringAndSize(PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key)));
    }
  } else if (PyTuple_Check(key)) {
    if (compares_as(type, &PyTuple_Type)) {
      return Ref::steal(PyTuple_GetSlice(key, 0, PyTuple_GET_SIZE(key)));
    }
  } else if (PyFrozenSet_Check(key)) {
    if (compares_as(type, &PyFrozenSet_Type)) return Ref::steal(PyFrozenSet_New(key));
  }
  return Ref();
}

// As dict does it: an unhashable key is a TypeError, before anything else is looked at.
void check_hashable(PyObject* key) { nested_hash(key); }

// Packs a member of a tuple or frozenset key. Where `finding`, an object of another type is first
// looked at as the builtin it equals. Returns whether it could be packed.
struct Packing {
  bool finding = false;
  size_t members = 0;  // packed so far: those of a part that stands in several places count there
};

bool pack_member(Buffer& to, PyObject* member, Packing& packing);

// A key is written out whole, so parts that are shared by many others would make it endless.
// Returns false for one that is too large to be there, where that is what is asked.
bool count_members(Packing& packing, Py_ssize_t count) {
  constexpr size_t kMostMembers = 1'000'000;
  packing.members += static_cast<size_t>(count);
  if (packing.members <= kMostMembers) return true;
  if (packing.finding) return false;
  throw Error(ErrorCode::kInvalidArgument,
              "a key of more than 1,000,000 members, all tuples and frozensets in it counted "
              "wherever they stand");
}

bool pack_tuple_members(Buffer& to, PyObject* tuple, Packing& packing) {
  const Recursion guard(" in a tuple key");
  const Py_ssize_t size = PyTuple_GET_SIZE(tuple);
  if (!count_members(packing, size)) return false;
  pack_tuple(to, static_cast<uint64_t>(size));
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (!pack_member(to, PyTuple_GET_ITEM(tuple, i), packing)) return false;
  }
  return true;
}

bool pack_frozenset_members(Buffer& to, PyObject* frozenset, Packing& packing) {
  const Recursion guard(" in a frozenset key");
  if (!count_members(packing, PySet_GET_SIZE(frozenset))) return false;
  std::vector<Buffer> members;
  const Ref iterator = Ref::steal(PyObject_GetIter(frozenset));
  while (const Ref member = next_of(iterator.get())) {
    if (!pack_member(members.emplace_back(), member.get(), packing)) return false;
  }
  pack_frozenset(to, members);
  return true;
}

bool pack_int_member(Buffer& to, PyObject* number) {
  int64_t value = 0;
  if (fits_int64(number, value)) {
    pack_int(to, value);
  } else {
    pack_payload(to, PayloadKind::kBigInt, big_int_payload(number));
  }
  return true;
}

// Packs a member of one of other_payload()'s types; nullopt where it is of none. Where `finding`,
// one that can be no key (a Decimal's NaN) is not packed: false.
std::optional<bool> pack_other(Buffer& to, PyObject* member, bool finding) {
  try {
    const std::optional<OtherPayload> other = other_payload(member);
    if (!other) return std::nullopt;
    if (finding) Key::payload(other->kind, other->bytes);
    pack_payload(to, other->kind, other->bytes);
    return true;
  } catch (const Error& error) {
    if (!finding || error.code() == ErrorCode::kCorrupt) throw;
    return false;
  }
}

// Whether an object is one key with what it is stored as: equal to it, and of the same hash.
bool is_one_key(PyObject* object, PyObject* value) {
  Py_hash_t hash = 0;
  try {
    hash = nested_hash(value);
  } catch (const PythonRaised&) {
    if (PyErr_ExceptionMatches(PyExc_TypeError) == 0) throw;
    PyErr_Clear();
    return false;
  }
  const Py_hash_t own = nested_hash(object);
  return own == hash && checked(PyObject_RichCompareBool(object, value, Py_EQ)) != 0;
}

bool pack_registered_member(Buffer& to, const RegisteredClass& known, PyObject* object,
                            Packing& packing) {
  const Recursion guard(" in a key of a registered class");
  if (Py_TYPE(object)->tp_hash == PyBaseObject_Type.tp_hash) {
    if (packing.finding) return false;
    throw Error(ErrorCode::kTypeMismatch,
                std::string("cannot store a key of type '") + Py_TYPE(object)->tp_name +
                    "': its objects equal nothing but themselves; it needs __eq__ and __hash__");
  }
  const std::string name = known.name;
  Ref value = value_of_registered(known, object);
  uint8_t flags = 0;
  if (PyDict_CheckExact(value.get())) {
    flags = kValueIsDict;
    const Ref items = Ref::steal(PyDict_Items(value.get()));
    value = Ref::steal(PyFrozenSet_New(items.get()));
  } else if (is_one_key(object, value.get())) {
    flags = kEqualsItsValue;
  }
  pack_registered(to, name, flags);
  if (!count_members(packing, 1)) return false;
  return pack_member(to, value.get(), packing);
}

bool pack_member(Buffer& to, PyObject* member, Packing& packing) {
  const bool finding = packing.finding;
  PyTypeObject* type = Py_TYPE(member);
  if (type == &PyUnicode_Type) {
    const Text text = text_of(member);
    pack_payload(to, text.kind, text.bytes);
  } else if (type == &PyLong_Type) {
    return pack_int_member(to, member);
  } else if (type == &PyFloat_Type) {
    if (finding && std::isnan(PyFloat_AS_DOUBLE(member))) return false;
    pack_float(to, PyFloat_AS_DOUBLE(member));
  } else if (type == &PyBytes_Type) {
    pack_payload(to, PayloadKind::kBytes, bytes_of(member));
  } else if (type == &PyTuple_Type) {
    return pack_tuple_members(to, member, packing);
  } else if (type == &PyFrozenSet_Type) {
    return pack_frozenset_members(to, member, packing);
  } else if (member == Py_None) {
    pack_none(to);
  } else if (type == &PyBool_Type) {
    pack_bool(to, member == Py_True);
  } else {
    check_hashable(member);  // exact builtins are, or have been looked into
    if (const std::optional<bool> packed = pack_other(to, member, finding)) return *packed;
    if (const RegisteredClass* known = registered_class(type)) {
      return pack_registered_member(to, *known, member, packing);
    }
    if (!finding && type != lazy_tuple_type && type != lazy_frozenset_type) refuse_type(member);
    const Ref builtin = as_builtin(member);
    return builtin && pack_member(to, builtin.get(), packing);
  }
  return true;
}

Key int_key(PyObject* number) {
  int64_t value = 0;
  if (fits_int64(number, value)) return Key::integer(value);
  return Key::payload(PayloadKind::kBigInt, big_int_payload(number));
}

Key text_key(PyObject* str) {
  const Text text = text_of(str);
  return text.kind == PayloadKind::kStr ? Key::text(text.bytes)
                                        : Key::payload(text.kind, text.bytes);
}

// The key of an exact builtin that is neither tuple nor frozenset; nullopt for any other object.
std::optional<Key> scalar_key(PyObject* key) {
  PyTypeObject* type = Py_TYPE(key);
  if (type == &PyUnicode_Type) return text_key(key);
  if (type == &PyLong_Type) return int_key(key);
  if (type == &PyFloat_Type) return Key::floating(PyFloat_AS_DOUBLE(key));
  if (type == &PyBytes_Type) return Key::payload(PayloadKind::kBytes, bytes_of(key));
  if (key == Py_None) return Key::none();
  if (type == &PyBool_Type) return Key::boolean(key == Py_True);
  return std::nullopt;
}

}  // namespace

Key key_to_store(PyObject* key) {
  if (auto scalar = scalar_key(key)) return std::move(*scalar);
  Buffer packed;
  Packing packing;
  pack_member(packed, key, packing);
  return Key::packed(packed);
}

std::optional<Key> key_to_find(PyObject* key) {
  if (PyFloat_CheckExact(key) && std::isnan(PyFloat_AS_DOUBLE(key))) return std::nullopt;
  if (auto scalar = scalar_key(key)) return scalar;
  Buffer packed;
  Packing packing;
  packing.finding = true;
  if (pack_member(packed, key, packing)) return Key::packed(packed);
  check_hashable(key);  // what stands behind the member that cannot be stored
  return std::nullopt;
}

namespace {

Ref packed_member(Bytes& from);

// The object itself: the registered class's code runs.
Ref packed_registered(Bytes& from, uint64_t flags) {
  const Recursion guard(" in a key of a registered class");
  const Ref name = packed_member(from);
  Ref value = packed_member(from);
  if ((flags & kValueIsDict) != 0) {
    Ref dict = Ref::steal(PyDict_New());
    checked(PyDict_MergeFromSeq2(dict.get(), value.get(), 1));
    value = std::move(dict);
  }
  return make_registered(name.get(), value.get());
}

Ref packed_member(Bytes& from) {
  const Packed head = read_packed(from);
  if (head.registered()) return packed_registered(from, head.word);
  if (head.tag == tag_of(WordKind::kTuple)) {
    const Recursion guard(" in a tuple key");
    const WithoutCollection collection;
    // Each member takes a byte at least, so a damaged count cannot ask for more than there is.
    if (head.count > from.size())
      throw Error(ErrorCode::kCorrupt, "the file is damaged: a tuple key");
    Ref tuple = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(head.count)));
    for (uint64_t i = 0; i < head.count; ++i) {
      PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), packed_member(from).release());
    }
    return tuple;
  }
  if (head.tag == tag_of(WordKind::kFrozenset)) {
    const Recursion guard(" in a frozenset key");
    const WithoutCollection collection;
    Ref frozenset = Ref::steal(PyFrozenSet_New(nullptr));
    for (uint64_t i = 0; i < head.count; ++i) {
      const Ref member = packed_member(from);
      checked(PySet_Add(frozenset.get(), member.get()));  // while nobody else has seen it
    }
    return frozenset;
  }
  Member member;
  member.tag = head.tag;
  member.word = head.word;
  switch (static_cast<WordKind>(head.tag)) {
    case WordKind::kNone:
      return Ref::borrow(Py_None);
    case WordKind::kFalse:
      return Ref::borrow(Py_False);
    case WordKind::kTrue:
      return Ref::borrow(Py_True);
    case WordKind::kInt:
      return Ref::steal(PyLong_FromLongLong(member.as_int()));
    case WordKind::kFloat:
      return Ref::steal(PyFloat_FromDouble(member.as_float()));
    default:
      if (needs_python(member.payload_kind(), head.payload)) {
        return Ref::steal(other_to_python(member.payload_kind(), head.payload));
      }
      return Ref::steal(payload_to_python(member.payload_kind(), head.payload));
  }
}

// Whether making the object runs Python code.
bool packed_needs_python(Bytes packed) {
  while (!packed.empty()) {
    const Packed head = read_packed(packed);
    if (head.registered()) return true;
    if (is_heap(head.tag) &&
        needs_python(static_cast<PayloadKind>(head.tag & ~kLocationMask), head.payload)) {
      return true;
    }
  }
  return false;
}

}  // namespace

Ref finish_key(Bytes packed) { return packed_member(packed); }

Ref packed_to_python(Bytes packed) {
  return packed_needs_python(packed) ? unfinished_key(packed) : packed_member(packed);
}

Ref key_to_python(const Key& key) {
  const Bytes order = key.order();
  if (key.form() == KeyForm::kCanonical && !order.empty() &&
      static_cast<uint8_t>(order[0]) == kClassText) {
    return Ref::steal(text_to_python(order.substr(1)));
  }
  const Buffer packed = key.pack();
  return packed_to_python(packed);
}

}  // namespace oocmap::python
