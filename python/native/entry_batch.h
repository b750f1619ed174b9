// Entries of a dict on their way into the store: they wait, encoded, and are stored many at a time.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/store/dict.h"
#include "python/native/lazy.h"

namespace oocmap::python {

class EntryBatch {
 public:
  explicit EntryBatch(Container& dict) : dict_(dict) {}

  void add(Key key, EncodedValue value);
  // Whether as much waits as should be stored at one go when entries come without end: 8,192 of
  // them, or 64 MB.
  bool full() const noexcept;
  // Stores what waits. Where `in_parts`, a transaction ends as soon as it has changed 64 MB of
  // pages, and another begins. Errors: those of write(); stored() then counts what is stored.
  void store(bool in_parts);

  size_t stored() const noexcept { return stored_; }
  // Runs `body`, which adds and stores; what it throws says how many entries were stored before.
  template <typename F>
  void run(F&& body);

 private:
  // Stores from entry `done` on, in one transaction; returns how far it came.
  size_t store_from(size_t done, bool in_parts);
  std::string stored_text() const;
  void note_stored() const noexcept;

  Container& dict_;
  std::vector<std::pair<Key, EncodedValue>> entries_;  // that wait
  size_t memory_ = 0;                                  // of them
  size_t stored_ = 0;
};

template <typename F>
void EntryBatch::run(F&& body) try {
  body();
} catch (const PythonRaised&) {
  if (stored_ > 0) note_stored();
  throw;
} catch (const Error& error) {
  if (stored_ == 0) throw;
  throw Error(error.code(), error.message() + " (" + stored_text() + ")", error.system_error(),
              error.path());
}

}  // namespace oocmap::python
