#include "python/native/known_equal.h"

#include <functional>
#include <unordered_map>
#include <utility>

#include "python/native/lazy.h"

namespace oocmap::python {
namespace {

// Fewer comparisons than this inside a pair are done again rather than remembered.
constexpr uint64_t kWorthKnowing = 64;

// One side: a container of a map by its identity, for each read gives another lazy; else the
// object.
struct Side {
  const void* owner = nullptr;
  uint64_t identity = 0;
  bool operator==(const Side&) const = default;
};

Side side_of(PyObject* object) {
  if (!is_lazy(object) && !is_map(object)) return {object, 0};
  const Container& container = container_of(object);
  return {container.map, static_cast<uint64_t>(container.identity)};
}

struct Pair {
  Side left;
  Side right;
  bool operator==(const Pair&) const = default;
};

struct PairHash {
  size_t operator()(const Pair& pair) const noexcept {
    size_t hash = 0;
    for (const Side& side : {pair.left, pair.right}) {
      hash = (hash ^ std::hash<const void*>()(side.owner)) * 0x9E3779B97F4A7C15ull;
      hash = (hash ^ side.identity) * 0x9E3779B97F4A7C15ull;
    }
    return hash ^ (hash >> 29);
  }
};

// Of the outermost comparison of a thread; the references keep what the pairs point to.
struct Known {
  size_t depth = 0;
  uint64_t begun = 0;
  std::unordered_map<Pair, std::pair<Ref, Ref>, PairHash> equal;
};

Known& known() {
  static thread_local Known of_thread;
  return of_thread;
}

}  // namespace

Comparing::Comparing(PyObject* left, PyObject* right)
    : left_(left), right_(right), before_(known().begun) {
  check_stack(" in comparison");
  checked(PyErr_CheckSignals());
  ++known().begun;
  ++known().depth;
}

Comparing::~Comparing() {
  if (--known().depth > 0) return;
  // What goes with the references may compare again.
  const auto gone = std::exchange(known().equal, {});
}

bool Comparing::known_equal() const {
  const auto& equal = known().equal;
  return !equal.empty() && equal.contains({side_of(left_), side_of(right_)});
}

void Comparing::found_equal() {
  if (known().depth == 1 || known().begun - before_ < kWorthKnowing) return;
  known().equal.try_emplace({side_of(left_), side_of(right_)}, Ref::borrow(left_),
                            Ref::borrow(right_));
}

}  // namespace oocmap::python
