#include "python/native/dict_methods.h"

#include "core/store/dict.h"
#include "python/native/compare.h"
#include "python/native/convert_in.h"
#include "python/native/convert_out.h"
#include "python/native/dict_find.h"
#include "python/native/eager.h"
#include "python/native/errors.h"
#include "python/native/key_range.h"
#include "python/native/keys.h"
#include "python/native/repr.h"
#include "python/native/views.h"
#include "python/native/writing.h"

namespace oocmap::python {

void raise_key_error(PyObject* key) {
  const Ref arguments =
      Ref::steal(PyTuple_Pack(1, key));  // or a tuple would be taken for the arguments
  PyErr_SetObject(PyExc_KeyError, arguments.get());
  throw PythonRaised{};
}

namespace {

// --- Writing

void store_item(Container& dict, PyObject* key, PyObject* value) {
  dict.map->check_open();
  const Key encoded_key = key_to_store(key);
  EncodedValue encoded = encode(*dict.map, value);
  Member same;  // what is stored already, where the value is a lazy of this file
  if (const Container* reference = reference_in(*dict.map, value)) {
    same.tag = reference->tag;
    same.word = reference->identity;
  }
  const Identity identity = dict.identity;
  bool added = false;
  write(dict, [&](Store& store, WriteTransaction& transaction) {
    if (same.tag != 0) {
      const auto old =
          dict_get(store, transaction, store.locate(transaction, identity), encoded_key);
      if (old && old->tag == same.tag && old->word == same.word) return;
    }
    added = dict_set(store, transaction, identity, encoded_key, std::move(encoded));
  });
  if (added) ++size_changes(identity);
}

void erase_item(Container& dict, PyObject* key) {
  dict.map->check_open();
  const std::optional<Key> wanted = key_to_find(key);
  if (!wanted) raise_key_error(key);
  const Identity identity = dict.identity;
  bool found = false;
  write(dict, [&](Store& store, WriteTransaction& transaction) {
    found = dict_erase(store, transaction, identity, *wanted);
  });
  if (!found) raise_key_error(key);
  ++size_changes(identity);
}

// Ends a write that takes `key` out.
void finish_erase(LockedWrite& locked, Container& dict, const Key& key) {
  const Identity identity = dict.identity;
  locked.finish([&](Store& store, WriteTransaction& transaction) {
    dict_erase(store, transaction, identity, key);
  });
  ++size_changes(identity);
}

// --- Slots

Py_ssize_t mapping_length(PyObject* self) {
  return guarded<Py_ssize_t>(
      -1, [self] { return static_cast<Py_ssize_t>(count_of(container_of(self))); });
}

// A subclass of a map may have __missing__, as one of dict may.
PyObject* missing(PyObject* self, PyObject* key) {
  if (Py_TYPE(self) != lazy_dict_type) {
    PyObject* hook =
        PyObject_GetAttrString(reinterpret_cast<PyObject*>(Py_TYPE(self)), "__missing__");
    if (hook != nullptr) {
      const Ref function = Ref::steal(hook);
      return Ref::steal(PyObject_CallFunctionObjArgs(hook, self, key, nullptr)).release();
    }
    PyErr_Clear();
  }
  raise_key_error(key);
}

PyObject* mapping_subscript(PyObject* self, PyObject* key) {
  return guarded([=] {
    PyObject* found = dict_lookup(container_of(self), key);
    return found != nullptr ? found : missing(self, key);
  });
}

int mapping_assign(PyObject* self, PyObject* key, PyObject* value) {
  return guarded_int([=] {
    dict_assign(container_of(self), key, value);
    return 0;
  });
}

int mapping_contains(PyObject* self, PyObject* key) {
  return guarded_int([=] { return dict_contains(container_of(self), key) ? 1 : 0; });
}

PyObject* mapping_iter(PyObject* self) {
  return guarded([self] { return make_iterator(self, What::kKeys); });
}

// --- Methods

PyObject* mapping_reversed(PyObject* self, PyObject*) {
  return guarded([self] { return make_iterator(self, What::kKeys, true); });
}

bool check_arguments(const char* name, Py_ssize_t count, Py_ssize_t least, Py_ssize_t most) {
  if (count >= least && count <= most) return true;
  const bool few = count < least;
  const Py_ssize_t bound = few ? least : most;
  PyErr_Format(PyExc_TypeError, "%s expected at %s %zd argument%s, got %zd", name,
               few ? "least" : "most", bound, bound == 1 ? "" : "s", count);
  return false;
}

PyObject* mapping_get(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  if (!check_arguments("get", count, 1, 2)) return nullptr;
  return guarded([=] {
    PyObject* found = dict_lookup(container_of(self), arguments[0]);
    if (found != nullptr) return found;
    return Py_NewRef(count == 2 ? arguments[1] : Py_None);
  });
}

PyObject* mapping_get_many(PyObject* self, PyObject* arguments, PyObject* keywords) {
  PyObject* keys = nullptr;
  PyObject* fallback = Py_None;
  static const char* names[] = {"", "default", nullptr};
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|O:get_many", const_cast<char**>(names),
                                   &keys, &fallback)) {
    return nullptr;
  }
  return guarded([=] { return dict_lookup_many(container_of(self), keys, fallback).release(); });
}

PyObject* mapping_range(PyObject* self, PyObject* arguments, PyObject* keywords) {
  PyObject* start = Py_None;
  PyObject* stop = Py_None;
  int reverse = 0;
  static const char* names[] = {"start", "stop", "reverse", nullptr};
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "|OOp:range", const_cast<char**>(names),
                                   &start, &stop, &reverse)) {
    return nullptr;
  }
  return guarded([=] { return make_key_range(self, start, stop, reverse != 0); });
}

// The eager value under a key, taken out; empty where there is none.
Ref pop_key(Container& dict, PyObject* key) {
  dict.map->check_open();
  if (count_of(dict) == 0) {  // as dict.pop, which does not hash the key then
    // A map that is read-only, or a value that is gone, says so.
    const LockedWrite locked(dict);
    return Ref();
  }
  const std::optional<Key> wanted = key_to_find(key);
  if (!wanted) return Ref();
  LockedWrite locked(dict);
  EagerValue value;
  {
    const Reading reading(dict);
    const auto member = find_member(reading, *wanted);
    if (!member) return Ref();
    value = eager_member(reading, *member);
  }
  Ref result = value.finish();
  finish_erase(locked, dict, *wanted);
  return result;
}

PyObject* mapping_pop(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  if (!check_arguments("pop", count, 1, 2)) return nullptr;
  return guarded([=] {
    Ref value = pop_key(container_of(self), arguments[0]);
    if (value) return value.release();
    if (count == 1) raise_key_error(arguments[0]);
    return Py_NewRef(arguments[1]);
  });
}

PyObject* mapping_popitem(PyObject* self, PyObject*) {
  return guarded([self] {
    Container& dict = container_of(self);
    LockedWrite locked(dict);
    DictEntry entry;
    Ref key;
    EagerValue read;
    {
      const Reading reading(dict);
      const WithoutCollection guard;
      DictWalk walk(reading.store(), dict.identity, true);
      if (!walk.next(reading.transaction(), entry)) {
        raise(PyExc_KeyError, "popitem(): dictionary is empty");
      }
      key = key_to_python(entry.key);
      read = eager_member(reading, entry.value);
    }
    const Ref value = read.finish();
    key = finished(std::move(key));
    Ref pair = Ref::steal(PyTuple_Pack(2, key.get(), value.get()));
    finish_erase(locked, dict, entry.key);
    return pair.release();
  });
}

PyObject* mapping_setdefault(PyObject* self, PyObject* const* arguments, Py_ssize_t count) {
  if (!check_arguments("setdefault", count, 1, 2)) return nullptr;
  return guarded([=] {
    Container& dict = container_of(self);
    dict.map->check_open();
    const Key key = key_to_store(arguments[0]);
    PyObject* value = count == 2 ? arguments[1] : Py_None;
    {
      LockedWrite locked(dict);
      {
        const Reading reading(dict);
        if (const auto member = find_member(reading, key))
          return member_to_python(reading, *member);
      }
      EncodedValue encoded = encode(*dict.map, value);
      const Identity identity = dict.identity;
      locked.finish([&](Store& store, WriteTransaction& transaction) {
        dict_set(store, transaction, identity, key, std::move(encoded));
      });
      ++size_changes(identity);
    }
    PyObject* stored = dict_lookup(dict, arguments[0]);
    return stored != nullptr ? stored : Py_NewRef(value);  // another process may have removed it
  });
}

PyObject* mapping_update(PyObject* self, PyObject* arguments, PyObject* keywords) {
  PyObject* other = nullptr;
  if (!PyArg_UnpackTuple(arguments, "update", 0, 1, &other)) return nullptr;
  return guarded([=] {
    dict_update(container_of(self), other, keywords);
    return Py_NewRef(Py_None);
  });
}

// As dict's: what the arguments hold is added. A map's __init__ opens its file.
int dict_init(PyObject* self, PyObject* arguments, PyObject* keywords) {
  return guarded_int([=] {
    PyObject* other = nullptr;
    checked(PyArg_UnpackTuple(arguments, "dict", 0, 1, &other) ? 0 : -1);
    dict_update(container_of(self), other, keywords);
    return 0;
  });
}

PyObject* mapping_clear(PyObject* self, PyObject*) {
  return guarded([self] {
    Container& dict = container_of(self);
    const Identity identity = dict.identity;
    write(dict, [identity](Store& store, WriteTransaction& transaction) {
      dict_clear(store, transaction, identity);
    });
    ++size_changes(identity);
    return Py_NewRef(Py_None);
  });
}

// The entries of a shaped dict, whose keys are made already.
void copy_shaped(const Reading& reading, PyObject* copy) {
  const Ref keys = reading.map()
                       .shapes.find(reading.store(), reading.transaction(), reading.node().shape())
                       .keys;
  const Py_ssize_t size = PyTuple_GET_SIZE(keys.get());
  if (static_cast<uint64_t>(size) > reading.node().count()) {
    throw Error(ErrorCode::kCorrupt, "the file is damaged: a dict with fewer members than keys");
  }
  for (Py_ssize_t i = 0; i < size; ++i) {
    const Ref value =
        Ref::steal(member_to_python(reading, reading.node().member(static_cast<uint64_t>(i))));
    checked(PyDict_SetItem(copy, PyTuple_GET_ITEM(keys.get(), i), value.get()));
  }
}

// The entries of one moment, perhaps with stand-ins. No Python code runs: keys are exact builtins.
void copy_entries(Container& dict, PyObject* copy) {
  const Reading reading(dict);
  const WithoutCollection guard;
  if (reading.node().kind() == NodeKind::kShapedDict) {
    return copy_shaped(reading, copy);
  }
  DictWalk walk(reading.store(), dict.identity);
  DictEntry entry;
  while (walk.next(reading.transaction(), entry)) {
    const Ref key = key_to_python(entry.key);
    const Ref value = Ref::steal(member_to_python(reading, entry.value));
    checked(PyDict_SetItem(copy, key.get(), value.get()));
  }
}

// A plain dict of one moment.
Ref copy_of(PyObject* mapping) {
  Container* dict = dict_behind(mapping);
  if (dict == nullptr) return Ref::steal(PyDict_Copy(mapping));
  Ref copy = Ref::steal(PyDict_New());
  copy_entries(*dict, copy.get());
  return finished(std::move(copy));
}

PyObject* mapping_copy(PyObject* self, PyObject*) {
  return guarded([self] { return copy_of(self).release(); });
}

// A plain dict: a stored one comes into being only where it is stored.
PyObject* mapping_fromkeys(PyObject*, PyObject* arguments) {
  return guarded([=] {
    const Ref make =
        Ref::steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(&PyDict_Type), "fromkeys"));
    return Ref::steal(PyObject_CallObject(make.get(), arguments)).release();
  });
}

PyObject* mapping_keys(PyObject* self, PyObject*) {
  return guarded([self] { return make_view(self, What::kKeys); });
}
PyObject* mapping_values(PyObject* self, PyObject*) {
  return guarded([self] { return make_view(self, What::kValues); });
}
PyObject* mapping_items(PyObject* self, PyObject*) {
  return guarded([self] { return make_view(self, What::kItems); });
}
PyObject* mapping_eager(PyObject* self, PyObject*) {
  return guarded([self] { return eager(container_of(self)).release(); });
}
// What is shared within the value stays shared; copy.deepcopy() itself takes care of what holds it.
PyObject* mapping_deepcopy(PyObject* self, PyObject*) { return mapping_eager(self, nullptr); }

// --- Operators: | gives a plain dict, |= updates in place

bool is_dict(PyObject* object) { return PyDict_Check(object) || dict_behind(object) != nullptr; }

PyObject* mapping_or(PyObject* left, PyObject* right) {
  if (!is_dict(left) || !is_dict(right)) Py_RETURN_NOTIMPLEMENTED;
  return guarded([=] {
    Ref result = copy_of(left);
    const Ref other = copy_of(right);
    checked(PyDict_Update(result.get(), other.get()));
    return result.release();
  });
}

PyObject* mapping_inplace_or(PyObject* self, PyObject* other) {
  return guarded([=] {
    dict_update(container_of(self), other, nullptr);
    return Py_NewRef(self);
  });
}

PyMethodDef mapping_methods[] = {
    {"get", method(mapping_get), METH_FASTCALL,
     "get($self, key, default=None, /)\n--\n\n"
     "Return the value under key, or default where there is none.\n\n"
     "Errors: TypeError for an unhashable key.  Cost: as [key]."},
    {"get_many", method(mapping_get_many), METH_VARARGS | METH_KEYWORDS,
     "get_many($self, keys, /, default=None)\n--\n\n"
     "Return a list of the values under keys, in their order, of one consistent moment.\n\n"
     "default stands for each key that is absent.\n"
     "Errors: TypeError for an unhashable key.  Cost: as [key] each."},
    {"range", method(mapping_range), METH_VARARGS | METH_KEYWORDS,
     "range($self, start=None, stop=None, reverse=False)\n--\n\n"
     "Return an iterator of (key, value) in key order, from start to before stop.\n\n"
     "None is no bound.  reverse gives the same entries, the last first.  Numbers come before "
     "text,\n"
     "text before bytes, then all other keys.  Each step sees the newest content, and goes on\n"
     "behind the last key.\n"
     "Errors: those of a key to be stored, for a bound.  Cost: one descent, then a step an entry;\n"
     "a dict of few entries is sorted first."},
    {"keys", method(mapping_keys), METH_NOARGS,
     "keys($self, /)\n--\n\nReturn a live view of the keys, in insertion order.  Reads nothing."},
    {"values", method(mapping_values), METH_NOARGS,
     "values($self, /)\n--\n\nReturn a live view of the values, in insertion order.  Reads "
     "nothing."},
    {"items", method(mapping_items), METH_NOARGS,
     "items($self, /)\n--\n\nReturn a live view of the (key, value) pairs, in insertion order.  "
     "Reads nothing."},
    {"pop", method(mapping_pop), METH_FASTCALL,
     "pop($self, key, default=<unrepresentable>, /)\n--\n\n"
     "Remove key and return its value, as a plain (eager) object.\n\n"
     "Errors: KeyError where it is absent and no default is given; those of a write.\n"
     "Cost: one read of the whole value and one write."},
    {"popitem", method(mapping_popitem), METH_NOARGS,
     "popitem($self, /)\n--\n\n"
     "Remove the entry added last and return it as (key, plain value).\n\n"
     "Errors: KeyError where the dict is empty; those of a write."},
    {"setdefault", method(mapping_setdefault), METH_FASTCALL,
     "setdefault($self, key, default=None, /)\n--\n\n"
     "Return the value under key; where there is none, store default first.  Atomic.\n\n"
     "Errors: those of a write."},
    {"update", method(mapping_update), METH_VARARGS | METH_KEYWORDS,
     "update($self, other=(), /, **keywords)\n--\n\n"
     "Store the entries of a mapping, or of an iterable of (key, value) pairs, and the "
     "keywords.\n\n"
     "A mapping is stored as a whole or not at all.  Outside a transaction an iterable is stored\n"
     "in batches of 8,192 entries or about 64 MB: those before an error stay, and the error says\n"
     "how many.\n"
     "Errors: those of a write; dict.update's for what is neither."},
    {"clear", method(mapping_clear), METH_NOARGS,
     "clear($self, /)\n--\n\nRemove all entries.  Errors: those of a write."},
    {"copy", method(mapping_copy), METH_NOARGS,
     "copy($self, /)\n--\n\n"
     "Return a plain dict, of one consistent moment, whose values may be lazy.\n\n"
     "Cost: one step an entry."},
    {"__copy__", method(mapping_copy), METH_NOARGS, "Return what copy() does."},
    {"__deepcopy__", method(mapping_deepcopy), METH_O, "Return what eager() does."},
    {"fromkeys", method(mapping_fromkeys), METH_VARARGS | METH_CLASS,
     "fromkeys($type, iterable, value=None, /)\n--\n\n"
     "Return a plain dict with the keys that iterable gives, each with the same value."},
    {"eager", method(mapping_eager), METH_NOARGS,
     "eager($self, /)\n--\n\n"
     "Return the whole value as plain Python objects, deep, of one consistent moment.\n\n"
     "Sharing and cycles are kept.  Cost: all of it is read and held in memory."},
    {"__reversed__", method(mapping_reversed), METH_NOARGS,
     "Return an iterator over the keys, the one added last first."},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "See PEP 585."},
    {nullptr, nullptr, 0, nullptr},
};

// Not the map's, whose repr reads nothing.
PyMethodDef lazy_dict_methods[] = {
    {"__rich_repr__", method(lazy_rich_repr), METH_NOARGS, kRichReprDoc},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void dict_assign(Container& dict, PyObject* key, PyObject* value) {
  if (value != nullptr) {
    store_item(dict, key, value);
  } else {
    erase_item(dict, key);
  }
}

PyTypeObject* make_mapping_type(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_doc, const_cast<char*>("What OOCMap and LazyDict share: the methods of dict.")},
      {Py_tp_iter, slot(mapping_iter)},
      {Py_tp_richcompare, slot(dict_richcompare)},
      {Py_tp_hash, slot(PyObject_HashNotImplemented)},
      {Py_tp_methods, mapping_methods},
      {Py_mp_length, slot(mapping_length)},
      {Py_mp_subscript, slot(mapping_subscript)},
      {Py_mp_ass_subscript, slot(mapping_assign)},
      {Py_sq_contains, slot(mapping_contains)},
      {Py_nb_or, slot(mapping_or)},
      {Py_nb_inplace_or, slot(mapping_inplace_or)},
      {0, nullptr},
  };
  PyType_Spec spec = {"oocmap.LazyMapping", sizeof(HandleObject), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_MAPPING |
                          Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
                      slots};
  PyObject* type = PyType_FromModuleAndSpec(module, &spec, nullptr);
  if (type == nullptr) throw PythonRaised{};
  return reinterpret_cast<PyTypeObject*>(type);
}

PyTypeObject* make_lazy_dict_type(PyObject* module, PyTypeObject* mapping) {
  PyType_Slot slots[] = {
      {Py_tp_doc,
       const_cast<char*>("A dict inside a map: read when it is asked for, written at once.\n\n"
                         "Has dict's methods.  Its key types and errors are those of OOCMap.")},
      {Py_tp_dealloc, slot(lazy_dealloc)},
      {Py_tp_traverse, slot(lazy_traverse)},
      {Py_tp_repr, slot(lazy_repr)},
      {Py_tp_init, slot(dict_init)},
      {Py_tp_methods, lazy_dict_methods},
      {0, nullptr},
  };
  PyType_Spec spec = {"oocmap.LazyDict", sizeof(LazyObject), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_MAPPING |
                          Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
                      slots};
  PyObject* type = PyType_FromModuleAndSpec(module, &spec, reinterpret_cast<PyObject*>(mapping));
  if (type == nullptr) throw PythonRaised{};
  return reinterpret_cast<PyTypeObject*>(type);
}

}  // namespace oocmap::python
