#include "python/native/nested_hash.h"

#include <unordered_map>
#include <vector>

namespace oocmap::python {
namespace {

// Whether it is hashed as a tuple is: a subclass may be (a namedtuple), or have a hash of its own.
bool hashes_as_tuple(PyObject* object) noexcept {
  return PyTuple_Check(object) && Py_TYPE(object)->tp_hash == PyTuple_Type.tp_hash;
}

Py_hash_t hash_of(PyObject* object) {
  const Py_hash_t hash = PyObject_Hash(object);
  if (hash == -1) throw PythonRaised{};
  return hash;
}

// An object of this hash, which stands in a tuple for the tuple whose hash it is: a str of our own,
// as a str remembers its hash.
Ref stand_in(Py_hash_t hash) {
  Ref text = Ref::steal(PyUnicode_New(1, 127));
  PyUnicode_1BYTE_DATA(text.get())[0] = '?';
  reinterpret_cast<PyASCIIObject*>(text.get())->hash = hash;
  return text;
}

class Frame {
 public:
  explicit Frame(PyObject* tuple) : tuple_(tuple) {}

  // The next tuple among the members, null behind the last; the next call has it again, until it
  // was replaced.
  PyObject* next() noexcept {
    for (; at_ < PyTuple_GET_SIZE(tuple_); ++at_) {
      PyObject* const member = PyTuple_GET_ITEM(tuple_, at_);
      if (hashes_as_tuple(member)) return member;
    }
    return nullptr;
  }

  void replace(Ref by) {
    if (!replaced_) {
      const Py_ssize_t size = PyTuple_GET_SIZE(tuple_);
      replaced_ = Ref::steal(PyTuple_New(size));
      for (Py_ssize_t i = 0; i < size; ++i) {
        PyTuple_SET_ITEM(replaced_.get(), i, Py_NewRef(PyTuple_GET_ITEM(tuple_, i)));
      }
    }
    PyObject* const member = PyTuple_GET_ITEM(tuple_, at_);
    PyTuple_SET_ITEM(replaced_.get(), at_++, by.release());
    Py_DECREF(member);
  }

  PyObject* tuple() const noexcept { return tuple_; }
  Py_hash_t hash() const { return hash_of(replaced_ ? replaced_.get() : tuple_); }

 private:
  PyObject* tuple_;
  Py_ssize_t at_ = 0;
  Ref replaced_;  // what is hashed instead, where a member is a tuple
};

}  // namespace

Py_hash_t nested_hash(PyObject* object) {
  if (!hashes_as_tuple(object)) return hash_of(object);
  std::unordered_map<PyObject*, Ref> known;  // of tuples that may stand elsewhere too
  std::vector<Frame> frames;
  frames.emplace_back(object);
  for (;;) {
    PyObject* const member = frames.back().next();
    if (member != nullptr) {
      const auto found = known.find(member);
      if (found == known.end()) {
        frames.emplace_back(member);
      } else {
        frames.back().replace(found->second);
      }
      continue;
    }
    const Py_hash_t hash = frames.back().hash();
    PyObject* const done = frames.back().tuple();
    frames.pop_back();
    if (frames.empty()) return hash;
    Ref text = stand_in(hash);
    if (Py_REFCNT(done) > 1) known.emplace(done, text);
    frames.back().replace(std::move(text));
  }
}

}  // namespace oocmap::python
