#include "python/native/turn.h"

#include <algorithm>

#include "core/lmdb/environment.h"
#include "core/lmdb/waiting.h"
#include "python/native/errors.h"

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
