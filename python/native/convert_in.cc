#include "python/native/convert_in.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "python/native/compare.h"
#include "python/native/errors.h"
#include "python/native/keys.h"
#include "python/native/other_types.h"
#include "python/native/registered.h"
#include "python/native/scalars.h"
#include "python/native/shape_keys.h"
#include "python/native/store_array.h"

namespace oocmap::python {
namespace {

constexpr size_t kMostKept = 4096;  // entries of a vector that is kept for the next value

enum class Kind : uint8_t { kDict, kShapedDict, kList, kTuple, kRegistered };

// A container that is being fed, with the member it is at.
struct Frame {
  Ref object;               // of an object of a registered class: its value
  Ref source;               // ... and itself
  Py_ssize_t position = 0;  // PyDict_Next's, or the next index
  Py_ssize_t size = 0;      // at the start
  Py_ssize_t fed = 0;
  size_t first_value = 0;  // shaped dicts: of PythonEncoder's values
  Kind kind = Kind::kList;
};

// A container that was met.
struct Met {
  size_t number = 0;
  size_t level = 0;  // of the stack, where it stood or still stands
};

// The containers that something else refers to as well, and thus can be met again. They stay alive:
// their address could be another's else.
class SeenContainers {
 public:
  void add(PyObject* container, Met met) {
    seen_.emplace_back(Ref::borrow(container), met);
    if (seen_.size() == kSearched) {
      for (const auto& known : seen_) index_.emplace(known.first.get(), known.second);
    } else if (seen_.size() > kSearched) {
      index_.emplace(container, met);
    }
  }

  // Null where it was not met before.
  const Met* find(PyObject* container) const {
    if (seen_.size() >= kSearched) {
      const auto known = index_.find(container);
      return known == index_.end() ? nullptr : &known->second;
    }
    for (const auto& known : seen_) {
      if (known.first.get() == container) return &known.second;
    }
    return nullptr;
  }

  // An index that was large would be slow to clear ever after.
  void clear() {
    if (seen_.size() >= kSearched) index_ = Index();
    seen_.clear();
    if (seen_.capacity() > kMostKept) seen_ = Seen();
  }

 private:
  using Seen = std::vector<std::pair<Ref, Met>>;
  using Index = std::unordered_map<PyObject*, Met>;
  static constexpr size_t kSearched = 16;  // fewer are searched one by one
  static constexpr size_t kMostKept = 4096;
  Seen seen_;
  Index index_;
};

// What one encoding needs, kept for the next.
struct Scratch {
  ValueEncoder encoder;
  std::vector<Frame> stack;
  std::vector<Ref> values;  // of the shaped dicts on the stack
  SeenContainers seen;

  void clear() {
    encoder.reset();
    stack.clear();
    values.clear();
    seen.clear();
    if (stack.capacity() > kMostKept) stack = std::vector<Frame>();
    if (values.capacity() > kMostKept) values = std::vector<Ref>();
  }
};

// Whether what `from` shows can be referred to in `map`: what a snapshot shows may be gone since.
bool same_live_store(const MapState& map, const MapState& from) noexcept {
  return !from.moment() && from.store().id() == map.store().id();
}

// "[3]"
std::string step(Py_ssize_t index) { return '[' + std::to_string(index) + ']'; }

// Whether the repr of a key has an end soon: its parts may be shared by many, or lie deep.
bool soon_shown(PyObject* key) {
  constexpr size_t kMostParts = 200;
  std::vector<PyObject*> parts = {key};
  for (size_t at = 0; at < parts.size(); ++at) {
    PyObject* const part = parts[at];
    if (PyAnySet_Check(part) ? PySet_GET_SIZE(part) > 0
                             : PyDict_Check(part) && PyDict_GET_SIZE(part) > 0) {
      return false;
    }
    if (!PyTuple_Check(part) && !PyList_Check(part)) continue;
    const Py_ssize_t size = PySequence_Fast_GET_SIZE(part);
    if (parts.size() + static_cast<size_t>(size) > kMostParts) return false;
    PyObject** const members = PySequence_Fast_ITEMS(part);
    parts.insert(parts.end(), members, members + size);
  }
  return true;
}

// "['user']". No exception may be set. One that the key's own repr raises is not passed on.
std::string step(PyObject* key) {
  constexpr size_t kLongest = 100;
  PyObject* repr = soon_shown(key) ? PyObject_Repr(key) : nullptr;
  if (repr == nullptr) {
    PyErr_Clear();
    return std::string("[a key of type '") + Py_TYPE(key)->tp_name + "']";
  }
  const Ref owned = Ref::steal(repr);
  return '[' + std::string(text_of(repr).bytes.substr(0, kLongest)) + ']';
}

// key_to_store(); what is wrong with the key says where it stands.
template <typename Where>
Key key_at(PyObject* key, const Where& where, const char* word = "at") {
  try {
    return key_to_store(key);
  } catch (const Error& error) {
    throw Error(error.code(), error.message() + " " + word + " " + where());
  } catch (const PythonRaised&) {
    RaisedException raised;
    raised.add_note(std::string("the key is ") + word + " " + where());
    throw;
  }
}

class PythonEncoder {
 public:
  PythonEncoder(MapState& map, Scratch& scratch, GivenAt given_at)
      : map_(map),
        to_(scratch.encoder),
        given_at_(given_at),
        stack_(scratch.stack),
        values_(scratch.values),
        seen_(scratch.seen) {}

  void feed(PyObject* value) {
    feed_one(value);
    while (!stack_.empty()) {
      if (!feed_member()) {
        to_.end();
        if (stack_.back().kind == Kind::kRegistered) open_objects_.pop_back();
        stack_.pop_back();
      }
    }
  }

 private:
  // `held`: how often the value is referred to by what is being fed and by this encoder.
  void feed_one(PyObject* value, Py_ssize_t held = 1);
  void feed_number(PyObject* number);
  void feed_text(PyObject* str);
  void feed_lazy(PyObject* lazy);
  bool feed_other(PyObject* value);
  void feed_foreign(PyObject* value, Py_ssize_t held);
  void feed_registered(const RegisteredClass& known, PyObject* value, Py_ssize_t held);
  void refuse_inside_itself(PyObject* object) const;
  void refuse_around_object(PyObject* container, size_t level) const;
  [[noreturn]] void throw_inside_itself(size_t level) const;
  void feed_dict(PyObject* dict, Py_ssize_t held);
  void feed_set(PyObject* set, Py_ssize_t held);
  void push(PyObject* container, Py_ssize_t held, Kind kind, Py_ssize_t size, size_t number);
  // Feeds a container seen before as that one. Returns false where it is new.
  bool feed_again(PyObject* container, Py_ssize_t held);
  // Feeds the next member of the container on top; false where there is none.
  bool feed_member();
  bool feed_dict_member(Frame& frame);
  bool feed_shaped_member(Frame& frame);
  bool feed_list_member(Frame& frame);
  bool feed_registered_value(Frame& frame);
  [[noreturn]] void refuse(PyObject* value) const;
  // "[3]['user']", or nothing for the one value itself.
  std::string place() const;
  // " at " and the place, where there is one.
  std::string where() const;

  MapState& map_;
  ValueEncoder& to_;
  GivenAt given_at_;
  std::vector<Frame>& stack_;
  std::vector<Ref>& values_;
  SeenContainers& seen_;
  std::vector<size_t> open_objects_;  // levels of the stack with one of a registered class
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

void PythonEncoder::feed_one(PyObject* value, Py_ssize_t held) {
  PyTypeObject* type = Py_TYPE(value);
  if (type == &PyUnicode_Type) {
    feed_text(value);
  } else if (type == &PyLong_Type) {
    feed_number(value);
  } else if (type == &PyFloat_Type) {
    to_.floating(PyFloat_AS_DOUBLE(value));
  } else if (type == &PyDict_Type) {
    if (!feed_again(value, held)) feed_dict(value, held);
  } else if (type == &PyList_Type) {
    if (!feed_again(value, held)) {
      const Py_ssize_t size = PyList_GET_SIZE(value);
      push(value, held, Kind::kList, size, to_.begin_list(static_cast<size_t>(size)));
    }
  } else if (value == Py_None) {
    to_.none();
  } else if (type == &PyBool_Type) {
    to_.boolean(value == Py_True);
  } else if (type == &PyTuple_Type) {
    if (!feed_again(value, held)) {
      const Py_ssize_t size = PyTuple_GET_SIZE(value);
      push(value, held, Kind::kTuple, size, to_.begin_tuple(static_cast<size_t>(size)));
    }
  } else if (type == &PyBytes_Type) {
    to_.payload(PayloadKind::kBytes, bytes_of(value));
  } else if (type == &PySet_Type || type == &PyFrozenSet_Type) {
    if (!feed_again(value, held)) feed_set(value, held);
  } else if (is_lazy(value) || is_map(value)) {
    feed_lazy(value);
  } else if (const RegisteredClass* known = registered_class(type)) {
    feed_registered(*known, value, held);
  } else if (!feed_other(value) && !feed_again(value, held)) {
    feed_foreign(value, held);
  }
}

// A value of one of other_types.h. Returns false where it is none.
bool PythonEncoder::feed_other(PyObject* value) {
  const Ref kept = Ref::borrow(value);  // a tzinfo's method may run
  try {
    const std::optional<OtherPayload> other = other_payload(value);
    if (!other) return false;
    to_.payload(other->kind, other->bytes);
    return true;
  } catch (const Error& error) {
    const std::string at = where();
    const bool said = at.empty() || error.message().ends_with(at);
    throw Error(error.code(), said ? error.message() : error.message() + at);
  }
}

void PythonEncoder::feed_lazy(PyObject* lazy) {
  Container& from = container_of(lazy);
  from.map->check_open();
  if (!same_live_store(map_, *from.map)) {
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

// A value of another library. Finding out runs Python code, which may close the map.
void PythonEncoder::feed_foreign(PyObject* value, Py_ssize_t held) {
  const FedArray array = feed_array(value, to_);
  map_.check_open();
  if (!array.reason.empty()) throw Error(ErrorCode::kTypeMismatch, array.reason + where());
  if (!array.fed) refuse(value);
  if (Py_REFCNT(value) > held) seen_.add(value, {array.number, stack_.size()});
}

// What it is stored as is the user's code to say, which may close the map.
void PythonEncoder::feed_registered(const RegisteredClass& known, PyObject* value,
                                    Py_ssize_t held) {
  refuse_inside_itself(value);
  if (feed_again(value, held)) return;
  const size_t number = to_.begin_registered(known.name);
  const Ref source = Ref::borrow(value);
  const Ref stored = value_of_registered(known, value);
  map_.check_open();
  open_objects_.push_back(stack_.size());
  push(value, held, Kind::kRegistered, 1, number);
  stack_.back().object = stored;
  stack_.back().source = source;
}

// from_() is given a value that is whole, so none may wait for its own result.
void PythonEncoder::refuse_inside_itself(PyObject* object) const {
  const Met* const met = seen_.find(object);
  if (met == nullptr || met->level >= stack_.size()) return;
  if (stack_[met->level].source.get() == object) throw_inside_itself(met->level);
}

// The same for a container that is open, and in an object that is open inside it, or is its value.
void PythonEncoder::refuse_around_object(PyObject* container, size_t level) const {
  if (open_objects_.empty() || level >= stack_.size()) return;
  if (stack_[level].object.get() != container) return;
  if (level > 0 && stack_[level - 1].object.get() == container) --level;
  const auto inside = std::lower_bound(open_objects_.begin(), open_objects_.end(), level);
  if (inside != open_objects_.end()) throw_inside_itself(*inside);
}

void PythonEncoder::throw_inside_itself(size_t level) const {
  throw Error(ErrorCode::kInvalidArgument, std::string("cannot store an object of type '") +
                                               Py_TYPE(stack_[level].source.get())->tp_name +
                                               "' inside itself" + where());
}

bool PythonEncoder::feed_registered_value(Frame& frame) {
  if (frame.position++ != 0) return false;
  const Ref value = frame.object;
  feed_one(value.get(), 2);  // `frame` is no longer valid
  return true;
}

void PythonEncoder::feed_dict(PyObject* dict, Py_ssize_t held) {
  const Py_ssize_t size = PyDict_GET_SIZE(dict);
  const size_t first_value = values_.size();
  if (std::shared_ptr<const ShapeKeys> shape = shape_keys_of(dict, values_)) {
    push(dict, held, Kind::kShapedDict, size, to_.begin_shaped_dict(std::move(shape)));
    stack_.back().first_value = first_value;
  } else {
    push(dict, held, Kind::kDict, size, to_.begin_dict(static_cast<size_t>(size)));
  }
}

// Whole at once: what it holds are keys. Its iterator says where a finalizer changes it meanwhile.
void PythonEncoder::feed_set(PyObject* set, Py_ssize_t held) {
  const size_t number = PySet_CheckExact(set) ? to_.begin_set() : to_.begin_frozenset();
  if (Py_REFCNT(set) > held) seen_.add(set, {number, stack_.size()});
  const Ref kept = Ref::borrow(set);
  const Ref iterator = Ref::steal(PyObject_GetIter(set));
  while (const Ref member = next_of(iterator.get())) {
    to_.key(key_at(
        member.get(), [this] { return "a set" + where(); }, "in"));
  }
  to_.end();
}

bool PythonEncoder::feed_again(PyObject* container, Py_ssize_t held) {
  if (Py_REFCNT(container) <= held) return false;
  const Met* const met = seen_.find(container);
  if (met == nullptr) return false;
  refuse_around_object(container, met->level);
  to_.again(met->number);
  return true;
}

void PythonEncoder::push(PyObject* container, Py_ssize_t held, Kind kind, Py_ssize_t size,
                         size_t number) {
  if (Py_REFCNT(container) > held) seen_.add(container, {number, stack_.size()});
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
      return feed_dict_member(frame);
    case Kind::kShapedDict:
      return feed_shaped_member(frame);
    case Kind::kRegistered:
      return feed_registered_value(frame);
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
  const Ref kept_key = Ref::borrow(key);  // a key's __hash__ may run
  const Ref kept_value = Ref::borrow(value);
  to_.key(key_at(key, [this] { return place(); }));
  feed_one(value, 2);  // `frame` is no longer valid
  return true;
}

bool PythonEncoder::feed_shaped_member(Frame& frame) {
  if (frame.fed == frame.size) {
    values_.resize(frame.first_value);
    return false;
  }
  const auto i = frame.first_value + static_cast<size_t>(frame.fed++);
  feed_one(values_[i].get(), 2);  // `frame` is no longer valid
  return true;
}

bool PythonEncoder::feed_list_member(Frame& frame) {
  PyObject* object = frame.object.get();
  const bool list = frame.kind == Kind::kList;
  if (frame.position >= (list ? PyList_GET_SIZE(object) : PyTuple_GET_SIZE(object))) return false;
  const Py_ssize_t i = frame.position++;
  // Kept: a finalizer, or a __class__ of the user's, may take it out of the list.
  const Ref kept = Ref::borrow(list ? PyList_GET_ITEM(object, i) : PyTuple_GET_ITEM(object, i));
  feed_one(kept.get(), 2);  // `frame` is no longer valid
  return true;
}

// The key of the member that is being fed.
Ref key_of(const Frame& frame) {
  PyObject* key = Py_None;
  Py_ssize_t position = 0;
  for (Py_ssize_t i = 0; i < frame.fed; ++i) {
    if (PyDict_Next(frame.object.get(), &position, &key, nullptr) == 0) break;
  }
  return Ref::borrow(key);
}

std::string PythonEncoder::place() const {
  constexpr size_t kMostSteps = 20;
  std::string path;
  if (given_at_.key != nullptr) path = step(given_at_.key);
  if (given_at_.index >= 0) path = step(given_at_.index);
  size_t steps = 0;
  for (const Frame& frame : stack_) {
    if (++steps > kMostSteps) return path + "...";
    const bool dict = frame.kind == Kind::kDict || frame.kind == Kind::kShapedDict;
    if (frame.kind == Kind::kRegistered) continue;
    path += dict ? step(key_of(frame).get()) : step(frame.position - 1);
  }
  return path;
}

std::string PythonEncoder::where() const {
  const std::string path = place();
  return path.empty() ? path : " at " + path;
}

void PythonEncoder::refuse(PyObject* value) const {
  const std::string text = std::string("cannot store a value of type '") + Py_TYPE(value)->tp_name;
  throw Error(ErrorCode::kTypeMismatch, text + "'" + where() + how_to_store(value));
}

// One is enough while the GIL is held; a finalizer that stores something in the midst of an
// encoding gets another.
class BorrowedScratch {
 public:
  BorrowedScratch() : scratch_(in_use ? nullptr : &shared()) {
    if (scratch_ == nullptr) {
      own_ = std::make_unique<Scratch>();
    } else {
      in_use = true;
    }
  }
  ~BorrowedScratch() {
    get().clear();
    if (scratch_ != nullptr) in_use = false;
  }
  BorrowedScratch(const BorrowedScratch&) = delete;
  BorrowedScratch& operator=(const BorrowedScratch&) = delete;
  Scratch& get() noexcept { return scratch_ == nullptr ? *own_ : *scratch_; }

 private:
  static Scratch& shared() {
    static Scratch scratch;
    return scratch;
  }
  static bool in_use;
  Scratch* scratch_;
  std::unique_ptr<Scratch> own_;
};

bool BorrowedScratch::in_use = false;

}  // namespace

Key encode_key(PyObject* key) {
  return key_at(key, [key] { return step(key); });
}

EncodedValue encode(MapState& map, PyObject* value, GivenAt given_at) {
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
  BorrowedScratch scratch;
  PythonEncoder(map, scratch.get(), given_at).feed(value);
  return scratch.get().encoder.finish();
}

const Container* reference_in(const MapState& map, PyObject* value) noexcept {
  if (!is_lazy(value)) return nullptr;
  const Container& container = container_of(value);
  if (container.map->closed() || map.closed()) return nullptr;
  return same_live_store(map, *container.map) ? &container : nullptr;
}

}  // namespace oocmap::python
