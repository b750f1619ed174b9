// dict.update, its three kinds of source, and its batches.
#include <string>
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

// An iterable is stored in batches: of so many entries, or as soon as those that wait, or the pages
// they change, take so much memory.
constexpr size_t kBatch = 8'192;
constexpr size_t kBatchMemory = size_t{64} << 20;
constexpr uint64_t kBatchPages = kBatchMemory / 4096;

class Update {
 public:
  explicit Update(Container& dict) : dict_(dict) { dict.map->check_open(); }

  // Adds what is in `other` (null: nothing) and in `keywords` (null: nothing), and stores it.
  void run(PyObject* other, PyObject* keywords);

 private:
  void add(PyObject* key, PyObject* value);
  void add_dict(PyObject* dict);
  void add_mapping(PyObject* mapping);
  void add_lazy(PyObject* lazy);
  // Stores what is full of the pairs on the way.
  void add_pairs(PyObject* iterable);
  void add_pair(PyObject* pair, Py_ssize_t number);
  // Stores what waits: at one go, or in_batches_.
  void store();
  // Stores from entry `done` on, at one go; returns how far it came.
  size_t store_from(size_t done);
  std::string stored_text() const {
    return "the first " + std::to_string(stored_) + " entries are stored";
  }

  Container& dict_;
  std::vector<std::pair<Key, EncodedValue>> entries_;  // that wait to be stored
  size_t memory_ = 0;                                  // of them
  bool in_batches_ = false;
  size_t stored_ = 0;
};

void Update::add(PyObject* key, PyObject* value) {
  Key encoded_key = encode_key(key);
  memory_ += encoded_key.order().size() + encoded_key.explicit_packed().size();
  entries_.emplace_back(std::move(encoded_key), encode(*dict_.map, value, {.key = key}));
  memory_ += entries_.back().second.memory();
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
  add(PySequence_Fast_GET_ITEM(fast, 0), PySequence_Fast_GET_ITEM(fast, 1));
}

void Update::add_pairs(PyObject* iterable) {
  in_batches_ = true;
  const Ref iterator = Ref::steal(PyObject_GetIter(iterable));
  Py_ssize_t number = 0;
  while (const Ref pair = next_of(iterator.get())) {
    add_pair(pair.get(), number++);
    if (entries_.size() >= kBatch || memory_ >= kBatchMemory) store();
  }
}

void Update::store() {
  size_t done = 0;
  while (done < entries_.size()) {
    const size_t now = store_from(done);
    stored_ += now - done;
    done = now;
  }
  entries_.clear();
  memory_ = 0;
}

size_t Update::store_from(size_t done) {
  bool added = false;
  const Identity identity = dict_.identity;
  write(dict_, [&](Store& store, WriteTransaction& transaction) {
    const uint64_t pages = transaction.dirty_pages();
    const auto full = [&] { return transaction.dirty_pages() >= pages + kBatchPages; };
    do {
      auto& [key, value] = entries_[done++];
      added |= dict_set(store, transaction, identity, key, std::move(value));
    } while (done < entries_.size() && !(in_batches_ && full()));
  });
  if (added) ++size_changes(identity);
  return done;
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

void Update::run(PyObject* other, PyObject* keywords) try {
  if (other == nullptr) {
    // Keywords only.
  } else if (PyDict_CheckExact(other)) {
    add_dict(other);
  } else if (dict_behind(other) != nullptr) {
    add_lazy(other);
  } else if (has_keys(other)) {
    add_mapping(other);
  } else {
    add_pairs(other);
  }
  if (keywords != nullptr) add_dict(keywords);
  store();
} catch (const PythonRaised&) {
  if (stored_ > 0) RaisedException().add_note(stored_text());
  throw;
} catch (const Error& error) {
  if (stored_ == 0) throw;
  throw Error(error.code(), error.message() + " (" + stored_text() + ")", error.system_error(),
              error.path());
}

}  // namespace

void dict_update(Container& dict, PyObject* other, PyObject* keywords) {
  Update(dict).run(other, keywords);
}

}  // namespace oocmap::python
