// The native side of an open map: its store, its session, and the caches reads go through. The
// Python object `Map` holds one MapState; every lazy object holds its Map.
//
// Threads: all members are used with the GIL held. What waits (a write, a commit, closing)
//          releases it and uses its own shared_ptr to the session.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/store/session.h"
#include "core/store/store.h"
#include "python/native/caches.h"
#include "python/native/python.h"
#include "python/native/turn.h"

namespace oocmap::python {

class MapState;

// What is known of one container: who it is, and where its node lay when it was last read.
struct Container {
  MapState* map = nullptr;  // alive as long as the object this stands in
  Identity identity = 0;
  uint64_t birth = 0;  // Store::birth() of a handle made in an open transaction, else 0
  Tag tag = 0;
  bool located = false;  // `node` is valid under `stamp`
  Stamp stamp;           // of `record` (and `node`); environment 0: neither is known
  Bytes record;
  NodeView node;
};

// The common front of Map and lazy objects, so that one function serves
// both the root and a nested dict.
struct HandleObject {
  PyObject_HEAD Container* container;
  PyObject* owner;  // the Map, which a lazy keeps alive; null in a Map itself
};

struct MapObject {
  HandleObject head;
  MapState* state;
};

class MapState {
 public:
  explicit MapState(PyObject* self);
  ~MapState();
  MapState(const MapState&) = delete;
  MapState& operator=(const MapState&) = delete;

  // Opens the store with a session of its own; join() exchanges that for a connection's. `timeout`:
  // how long either waits for the write lock.
  void open(const OpenOptions& options, std::chrono::milliseconds timeout);
  void join(void* sqlite3_handle);
  // Makes this a read-only map of the moment that `map`'s file is at. Errors: kClosed, kIo.
  void open_snapshot(const MapState& map);
  // In a forked child, before join(): opens the file anew. Lazy objects of the parent go on as
  // handles on it. What the parent left is kept for good: it may not be closed here.
  void reopen(const OpenOptions& options, std::chrono::milliseconds timeout);
  // Rolls back, ends the session and lets the store go; releases the GIL. Idempotent.
  void close();
  bool closed() const noexcept { return session_ == nullptr || closing_; }

  PyObject* self() const noexcept { return self_; }
  Store& store() const noexcept { return *store_; }
  Session& session() const noexcept { return *session_; }
  // For work without the GIL: stays valid whatever another thread does to the map.
  // Errors: kClosed.
  std::shared_ptr<Session> session_to_keep() const {
    check_open();
    return session_;
  }
  const std::string& path() const noexcept { return path_; }
  // The one moment that is read, in a snapshot; nullopt in a map.
  const std::optional<Stamp>& moment() const noexcept { return moment_; }
  void check_open() const {
    if (closed()) refuse_closed();
  }
  // The store a lazy's hold() is to be given back to; null once that store is gone.
  void hold(Identity identity) noexcept { store_->hold(identity); }
  void release(Identity identity) noexcept;

  // A reader between enter() and leave() keeps store and session from being let go by a close()
  // that runs in its midst (from a finalizer).
  void enter() {
    check_open();
    ++readers_;
  }
  void leave() noexcept {
    if (--readers_ == 0 && closing_) let_go();
  }

  // Drops what was cached by id where a rollback has happened since.
  void forget_rolled_back() {
    if (const uint64_t now = store_->rollbacks(); now != rollbacks_) forget(now);
  }

  // Outlives close(): what waits for it is told then.
  const std::shared_ptr<Turn>& turn() const noexcept { return turn_; }

  Container root;
  RecordCache records;
  ShapeCache shapes;
  LookupCache lookups;
  ObjectCache immutables{65'536};
  ObjectCache inline_texts{2'048};

 private:
  [[noreturn]] void refuse_closed() const;
  void forget(uint64_t rollbacks) noexcept;
  void let_go() noexcept;
  void take(std::shared_ptr<Store> store, std::shared_ptr<Session> session);
  std::shared_ptr<Turn> turn_ = std::make_shared<Turn>();
  PyObject* self_;  // borrowed: the Map this is the state of
  std::shared_ptr<Store> store_;
  std::shared_ptr<Session> session_;
  std::weak_ptr<Store> closed_store_;
  std::string path_;
  std::optional<Stamp> moment_;
  uint64_t rollbacks_ = 0;
  uint32_t readers_ = 0;
  bool closing_ = false;
};

// Rises with every key added to or removed from a dict by this process through Python; one counter
// for many dicts, so it may also rise for another's sake.
uint32_t& size_changes(Identity identity) noexcept;

// Makes the type `Map`. Called once, when the module is made.
PyTypeObject* make_map_type(PyObject* module, PyTypeObject* mapping);

inline Container& container_of(PyObject* handle) noexcept {
  return *reinterpret_cast<HandleObject*>(handle)->container;
}

}  // namespace oocmap::python
