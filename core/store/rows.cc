#include "core/store/rows.h"

#include <algorithm>

#include "core/store/reclaim.h"

namespace oocmap {

void RowBatch::clear() noexcept {
  rows_.clear();
  at_ = 0;
  last_ = false;
}

void RowBatch::fill(const Transaction& transaction, Database database, Bytes prefix, Bytes key,
                    bool backwards) {
  clear();
  Cursor cursor(transaction, database);
  bool found = backwards ? cursor.seek_before(key) : cursor.seek(key);
  while (found && cursor.key().starts_with(prefix)) {
    if (rows_.size() == size_) {
      size_ = std::min(size_ * 4, kMost);
      return;
    }
    rows_.emplace_back(cursor.key(), cursor.value());
    found = backwards ? cursor.previous() : cursor.next();
  }
  last_ = true;
}

void erase_all_rows(Store& store, WriteTransaction& transaction, Database database,
                    Identity container, CollectMembers collect) {
  constexpr size_t kAtOnce = 256;
  const Buffer prefix = entry_prefix(container);
  std::vector<Buffer> keys;
  std::vector<Member> members;
  for (;;) {
    keys.clear();
    members.clear();
    Cursor cursor(transaction, database);
    for (bool found = cursor.seek(prefix); found && cursor.key().starts_with(prefix);
         found = cursor.next()) {
      if (keys.size() == kAtOnce) break;
      keys.emplace_back(cursor.key());
      if (collect != nullptr) collect(cursor.value(), container, members);
    }
    if (keys.empty()) return;
    for (const Buffer& key : keys) transaction.erase(database, key);
    for (const Member& member : members) detach(store, transaction, member);
  }
}

}  // namespace oocmap
