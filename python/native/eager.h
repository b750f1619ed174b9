// A stored value as plain Python objects, deep, of one consistent moment.
#pragma once

#include <utility>

#include "python/native/lazy_array.h"
#include "python/native/unfinished.h"

namespace oocmap::python {

// The plain dict, list, tuple, set or array behind `container`. Sharing and cycles inside it are
// kept; no recursion on the C stack. Errors: kClosed, kStaleHandle, kCorrupt, MemoryError.
Ref eager(Container& container);

// The same for one member, under a Reading that exists: once that has ended, finish() gives the
// value.
class EagerValue {
 public:
  EagerValue() = default;
  EagerValue(Ref value, bool unfinished, CopiedArrays arrays)
      : value_(std::move(value)), arrays_(std::move(arrays)), unfinished_(unfinished) {}
  // Once, before anything else is done with the store. Errors: as finish_deep().
  Ref finish() {
    arrays_.finish(CopiedArrays::When::kLate);
    return unfinished_ ? finish_deep(std::move(value_)) : std::move(value_);
  }
  // As it is, perhaps with stand-ins, under the Reading.
  Ref unfinished() {
    arrays_.finish(CopiedArrays::When::kAtOnce);
    return std::move(value_);
  }

 private:
  Ref value_;
  CopiedArrays arrays_;
  bool unfinished_ = false;
};
EagerValue eager_member(const MapReading& reading, const Member& member);

}  // namespace oocmap::python
