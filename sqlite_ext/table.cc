#include "sqlite_ext/table.h"

#include <unistd.h>

#include <cerrno>

#include "sqlite_ext/each_rows.h"
#include "sqlite_ext/file_policy.h"
#include "sqlite_ext/values.h"

namespace oocmap::sql {

Table::Table(std::shared_ptr<Connection> owner, std::string in_schema, std::string table_name,
             Arguments parsed)
    : sqlite3_vtab{},
      connection(std::move(owner)),
      schema(std::move(in_schema)),
      name(std::move(table_name)),
      arguments(std::move(parsed)),
      columns(table_columns(arguments, name)) {
  if (named_by_schema()) connection->connected(*this);
}

Table::~Table() { connection->disconnected(*this); }

Verify Table::verify() const noexcept { return arguments.verify ? Verify::kFull : Verify::kAuto; }

Session& Table::session() {
  if (!session_ || session_->closed()) {
    const std::string path = allowed_path(*connection, schema, name, arguments.file);
    session_ = connection->open_session(path, false, verify());
  }
  return *session_;
}

Session& Table::create_file() {
  const std::string path = allowed_path(*connection, schema, name, arguments.file);
  if (!arguments.create && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    throw Error(ErrorCode::kIo, "oocmap: there is no file '" + path + "'; create=1 makes it",
                ENOENT, path);
  }
  session_ = connection->open_session(path, arguments.create, verify());
  return *session_;
}

std::optional<Member> Table::find_root(const Transaction& transaction) {
  Store& store = session().store();
  return get_path(store, transaction, map_member(store), arguments.root);
}

bool Table::has_root() {
  const ReadScope scope(session(), View::kSession);
  const std::optional<Member> found = find_root(scope.transaction());
  return found && found->container();
}

NodeView Table::root(const Transaction& transaction) {
  const std::optional<Member> found = find_root(transaction);
  const auto what = [this] {
    return "oocmap: the root '" + arguments.root_text + "' of the table " + name + " leads to ";
  };
  if (!found) {
    throw Error(ErrorCode::kInvalidArgument,
                what() + "nothing in '" + session().store().path() + "'");
  }
  if (!found->container() || found->tag == tag_of(WordKind::kArray)) {
    throw Error(ErrorCode::kTypeMismatch, what() + "a value of type " + type_name(*found) +
                                              " in '" + session().store().path() +
                                              "', not to a dict, list or tuple");
  }
  const NodeView node = session().store().locate(transaction, found->word);
  if (is_set(node.container_kind())) {
    throw Error(ErrorCode::kTypeMismatch, what() + "a " + type_name(*found) + " in '" +
                                              session().store().path() +
                                              "', not to a dict, list or tuple: oocmap_each() "
                                              "goes through the members of a set");
  }
  return node;
}

std::optional<NodeView> Table::find_members(const Transaction& transaction,
                                            const std::optional<Key>& parent) {
  const NodeView top = root(transaction);
  if (!parent) return top;
  Store& store = session().store();
  const auto row = member_at(store, transaction, top, *parent);
  return row ? container_at(store, transaction, *row, *arguments.each) : std::nullopt;
}

double Table::estimated_rows() noexcept {
  constexpr double kGuess = 1e6;
  double rows = kGuess;
  if (arguments.function) return rows;  // which file is not known before it is read
  sqlite3_vtab failure{};
  guarded(connection->api, nullptr, &failure, [this, &rows] {
    const ReadScope scope(session(), View::kSession);
    rows = static_cast<double>(root(scope.transaction()).count());
  });
  sqlite3_free(failure.zErrMsg);  // the query itself will say it
  return rows;
}

Member map_member(const Store& store) { return {tag_of(WordKind::kDict), store.root()}; }

}  // namespace oocmap::sql
