// One read operation: a consistent moment, and the container's node in it.
#pragma once

#include "core/base/error.h"
#include "core/store/session.h"
#include "python/native/map.h"

namespace oocmap::python {

// Counters that tests look at: that nothing is read before it is asked for.
struct ReadCounters {
  uint64_t containers = 0;  // nodes located
  uint64_t members = 0;     // members made into Python objects
};
extern ReadCounters read_counters;

// Keeps a map's store for the length of a read, and its view of it.
// Errors: kClosed, kTransactionFailed. Cost: 10-20 ns. No Python code may run while one lives: what
// it read would be this view's, not the newest.
class MapReading {
 public:
  explicit MapReading(MapState& map) : entered_(map), scope_(map.session()) {}
  MapState& map() const noexcept { return entered_.map; }
  Store& store() const noexcept { return entered_.map.store(); }
  const Transaction& transaction() const noexcept { return scope_.transaction(); }
  // For a copy without the GIL, after this has ended: null where that cannot be.
  std::unique_ptr<const KeptMoment> keep() const {
    return KeptMoment::of(scope_, entered_.map.session());
  }

 private:
  struct Entered {
    explicit Entered(MapState& state) : map(state) { map.enter(); }
    ~Entered() { map.leave(); }
    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;
    MapState& map;
  };
  Entered entered_;
  ReadScope scope_;
};

// Makes `container` point at its node of this moment. Errors: kStaleHandle, kCorrupt.
void find_again(const MapReading& reading, Container& container);

inline void locate(const MapReading& reading, Container& container) {
  if (!container.located || !(container.stamp == reading.transaction().stamp())) {
    find_again(reading, container);
  }
}

// Whether nothing can have changed since `stamp` was taken in this map, so that what was copied out
// then still holds; views into the file may not be used on its word. Cost: a few ns, no lock.
inline bool untouched(const MapState& map, const Stamp& stamp) {
  if (map.closed()) return false;
  if (map.moment()) return stamp == *map.moment();
  if (stamp.write_generation != 0 || !map.session().at_rest()) return false;
  const Environment& environment = map.store().environment();
  return environment.last_transaction_id() == stamp.transaction_id &&
         environment.serial() == stamp.environment;
}

// What lies under `key` (one that the cache takes), where it was read before and nothing can have
// changed since; else null. A handle made inside a transaction may have been rolled back: not
// known.
inline const LookupCache::Slot* find_known(const Container& container, PyObject* key) {
  const MapState& map = *container.map;
  if (container.birth != 0 || !untouched(map, map.lookups.stamp())) return nullptr;
  return map.lookups.find(container.identity, key);
}

// A read of one container.
class Reading : public MapReading {
 public:
  explicit Reading(Container& container) : MapReading(*container.map), container_(container) {
    locate(*this, container);
  }
  Container& container() const noexcept { return container_; }
  const NodeView& node() const noexcept { return container_.node; }

 private:
  Container& container_;
};

// Keeps what was read for find_known(): `object`, as made from `member`.
inline void remember(const Reading& reading, PyObject* key, const Member& member,
                     PyObject* object) {
  if (reading.container().birth != 0 || reading.transaction().writable()) return;
  reading.map().lookups.add(reading.transaction().stamp(), reading.container().identity, key,
                            member, object);
}

// Python's len of a container. Cost: a few ns while nothing has changed.
inline uint64_t count_of(Container& container) {
  if (container.located && untouched(*container.map, container.stamp))
    return container.node.count();
  return Reading(container).node().count();
}

}  // namespace oocmap::python
