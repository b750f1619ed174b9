// dict.update, its three kinds of source, and its batches.
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/store/dict.h"
#include "python/native/compare.h"
#include "python/native/convert_in.h"
#include "python/native/dict_methods.h"
#include "python/native/errors.h"
#include "python/native/iterate.h"
#include "python/native/writing.h"

namespace oocmap::python {
namespace {

// Entries of an iterable that are stored at a time.
constexpr size_t kBatch = 8'192;

class Update {
 public:
  explicit Update(Container& dict) : dict_(dict) { dict.map->check_open(); }

  void add(PyObject* key, PyObject* value) {
    Key encoded_key = encode_key(key);
    entries_.emplace_back(std::move(encoded_key), encode(*dict_.map, value, {.key = key}));
  }
  void add_dict(PyObject* dict);
  void add_mapping(PyObject* mapping);
  void add_lazy(PyObject* lazy);
  // Stores what is full of the pairs on the way.
  void add_pairs(PyObject* iterable);
  void store();

 private:
  void add_pair(PyObject* pair, Py_ssize_t number);
  void note_stored() const;
  Container& dict_;
  std::vector<std::pair<Key, EncodedValue>> entries_;
  size_t stored_ = 0;
};

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
  add(PySequence_Fast_GET_ITEM(fast, 0), PySequence_Fast_GET_ITEM(fast, 1));
}

void Update::add_pairs(PyObject* iterable) {
  const Ref iterator = Ref::steal(PyObject_GetIter(iterable));
  Py_ssize_t number = 0;
  try {
    while (const Ref pair = next_of(iterator.get())) {
      add_pair(pair.get(), number++);
      if (entries_.size() >= kBatch) store();
    }
  } catch (const PythonRaised&) {
    note_stored();
    throw;
  } catch (const Error& error) {
    if (stored_ == 0) throw;
    throw Error(error.code(),
                error.message() + " (the first " + std::to_string(stored_) + " entries are stored)",
                error.system_error(), error.path());
  }
}

// Says on the exception that is set what stays.
void Update::note_stored() const {
  if (stored_ == 0) return;
  RaisedException raised;
  raised.add_note("the first " + std::to_string(stored_) + " entries are stored");
}

void Update::store() {
  if (entries_.empty()) return;
  bool added = false;
  const Identity identity = dict_.identity;
  write(dict_, [&](Store& store, WriteTransaction& transaction) {
    for (auto& [key, value] : entries_) {
      added |= dict_set(store, transaction, identity, key, std::move(value));
    }
  });
  if (added) ++size_changes(identity);
  stored_ += entries_.size();
  entries_.clear();
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

}  // namespace

void dict_update(Container& dict, PyObject* other, PyObject* keywords) {
  Update update(dict);
  if (other == nullptr) {
    // Keywords only.
  } else if (PyDict_CheckExact(other)) {
    update.add_dict(other);
  } else if (dict_behind(other) != nullptr) {
    update.add_lazy(other);
  } else if (has_keys(other)) {
    update.add_mapping(other);
  } else {
    update.add_pairs(other);
  }
  if (keywords != nullptr) update.add_dict(keywords);
  update.store();
}

}  // namespace oocmap::python
