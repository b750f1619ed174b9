#include "python/native/turn.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/lmdb/environment.h"
#include "core/lmdb/waiting.h"
#include "python/native/errors.h"
#include "python/native/scalars.h"

namespace oocmap::python {

bool Turn::take_free(uint64_t thread) noexcept {
  uint64_t free = 0;
  return owner_.compare_exchange_strong(free, thread);
}

int Turn::take(std::chrono::milliseconds timeout) {
  if (process_epoch() != process_) {
    throw Error(
        ErrorCode::kClosed,
        "the map was opened before this process was forked, and belongs to the parent: open "
        "it again");
  }
  const uint64_t me = this_thread_number();
  if (owner_.load() == me) return ++depth_;
  if (!take_free(me)) {
    constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24 * 365);
    const auto deadline = std::chrono::steady_clock::now() + std::min(timeout, kLongest);
    bool mine = false;
    ++waiting_;
    do {
      const auto slice = std::chrono::steady_clock::now() + kWaitSlice;
      std::unique_lock lock(mutex_);
      mine = ended_.wait_until(lock, std::min(deadline, slice), [&] { return take_free(me); });
    } while (!mine && std::chrono::steady_clock::now() < deadline && !stop_waiting());
    --waiting_;
    if (!mine) return 0;
  }
  return ++depth_;
}

// Who waits counts itself before it looks whether the turn is free, and this frees it before it
// looks who waits: one of the two sees the other.
void Turn::end() noexcept {
  if (process_epoch() != process_ || --depth_ != 0) return;
  owner_.store(0);
  if (waiting_.load() == 0) return;
  const std::lock_guard lock(mutex_);
  ended_.notify_one();
}

TurnToWrite::TurnToWrite(Turn& turn, std::chrono::milliseconds timeout) : turn_(turn) {
  if (turn.take(timeout) == 0) {
    throw Error(ErrorCode::kBusy, "another thread is in a transaction of this map (waited " +
                                      std::to_string(timeout.count()) + " ms)");
  }
}

namespace {

struct TurnObject {
  PyObject_HEAD std::shared_ptr<Turn>* turn;
};

PyTypeObject* turn_type = nullptr;

Turn& turn_of(PyObject* self) { return **reinterpret_cast<TurnObject*>(self)->turn; }

PyObject* turn_take(PyObject* self, PyObject* seconds) {
  return guarded([=] {
    const double value = PyFloat_AsDouble(seconds);
    if (value == -1.0 && PyErr_Occurred() != nullptr) throw PythonRaised{};
    constexpr double kLongest = 1e9;  // seconds; more would overflow the clock
    const auto timeout =
        std::chrono::milliseconds(static_cast<int64_t>(std::clamp(value, 0.0, kLongest) * 1000));
    int depth = 0;
    {
      const WithoutGil released;
      depth = turn_of(self).take(timeout);
    }
    if (depth == 0 && PyErr_Occurred() != nullptr) throw PythonRaised{};
    return Ref::steal(PyLong_FromLong(depth)).release();
  });
}

PyObject* turn_end(PyObject* self, PyObject*) {
  turn_of(self).end();
  return Py_NewRef(Py_None);
}

// Whether the exception that is set says that another thread is in the midst of a call.
bool is_other_threads(PyObject* violation) {
  if (PyErr_ExceptionMatches(violation) == 0) return false;
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  // Not str(): that looks for signals.
  PyObject* const arguments = reinterpret_cast<PyBaseExceptionObject*>(value)->args;
  bool own = false;
  if (PyTuple_GET_SIZE(arguments) > 0 && PyUnicode_Check(PyTuple_GET_ITEM(arguments, 0))) {
    const Text text = text_of(PyTuple_GET_ITEM(arguments, 0));
    own = text.bytes.find("inside an executing query") != Bytes::npos;
  }
  PyErr_Restore(type, value, traceback);
  return !own;
}

// No Python code runs between two attempts, and so no handler of a signal: it would end the
// waiting, or raise when all is done, and who called could not tell which.
PyObject* turn_end_after(PyObject* self, PyObject* given) {
  PyObject* action = nullptr;
  PyObject* arguments = nullptr;
  PyObject* violation = nullptr;
  if (PyArg_ParseTuple(given, "OO!O:end_after", &action, &PyTuple_Type, &arguments, &violation) ==
      0) {
    return nullptr;
  }
  return guarded([=] {
    constexpr std::chrono::microseconds kLongest{1000};
    PyObject* result = nullptr;
    for (std::chrono::microseconds pause{50};; pause = std::min(2 * pause, kLongest)) {
      result = PyObject_CallObject(action, arguments);
      if (result != nullptr || !is_other_threads(violation)) break;
      PyErr_Clear();
      const WithoutGil released;
      std::this_thread::sleep_for(pause);
    }
    turn_of(self).end();
    return result;
  });
}

void turn_dealloc(PyObject* self) {
  const std::unique_ptr<std::shared_ptr<Turn>> turn(reinterpret_cast<TurnObject*>(self)->turn);
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

}  // namespace

Ref turn_object(std::shared_ptr<Turn> turn) {
  Ref object = Ref::steal(turn_type->tp_alloc(turn_type, 0));
  auto* fields = reinterpret_cast<TurnObject*>(object.get());
  fields->turn = std::make_unique<std::shared_ptr<Turn>>(std::move(turn)).release();
  return object;
}

PyTypeObject* make_turn_type(PyObject* module) {
  static PyMethodDef methods[] = {
      {"take", method(turn_take), METH_O,
       "take($self, seconds, /)\n--\n\nTake the turn; return how often this thread has it, or 0."},
      {"end", method(turn_end), METH_NOARGS, "end($self, /)\n--\n\nGive the turn back once."},
      {"end_after", method(turn_end_after), METH_VARARGS,
       "end_after($self, action, arguments, violation, /)\n--\n\n"
       "Give it back after action(*arguments), which is called again while it raises `violation`\n"
       "for another thread's call. Signals wait meanwhile."},
      {nullptr, nullptr, 0, nullptr},
  };
  PyType_Slot slots[] = {
      {Py_tp_doc, const_cast<char*>("Whose turn it is to write through one map.")},
      {Py_tp_dealloc, slot(turn_dealloc)},
      {Py_tp_methods, methods},
      {0, nullptr},
  };
  PyType_Spec spec = {
      "oocmap._native.Turn", sizeof(TurnObject), 0,
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, slots};
  turn_type = reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
  if (turn_type == nullptr) throw PythonRaised{};
  return turn_type;
}

}  // namespace oocmap::python
