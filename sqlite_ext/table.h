// One virtual table: what its CREATE statement says, and the session it reads and writes through.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sqlite_ext/api.h"
#include "sqlite_ext/arguments.h"
#include "sqlite_ext/connection.h"

namespace oocmap::sql {

struct Table : sqlite3_vtab {
  Table(std::shared_ptr<Connection> owner, std::string in_schema, std::string table_name,
        Arguments parsed);
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  static Table& of(sqlite3_vtab* table) { return *static_cast<Table*>(table); }

  const std::shared_ptr<Connection> connection;
  const std::string schema;
  const std::string name;  // as connected; a renamed table is connected again
  const Arguments arguments;
  const std::vector<Column> columns;
  // A key that was shown and that `key TYPE` makes another one (is_kept of affinity.h), for
  // messages.
  std::string misfit_key;
  // Whether a schema names it: not a cursor's own table (table_function.h).
  bool named_by_schema() const noexcept { return !arguments.function; }
  bool enlisted = false;  // between xBegin and xCommit or xRollback

  // The session on the table's file, opened at the first use: connecting only parses, so that DROP
  // TABLE and table_info work where the file is gone. Errors: kNotAllowed, those of Store::open.
  Session& session();
  // The same, making a missing file (CREATE with create=1).
  Session& create_file();
  bool opened() const noexcept { return session_ != nullptr; }

  // The value `root` leads to; nullopt where it leads to nothing.
  std::optional<Member> find_root(const Transaction& transaction);
  // Whether there is a container for rows to lie in. Errors: those of session().
  bool has_root();
  // Its node. Errors: kInvalidArgument where it leads to nothing, kTypeMismatch where to a scalar.
  NodeView root(const Transaction& transaction);
  // The container the rows lie in: the root, or with each= what that leads to in the root's member
  // `parent`. nullopt where there is no such member, or no dict, list, tuple or set in it.
  // Errors: as root().
  std::optional<NodeView> find_members(const Transaction& transaction,
                                       const std::optional<Key>& parent);
  // Rows of the root there are, a guess where the file cannot be read: planning never fails.
  double estimated_rows() noexcept;

 private:
  Verify verify() const noexcept;
  std::shared_ptr<Session> session_;
};

// The whole map as a member.
Member map_member(const Store& store);

}  // namespace oocmap::sql
