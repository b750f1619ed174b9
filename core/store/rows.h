// Rows of one spilled container in `entries`, `order` or `chunks`: reading ahead for walks, and
// erasing all of them.
#pragma once

#include <utility>
#include <vector>

#include "core/lmdb/transaction.h"
#include "core/store/store.h"

namespace oocmap {

// Some rows ahead of a walk, as views: valid while the transaction's stamp is unchanged, whoever's
// thread renewed it. So a walk holds no cursor between its steps, and costs one descent a batch.
class RowBatch {
 public:
  bool empty() const noexcept { return at_ == rows_.size(); }
  // Whether the container has no row behind the batch.
  bool last() const noexcept { return last_; }
  // Removes the next row; not empty().
  const std::pair<Bytes, Bytes>& take() noexcept { return rows_[at_++]; }
  void clear() noexcept;  // the stamp changed
  // Reads ahead from `key` on: the first row >= it, or backwards the first < it. Each fill of one
  // walk takes more, so that a short walk stays cheap. `prefix`: the container's.
  void fill(const Transaction& transaction, Database database, Bytes prefix, Bytes key,
            bool backwards);

 private:
  static constexpr size_t kFirst = 4;
  static constexpr size_t kMost = 64;
  std::vector<std::pair<Bytes, Bytes>> rows_;  // key, value
  size_t at_ = 0;
  size_t size_ = kFirst;
  bool last_ = false;
};

// Erases every row of `container` in `database`. `collect` appends what a row's value refers to; it
// is detached. The container must not reach its rows any more, so the order does not matter.
// Cost: two descents a row, all in this transaction: rows carry their container's identity, which
// is never given out again, so they cannot be turned over to the graveyard while the container
// lives.
using CollectMembers = void (*)(Bytes value, Identity container, std::vector<Member>& members);
void erase_all_rows(Store& store, WriteTransaction& transaction, Database database,
                    Identity container, CollectMembers collect);

}  // namespace oocmap
