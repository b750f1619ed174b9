// JSON text of a stored array: nested JSON arrays of its elements, in C order whatever the order of
// storage; without dimensions the one element itself. docs/sql.md has what becomes of each type.
#pragma once

#include <functional>

#include "core/base/bytes.h"
#include "core/format/record.h"
#include "core/lmdb/transaction.h"

namespace oocmap {

// Appends to `to`. `check` is called after each element and may throw, so that the text stays
// bounded. Errors: kStaleHandle where `node` is no array, kCorrupt.
void write_json_array(const Transaction& transaction, const NodeView& node, Buffer& to,
                      const std::function<void()>& check);

}  // namespace oocmap
