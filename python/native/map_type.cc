// The type `Map`: what OOCMap inherits its slots from.
#include <chrono>

#include "core/store/durability.h"
#include "python/native/errors.h"
#include "python/native/handles.h"
#include "python/native/json_lines.h"
#include "python/native/lazy.h"
#include "python/native/maintenance.h"
#include "python/native/map.h"
#include "python/native/scalars.h"
#include "python/native/writing.h"

namespace oocmap::python {
namespace {

MapState& state_of(PyObject* self) { return *reinterpret_cast<MapObject*>(self)->state; }

PyObject* map_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* self = type->tp_alloc(type, 0);
  if (self == nullptr) return nullptr;
  return guarded([self] {
    auto* map = reinterpret_cast<MapObject*>(self);
    map->state = std::make_unique<MapState>(self).release();
    map->head.container = &map->state->root;
    map->head.owner = nullptr;
    return self;
  });
}

// Leaves an open transaction to the connection's session, which may outlive this object.
void map_dealloc(PyObject* self) {
  const std::unique_ptr<MapState> state(reinterpret_cast<MapObject*>(self)->state);
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* map_repr(PyObject* self) {
  const Ref name = Ref::steal(PyType_GetName(Py_TYPE(self)));
  return PyUnicode_FromFormat("%U({...})", name.get());
}

// --- Opening and closing

OpenMode parse_mode(const char* mode) {
  const std::string_view text = mode;
  if (text == "r") return OpenMode::kRead;
  if (text == "w") return OpenMode::kWrite;
  if (text == "c") return OpenMode::kCreate;
  if (text == "x") return OpenMode::kExclusive;
  throw Error(ErrorCode::kInvalidArgument,
              "mode must be 'r', 'w', 'c' or 'x', not '" + std::string(text) + "'");
}

Durability parse_durability(std::string_view text) {
  if (text == "full") return Durability::kFull;
  if (text == "normal") return Durability::kNormal;
  if (text == "off") return Durability::kOff;
  throw Error(ErrorCode::kInvalidArgument,
              "durability must be 'full', 'normal' or 'off', not '" + std::string(text) + "'");
}

Verify parse_verify(const char* verify) {
  const std::string_view text = verify;
  if (text == "auto") return Verify::kAuto;
  if (text == "quick") return Verify::kQuick;
  if (text == "full") return Verify::kFull;
  throw Error(ErrorCode::kInvalidArgument,
              "verify must be 'auto', 'quick' or 'full', not '" + std::string(text) + "'");
}

std::optional<uint64_t> parse_max_size(PyObject* max_size) {
  if (max_size == Py_None) return std::nullopt;
  if (!PyLong_Check(max_size)) {
    raise(PyExc_TypeError, "max_size must be an int or None, not %.200s",
          Py_TYPE(max_size)->tp_name);
  }
  int64_t size = 0;
  if (!fits_int64(max_size, size) || size <= 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "max_size must be a number of bytes from 1 to 2**63 - 1, or None");
  }
  return static_cast<uint64_t>(size);
}

// A file that cannot be opened raises what open() would.
using Open = void (MapState::*)(const OpenOptions&, std::chrono::milliseconds);

PyObject* open_by(Open open, PyObject* self, PyObject* arguments, bool again) {
  PyObject* path = nullptr;
  const char* mode = nullptr;
  const char* durability = nullptr;
  PyObject* max_size = nullptr;
  PyObject* timeout = nullptr;
  const char* verify = "auto";
  if (!PyArg_ParseTuple(arguments, "O&szOO|s:_open", PyUnicode_FSConverter, &path, &mode,
                        &durability, &max_size, &timeout, &verify)) {
    return nullptr;
  }
  const Ref owned = Ref::steal(path);
  return guarded([&]() -> PyObject* {
    OpenOptions options;
    options.path = bytes_of(path);
    options.mode = parse_mode(mode);
    if (durability != nullptr) options.durability = parse_durability(durability);
    options.durability_at_least = again;
    options.max_size = parse_max_size(max_size);
    options.verify = parse_verify(verify);
    const std::chrono::milliseconds patience = parse_timeout(timeout);
    try {
      (state_of(self).*open)(options, patience);
    } catch (const Error& error) {
      set_exception(error, true);
      return nullptr;
    }
    return Py_NewRef(Py_None);
  });
}

// A second time, lazies and iterators of the first file would read the other one.
PyObject* map_open(PyObject* self, PyObject* arguments) {
  const std::string& path = state_of(self).path();
  if (!path.empty()) {
    return guarded([&]() -> PyObject* {
      throw Error(ErrorCode::kInvalidArgument,
                  "__init__() of a map that has opened '" + path + "': make another OOCMap");
    });
  }
  return open_by(&MapState::open, self, arguments, /*again=*/false);
}

PyObject* map_reopen(PyObject* self, PyObject* arguments) {
  return open_by(&MapState::reopen, self, arguments, /*again=*/true);
}

PyObject* map_join(PyObject* self, PyObject* pointer) {
  return guarded([=] {
    void* handle = PyLong_AsVoidPtr(pointer);
    if (handle == nullptr) {
      if (PyErr_Occurred() != nullptr) throw PythonRaised{};
      throw Error(ErrorCode::kClosed, "the connection is closed");
    }
    state_of(self).join(handle);
    return Py_NewRef(Py_None);
  });
}

PyObject* map_open_snapshot(PyObject* self, PyObject* map) {
  return guarded([=] {
    if (!is_map(map)) raise(PyExc_TypeError, "a map is needed, not '%s'", Py_TYPE(map)->tp_name);
    if (!state_of(self).closed()) {
      throw Error(ErrorCode::kInvalidArgument, "the map is open already");
    }
    state_of(self).open_snapshot(state_of(map));
    return Py_NewRef(Py_None);
  });
}

PyObject* map_turn(PyObject* self, PyObject*) {
  return guarded([self] { return turn_object(state_of(self).turn()).release(); });
}

PyObject* map_close(PyObject* self, PyObject*) {
  return guarded([self] {
    state_of(self).close();
    return Py_NewRef(Py_None);
  });
}

PyObject* map_path(PyObject* self, void*) {
  const std::string& path = state_of(self).path();
  return PyUnicode_DecodeFSDefaultAndSize(path.data(), static_cast<Py_ssize_t>(path.size()));
}

PyObject* map_closed(PyObject* self, void*) {
  return PyBool_FromLong(state_of(self).closed() ? 1 : 0);
}

PyObject* map_durability(PyObject* self, void*) {
  return guarded([self] {
    const std::shared_ptr<Session> session = state_of(self).session_to_keep();
    const Durability durability = session->store().environment().durability();
    const std::string_view quoted = durability_name(durability);
    return PyUnicode_FromStringAndSize(quoted.data() + 1,
                                       static_cast<Py_ssize_t>(quoted.size() - 2));
  });
}

PyObject* map_set_durability(PyObject* self, PyObject* durability) {
  return guarded([=] {
    if (PyUnicode_Check(durability) == 0) {
      raise(PyExc_TypeError, "durability must be a str, not %.200s", Py_TYPE(durability)->tp_name);
    }
    Py_ssize_t size = 0;
    const char* const text = PyUnicode_AsUTF8AndSize(durability, &size);
    if (text == nullptr) throw PythonRaised{};
    const Durability promise = parse_durability({text, static_cast<size_t>(size)});
    write(container_of(self), [promise](Store& store, WriteTransaction& transaction) {
      promise_durability(store.environment(), transaction, promise);
    });
    return Py_NewRef(Py_None);
  });
}

PyObject* map_load_json_lines(PyObject* self, PyObject* arguments) {
  PyObject* name = nullptr;
  JsonLines source = {};
  if (PyArg_ParseTuple(arguments, "OUOO:_load_json_lines", &source.lines, &name, &source.key,
                       &source.after_stored) == 0) {
    return nullptr;
  }
  return guarded([&] {
    source.name = std::string(text_of(name).bytes);
    return PyLong_FromSize_t(load_json_lines(container_of(self), source));
  });
}

// --- Handles in SQL

PyObject* map_from_handle(PyObject* self, PyObject* bytes) {
  if (!PyBytes_Check(bytes)) return Py_NewRef(bytes);
  return guarded([=] {
    Ref object = object_of_handle(state_of(self), bytes_of(bytes));
    return object ? object.release() : Py_NewRef(bytes);
  });
}

PyMethodDef map_methods[] = {
    {"_open", method(map_open), METH_VARARGS,
     "_open($self, path, mode, durability, max_size, timeout, verify='auto', /)\n--\n\n"},
    {"_reopen", method(map_reopen), METH_VARARGS,
     "_reopen($self, path, mode, durability, max_size, timeout, /)\n--\n\n"
     "In a forked child: open the file that the parent has open."},
    {"_join", method(map_join), METH_O,
     "_join($self, sqlite3_pointer, /)\n--\n\nUse the session that connection has on this file."},
    {"_open_snapshot", method(map_open_snapshot), METH_O,
     "_open_snapshot($self, map, /)\n--\n\nBecome a read-only map of this moment of `map`."},
    {"_turn", method(map_turn), METH_NOARGS, "_turn($self, /)\n--\n\n"},
    {"_close", method(map_close), METH_NOARGS, "_close($self, /)\n--\n\n"},
    {"_load_json_lines", method(map_load_json_lines), METH_VARARGS,
     "_load_json_lines($self, lines, name, key, after_stored, /)\n--\n\n"},
    {"_backup", method(map_backup), METH_VARARGS,
     "_backup($self, path, overwrite, progress, /)\n--\n\n"},
    {"_stats", method(map_stats), METH_NOARGS, "_stats($self, /)\n--\n\n"},
    {"_check", method(map_check), METH_O, "_check($self, progress, /)\n--\n\n"},
    {"_vacuum", method(map_vacuum), METH_VARARGS,
     "_vacuum($self, full, timeout, progress, /)\n--\n\n"},
    {"_set_auto_vacuum", method(map_set_auto_vacuum), METH_O,
     "_set_auto_vacuum($self, threshold, /)\n--\n\n"},
    {"_finish_auto_vacuum", method(map_finish_auto_vacuum), METH_NOARGS,
     "_finish_auto_vacuum($self, /)\n--\n\n"},
    {"set_durability", method(map_set_durability), METH_O,
     "set_durability($self, durability, /)\n--\n\n"
     "Change what the file promises to survive: 'full', 'normal' or 'off'.\n\n"
     "More is kept at once, by this process and by every other from its next write on. Less is "
     "kept "
     "by\nwhoever opens the file afterwards. Inside a transaction it is part of it.\n\n"
     "Raises: ArgumentError for another word; what any write raises. Cost: a commit; from 'off' on "
     "it\nwaits until all of the file is on the disk."},
    {"_from_handle", method(map_from_handle), METH_O,
     "_from_handle($self, value, /)\n--\n\nReturn the lazy that handle bytes stand for, or value "
     "itself."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef map_attributes[] = {
    {"path", map_path, nullptr, "Path of the file: str, absolute, symbolic links resolved.",
     nullptr},
    {"durability", map_durability, nullptr,
     "What this process's commits wait for: 'full', 'normal' or 'off'. Raises: ClosedError.",
     nullptr},
    {"closed", map_closed, nullptr, "Whether the map was closed: bool.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

}  // namespace

PyTypeObject* make_map_type(PyObject* module, PyTypeObject* mapping) {
  PyType_Slot slots[] = {
      {Py_tp_doc, const_cast<char*>("The native side of OOCMap.")},
      {Py_tp_new, slot(map_new)},
      {Py_tp_dealloc, slot(map_dealloc)},
      {Py_tp_repr, slot(map_repr)},
      {Py_tp_methods, map_methods},
      {Py_tp_getset, map_attributes},
      {0, nullptr},
  };
  PyType_Spec spec = {
      "oocmap._native.Map", sizeof(MapObject), 0,
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_MAPPING | Py_TPFLAGS_IMMUTABLETYPE,
      slots};
  PyObject* type = PyType_FromModuleAndSpec(module, &spec, reinterpret_cast<PyObject*>(mapping));
  if (type == nullptr) throw PythonRaised{};
  return reinterpret_cast<PyTypeObject*>(type);
}

}  // namespace oocmap::python
