// SELECT e.key, e.value FROM m, oocmap_each(m.m, '$.tags') AS e;
// SELECT t.fullkey, t.atom FROM m, oocmap_tree(m.m) AS t;
//
// One row a member of a container, with json_each's columns; a value that is no container is one
// row. oocmap_tree: the value itself, and all below it (tree_walk.h).
#include <memory>
#include <string>
#include <utility>

#include "core/json/literal.h"
#include "core/json/writer.h"
#include "sqlite_ext/connection.h"
#include "sqlite_ext/each_members.h"
#include "sqlite_ext/keys.h"
#include "sqlite_ext/module.h"
#include "sqlite_ext/tree_walk.h"
#include "sqlite_ext/values.h"

namespace oocmap::sql {
namespace {

// Do not reorder without kDeclaration. The hidden columns are the arguments, in this order.
enum EachColumn {
  kKey,
  kValue,
  kType,
  kAtom,
  kId,
  kParent,
  kFullKey,
  kPath,
  kJson,  // the first argument, whatever it is: the name is json_each's
  kRoot,  // the second
  kRef,
};
constexpr char kDeclaration[] =
    "CREATE TABLE x(key, value, type TEXT, atom, id INTEGER, parent INTEGER, fullkey TEXT, "
    "path TEXT, json HIDDEN, root HIDDEN, ref BLOB HIDDEN)";

struct EachTable : sqlite3_vtab {
  EachTable(std::shared_ptr<Connection> owner, bool is_tree)
      : sqlite3_vtab{}, connection(std::move(owner)), tree(is_tree) {}
  std::shared_ptr<Connection> connection;
  bool tree;
};

}  // namespace

// Text like json_each's: names as they are where a path can have them so, else as JSON strings.
std::string step_text(const Key& key) {
  if (static_cast<uint8_t>(key.order().front()) != kClassText) {
    return "[" + readable_key_literal(key) + "]";
  }
  const Bytes name = key.order().substr(1);
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  bool is_plain = !name.empty() && !(name[0] >= '0' && name[0] <= '9');
  for (const char c : name) is_plain = is_plain && plain(c);
  if (is_plain) return "." + std::string(name);
  Buffer quoted = ".";
  write_json_text(name, quoted);
  return quoted;
}

std::string Members::fullkey(const std::string& root) {
  const auto member = key();
  return member ? root + step_text(*member) : root;
}

namespace {

struct EachCursor : sqlite3_vtab_cursor {
  explicit EachCursor(EachTable& of) : sqlite3_vtab_cursor{}, table(of) {
    ++table.connection->counters.cursors_opened;
  }
  ~EachCursor() { sqlite3_value_free(argument); }
  EachCursor(const EachCursor&) = delete;
  EachCursor& operator=(const EachCursor&) = delete;

  void filter(int argc, sqlite3_value** argv);
  void read_path(Bytes text) {  // mostly the same for every row of a join
    if (text == path) return;
    parsed = Path::parse(text);
    path = text;
  }
  void next() {
    ++row;
    if (!members->next()) return members.reset();
    ++table.connection->counters.member_rows;
  }
  void column(sqlite3_context* context, int index);

  EachTable& table;
  std::unique_ptr<Members> members;  // none: at the end
  sqlite3_value* argument = nullptr;
  std::string path = "$";
  Path parsed;  // of `path`
  sqlite3_int64 row = 0;
};

void EachCursor::filter(int argc, sqlite3_value** argv) {
  members.reset();
  row = 0;
  sqlite3_value_free(std::exchange(argument, nullptr));
  for (int i = 0; i < argc; ++i) {
    if (sqlite3_value_type(argv[i]) == SQLITE_NULL) return;
  }
  if (argc == 0) return;
  argument = sqlite3_value_dup(argv[0]);
  if (!argument) throw std::bad_alloc();
  read_path(argc > 1 ? text_bytes(argv[1]) : Bytes("$"));
  Subject subject(*table.connection, argument);
  const auto place = subject.find(parsed);
  if (!place) return;
  if (table.tree) {
    members = std::make_unique<TreeWalk>(only(subject, *place), parsed, path);
  } else {
    members = members_of(subject, *place);
  }
  next();
}

void EachCursor::column(sqlite3_context* context, int index) {
  switch (index) {
    case kKey:
      if (const auto key = members->key()) result_key(context, *key);
      return;
    case kValue:
      return members->value(context);
    case kType:
      return sqlite3_result_text(context, members->type(), -1, SQLITE_STATIC);
    case kAtom:
      return members->container() ? void() : members->value(context);
    case kId:
      return sqlite3_result_int64(context, row);
    case kParent:
      if (const auto parent = members->parent()) sqlite3_result_int64(context, *parent);
      return;
    case kFullKey:
      return result_text(context, members->fullkey(path));
    case kPath:
      return result_text(context, members->path(path));
    case kRoot:
      return result_text(context, path);
    case kJson:
      return sqlite3_result_value(context, argument);
    case kRef:
      ++table.connection->counters.handles_made;
      return members->ref(context);
    default:
      return;
  }
}

EachTable& each_table(sqlite3_vtab* table) { return *static_cast<EachTable*>(table); }
EachCursor& each_cursor(sqlite3_vtab_cursor* cursor) { return *static_cast<EachCursor*>(cursor); }

template <typename Work>
int with_each(sqlite3_vtab_cursor* cursor, const Work& work) noexcept {
  EachCursor& self = each_cursor(cursor);
  return guarded(self.table.connection->api, self.table.connection->db, cursor->pVtab,
                 [&] { work(self); });
}

template <bool is_tree>
int each_connect(sqlite3* db, void* data, int, const char* const*, sqlite3_vtab** table,
                 char** error) noexcept {
  const auto connection = *static_cast<std::shared_ptr<Connection>*>(data);
  return guarded(connection->api, db, error, [&] {
    const int code = sqlite3_declare_vtab(db, kDeclaration);
    if (code != SQLITE_OK) throw SqliteError(code, sqlite3_errmsg(db));
    *table = std::make_unique<EachTable>(connection, is_tree).release();
  });
}

int each_disconnect(sqlite3_vtab* table) noexcept {
  const auto connection = each_table(table).connection;
  char* unused = nullptr;
  return guarded(connection->api, nullptr, &unused, [&] { delete &each_table(table); });
}

// Both arguments in order; a plan in which one is not known yet is no plan.
int each_best_index(sqlite3_vtab*, sqlite3_index_info* info) noexcept {
  int found[2] = {-1, -1};
  for (int i = 0; i < info->nConstraint; ++i) {
    const auto& constraint = info->aConstraint[i];
    const int argument = constraint.iColumn - kJson;
    if (argument < 0 || argument > 1 || constraint.op != SQLITE_INDEX_CONSTRAINT_EQ) continue;
    if (!constraint.usable) return SQLITE_CONSTRAINT;
    found[argument] = i;
  }
  info->estimatedCost = found[0] < 0 ? 1e9 : 25;
  info->estimatedRows = 25;
  if (found[0] < 0) return SQLITE_OK;  // no argument: no rows
  for (int i = 0, argument = 0; i < 2; ++i) {
    if (found[i] < 0) continue;
    info->aConstraintUsage[found[i]].argvIndex = ++argument;
    info->aConstraintUsage[found[i]].omit = 1;
  }
  return SQLITE_OK;
}

int each_open(sqlite3_vtab* table, sqlite3_vtab_cursor** cursor) noexcept {
  EachTable& self = each_table(table);
  return guarded(self.connection->api, self.connection->db, table,
                 [&] { *cursor = std::make_unique<EachCursor>(self).release(); });
}

int each_close(sqlite3_vtab_cursor* cursor) noexcept {
  return with_each(cursor, [](EachCursor& self) { delete &self; });
}

int each_filter(sqlite3_vtab_cursor* cursor, int, const char*, int argc,
                sqlite3_value** argv) noexcept {
  return with_each(cursor, [=](EachCursor& self) { self.filter(argc, argv); });
}

int each_next(sqlite3_vtab_cursor* cursor) noexcept {
  return with_each(cursor, [](EachCursor& self) { self.next(); });
}

int each_eof(sqlite3_vtab_cursor* cursor) noexcept { return !each_cursor(cursor).members; }

int each_column(sqlite3_vtab_cursor* cursor, sqlite3_context* context, int index) noexcept {
  return with_each(cursor, [=](EachCursor& self) { self.column(context, index); });
}

int each_rowid(sqlite3_vtab_cursor* cursor, sqlite3_int64* rowid) noexcept {
  *rowid = each_cursor(cursor).row;
  return SQLITE_OK;
}

// Without xCreate: there is nothing to create, it is there by its name.
template <bool is_tree>
constexpr sqlite3_module kModule = {
    .iVersion = 0,
    .xCreate = nullptr,
    .xConnect = each_connect<is_tree>,
    .xBestIndex = each_best_index,
    .xDisconnect = each_disconnect,
    .xDestroy = nullptr,
    .xOpen = each_open,
    .xClose = each_close,
    .xFilter = each_filter,
    .xNext = each_next,
    .xEof = each_eof,
    .xColumn = each_column,
    .xRowid = each_rowid,
    .xUpdate = nullptr,
    .xBegin = nullptr,
    .xSync = nullptr,
    .xCommit = nullptr,
    .xRollback = nullptr,
    .xFindFunction = nullptr,
    .xRename = nullptr,
    .xSavepoint = nullptr,
    .xRelease = nullptr,
    .xRollbackTo = nullptr,
    .xShadowName = nullptr,
#if SQLITE_VERSION_NUMBER >= 3044000
    .xIntegrity = nullptr,
#endif
};

}  // namespace

const sqlite3_module kEachModule = kModule<false>;
const sqlite3_module kTreeModule = kModule<true>;

}  // namespace oocmap::sql
