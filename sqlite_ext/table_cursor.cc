#include "sqlite_ext/table_cursor.h"

#include <algorithm>
#include <utility>

#include "sqlite_ext/each_rows.h"
#include "sqlite_ext/errors.h"
#include "sqlite_ext/planner.h"
#include "sqlite_ext/values.h"

namespace oocmap::sql {
namespace {

// The values of an IN, each once and in SQL's key order. Equal keys can have different BLOBs.
std::vector<Key> keys_of_in(sqlite3_value* list, Affinity affinity, bool descending) {
  std::vector<std::pair<KeyPlace, Key>> found;
  sqlite3_value* value = nullptr;
  int code = sqlite3_vtab_in_first(list, &value);
  for (; code == SQLITE_OK && value; code = sqlite3_vtab_in_next(list, &value)) {
    if (auto key = asked_key(value, affinity)) found.emplace_back(place_of(*key), std::move(*key));
  }
  if (code != SQLITE_OK && code != SQLITE_DONE) {
    throw error_of(code, std::string("cannot read the values of IN: ") + sqlite3_errstr(code));
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first.region, a.first.order) < std::tie(b.first.region, b.first.order);
  });
  std::vector<Key> keys;
  for (auto& [place, key] : found) {
    if (keys.empty() || keys.back() != key) keys.push_back(std::move(key));
  }
  if (descending) std::reverse(keys.begin(), keys.end());
  return keys;
}

// Rows after which nobody asks for more.
uint64_t row_limit(sqlite3_value* limit, sqlite3_value* offset) {
  constexpr auto kAll = std::numeric_limits<uint64_t>::max();
  if (sqlite3_value_type(limit) != SQLITE_INTEGER || sqlite3_value_int64(limit) < 0) return kAll;
  const auto rows = static_cast<uint64_t>(sqlite3_value_int64(limit));
  const int64_t skipped = offset ? sqlite3_value_int64(offset) : 0;
  return rows + static_cast<uint64_t>(std::max<int64_t>(skipped, 0));
}

// Hands out xFilter's arguments in the order the planner took them.
class PlanArguments {
 public:
  explicit PlanArguments(const std::vector<sqlite3_value*>& values) : values_(values) {}
  sqlite3_value* take() { return values_[at_++]; }

 private:
  const std::vector<sqlite3_value*>& values_;
  size_t at_ = 0;
};

// nullopt where a bound is NULL: nothing compares with it.
std::optional<KeyRange> read_range(int plan, Affinity affinity, PlanArguments& arguments) {
  KeyRange range;
  range.descending = (plan & kPlanDescending) != 0;
  range.lower_open = (plan & kPlanLowerOpen) != 0;
  range.upper_open = (plan & kPlanUpperOpen) != 0;
  bool has_null = false;
  const auto bound = [&]() -> std::optional<KeyPlace> {
    sqlite3_value* const value = arguments.take();
    const int type = sqlite3_value_type(value);
    has_null = has_null || type == SQLITE_NULL;
    if (type == SQLITE_NULL) return std::nullopt;
    // SQLite makes text of a number, or numbers of the keys, or neither, by what the other side is,
    // which is not to be seen here. It checks again what is not left out.
    const bool number = type == SQLITE_INTEGER || type == SQLITE_FLOAT;
    if (number && affinity == Affinity::kText) return std::nullopt;
    return asked_place(value, affinity);
  };
  if (plan & kPlanLower) range.lower = bound();
  if (plan & kPlanUpper) range.upper = bound();
  return has_null ? std::nullopt : std::optional(std::move(range));
}

std::unique_ptr<RowSource> plan_rows(Store& store, const NodeView& root, int plan,
                                     Affinity affinity, PlanArguments& arguments) {
  if (plan & kPlanKey) {
    std::vector<Key> keys;
    if (auto key = asked_key(arguments.take(), affinity)) keys.push_back(std::move(*key));
    return lookup_rows(store, root, std::move(keys));
  }
  if (plan & kPlanKeys) {
    return lookup_rows(store, root,
                       keys_of_in(arguments.take(), affinity, (plan & kPlanDescending) != 0));
  }
  if (plan & (kPlanLower | kPlanUpper | kPlanKeyOrder)) {
    auto range = read_range(plan, affinity, arguments);
    return range ? range_rows(store, root, std::move(*range)) : lookup_rows(store, root, {});
  }
  return scan_rows(store, root);
}

// The same of a table with each=.
std::unique_ptr<RowSource> plan_each_rows(Store& store, const NodeView& root, const Path& each,
                                          int plan, Affinity affinity, PlanArguments& arguments) {
  std::vector<Key> items;
  if (plan & kPlanRowId) {
    std::vector<Key> parents;
    if (auto place = read_row_id(arguments.take())) {
      parents.push_back(std::move(*place->parent));
      items.push_back(std::move(place->key));
    }
    auto rows = lookup_rows(store, root, std::move(parents));
    return each_rows(store, root, std::move(rows), each, std::move(items));
  }
  auto rows = plan_rows(store, root, plan & ~kPlanItem, affinity, arguments);
  if (!(plan & kPlanItem)) return each_rows(store, root, std::move(rows), each, std::nullopt);
  if (auto item = key_from(arguments.take())) items.push_back(std::move(*item));
  return each_rows(store, root, std::move(rows), each, std::move(items));
}

}  // namespace

TableCursor::TableCursor(Table& of) : Rows(of) {
  session_ = table.session().shared_from_this();
  session_->cursor_opened();
  ++table.connection->counters.cursors_opened;
}

TableCursor::~TableCursor() { session_->cursor_closed(); }

void TableCursor::filter(int plan, const std::vector<sqlite3_value*>& values) {
  const ReadScope scope(*session_, View::kSession);
  const NodeView root = table.root(scope.transaction());
  container_ = root.identity();
  PlanArguments arguments(values);
  const Affinity affinity = table.arguments.key_affinity;
  rows_ = table.arguments.each ? plan_each_rows(session_->store(), root, *table.arguments.each,
                                                plan, affinity, arguments)
                               : plan_rows(session_->store(), root, plan, affinity, arguments);
  left_ = std::numeric_limits<uint64_t>::max();
  if (plan & kPlanLimit) {
    sqlite3_value* const limit = arguments.take();
    left_ = row_limit(limit, plan & kPlanOffset ? arguments.take() : nullptr);
  }
  advance(scope.transaction());
}

void TableCursor::next() {
  const ReadScope scope(*session_, View::kSession);
  advance(scope.transaction());
}

void TableCursor::advance(const Transaction& transaction) {
  eof_ = left_ == 0 || !rows_->next(transaction, entry_);
  if (eof_) return;
  --left_;
  ++table.connection->counters.rows_visited;
  stamp_ = transaction.stamp();
}

// The row's value; read again where the store has moved on since the row was reached.
std::optional<Member> TableCursor::member(const Transaction& transaction) {
  const RowSource::Place* const place = rows_->place();
  if (place && !place->packed.empty()) return unpack_scalar(place->packed);
  if (transaction.stamp() == stamp_) return entry_.value;
  if (place) {
    const auto container = table.find_members(transaction, place->parent);
    if (!container) return std::nullopt;
    return member_at(session_->store(), transaction, *container, entry_.key);
  }
  Store& store = session_->store();
  return member_at(store, transaction, store.locate(transaction, container_), entry_.key);
}

void TableCursor::column(sqlite3_context* context, int index) {
  const Column& column = table.columns[static_cast<size_t>(index)];
  if (sqlite3_vtab_nochange(context)) return;  // an UPDATE that leaves the column alone
  switch (column.kind) {
    case ColumnKind::kKey:
      if (!table.arguments.each && table.misfit_key.empty() &&
          !is_kept(entry_.key, table.arguments.key_affinity)) {
        table.misfit_key = describe_key(entry_.key);
      }
      return result_key(context, row_key());
    case ColumnKind::kKeyType:
      return sqlite3_result_text(context, key_type_name(row_key()), -1, SQLITE_STATIC);
    case ColumnKind::kItem:
      return result_key(context, entry_.key);
    case ColumnKind::kPath:
      return;  // NULL
    case ColumnKind::kRowId:
      return result_text(context, row_id({row_key(), entry_.key}));
    default:
      column_of_value(context, column);
  }
}

const Key& TableCursor::row_key() const {
  const RowSource::Place* const place = rows_->place();
  return place ? place->parent : entry_.key;
}

void TableCursor::column_of_value(sqlite3_context* context, const Column& column) {
  if (const auto* place = rows_->place(); place && is_packed_container(place->packed)) {
    return result_packed(context, column, place->packed);
  }
  const ReadScope scope(*session_, View::kSession);
  const Transaction& transaction = scope.transaction();
  Store& store = session_->store();
  Counters& counters = table.connection->counters;
  std::optional<Member> found = member(transaction);
  if (found && column.kind == ColumnKind::kNamed) {
    ++counters.paths_followed;
    found = get_path(store, transaction, *found, table.arguments.columns[column.named].path);
  }
  if (!found) return;  // NULL: no such path, or the row was erased while it was read
  try {
    switch (column.kind) {
      case ColumnKind::kType:
        return sqlite3_result_text(context, type_name(store, transaction, *found), -1,
                                   SQLITE_STATIC);
      case ColumnKind::kJson:
        return result_json(context, counters, store, transaction, *found);
      case ColumnKind::kHandle:
        ++counters.handles_made;
        return result_handle(context, *session_, transaction, *found);
      default:
        return result_value(context, counters, store, transaction, *found);
    }
  } catch (const Error& error) {
    throw in_row(row_key(), error);
  }
}

}  // namespace oocmap::sql
