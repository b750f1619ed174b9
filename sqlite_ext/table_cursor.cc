#include "sqlite_ext/table_cursor.h"

#include <algorithm>
#include <utility>

#include "sqlite_ext/planner.h"
#include "sqlite_ext/values.h"

namespace oocmap::sql {
namespace {

// The values of an IN, each once and in SQL's key order. Equal keys can have different BLOBs.
std::vector<Key> keys_of_in(sqlite3_value* list, Affinity affinity, bool descending) {
  std::vector<std::pair<KeyPlace, Key>> found;
  sqlite3_value* value = nullptr;
  for (int code = sqlite3_vtab_in_first(list, &value); code == SQLITE_OK && value;
       code = sqlite3_vtab_in_next(list, &value)) {
    if (auto key = asked_key(value, affinity)) found.emplace_back(place_of(*key), std::move(*key));
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
    if (sqlite3_value_type(value) != SQLITE_NULL) return asked_place(value, affinity);
    has_null = true;
    return std::nullopt;
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

}  // namespace

TableCursor::TableCursor(Table& of) : sqlite3_vtab_cursor{}, table(of) {
  session_ = table.session().shared_from_this();
  session_->cursor_opened();
}

TableCursor::~TableCursor() { session_->cursor_closed(); }

void TableCursor::filter(int plan, const std::vector<sqlite3_value*>& values) {
  const ReadScope scope(*session_, View::kSession);
  const NodeView root = table.root(scope.transaction());
  container_ = root.identity();
  PlanArguments arguments(values);
  rows_ = plan_rows(session_->store(), root, plan, table.arguments.key_affinity, arguments);
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
  stamp_ = transaction.stamp();
}

// The row's value; read again where the store has moved on since the row was reached.
std::optional<Member> TableCursor::member(const Transaction& transaction) {
  if (transaction.stamp() == stamp_) return entry_.value;
  Store& store = session_->store();
  return member_at(store, transaction, store.locate(transaction, container_), entry_.key);
}

void TableCursor::column(sqlite3_context* context, int index) {
  const Column& column = table.columns[static_cast<size_t>(index)];
  if (sqlite3_vtab_nochange(context)) return;  // an UPDATE that leaves the column alone
  if (column.kind == ColumnKind::kKey) {
    if (table.misfit_key.empty() && !is_kept(entry_.key, table.arguments.key_affinity)) {
      table.misfit_key = describe_key(entry_.key);
    }
    return result_key(context, entry_.key);
  }
  if (column.kind == ColumnKind::kKeyType) {
    return sqlite3_result_text(context, key_type_name(entry_.key), -1, SQLITE_STATIC);
  }
  column_of_value(context, column);
}

void TableCursor::column_of_value(sqlite3_context* context, const Column& column) {
  const ReadScope scope(*session_, View::kSession);
  const Transaction& transaction = scope.transaction();
  Store& store = session_->store();
  std::optional<Member> found = member(transaction);
  if (found && column.kind == ColumnKind::kNamed) {
    found = get_path(store, transaction, *found, table.arguments.columns[column.named].path);
  }
  if (!found) return;  // NULL: no such path, or the row was erased while it was read
  try {
    switch (column.kind) {
      case ColumnKind::kType:
        return sqlite3_result_text(context, type_name(store, transaction, *found), -1,
                                   SQLITE_STATIC);
      case ColumnKind::kJson:
        return result_json(context, store, transaction, *found);
      case ColumnKind::kHandle:
        return result_handle(context, *session_, transaction, *found);
      default:
        return result_value(context, store, transaction, *found);
    }
  } catch (const Error& error) {
    throw in_row(entry_.key, error);
  }
}

}  // namespace oocmap::sql
