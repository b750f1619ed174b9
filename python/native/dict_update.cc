// dict.update, its three kinds of source, and its batches.
#include <utility>

#include "python/native/compare.h"
#include "python/native/convert_in.h"
#include "python/native/dict_methods.h"
#include "python/native/entry_batch.h"
#include "python/native/iterate.h"

namespace oocmap::python {
namespace {

class Update {
 public:
  explicit Update(Container& dict) : dict_(dict), batch_(dict) { dict.map->check_open(); }

  // Stores what is in `other` (null: nothing) and in `keywords` (null: nothing).
  void run(PyObject* other, PyObject* keywords);

 private:
  void add(PyObject* key, PyObject* value);
  void add_all(PyObject* other);
  void add_dict(PyObject* dict);
  void add_mapping(PyObject* mapping);
  void add_lazy(PyObject* lazy);
  // Stores what is full of the pairs on the way.
  void add_pairs(PyObject* iterable);
  void add_pair(PyObject* pair, Py_ssize_t number);

  Container& dict_;
  EntryBatch batch_;
  bool in_parts_ = false;
};

void Update::add(PyObject* key, PyObject* value) {
  Key encoded_key = encode_key(key);
  batch_.add(std::move(encoded_key), encode(*dict_.map, value, {.key = key}));
}

void Update::add_dict(PyObject* dict) {
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  Py_ssize_t position = 0;
  while (PyDict_Next(dict, &position, &key, &value) != 0) {
    const Ref kept_key = Ref::borrow(key);
    const Ref kept_value = Ref::borrow(value);
    add(key, value);
  }
}

void Update::add_lazy(PyObject* lazy) {
  const Ref items = Ref::steal(make_iterator(lazy, What::kItems));
  while (const Ref item = next_of(items.get())) {
    add(PyTuple_GET_ITEM(item.get(), 0), PyTuple_GET_ITEM(item.get(), 1));
  }
}

void Update::add_mapping(PyObject* mapping) {
  const Ref keys = Ref::steal(PyMapping_Keys(mapping));
  const Ref iterator = Ref::steal(PyObject_GetIter(keys.get()));
  while (const Ref key = next_of(iterator.get())) {
    const Ref value = Ref::steal(PyObject_GetItem(mapping, key.get()));
    add(key.get(), value.get());
  }
}

// The errors are dict.update's, word for word.
void Update::add_pair(PyObject* pair, Py_ssize_t number) {
  PyObject* fast = PySequence_Fast(pair, "");
  if (fast == nullptr) {
    if (PyErr_ExceptionMatches(PyExc_TypeError)) {
      raise(PyExc_TypeError, "cannot convert dictionary update sequence element #%zd to a sequence",
            number);
    }
    throw PythonRaised{};
  }
  const Ref items = Ref::steal(fast);
  const Py_ssize_t size = PySequence_Fast_GET_SIZE(fast);
  if (size != 2) {
    raise(PyExc_ValueError, "dictionary update sequence element #%zd has length %zd; 2 is required",
          number, size);
  }
  // Kept: the key's __hash__ may change the pair, where that is a list.
  const Ref key = Ref::borrow(PySequence_Fast_GET_ITEM(fast, 0));
  const Ref value = Ref::borrow(PySequence_Fast_GET_ITEM(fast, 1));
  add(key.get(), value.get());
}

void Update::add_pairs(PyObject* iterable) {
  in_parts_ = true;
  const Ref iterator = Ref::steal(PyObject_GetIter(iterable));
  Py_ssize_t number = 0;
  while (const Ref pair = next_of(iterator.get())) {
    add_pair(pair.get(), number++);
    if (batch_.full()) batch_.store(in_parts_);
  }
}

bool has_keys(PyObject* object) {
  PyObject* keys = PyObject_GetAttrString(object, "keys");
  if (keys == nullptr) {
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) throw PythonRaised{};
    PyErr_Clear();
    return false;
  }
  Py_DECREF(keys);
  return true;
}

void Update::add_all(PyObject* other) {
  if (PyDict_CheckExact(other)) {
    add_dict(other);
  } else if (dict_behind(other) != nullptr) {
    add_lazy(other);
  } else if (has_keys(other)) {
    add_mapping(other);
  } else {
    add_pairs(other);
  }
}

void Update::run(PyObject* other, PyObject* keywords) {
  batch_.run([&] {
    if (other != nullptr) add_all(other);
    if (keywords != nullptr) add_dict(keywords);
    batch_.store(in_parts_);
  });
}

}  // namespace

void dict_update(Container& dict, PyObject* other, PyObject* keywords) {
  Update(dict).run(other, keywords);
}

}  // namespace oocmap::python
