// The rows of a table with each='$.path': for every member of the root, the members of the dict,
// list, tuple or set that the path leads to inside it. A member in which it leads to none has no
// rows.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/json/path.h"
#include "sqlite_ext/row_source.h"
#include "sqlite_ext/table.h"

namespace oocmap::sql {

// Which row is meant: `key` is its key in the container its value lies in; `parent`, in a table
// with each=, the key of the root's member that this container lies in.
struct RowPlace {
  std::optional<Key> parent;
  Key key;
};

// The dict, list, tuple or set that `each` leads to in `parent`; nullopt where it leads to none.
std::optional<NodeView> container_at(Store& store, const Transaction& transaction,
                                     const Member& parent, const Path& each);

// Goes through what `parents` gives, and there through the members under `items`, or through all. A
// set's members are numbered, as those of the array that its JSON text is. Lifetime: `each` must
// outlive it.
std::unique_ptr<RowSource> each_rows(Store& store, const NodeView& root,
                                     std::unique_ptr<RowSource> parents, const Path& each,
                                     std::optional<std::vector<Key>> items);

// The hidden primary key of such a table: text that names a row, made of letters, digits and a dot.
std::string row_id(const RowPlace& place);
// nullopt where no row can have that id.
std::optional<RowPlace> read_row_id(sqlite3_value* id);

bool is_packed_container(Bytes packed);
// A column of a set's member that is a tuple or frozenset: it stands in the set as a key, and has
// no place of its own that a handle or path could lead to.
void result_packed(sqlite3_context* context, const Column& column, Bytes packed);

}  // namespace oocmap::sql
