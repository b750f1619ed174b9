// LMDB's own list of free pages, as it stands in the map. Private to core/lmdb.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/base/bytes.h"
#include "core/lmdb/transaction.h"

namespace oocmap {

// A row: the pages that one transaction freed, their numbers as u64 one behind the other.
struct FreedPages {
  uint64_t transaction = 0;
  Bytes numbers;  // valid during the visit
  uint64_t count() const noexcept { return numbers.size() / sizeof(uint64_t); }
};

// Visits the rows from the oldest transaction on, until `visit` returns false. `path` is named in
// errors. Errors: kCorrupt, kIo. Cost: a page of the map for each row, or run of small ones.
void each_free_row(const Transaction& transaction, const std::string& path,
                   const std::function<bool(const FreedPages&)>& visit);

}  // namespace oocmap
