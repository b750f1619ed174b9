#include "python/native/list_order.h"

#include <numeric>
#include <utility>
#include <vector>

#include "core/store/list.h"
#include "python/native/errors.h"
#include "python/native/sequence.h"
#include "python/native/writing.h"

namespace oocmap::python {
namespace {

// `reverse` as list.sort of the running version takes it: an int before 3.12, then anything.
#if PY_VERSION_HEX < 0x030C0000
constexpr const char* kSortArguments = "|$Oi:sort";
#else
constexpr const char* kSortArguments = "|$Op:sort";
#endif

// The list whose sort() runs in this thread; sorts of several lists may stand in one another.
class BeingSorted {
 public:
  explicit BeingSorted(const Container& list)
      : map_(list.map), identity_(list.identity), outer_(std::exchange(innermost_, this)) {}
  ~BeingSorted() { innermost_ = outer_; }
  BeingSorted(const BeingSorted&) = delete;
  BeingSorted& operator=(const BeingSorted&) = delete;

  static bool has(const Container& container) noexcept {
    for (const BeingSorted* sorted = innermost_; sorted != nullptr; sorted = sorted->outer_) {
      if (sorted->identity_ == container.identity && sorted->map_ == container.map) return true;
    }
    return false;
  }

 private:
  static thread_local const BeingSorted* innermost_;
  const MapState* map_;
  Identity identity_;
  const BeingSorted* outer_;
};

thread_local const BeingSorted* BeingSorted::innermost_ = nullptr;

// The places of `members` in sorted order: list.sort of the places, by what stands there.
std::vector<uint64_t> sorted_places(const Ref& members, PyObject* key, int reverse) {
  const Py_ssize_t size = PyList_GET_SIZE(members.get());
  const Ref places = Ref::steal(PyList_New(size));
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyList_SET_ITEM(places.get(), i, Ref::steal(PyLong_FromSsize_t(i)).release());
    if (key == Py_None) continue;
    const Ref by = Ref::steal(PyObject_CallOneArg(key, PyList_GET_ITEM(members.get(), i)));
    checked(PyList_SetItem(members.get(), i, Py_NewRef(by.get())));
  }
  const Ref sort = Ref::steal(PyObject_GetAttrString(places.get(), "sort"));
  const Ref none = Ref::steal(PyTuple_New(0));
  const Ref item = Ref::steal(PyObject_GetAttrString(members.get(), "__getitem__"));
  const Ref keywords = Ref::steal(
      Py_BuildValue("{sOsO}", "key", item.get(), "reverse", reverse != 0 ? Py_True : Py_False));
  Ref::steal(PyObject_Call(sort.get(), none.get(), keywords.get()));
  std::vector<uint64_t> order;
  for (Py_ssize_t i = 0; i < size; ++i) {
    order.push_back(PyLong_AsUnsignedLongLong(PyList_GET_ITEM(places.get(), i)));
  }
  return order;
}

}  // namespace

void check_not_being_sorted(const Container& container) {
  if (BeingSorted::has(container)) raise(PyExc_ValueError, "list modified during sort");
}

PyObject* list_reverse(PyObject* self, PyObject*) {
  return guarded([self] {
    Container& list = container_of(self);
    const Identity identity = list.identity;
    write(list, [identity](Store& store, WriteTransaction& transaction) {
      std::vector<uint64_t> order(store.locate(transaction, identity).count());
      std::iota(order.rbegin(), order.rend(), uint64_t{0});
      list_permute(store, transaction, identity, order);
    });
    return Py_NewRef(Py_None);
  });
}

// Under the lock, so that what is sorted is what is stored; a key function may read the map.
PyObject* list_sort(PyObject* self, PyObject* arguments, PyObject* keywords) {
  PyObject* key = Py_None;
  int reverse = 0;
  static const char* names[] = {"key", "reverse", nullptr};
  if (!PyArg_ParseTupleAndKeywords(arguments, keywords, kSortArguments, const_cast<char**>(names),
                                   &key, &reverse)) {
    return nullptr;
  }
  return guarded([=] {
    Container& list = container_of(self);
    LockedWrite locked(list);
    std::vector<uint64_t> order;
    {
      const Ref members = list_of(self);
      const BeingSorted mark(list);
      order = sorted_places(members, key, reverse);
    }
    const Identity identity = list.identity;
    locked.finish([&](Store& store, WriteTransaction& transaction) {
      list_permute(store, transaction, identity, order);
    });
    return Py_NewRef(Py_None);
  });
}

}  // namespace oocmap::python
