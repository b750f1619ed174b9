#include "python/native/dict_find.h"

#include <vector>

#include "python/native/convert_out.h"
#include "python/native/keys.h"
#include "python/native/scalars.h"
#include "python/native/unfinished.h"

namespace oocmap::python {
namespace {

// The cached keys of the shape hold only exact builtins and `str` is one, so no Python code runs.
std::optional<Member> find_shaped(const Reading& reading, PyObject* str) {
  const NodeView& node = reading.node();
  const ShapeObjects& shape =
      reading.map().shapes.find(reading.store(), reading.transaction(), node.shape());
  PyObject* place = PyDict_GetItemWithError(shape.index.get(), str);
  if (place == nullptr) {
    if (PyErr_Occurred() != nullptr) throw PythonRaised{};
    return std::nullopt;
  }
  const auto i = static_cast<size_t>(PyLong_AsSsize_t(place));
  if (i >= node.count()) {
    throw Error(ErrorCode::kCorrupt, "the file is damaged: a dict with fewer members than keys");
  }
  return node.member(i);
}

std::optional<Member> find_text(const Reading& reading, PyObject* str) {
  if (reading.node().kind() == NodeKind::kShapedDict) return find_shaped(reading, str);
  const Text text = text_of(str);
  if (text.kind != PayloadKind::kStr)
    return find_member(reading, Key::payload(text.kind, text.bytes));
  return find_member(reading, Key::text(text.bytes));
}

// Calls `found(reading, member)` with what lies under `key`, or with nullopt.
template <typename F>
auto with_member(Container& dict, PyObject* key, F&& found) {
  if (PyUnicode_CheckExact(key)) {
    const Reading reading(dict);
    return found(reading, find_text(reading, key));
  }
  // Before the reading: hashing a key may run Python code.
  dict.map->check_open();
  const std::optional<Key> wanted = key_to_find(key);
  const Reading reading(dict);
  return found(reading, wanted ? find_member(reading, *wanted) : std::nullopt);
}

}  // namespace

std::optional<Member> find_member(const Reading& reading, const Key& key) {
  return dict_get(reading.store(), reading.transaction(), reading.node(), key);
}

PyObject* dict_lookup(Container& dict, PyObject* key) {
  const bool cached = LookupCache::takes(key);
  if (cached) {
    if (const LookupCache::Slot* known = find_known(dict, key)) return known_object(dict, *known);
  }
  PyObject* const found = with_member(
      dict, key, [=](const Reading& reading, const std::optional<Member>& member) -> PyObject* {
        if (!member) return nullptr;
        PyObject* object = member_to_python(reading, *member);
        if (cached) remember(reading, key, *member, object);
        return object;
      });
  if (stand_ins == 0 || found == nullptr) return found;
  return finish_members(Ref::steal(found)).release();
}

bool dict_contains(Container& dict, PyObject* key) {
  if (LookupCache::takes(key) && find_known(dict, key) != nullptr) return true;
  return with_member(dict, key, [](const Reading&, const std::optional<Member>& member) {
    return member.has_value();
  });
}

Ref dict_lookup_many(Container& dict, PyObject* keys, PyObject* fallback) {
  const Ref given = Ref::steal(PySequence_Tuple(keys));
  const Py_ssize_t size = PyTuple_GET_SIZE(given.get());
  dict.map->check_open();
  std::vector<std::optional<Key>> wanted;  // but for text, which needs none in a shaped dict
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* key = PyTuple_GET_ITEM(given.get(), i);
    if (!PyUnicode_CheckExact(key)) wanted.push_back(key_to_find(key));
  }
  Ref values = Ref::steal(PyList_New(size));
  const Reading reading(dict);
  const WithoutCollection guard;
  auto next = wanted.begin();
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* key = PyTuple_GET_ITEM(given.get(), i);
    std::optional<Member> member;
    if (PyUnicode_CheckExact(key)) {
      member = find_text(reading, key);
    } else if (const std::optional<Key>& found = *next++) {
      member = find_member(reading, *found);
    }
    PyObject* value = member ? member_to_python(reading, *member) : Py_NewRef(fallback);
    PyList_SET_ITEM(values.get(), i, value);
  }
  return values;
}

}  // namespace oocmap::python
