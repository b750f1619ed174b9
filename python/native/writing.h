// One write operation.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "core/base/error.h"
#include "core/store/session.h"
#include "python/native/lazy.h"
#include "python/native/list_order.h"

namespace oocmap::python {

// After a commit: the auto vacuum that followed may have been ended by a signal, whose exception is
// to be raised, though the write is done.
inline void raise_interrupt() {
  if (PyErr_Occurred() != nullptr) throw PythonRaised{};
}

// Runs `body(Store&, WriteTransaction&)` in the session's transaction, or in one of its own, and
// commits; the GIL is released throughout, since the lock, SQL's join and the sync may wait. What
// `body` needs of Python was made before. Errors: those of WriteScope and of `body`; kStaleHandle
// where the container was rolled back; ValueError where this thread is sorting it.
template <typename F>
void write(Container& container, F&& body) {
  check_not_being_sorted(container);
  const std::shared_ptr<Session> session = container.map->session_to_keep();
  const uint64_t birth = container.birth;
  Turn& turn = *container.map->turn();
  {
    const WithoutGil released;
    const TurnToWrite mine(turn, session->timeout());
    WriteScope scope(*session);
    if (birth != 0 && session->store().rolled_back(birth)) {
      throw Error(ErrorCode::kStaleHandle, "the value behind this object was undone by a rollback");
    }
    body(session->store(), scope.transaction());
    scope.commit();
  }
  raise_interrupt();
}

// A write that first looks at what is there, and makes Python objects of it:
//   LockedWrite write(container);   takes the lock, with the GIL released
//   { Reading reading(container); ... }
//   write.finish(body);             or nothing, to leave all as it was
// While it lives nobody else writes, so what a Reading shows is what finish() will find.
//
// No deadlock: whoever holds the GIL waits for a session's mutex only in its own transaction, and
// then nobody else writes in that session.
class LockedWrite {
 public:
  explicit LockedWrite(Container& container) : session_(container.map->session_to_keep()) {
    check_not_being_sorted(container);
    {
      Turn& turn = *container.map->turn();
      const WithoutGil released;
      turn_.emplace(turn, session_->timeout());
      scope_.emplace(*session_);
    }
    if (container.birth != 0 && session_->store().rolled_back(container.birth)) {
      throw Error(ErrorCode::kStaleHandle, "the value behind this object was undone by a rollback");
    }
  }
  // Runs `body(Store&, WriteTransaction&)` without the GIL and commits.
  template <typename F>
  void finish(F&& body) {
    {
      const WithoutGil released;
      body(session_->store(), scope_->transaction());
      scope_->commit();
    }
    raise_interrupt();
  }

 private:
  std::shared_ptr<Session> session_;
  std::optional<TurnToWrite> turn_;
  std::optional<WriteScope> scope_;
};

}  // namespace oocmap::python
