#include "python/native/unfinished.h"

#include <unordered_map>
#include <vector>

#include "core/base/error.h"
#include "python/native/keys.h"
#include "python/native/lazy_array.h"
#include "python/native/other_types.h"
#include "python/native/registered.h"
#include "python/native/scalars.h"

namespace oocmap::python {

size_t stand_ins = 0;
size_t stand_ins_made = 0;

namespace {

enum class Kind : uint8_t { kArray, kRegistered, kKey, kPayload };

// Takes no part in garbage collection, so that making one runs no finalizer.
struct StandIn {
  PyObject_HEAD Kind kind;
  PayloadKind payload;
  bool begun;          // a registered object's value is being finished
  PyObject* head;      // arrays: the head; registered objects: the name; else bytes
  PyObject* value;     // arrays: the data; registered objects: the value
  PyObject* finished;  // null until it is
};

PyTypeObject* stand_in_type = nullptr;

StandIn* stand_in_of(PyObject* object) noexcept { return reinterpret_cast<StandIn*>(object); }

// Frees one after the other what is in each other: a chain may be longer than the C stack is deep.
// Those that wait are linked by `head`.
void stand_in_dealloc(PyObject* self) {
  static StandIn* waiting = nullptr;
  static bool freeing = false;
  --stand_ins;
  StandIn* stand_in = stand_in_of(self);
  Py_CLEAR(stand_in->head);
  stand_in->head = reinterpret_cast<PyObject*>(std::exchange(waiting, stand_in));
  if (std::exchange(freeing, true)) return;
  while (waiting != nullptr) {
    StandIn* next = std::exchange(waiting, reinterpret_cast<StandIn*>(waiting->head));
    PyObject* value = next->value;
    PyObject* finished = next->finished;
    PyTypeObject* type = Py_TYPE(next);
    type->tp_free(next);
    Py_DECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(finished);
  }
  freeing = false;
}

Ref make(Kind kind, Ref head, Ref value) {
  auto* stand_in = PyObject_New(StandIn, stand_in_type);
  if (stand_in == nullptr) throw PythonRaised{};
  ++stand_ins;
  ++stand_ins_made;
  stand_in->kind = kind;
  stand_in->payload = PayloadKind::kStr;
  stand_in->begun = false;
  stand_in->head = head.release();
  stand_in->value = value.release();
  stand_in->finished = nullptr;
  return Ref::steal(reinterpret_cast<PyObject*>(stand_in));
}

Ref copied(Bytes bytes) {
  return Ref::steal(PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
}

bool is_any_set(PyObject* object) noexcept {
  return PySet_CheckExact(object) || PyFrozenSet_CheckExact(object);
}

bool has_members(PyObject* object) noexcept {
  return PyList_CheckExact(object) || PyTuple_CheckExact(object) || PyDict_CheckExact(object);
}

// No object of a registered class: nothing in it is a stand-in.
Ref build_leaf(const StandIn& stand_in) {
  if (stand_in.kind == Kind::kPayload) {
    return Ref::steal(other_to_python(stand_in.payload, bytes_of(stand_in.head)));
  }
  if (stand_in.kind == Kind::kKey) return finish_key(bytes_of(stand_in.head));
  const Ref arguments = Ref::steal(PyTuple_Pack(2, stand_in.head, stand_in.value));
  return Ref::steal(PyObject_CallObject(array_support.build, arguments.get()));
}

Ref finished_key(PyObject* key) {
  return is_stand_in(key) ? build_leaf(*stand_in_of(key)) : Ref::borrow(key);
}

// Makes the keys that are stand-ins; all stay in their order.
void finish_dict_keys(PyObject* dict) {
  PyObject* key = nullptr;
  Py_ssize_t position = 0;
  bool any = false;
  while (!any && PyDict_Next(dict, &position, &key, nullptr) != 0) any = is_stand_in(key);
  if (!any) return;
  const Ref items = Ref::steal(PyDict_Items(dict));
  PyDict_Clear(dict);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items.get()); ++i) {
    PyObject* item = PyList_GET_ITEM(items.get(), i);
    const Ref made = finished_key(PyTuple_GET_ITEM(item, 0));
    checked(PyDict_SetItem(dict, made.get(), PyTuple_GET_ITEM(item, 1)));
  }
}

// One walk over a value, depth first: a registered object is made once all in its value is.
class Finisher {
 public:
  Ref run(Ref value) {
    const Ref root = Ref::steal(PyList_New(1));
    PyList_SET_ITEM(root.get(), 0, value.release());
    visit(root.get());
    while (!stack_.empty()) {
      if (!step()) leave();
    }
    return Ref::borrow(PyList_GET_ITEM(root.get(), 0));
  }

  ~Finisher() {
    // What failed halfway may be in a cycle, which no collector sees.
    for (const Frame& frame : stack_) {
      if (is_stand_in(frame.holder.get())) Py_CLEAR(stand_in_of(frame.holder.get())->value);
    }
  }
  Finisher() = default;
  Finisher(const Finisher&) = delete;
  Finisher& operator=(const Finisher&) = delete;

 private:
  struct Frame {
    Ref holder;
    Py_ssize_t position = 0;
    size_t object = 0;  // the innermost registered object it is in, as its place on the stack + 1
  };

  // Puts a container, or a registered object, on the stack.
  void visit(PyObject* holder) {
    Frame frame;
    frame.holder = Ref::borrow(holder);
    const bool object = is_stand_in(holder);
    frame.object = object ? stack_.size() + 1 : stack_.empty() ? 0 : stack_.back().object;
    if (object) {
      stand_in_of(holder)->begun = true;
    } else {
      visited_.emplace(holder, stack_.size());
      if (PyDict_CheckExact(holder)) finish_dict_keys(holder);
    }
    stack_.push_back(std::move(frame));
  }

  void leave() {
    const Frame& frame = stack_.back();
    if (is_stand_in(frame.holder.get())) {
      StandIn& object = *stand_in_of(frame.holder.get());
      if (object.value == nullptr) throw Error(ErrorCode::kCorrupt, "an object without a value");
      object.finished = make_registered(object.head, object.value).release();
    } else {
      visited_[frame.holder.get()] = kDone;
      kept_.push_back(frame.holder);  // its address stays its own
    }
    stack_.pop_back();
  }

  // Goes on in the holder on top. Returns false where all its members are finished.
  bool step() {
    Frame& frame = stack_.back();
    PyObject* holder = frame.holder.get();
    if (is_stand_in(holder)) {
      StandIn& object = *stand_in_of(holder);
      if (object.value == nullptr) return false;
      Ref value = Ref::borrow(object.value);
      if (descend(value)) return true;
      Py_XSETREF(object.value, value.release());
      return false;
    }
    if (PyDict_CheckExact(holder)) return step_dict(frame);
    const bool list = PyList_CheckExact(holder);
    while (frame.position < (list ? PyList_GET_SIZE(holder) : PyTuple_GET_SIZE(holder))) {
      PyObject* old =
          list ? PyList_GET_ITEM(holder, frame.position) : PyTuple_GET_ITEM(holder, frame.position);
      Ref member = Ref::borrow(old);
      if (descend(member)) return true;
      if (member.get() != old) {
        list ? PyList_SET_ITEM(holder, frame.position, member.release())
             : PyTuple_SET_ITEM(holder, frame.position, member.release());
        Py_DECREF(old);
      }
      ++frame.position;
    }
    return false;
  }

  bool step_dict(Frame& frame) {
    PyObject* holder = frame.holder.get();
    PyObject* key = nullptr;
    PyObject* old = nullptr;
    for (Py_ssize_t next = frame.position; PyDict_Next(holder, &next, &key, &old) != 0;
         frame.position = next) {
      Ref member = Ref::borrow(old);
      if (descend(member)) return true;
      // Under a key that is there: the dict does not change size.
      if (member.get() != old) checked(PyDict_SetItem(holder, key, member.get()));
    }
    return false;
  }

  // Looks at a member: replaces it where it is, or stands for, something else by now. Returns true
  // where what is in it has to be finished first, which is on the stack then.
  bool descend(Ref& member) {
    PyObject* object = member.get();
    if (object == nullptr) return false;  // of a tuple that was not filled
    if (is_stand_in(object)) {
      StandIn& stand_in = *stand_in_of(object);
      if (stand_in.finished == nullptr) {
        if (stand_in.kind == Kind::kRegistered) {
          if (stand_in.begun) refuse_cycle(stand_in);
          visit(object);
          return true;
        }
        stand_in.finished = build_leaf(stand_in).release();
      }
      member = Ref::borrow(stand_in.finished);
      return false;
    }
    if (is_any_set(object)) {
      member = finish_set(member);
      return false;
    }
    if (!has_members(object)) return false;
    const auto known = visited_.find(object);
    if (known == visited_.end()) {
      visit(object);
      return true;
    }
    // A registered object in the midst of what it is to be made from.
    if (known->second != kDone && known->second + 1 < stack_.back().object) {
      refuse_cycle(*stand_in_of(stack_[stack_.back().object - 1].holder.get()));
    }
    return false;
  }

  [[noreturn]] static void refuse_cycle(const StandIn& object) {
    const Text name = text_of(object.head);
    throw Error(ErrorCode::kTypeMismatch, "an object of the class registered as '" +
                                              std::string(name.bytes) +
                                              "' is inside itself: it cannot be made");
  }

  // A set's members are keys. A frozenset with stand-ins is made anew. Each set is looked at once.
  Ref finish_set(const Ref& set) {
    const auto known = finished_sets_.find(set.get());
    if (known != finished_sets_.end()) return known->second;
    const Ref members = Ref::steal(PySequence_List(set.get()));
    const Py_ssize_t size = PyList_GET_SIZE(members.get());
    Py_ssize_t i = 0;
    while (i < size && !is_stand_in(PyList_GET_ITEM(members.get(), i))) ++i;
    Ref result = set;
    if (i < size) {
      if (PySet_CheckExact(set.get())) {
        PySet_Clear(set.get());
      } else {
        result = Ref::steal(PyFrozenSet_New(nullptr));
      }
      for (i = 0; i < size; ++i) {
        const Ref made = finished_key(PyList_GET_ITEM(members.get(), i));
        checked(PySet_Add(result.get(), made.get()));
      }
    }
    kept_.push_back(set);
    finished_sets_.emplace(set.get(), result);
    return result;
  }

  static constexpr size_t kDone = ~size_t{0};
  std::vector<Frame> stack_;
  std::unordered_map<PyObject*, size_t> visited_;  // place on the stack, or kDone
  std::unordered_map<PyObject*, Ref> finished_sets_;
  std::vector<Ref> kept_;
};

// Stand-ins among the members of a list or tuple. What else is in it is not ours to look into.
void finish_items(PyObject* items) {
  const bool list = PyList_CheckExact(items);
  const Py_ssize_t size = list ? PyList_GET_SIZE(items) : PyTuple_GET_SIZE(items);
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* old = list ? PyList_GET_ITEM(items, i) : PyTuple_GET_ITEM(items, i);
    if (!is_stand_in(old)) continue;
    Ref made = finish_deep(Ref::borrow(old));
    list ? PyList_SET_ITEM(items, i, made.release()) : PyTuple_SET_ITEM(items, i, made.release());
    Py_DECREF(old);
  }
}

void finish_entries(PyObject* dict) {
  finish_dict_keys(dict);
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  Py_ssize_t position = 0;
  while (PyDict_Next(dict, &position, &key, &value) != 0) {
    if (!is_stand_in(value)) continue;
    const Ref made = finish_deep(Ref::borrow(value));
    checked(PyDict_SetItem(dict, key, made.get()));
  }
}

}  // namespace

bool is_stand_in(PyObject* object) noexcept { return Py_TYPE(object) == stand_in_type; }

Ref unfinished_array(Ref head, Ref data) {
  return make(Kind::kArray, std::move(head), std::move(data));
}

Ref unfinished_registered(Ref name) { return make(Kind::kRegistered, std::move(name), Ref()); }

void set_unfinished_value(PyObject* stand_in, Ref value) noexcept {
  Py_XSETREF(stand_in_of(stand_in)->value, value.release());
}

Ref unfinished_key(Bytes packed) { return make(Kind::kKey, copied(packed), Ref()); }

Ref unfinished_payload(PayloadKind kind, Bytes payload) {
  Ref made = make(Kind::kPayload, copied(payload), Ref());
  stand_in_of(made.get())->payload = kind;
  return made;
}

Ref finish_deep(Ref value) { return Finisher().run(std::move(value)); }

Ref finish_members(Ref value) {
  PyObject* object = value.get();
  if (is_stand_in(object)) return finish_deep(std::move(value));
  if (PyDict_CheckExact(object)) {
    finish_entries(object);
  } else if (has_members(object)) {
    finish_items(object);
  }
  return value;
}

void make_stand_in_type(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_doc, const_cast<char*>("A value that is not finished: never to be seen.")},
      {Py_tp_dealloc, slot(stand_in_dealloc)},
      {0, nullptr},
  };
  PyType_Spec spec = {
      "oocmap._native.StandIn", sizeof(StandIn), 0,
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};
  stand_in_type = reinterpret_cast<PyTypeObject*>(
      Ref::steal(PyType_FromModuleAndSpec(module, &spec, nullptr)).release());
}

}  // namespace oocmap::python
