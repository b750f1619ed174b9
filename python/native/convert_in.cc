#include "python/native/convert_in.h"

#include <unordered_map>
#include <vector>

#include "python/native/keys.h"
#include "python/native/scalars.h"
#include "python/native/shape_keys.h"

namespace oocmap::python {
namespace {

enum class Kind : uint8_t { kDict, kShapedDict, kList, kTuple };

// A container that is being fed, with the member it is at.
struct Frame {
  Ref object;
  Py_ssize_t position = 0;  // PyDict_Next's, or the next index
  Py_ssize_t size = 0;      // at the start
  Py_ssize_t fed = 0;
  Ref key;  // dicts: of the member being fed
  Kind kind = Kind::kList;
};

class PythonEncoder {
 public:
  PythonEncoder(MapState& map, ValueEncoder& to) : map_(map), to_(to) {}

  void feed(PyObject* value) {
    feed_one(value);
    while (!stack_.empty()) {
      if (!feed_member()) {
        to_.end();
        stack_.pop_back();
      }
    }
  }

 private:
  void feed_one(PyObject* value);
  void feed_number(PyObject* number);
  void feed_text(PyObject* str);
  void feed_lazy(PyObject* lazy);
  void feed_dict(PyObject* dict);
  void push(PyObject* container, Kind kind, Py_ssize_t size, size_t number);
  // Feeds a container seen before as that one. Returns false where it is new.
  bool feed_again(PyObject* container);
  // Feeds the next member of the container on top; false where there is none.
  bool feed_member();
  bool feed_dict_member(Frame& frame);
  bool feed_list_member(Frame& frame);
  [[noreturn]] void refuse(PyObject* value) const;
  std::string where() const;

  MapState& map_;
  ValueEncoder& to_;
  std::vector<Frame> stack_;
  std::unordered_map<PyObject*, size_t> seen_;
  std::vector<Ref> kept_;  // what is in seen_ stays alive, or its address could be another's
};

void PythonEncoder::feed_number(PyObject* number) {
  int64_t value = 0;
  if (fits_int64(number, value)) {
    to_.integer(value);
  } else {
    to_.payload(PayloadKind::kBigInt, big_int_payload(number));
  }
}

void PythonEncoder::feed_text(PyObject* str) {
  const Text text = text_of(str);
  to_.payload(text.kind, text.bytes);
}

void PythonEncoder::feed_one(PyObject* value) {
  PyTypeObject* type = Py_TYPE(value);
  if (type == &PyUnicode_Type) {
    feed_text(value);
  } else if (type == &PyLong_Type) {
    feed_number(value);
  } else if (type == &PyFloat_Type) {
    to_.floating(PyFloat_AS_DOUBLE(value));
  } else if (type == &PyDict_Type) {
    if (!feed_again(value)) feed_dict(value);
  } else if (type == &PyList_Type) {
    if (!feed_again(value)) {
      const Py_ssize_t size = PyList_GET_SIZE(value);
      push(value, Kind::kList, size, to_.begin_list(static_cast<size_t>(size)));
    }
  } else if (value == Py_None) {
    to_.none();
  } else if (type == &PyBool_Type) {
    to_.boolean(value == Py_True);
  } else if (type == &PyTuple_Type) {
    if (!feed_again(value)) {
      const Py_ssize_t size = PyTuple_GET_SIZE(value);
      push(value, Kind::kTuple, size, to_.begin_tuple(static_cast<size_t>(size)));
    }
  } else if (type == &PyBytes_Type) {
    to_.payload(PayloadKind::kBytes, bytes_of(value));
  } else if (is_lazy(value) || is_map(value)) {
    feed_lazy(value);
  } else {
    refuse(value);
  }
}

void PythonEncoder::feed_lazy(PyObject* lazy) {
  Container& from = container_of(lazy);
  from.map->check_open();
  if (from.map->store().id() != map_.store().id()) {
    const Reading reading(from);
    Member member;
    member.tag = from.tag;
    member.word = from.identity;
    copy_value(reading.store(), reading.transaction(), member, to_);
    return;
  }
  if (is_map(lazy)) {
    throw Error(ErrorCode::kTypeMismatch, "cannot store a map inside itself" + where());
  }
  if (from.birth != 0 && map_.store().rolled_back(from.birth)) {
    throw Error(ErrorCode::kStaleHandle, "the value behind this object was undone by a rollback");
  }
  to_.reference(from.identity, static_cast<WordKind>(from.tag));
}

void PythonEncoder::feed_dict(PyObject* dict) {
  const Py_ssize_t size = PyDict_GET_SIZE(dict);
  if (std::shared_ptr<const ShapeKeys> shape = shape_keys_of(dict)) {
    push(dict, Kind::kShapedDict, size, to_.begin_shaped_dict(std::move(shape)));
  } else {
    push(dict, Kind::kDict, size, to_.begin_dict(static_cast<size_t>(size)));
  }
}

bool PythonEncoder::feed_again(PyObject* container) {
  // Only what something else refers to as well can be met again.
  if (Py_REFCNT(container) == 1 || seen_.empty()) return false;
  const auto known = seen_.find(container);
  if (known == seen_.end()) return false;
  to_.again(known->second);
  return true;
}

void PythonEncoder::push(PyObject* container, Kind kind, Py_ssize_t size, size_t number) {
  if (Py_REFCNT(container) > 1) {
    seen_.emplace(container, number);
    kept_.push_back(Ref::borrow(container));
  }
  Frame frame;
  frame.object = Ref::borrow(container);
  frame.kind = kind;
  frame.size = size;
  stack_.push_back(std::move(frame));
}

bool PythonEncoder::feed_member() {
  Frame& frame = stack_.back();
  switch (frame.kind) {
    case Kind::kDict:
    case Kind::kShapedDict:
      return feed_dict_member(frame);
    default:
      return feed_list_member(frame);
  }
}

// Other threads do not run while a value is encoded, but a finalizer may, and change what is fed.
bool PythonEncoder::feed_dict_member(Frame& frame) {
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  const bool more = PyDict_Next(frame.object.get(), &frame.position, &key, &value) != 0;
  if (more ? frame.fed == frame.size : frame.fed != frame.size) {
    raise(PyExc_RuntimeError, "dictionary changed size while it was stored");
  }
  if (!more) return false;
  ++frame.fed;
  frame.key = Ref::borrow(key);
  if (frame.kind == Kind::kDict) to_.key(key_to_store(key));
  feed_one(value);  // `frame` is no longer valid
  return true;
}

bool PythonEncoder::feed_list_member(Frame& frame) {
  PyObject* object = frame.object.get();
  const bool list = frame.kind == Kind::kList;
  if (frame.position >= (list ? PyList_GET_SIZE(object) : PyTuple_GET_SIZE(object))) return false;
  const Py_ssize_t i = frame.position++;
  feed_one(list ? PyList_GET_ITEM(object, i) : PyTuple_GET_ITEM(object, i));
  return true;
}

// " at [3]['user']", or nothing for the value itself.
std::string PythonEncoder::where() const {
  constexpr size_t kMostSteps = 20;
  if (stack_.empty()) return {};
  std::string path = " at ";
  size_t step = 0;
  for (const Frame& frame : stack_) {
    if (++step > kMostSteps) return path + "...";
    if (frame.kind == Kind::kList || frame.kind == Kind::kTuple) {
      path += '[' + std::to_string(frame.position - 1) + ']';
    } else {
      const Ref key = Ref::steal(PyObject_Repr(frame.key.get()));
      const Text text = text_of(key.get());
      path.append("[").append(text.bytes.substr(0, 100)).append("]");
    }
  }
  return path;
}

void PythonEncoder::refuse(PyObject* value) const {
  throw Error(ErrorCode::kTypeMismatch, std::string("cannot store a value of type '") +
                                            Py_TYPE(value)->tp_name + "'" + where());
}

// One encoder is enough while the GIL is held, and it keeps its memory; a finalizer that stores
// something in the midst of an encoding gets another.
class BorrowedEncoder {
 public:
  BorrowedEncoder() : encoder_(in_use ? nullptr : &shared()) {
    if (encoder_ == nullptr) {
      own_ = std::make_unique<ValueEncoder>();
    } else {
      in_use = true;
    }
  }
  ~BorrowedEncoder() {
    get().reset();
    if (encoder_ != nullptr) in_use = false;
  }
  BorrowedEncoder(const BorrowedEncoder&) = delete;
  BorrowedEncoder& operator=(const BorrowedEncoder&) = delete;
  ValueEncoder& get() noexcept { return encoder_ == nullptr ? *own_ : *encoder_; }

 private:
  static ValueEncoder& shared() {
    static ValueEncoder encoder;
    return encoder;
  }
  static bool in_use;
  ValueEncoder* encoder_;
  std::unique_ptr<ValueEncoder> own_;
};

bool BorrowedEncoder::in_use = false;

}  // namespace

EncodedValue encode(MapState& map, PyObject* value) {
  map.check_open();
  PyTypeObject* type = Py_TYPE(value);
  if (type == &PyUnicode_Type) {
    const Text text = text_of(value);
    return EncodedValue::payload(text.kind, text.bytes);
  }
  if (type == &PyLong_Type) {
    int64_t number = 0;
    if (fits_int64(value, number)) return EncodedValue::integer(number);
    return EncodedValue::payload(PayloadKind::kBigInt, big_int_payload(value));
  }
  if (type == &PyFloat_Type) return EncodedValue::floating(PyFloat_AS_DOUBLE(value));
  if (value == Py_None) return EncodedValue::none();
  if (type == &PyBool_Type) return EncodedValue::boolean(value == Py_True);
  if (type == &PyBytes_Type) return EncodedValue::payload(PayloadKind::kBytes, bytes_of(value));
  BorrowedEncoder encoder;
  PythonEncoder(map, encoder.get()).feed(value);
  return encoder.get().finish();
}

const Container* reference_in(const MapState& map, PyObject* value) noexcept {
  if (!is_lazy(value)) return nullptr;
  const Container& container = container_of(value);
  if (container.map->closed() || map.closed()) return nullptr;
  return container.map->store().id() == map.store().id() ? &container : nullptr;
}

}  // namespace oocmap::python
