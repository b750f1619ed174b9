#include "sqlite_ext/planner.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>

#include "sqlite_ext/table.h"
#include "sqlite_ext/table_function.h"

namespace oocmap::sql {
namespace {

constexpr int kKeyColumn = 0;

// What the constraints offer: index of the best one of each kind, -1 for none.
struct Offer {
  int equal = -1;
  int in = -1;
  int lower = -1;
  int upper = -1;
  int limit = -1;
  int offset = -1;
  int item = -1;    // each=
  int row_id = -1;  // each=
};

bool is_limit(const sqlite3_index_info& info, int i) {
  return info.aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_LIMIT ||
         info.aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_OFFSET;
}

bool is_equal(const sqlite3_index_info& info, int i) {
  return info.aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ ||
         info.aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_IS;
}

// The columns that tables with each= have besides.
void read_each_constraint(const Table& table, sqlite3_index_info* info, int i, Offer& offer) {
  const int column = info->aConstraint[i].iColumn;
  if (column < 0 || !table.arguments.each || !is_equal(*info, i)) return;
  if (std::strcmp(sqlite3_vtab_collation(info, i), "BINARY") != 0) return;
  const ColumnKind kind = table.columns[static_cast<size_t>(column)].kind;
  if (kind == ColumnKind::kItem) offer.item = i;
  if (kind == ColumnKind::kRowId) offer.row_id = i;
}

// m('x') is WHERE path = 'x', as the column is the first hidden one; and a DELETE or UPDATE with
// that condition does not mean what it seems to.
void refuse_path_constraint(const Table& table, const sqlite3_index_info& info, int i) {
  const auto& constraint = info.aConstraint[i];
  if (constraint.iColumn < 0 || constraint.op == SQLITE_INDEX_CONSTRAINT_ISNULL) return;
  if (table.columns[static_cast<size_t>(constraint.iColumn)].kind != ColumnKind::kPath) return;
  throw Error(ErrorCode::kInvalidArgument,
              "oocmap: the column path of the table " + table.name + " is there for UPDATE " +
                  table.name +
                  " SET path = '$.a', value = ...; what is at a path is read with oocmap_get(" +
                  table.name + ", '$.a')");
}

Offer read_constraints(const Table& table, sqlite3_index_info* info) {
  Offer offer;
  for (int i = 0; i < info->nConstraint; ++i) {
    const auto& constraint = info->aConstraint[i];
    if (!is_limit(*info, i)) refuse_path_constraint(table, *info, i);
    if (!constraint.usable) continue;
    if (constraint.op == SQLITE_INDEX_CONSTRAINT_LIMIT) offer.limit = i;
    if (constraint.op == SQLITE_INDEX_CONSTRAINT_OFFSET) offer.offset = i;
    if (is_limit(*info, i)) continue;
    if (constraint.iColumn != kKeyColumn) {
      read_each_constraint(table, info, i, offer);
      continue;
    }
    // key = 'A' COLLATE NOCASE arrives as any other: only BINARY is the store's order.
    if (std::strcmp(sqlite3_vtab_collation(info, i), "BINARY") != 0) continue;
    switch (constraint.op) {
      case SQLITE_INDEX_CONSTRAINT_EQ:
      case SQLITE_INDEX_CONSTRAINT_IS:
        (sqlite3_vtab_in(info, i, -1) ? offer.in : offer.equal) = i;
        break;
      case SQLITE_INDEX_CONSTRAINT_GT:
      case SQLITE_INDEX_CONSTRAINT_GE:
        offer.lower = i;
        break;
      case SQLITE_INDEX_CONSTRAINT_LT:
      case SQLITE_INDEX_CONSTRAINT_LE:
        offer.upper = i;
        break;
      default:
        break;
    }
  }
  return offer;
}

// A plan being made: the bits, the words, the arguments.
class PlanBuilder {
 public:
  explicit PlanBuilder(sqlite3_index_info* info) : info_(info) {}

  void add(int bits, const char* words) {
    bits_ |= bits;
    if (!words_.empty() && *words != '\0') words_ += ' ';
    words_ += words;
  }
  // Takes constraint `i` over. `omit`: SQLite need not check it again.
  void take(int i, bool omit = true) {
    info_->aConstraintUsage[i].argvIndex = ++arguments_;
    info_->aConstraintUsage[i].omit = omit;
  }
  // Whether SQLite has nothing left to check.
  bool took_all() const {
    for (int i = 0; i < info_->nConstraint; ++i) {
      if (!is_limit(*info_, i) && !info_->aConstraintUsage[i].omit) return false;
    }
    return true;
  }
  int bits() const { return bits_; }
  void finish() {
    info_->idxNum = bits_;
    info_->idxStr = sqlite3_mprintf("%s", words_.c_str());
    if (!info_->idxStr) throw std::bad_alloc();
    info_->needToFreeIdxStr = 1;
  }

 private:
  sqlite3_index_info* info_;
  int bits_ = 0;
  int arguments_ = 0;
  std::string words_;
};

void take_arguments(const FunctionConstraints& function, PlanBuilder& plan) {
  plan.add(kPlanFile, "");
  plan.take(function.file);
  if (function.root < 0) return;
  plan.add(kPlanRoot, "");
  plan.take(function.root);
}

// Where keys are compared as text SQLite checks again: it turns a literal number into text, and not
// the number in a column without a type, and a table cannot see which of the two it is given.
bool is_exact(const Table& table) { return table.arguments.key_affinity != Affinity::kText; }

void take_range(const Table& table, const sqlite3_index_info& info, const Offer& offer,
                PlanBuilder& plan) {
  if (offer.lower >= 0) {
    const bool open = info.aConstraint[offer.lower].op == SQLITE_INDEX_CONSTRAINT_GT;
    plan.add(kPlanLower | (open ? kPlanLowerOpen : 0), open ? "key>?" : "key>=?");
    plan.take(offer.lower, is_exact(table));
  }
  if (offer.upper >= 0) {
    const bool open = info.aConstraint[offer.upper].op == SQLITE_INDEX_CONSTRAINT_LT;
    plan.add(kPlanUpper | (open ? kPlanUpperOpen : 0), open ? "key<?" : "key<=?");
    plan.take(offer.upper, is_exact(table));
  }
}

// Keys are unique, but with each=: ORDER BY key, x is ORDER BY key. SQLite offers no term with
// another collation.
void take_order(const Table& table, sqlite3_index_info* info, PlanBuilder& plan) {
  if (info->nOrderBy == 0 || info->aOrderBy[0].iColumn != kKeyColumn) return;
  if (table.arguments.each && info->nOrderBy > 1) return;
  const bool descending = info->aOrderBy[0].desc != 0;
  plan.add(kPlanKeyOrder | (descending ? kPlanDescending : 0),
           descending ? "in key order descending" : "in key order");
  info->orderByConsumed = 1;
}

// Only where nothing is left to SQLite to filter or sort. OFFSET stays SQLite's to skip (in a
// compound select the tables share one count): the table only ends after limit + offset rows.
void take_limit(sqlite3_index_info* info, const Offer& offer, PlanBuilder& plan) {
  const bool ordered = info->nOrderBy == 0 || info->orderByConsumed;
  if (offer.limit < 0 || !ordered || !plan.took_all()) return;
  plan.add(kPlanLimit, "limit");
  plan.take(offer.limit, false);
  if (offer.offset >= 0) {
    plan.add(kPlanOffset, "offset");
    plan.take(offer.offset, false);
  }
}

// In units of one row visited. A key costs a descent, about twenty of them.
void estimate(sqlite3_index_info* info, const PlanBuilder& plan, double rows, bool each) {
  constexpr double kDescent = 20;
  constexpr double kKeysOfIn = 25;  // SQLite's own guess for a subquery
  constexpr double kItemsOfEach = 10;
  double visited = rows;
  if (plan.bits() & (kPlanKey | kPlanRowId)) visited = 1;
  if (plan.bits() & kPlanKeys) visited = std::min(rows, kKeysOfIn);
  if (plan.bits() & kPlanLower) visited /= 4;
  if (plan.bits() & kPlanUpper) visited /= 4;
  if (each && !(plan.bits() & kPlanItem)) visited *= kItemsOfEach;
  visited = std::max(visited, 1.0);
  const bool point = (plan.bits() & (kPlanKey | kPlanKeys | kPlanItem)) != 0;
  info->estimatedCost = point ? visited * kDescent : kDescent + visited;
  info->estimatedRows = static_cast<sqlite3_int64>(visited);
}

}  // namespace

bool choose_plan(Table& table, sqlite3_index_info* info) {
  std::optional<FunctionConstraints> function;
  if (table.arguments.function) {
    function = read_function_constraints(table, *info);
    if (!function) return false;
    if (function->file < 0) {
      info->estimatedCost = 1e99;
      return true;
    }
  }
  const Offer offer = read_constraints(table, info);
  const bool each = table.arguments.each.has_value();
  PlanBuilder plan(info);
  if (function) take_arguments(*function, plan);
  if (offer.row_id >= 0) {
    plan.add(kPlanRowId | kPlanItem, "rowid=?");
    plan.take(offer.row_id);
    info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
  } else if (offer.equal >= 0) {
    plan.add(kPlanKey, "key=?");
    plan.take(offer.equal, is_exact(table));
    if (!each || offer.item >= 0) info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
  } else if (offer.in >= 0) {
    plan.add(kPlanKeys, "key IN (...)");
    sqlite3_vtab_in(info, offer.in, 1);
    plan.take(offer.in, is_exact(table));
  } else {
    take_range(table, *info, offer, plan);
  }
  if (offer.row_id < 0 && offer.item >= 0) {
    plan.add(kPlanItem, "item=?");
    plan.take(offer.item);
  }
  take_order(table, info, plan);
  if ((plan.bits() & ~(kPlanFile | kPlanRoot)) == 0) plan.add(0, "scan");
  take_limit(info, offer, plan);
  estimate(info, plan, table.estimated_rows(), each);
  plan.finish();
  return true;
}

}  // namespace oocmap::sql
