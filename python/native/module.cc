// The native module. It holds nothing of the store: it links to oocmap.so, which lies beside it and
// is the SQLite extension too, so that a process has one store for both.
#include <dlfcn.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include "core/base/build_id.h"
#include "core/base/version.h"
#include "core/lmdb/environment.h"
#include "core/lmdb/last_commit.h"
#include "python/native/array_memory.h"
#include "python/native/dict_methods.h"
#include "python/native/errors.h"
#include "python/native/handles.h"
#include "python/native/interrupts.h"
#include "python/native/iterate.h"
#include "python/native/key_range.h"
#include "python/native/lazy_array.h"
#include "python/native/registered.h"
#include "python/native/sequence.h"
#include "python/native/set_methods.h"
#include "python/native/shape_keys.h"
#include "python/native/unfinished.h"
#include "python/native/views.h"

namespace nb = nanobind;

namespace oocmap::python {
namespace {

// The oocmap.so that was installed with this module.
std::string own_image_path() {
  Dl_info info = {};
  if (dladdr(reinterpret_cast<const void*>(&own_image_path), &info) == 0) return "oocmap.so";
  const std::string module = info.dli_fname;
  return module.substr(0, module.rfind('/') + 1) + "oocmap.so";
}

// A module built with one oocmap.so must not run with another, nor beside a second one. (The loader
// takes one that is loaded already for the one beside the module: of the same build it may serve.)
void check_image() {
  const auto refuse = [](const std::string& other) {
    throw Error(ErrorCode::kSecondImage, "this process uses another copy of oocmap.so, " + other +
                                             ", and this package needs its own; load '" +
                                             own_image_path() +
                                             "' instead, as oocmap.load(connection) does");
  };
  if (std::string_view(image_build_id()) != kBuildId) {
    refuse("'" + image_path() + "' of another build (" + image_build_id() + ", not " + kBuildId +
           ")");
  }
  if (const auto other = take_process()) refuse("'" + *other + "'");
}

PyTypeObject* add(PyObject* module, PyTypeObject* type) {
  checked(PyModule_AddType(module, type));
  return type;
}

void add_types(PyObject* module) {
  PyTypeObject* mapping = add(module, make_mapping_type(module));
  PyTypeObject* sequence = add(module, make_sequence_type(module));
  map_type = add(module, make_map_type(module, mapping));
  lazy_dict_type = add(module, make_lazy_dict_type(module, mapping));
  lazy_list_type = add(module, make_lazy_list_type(module, sequence));
  lazy_tuple_type = add(module, make_lazy_tuple_type(module, sequence));
  add(module, make_array_handle_type(module));
  PyTypeObject* any_set = add(module, make_set_base_type(module));
  lazy_set_type = add(module, make_lazy_set_type(module, any_set));
  lazy_frozenset_type = add(module, make_lazy_frozenset_type(module, any_set));
  add(module, make_turn_type(module));
  make_array_memory_type(module);
  make_stand_in_type(module);
  make_iterator_type(module);
  make_key_range_type(module);
  make_view_types(module);
}

nb::object handle_bytes(nb::handle value) {
  if (!is_lazy(value.ptr()) && !is_map(value.ptr())) {
    raise(PyExc_TypeError, "cannot pass a value of type '%s' to SQL",
          Py_TYPE(value.ptr())->tp_name);
  }
  return nb::steal(handle_of(container_of(value.ptr())).release());
}

nb::object map_of(nb::handle lazy) {
  if (!is_lazy(lazy.ptr())) {
    raise(PyExc_TypeError, "a lazy object is needed, not '%s'", Py_TYPE(lazy.ptr())->tp_name);
  }
  return nb::borrow(container_of(lazy.ptr()).map->self());
}

nb::tuple moments(nb::handle map) {
  if (!is_map(map.ptr())) raise(PyExc_TypeError, "a map is needed");
  const MapState& state = *container_of(map.ptr()).map;
  state.check_open();
  // Not the newest meta page: readers do not get that until its commit is over.
  const auto begun = [&] {
    return ThreadReader(state.store().environment()).transaction().stamp().transaction_id;
  };
  const auto& moment = state.moment();
  return nb::make_tuple(moment ? moment->transaction_id : begun(), last_commit_of_thread());
}

nb::tuple counters() { return nb::make_tuple(read_counters.containers, read_counters.members); }

nb::tuple bytes_of_arrays() { return nb::make_tuple(array_counters.read, array_counters.written); }

// What we throw, where a function of nanobind's calls us.
void translate(const std::exception_ptr& failure, void*) {
  try {
    std::rethrow_exception(failure);
  } catch (const PythonRaised&) {
  } catch (const Error& error) {
    set_exception(error);
  }
}

void make_module(nb::module_& module) {
  nb::register_exception_translator(translate);
  try {
    load_exceptions();
    check_image();
    let_signals_interrupt();
    add_types(module.ptr());
  } catch (...) {
    translate_exception();
    nb::raise_python_error();
  }
  module.attr("__version__") = kVersion;
  module.def(
      "image_path", [] { return image_path(); }, "Path of the oocmap.so in use: str.");
  module.def("handle_bytes", handle_bytes, nb::arg("value"),
             "The handle of a lazy object, as it is passed to SQL: bytes.");
  module.def("map_of", map_of, nb::arg("lazy"), "The map a lazy object was read from: Map.");
  module.def("counters", counters,
             "(containers located, members read) by this process so far, for tests: two ints.");
  module.def("moments", moments, nb::arg("map"),
             "(id of the commit a map or snapshot shows, id of this thread's last commit): two "
             "ints, for tests.");
  module.def("array_counters", bytes_of_arrays,
             "(bytes of arrays copied out, bytes of rows put) so far, for tests: two ints.");
  module.def(
      "use_arrays",
      [](nb::handle type, nb::handle describe, nb::handle build) {
        use_arrays(type.ptr(), describe.ptr(), build.ptr());
      },
      "Give this module LazyArray, and what stores and builds arrays.");
  module.def(
      "register_class",
      [](nb::handle type, nb::handle to, nb::handle from, const std::string& name) {
        if (!PyType_Check(type.ptr())) raise(PyExc_TypeError, "a class is needed");
        register_class(type.ptr(), to.ptr(), from.ptr(), name);
      },
      "Register a class: its objects are stored as to(object) and read as from_(value).");
}

}  // namespace
}  // namespace oocmap::python

NB_MODULE(_native, m) { oocmap::python::make_module(m); }
