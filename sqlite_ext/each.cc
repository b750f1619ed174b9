// SELECT e.key, e.value FROM m, oocmap_each(m.m, '$.tags') AS e;
//
// One row a member of a container, with json_each's columns; a value that is no container is one
// row.
#include <memory>
#include <optional>
#include <string>

#include "core/json/literal.h"
#include "sqlite_ext/connection.h"
#include "sqlite_ext/keys.h"
#include "sqlite_ext/module.h"
#include "sqlite_ext/row_source.h"
#include "sqlite_ext/subject.h"
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
  explicit EachTable(std::shared_ptr<Connection> owner)
      : sqlite3_vtab{}, connection(std::move(owner)) {}
  std::shared_ptr<Connection> connection;
};

// Text like json_each's: names as they are where a path can have them so.
std::string step_text(const Key& key) {
  if (static_cast<uint8_t>(key.order().front()) != kClassText) return "[" + key_literal(key) + "]";
  const Bytes name = key.order().substr(1);
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  bool is_plain = !name.empty() && !(name[0] >= '0' && name[0] <= '9');
  for (const char c : name) is_plain = is_plain && plain(c);
  if (is_plain) return "." + std::string(name);
  if (name.find('"') == Bytes::npos) return ".\"" + std::string(name) + "\"";
  return "[" + key_literal(key) + "]";  // a quoted name has no way to say a quote
}

// The members of one container, or the one value there is.
class Members {
 public:
  virtual ~Members() = default;
  virtual bool next() = 0;
  virtual void value(sqlite3_context* context) = 0;  // a container as JSON text
  virtual const char* type() = 0;
  virtual bool container() = 0;
  virtual void ref(sqlite3_context*) {}  // NULL where there is no handle
  // nullopt for the row of a value that is no container.
  virtual std::optional<Key> key() = 0;
};

class StoredMembers final : public Members {
 public:
  StoredMembers(std::shared_ptr<Session> session, const NodeView& container)
      : session_(std::move(session)),
        container_(container.identity()),
        rows_(scan_rows(session_->store(), container)) {
    session_->cursor_opened();
  }
  ~StoredMembers() override { session_->cursor_closed(); }

  bool next() override {
    const ReadScope scope(*session_, View::kSession);
    if (!rows_->next(scope.transaction(), entry_)) return false;
    stamp_ = scope.transaction().stamp();
    return true;
  }
  void value(sqlite3_context* context) override {
    with_member([&](const Transaction& transaction, const Member& member) {
      result_value(context, session_->store(), transaction, member);
    });
  }
  void ref(sqlite3_context* context) override {
    with_member([&](const Transaction& transaction, const Member& member) {
      result_handle(context, *session_, transaction, member);
    });
  }
  const char* type() override {
    const char* name = "NoneType";
    with_member([&](const Transaction&, const Member& member) { name = type_name(member); });
    return name;
  }
  bool container() override {
    bool is_container = false;
    with_member(
        [&](const Transaction&, const Member& member) { is_container = member.container(); });
    return is_container;
  }
  std::optional<Key> key() override { return entry_.key; }

 private:
  // Not called where the member was erased since the row was reached.
  template <typename Work>
  void with_member(const Work& work) {
    const ReadScope scope(*session_, View::kSession);
    const Transaction& transaction = scope.transaction();
    if (transaction.stamp() == stamp_) return work(transaction, entry_.value);
    Store& store = session_->store();
    const auto again =
        member_at(store, transaction, store.locate(transaction, container_), entry_.key);
    if (again) work(transaction, *again);
  }

  std::shared_ptr<Session> session_;
  Identity container_;
  std::unique_ptr<RowSource> rows_;
  DictEntry entry_;
  Stamp stamp_;
};

class TextMembers final : public Members {
 public:
  TextMembers(Document document, Document::Node container)
      : document_(std::move(document)), container_(container) {}

  bool next() override {
    at_ = started_ ? document_.next(*at_) : document_.first_child(container_);
    index_ += started_ ? 1 : 0;
    started_ = true;
    return at_.has_value();
  }
  void value(sqlite3_context* context) override {
    const Member member = document_.value(*at_);
    if (!member.container()) return result_scalar(context, member, member.payload());
    Buffer json;
    document_.write(*at_, json);
    result_json_text(context, json);
  }
  const char* type() override { return type_name(document_.value(*at_)); }
  bool container() override { return document_.value(*at_).container(); }
  std::optional<Key> key() override {
    if (document_.value(container_).tag == tag_of(WordKind::kList)) return Key::integer(index_);
    return literal_text_key(document_.key(*at_));
  }

 private:
  Document document_;
  Document::Node container_;
  std::optional<Document::Node> at_;
  int64_t index_ = 0;
  bool started_ = false;
};

// A value that is no container: one row without a key.
class SingleValue final : public Members {
 public:
  SingleValue(const Subject& subject, const Member& member) : session_(subject.session()) {
    pack_scalar(member, subject.payload(member), packed_);
  }
  bool next() override { return !std::exchange(done_, true); }
  void value(sqlite3_context* context) override {
    const Member member = unpack_scalar(packed_);
    result_scalar(context, member, member.payload());
  }
  void ref(sqlite3_context* context) override {
    if (!session_) return;
    const ReadScope scope(*session_, View::kSession);
    result_handle(context, *session_, scope.transaction(), unpack_scalar(packed_));
  }
  const char* type() override { return type_name(unpack_scalar(packed_)); }
  bool container() override { return false; }
  std::optional<Key> key() override { return std::nullopt; }

 private:
  std::shared_ptr<Session> session_;
  Buffer packed_;
  bool done_ = false;
};

std::unique_ptr<Members> members_of(Subject& subject, const Subject::Place& place) {
  if (!place.member.container()) return std::make_unique<SingleValue>(subject, place.member);
  if (!subject.stored()) return std::make_unique<TextMembers>(subject.take_document(), place.node);
  const NodeView node = subject.session()->store().locate(subject.transaction(), place.member.word);
  return std::make_unique<StoredMembers>(subject.session(), node);
}

struct EachCursor : sqlite3_vtab_cursor {
  explicit EachCursor(EachTable& of) : sqlite3_vtab_cursor{}, table(of) {}
  ~EachCursor() { sqlite3_value_free(argument); }
  EachCursor(const EachCursor&) = delete;
  EachCursor& operator=(const EachCursor&) = delete;

  void filter(int argc, sqlite3_value** argv);
  void next() {
    ++row;
    if (!members->next()) members.reset();
  }
  void column(sqlite3_context* context, int index);

  EachTable& table;
  std::unique_ptr<Members> members;  // none: at the end
  sqlite3_value* argument = nullptr;
  std::string path = "$";
  sqlite3_int64 row = 0;
};

void EachCursor::filter(int argc, sqlite3_value** argv) {
  members.reset();
  row = 0;
  path = "$";
  sqlite3_value_free(std::exchange(argument, nullptr));
  for (int i = 0; i < argc; ++i) {
    if (sqlite3_value_type(argv[i]) == SQLITE_NULL) return;
  }
  if (argc == 0) return;
  argument = sqlite3_value_dup(argv[0]);
  if (!argument) throw std::bad_alloc();
  if (argc > 1) path = text_bytes(argv[1]);
  const Path parsed = Path::parse(path);
  Subject subject(*table.connection, argument);
  const auto place = subject.find(parsed);
  if (!place) return;
  members = members_of(subject, *place);
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
    case kFullKey: {
      const auto key = members->key();
      return result_text(context, key ? path + step_text(*key) : path);
    }
    case kPath:
    case kRoot:
      return result_text(context, path);
    case kJson:
      return sqlite3_result_value(context, argument);
    case kRef:
      return members->ref(context);
    default:
      return;  // parent: members have none of their own here
  }
}

EachTable& each_table(sqlite3_vtab* table) { return *static_cast<EachTable*>(table); }
EachCursor& each_cursor(sqlite3_vtab_cursor* cursor) { return *static_cast<EachCursor*>(cursor); }

template <typename Work>
int with_each(sqlite3_vtab_cursor* cursor, const Work& work) noexcept {
  EachCursor& self = each_cursor(cursor);
  return guarded(self.table.connection->api, cursor->pVtab, [&] { work(self); });
}

int each_connect(sqlite3* db, void* data, int, const char* const*, sqlite3_vtab** table,
                 char** error) noexcept {
  const auto connection = *static_cast<std::shared_ptr<Connection>*>(data);
  return guarded(connection->api, error, [&] {
    const int code = sqlite3_declare_vtab(db, kDeclaration);
    if (code != SQLITE_OK) throw SqliteError(code, sqlite3_errmsg(db));
    *table = new EachTable(connection);
  });
}

int each_disconnect(sqlite3_vtab* table) noexcept {
  const auto connection = each_table(table).connection;
  char* unused = nullptr;
  return guarded(connection->api, &unused, [&] { delete &each_table(table); });
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
  return guarded(each_table(table).connection->api, table,
                 [=] { *cursor = new EachCursor(each_table(table)); });
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

}  // namespace

// Without xCreate: there is nothing to create, it is there by its name.
const sqlite3_module kEachModule = {
    .iVersion = 0,
    .xCreate = nullptr,
    .xConnect = each_connect,
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

}  // namespace oocmap::sql
