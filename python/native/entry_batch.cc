#include "python/native/entry_batch.h"

#include "python/native/dict_methods.h"
#include "python/native/errors.h"
#include "python/native/writing.h"

namespace oocmap::python {
namespace {

constexpr size_t kMostEntries = 8'192;
constexpr size_t kMostMemory = size_t{64} << 20;
constexpr uint64_t kMostPages = kMostMemory / 4096;

}  // namespace

void EntryBatch::add(Key key, EncodedValue value) {
  memory_ += key.order().size() + key.explicit_packed().size() + value.memory();
  entries_.emplace_back(std::move(key), std::move(value));
}

bool EntryBatch::full() const noexcept {
  return entries_.size() >= kMostEntries || memory_ >= kMostMemory;
}

void EntryBatch::store(bool in_parts) {
  size_t done = 0;
  while (done < entries_.size()) {
    const size_t now = store_from(done, in_parts);
    stored_ += now - done;
    done = now;
  }
  entries_.clear();
  memory_ = 0;
}

size_t EntryBatch::store_from(size_t done, bool in_parts) {
  bool added = false;
  const Identity identity = dict_.identity;
  write(dict_, [&](Store& store, WriteTransaction& transaction) {
    const uint64_t pages = transaction.dirty_pages();
    const auto changed_enough = [&] { return transaction.dirty_pages() >= pages + kMostPages; };
    do {
      auto& [key, value] = entries_[done++];
      added |= dict_set(store, transaction, identity, key, std::move(value));
    } while (done < entries_.size() && !(in_parts && changed_enough()));
  });
  if (added) ++size_changes(identity);
  return done;
}

std::string EntryBatch::stored_text() const {
  return "the first " + std::to_string(stored_) + " entries are stored";
}

void EntryBatch::note_stored() const noexcept { RaisedException().add_note(stored_text()); }

}  // namespace oocmap::python
