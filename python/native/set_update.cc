// What changes a set. The members are made into keys first, which may run Python code; then all of
// the change is one write.
#include <utility>
#include <vector>

#include "core/store/dict.h"
#include "core/store/set.h"
#include "python/native/compare.h"
#include "python/native/dict_methods.h"
#include "python/native/eager.h"
#include "python/native/errors.h"
#include "python/native/keys.h"
#include "python/native/set_methods.h"
#include "python/native/writing.h"

namespace oocmap::python {
namespace {

using Others = std::pair<PyObject* const*, Py_ssize_t>;

bool same_set(const Container& set, PyObject* other) {
  if (!is_lazy_set(other)) return false;
  const Container& theirs = container_of(other);
  return theirs.map == set.map && theirs.identity == set.identity;
}

// Calls `take` with each member of `iterable`; a lazy set is read at one moment.
template <typename Take>
void each_member(PyObject* iterable, const Take& take) {
  const Ref plain = plain_set(iterable);
  const Ref iterator = Ref::steal(PyObject_GetIter(plain.get()));
  while (const Ref member = next_of(iterator.get())) take(member.get());
}

// Runs `body(store, transaction)`, which says whether the number of members changed, as one write.
template <typename Body>
void change(Container& set, const Body& body) {
  bool changed = false;
  write(set,
        [&](Store& store, WriteTransaction& transaction) { changed = body(store, transaction); });
  if (changed) ++size_changes(set.identity);
}

void add_all(Container& set, const std::vector<Key>& keys) {
  const Identity identity = set.identity;
  change(set, [&](Store& store, WriteTransaction& transaction) {
    bool changed = false;
    for (const Key& key : keys) changed |= set_add(store, transaction, identity, key);
    return changed;
  });
}

bool erase_all(Store& store, WriteTransaction& transaction, Identity set,
               const std::vector<Key>& keys) {
  bool changed = false;
  for (const Key& key : keys) changed |= set_discard(store, transaction, set, key);
  return changed;
}

void clear(Container& set) {
  const Identity identity = set.identity;
  change(set, [identity](Store& store, WriteTransaction& transaction) {
    const bool changed = store.locate(transaction, identity).count() != 0;
    set_clear(store, transaction, identity);
    return changed;
  });
}

// Returns whether it was there.
bool discard(Container& set, PyObject* member) {
  set.map->check_open();
  const std::optional<Key> wanted = member_to_find(member);
  if (!wanted) return false;
  bool found = false;
  const Identity identity = set.identity;
  change(set, [&](Store& store, WriteTransaction& transaction) {
    return found = set_discard(store, transaction, identity, *wanted);
  });
  return found;
}

void update(Container& set, Others others) {
  set.map->check_open();
  std::vector<Key> keys;
  for (Py_ssize_t i = 0; i < others.second; ++i) {
    each_member(others.first[i], [&](PyObject* member) { keys.push_back(key_to_store(member)); });
  }
  add_all(set, keys);
}

// As set's __init__: the members are exchanged for those of the iterable.
void exchange(Container& set, PyObject* iterable) {
  set.map->check_open();
  std::vector<Key> keys;
  if (iterable != nullptr) {
    each_member(iterable, [&](PyObject* member) { keys.push_back(key_to_store(member)); });
  }
  const Identity identity = set.identity;
  change(set, [&](Store& store, WriteTransaction& transaction) {
    const bool changed = store.locate(transaction, identity).count() != 0 || !keys.empty();
    set_clear(store, transaction, identity);
    for (const Key& key : keys) set_add(store, transaction, identity, key);
    return changed;
  });
}

void difference_update(Container& set, Others others) {
  set.map->check_open();
  std::vector<Key> keys;
  for (Py_ssize_t i = 0; i < others.second; ++i) {
    if (same_set(set, others.first[i])) return clear(set);
    each_member(others.first[i], [&](PyObject* member) {
      if (std::optional<Key> key = key_to_find(member)) keys.push_back(std::move(*key));
    });
  }
  const Identity identity = set.identity;
  change(set, [&](Store& store, WriteTransaction& transaction) {
    return erase_all(store, transaction, identity, keys);
  });
}

// What goes is known only with the set at hand, so that is read under the lock. The others are read
// before.
void intersection_update(Container& set, Others others) {
  set.map->check_open();
  const Ref arguments = Ref::steal(PyTuple_New(others.second));
  for (Py_ssize_t i = 0; i < others.second; ++i) {
    PyObject* other = others.first[i];
    Ref plain = is_any_set(other) ? plain_set(other) : Ref::steal(PySequence_Tuple(other));
    PyTuple_SET_ITEM(arguments.get(), i, plain.release());
  }
  LockedWrite locked(set);
  const Ref mine = eager(set);
  const Ref function = Ref::steal(PyObject_GetAttrString(mine.get(), "intersection"));
  const Ref kept = Ref::steal(PyObject_CallObject(function.get(), arguments.get()));
  const Ref gone = Ref::steal(PyNumber_Subtract(mine.get(), kept.get()));
  if (PySet_GET_SIZE(gone.get()) == 0) return;
  std::vector<Key> keys;
  each_member(gone.get(), [&](PyObject* member) { keys.push_back(key_to_store(member)); });
  const Identity identity = set.identity;
  locked.finish([&](Store& store, WriteTransaction& transaction) {
    erase_all(store, transaction, identity, keys);
  });
  ++size_changes(identity);
}

void symmetric_difference_update(Container& set, PyObject* other) {
  set.map->check_open();
  if (same_set(set, other)) return clear(set);
  const Ref theirs = is_any_set(other) ? plain_set(other) : Ref::steal(PySet_New(other));
  std::vector<Key> keys;
  each_member(theirs.get(), [&](PyObject* member) { keys.push_back(key_to_store(member)); });
  const Identity identity = set.identity;
  change(set, [&](Store& store, WriteTransaction& transaction) {
    for (const Key& key : keys) {
      if (!set_discard(store, transaction, identity, key)) {
        set_add(store, transaction, identity, key);
      }
    }
    return !keys.empty();
  });
}

// --- Methods

PyObject* lazy_set_add(PyObject* self, PyObject* member) {
  return guarded([=] {
    container_of(self).map->check_open();
    add_all(container_of(self), {key_to_store(member)});
    return Py_NewRef(Py_None);
  });
}

PyObject* lazy_set_discard(PyObject* self, PyObject* member) {
  return guarded([=] {
    discard(container_of(self), member);
    return Py_NewRef(Py_None);
  });
}

PyObject* lazy_set_remove(PyObject* self, PyObject* member) {
  return guarded([=] {
    if (!discard(container_of(self), member)) raise_key_error(member);
    return Py_NewRef(Py_None);
  });
}

PyObject* lazy_set_pop(PyObject* self, PyObject*) {
  return guarded([self] {
    Container& set = container_of(self);
    LockedWrite locked(set);
    DictEntry entry;
    Ref member;
    {
      const Reading reading(set);
      const WithoutCollection guard;
      DictWalk walk(reading.store(), set.identity, true);
      if (!walk.next(reading.transaction(), entry)) raise(PyExc_KeyError, "pop from an empty set");
      member = key_to_python(entry.key);
    }
    member = finished(std::move(member));
    const Identity identity = set.identity;
    locked.finish([&](Store& store, WriteTransaction& transaction) {
      set_discard(store, transaction, identity, entry.key);
    });
    ++size_changes(identity);
    return member.release();
  });
}

PyObject* lazy_set_clear(PyObject* self, PyObject*) {
  return guarded([self] {
    clear(container_of(self));
    return Py_NewRef(Py_None);
  });
}

PyObject* lazy_set_update(PyObject* self, PyObject* const* others, Py_ssize_t count) {
  return guarded([=] {
    update(container_of(self), {others, count});
    return Py_NewRef(Py_None);
  });
}

PyObject* lazy_set_difference_update(PyObject* self, PyObject* const* others, Py_ssize_t count) {
  return guarded([=] {
    difference_update(container_of(self), {others, count});
    return Py_NewRef(Py_None);
  });
}

PyObject* lazy_set_intersection_update(PyObject* self, PyObject* const* others, Py_ssize_t count) {
  return guarded([=] {
    intersection_update(container_of(self), {others, count});
    return Py_NewRef(Py_None);
  });
}

PyObject* lazy_set_symmetric_difference_update(PyObject* self, PyObject* other) {
  return guarded([=] {
    symmetric_difference_update(container_of(self), other);
    return Py_NewRef(Py_None);
  });
}

}  // namespace

int set_init(PyObject* self, PyObject* arguments, PyObject* keywords) {
  return guarded_int([=] {
    if (keywords != nullptr && PyDict_GET_SIZE(keywords) > 0) {
      raise(PyExc_TypeError, "set() takes no keyword arguments");
    }
    PyObject* iterable = nullptr;
    checked(PyArg_UnpackTuple(arguments, "set", 0, 1, &iterable) ? 0 : -1);
    exchange(container_of(self), iterable);
    return 0;
  });
}

// --- Operators: the set itself is what they give

PyObject* set_inplace_or(PyObject* self, PyObject* other) {
  if (!is_any_set(other)) Py_RETURN_NOTIMPLEMENTED;
  return guarded([=] {
    update(container_of(self), {&other, 1});
    return Py_NewRef(self);
  });
}

PyObject* set_inplace_and(PyObject* self, PyObject* other) {
  if (!is_any_set(other)) Py_RETURN_NOTIMPLEMENTED;
  return guarded([=] {
    intersection_update(container_of(self), {&other, 1});
    return Py_NewRef(self);
  });
}

PyObject* set_inplace_subtract(PyObject* self, PyObject* other) {
  if (!is_any_set(other)) Py_RETURN_NOTIMPLEMENTED;
  return guarded([=] {
    difference_update(container_of(self), {&other, 1});
    return Py_NewRef(self);
  });
}

PyObject* set_inplace_xor(PyObject* self, PyObject* other) {
  if (!is_any_set(other)) Py_RETURN_NOTIMPLEMENTED;
  return guarded([=] {
    symmetric_difference_update(container_of(self), other);
    return Py_NewRef(self);
  });
}

PyMethodDef set_update_methods[] = {
    {"add", method(lazy_set_add), METH_O,
     "add($self, member, /)\n--\n\n"
     "Add a member; one that equals it stays as it is.\n\n"
     "Errors: TypeError for an unhashable one, UnsupportedTypeError for one that cannot be "
     "stored,\n"
     "ArgumentError for NaN; those of a write."},
    {"discard", method(lazy_set_discard), METH_O,
     "discard($self, member, /)\n--\n\nRemove a member where it is there."},
    {"remove", method(lazy_set_remove), METH_O,
     "remove($self, member, /)\n--\n\nRemove a member.  Errors: KeyError where it is not there."},
    {"pop", method(lazy_set_pop), METH_NOARGS,
     "pop($self, /)\n--\n\n"
     "Remove and return the member added last.  Errors: KeyError where the set is empty."},
    {"clear", method(lazy_set_clear), METH_NOARGS, "clear($self, /)\n--\n\nRemove all members."},
    {"update", method(lazy_set_update), METH_FASTCALL,
     "update($self, /, *others)\n--\n\n"
     "Add the members of all iterables of others, in one write.\n\n"
     "Errors: those of add(); then nothing is added.  Cost: they are held in memory meanwhile."},
    {"difference_update", method(lazy_set_difference_update), METH_FASTCALL,
     "difference_update($self, /, *others)\n--\n\n"
     "Remove what is in any iterable of others, in one write."},
    {"intersection_update", method(lazy_set_intersection_update), METH_FASTCALL,
     "intersection_update($self, /, *others)\n--\n\n"
     "Remove what is not in every iterable of others, in one write.  Cost: reads the whole set."},
    {"symmetric_difference_update", method(lazy_set_symmetric_difference_update), METH_O,
     "symmetric_difference_update($self, other, /)\n--\n\n"
     "Remove what is in other too, and add what is in other alone, in one write."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace oocmap::python
