// The writes one row of SQL comes down to, on the dict or list a table stands for, or that a path
// leads to in one of its members (each=).
#pragma once

#include <optional>
#include <string>

#include "sqlite_ext/table.h"

namespace oocmap::sql {

// Runs `work` so that all of its writes happen or none: needed where a row takes several.
template <typename Work>
void in_savepoint(Session& session, const Work& work) {
  constexpr int kLevel = 1 << 30;  // above every level SQLite gives
  try {
    session.savepoint(kLevel);
    work();
  } catch (...) {
    session.rollback_to(kLevel);
    session.release(kLevel);
    throw;
  }
  session.release(kLevel);
}

class RowWrite {
 public:
  // `parent`: in a table with each=, the key of the root's member that the row lies in.
  // Errors: those of WriteScope.
  explicit RowWrite(Table& table, std::optional<Key> parent = std::nullopt);

  // The container the row lies in. Errors: as Table::root; kTypeMismatch where each= leads to
  // nothing, or to no dict, list, tuple or set.
  NodeView root();
  std::optional<Member> find(const Key& key);

  // Stores `value` under `key`; in a list the index must be there, or be the next one.
  // Errors: kInvalidArgument (index), kTypeMismatch (a tuple).
  void set(const Key& key, EncodedValue value);
  // Sets the value at `path` inside the row: a missing dict is made along .name steps.
  // Errors: kInvalidArgument where a step is missing that cannot be made, kTypeMismatch where one
  // meets a scalar or a tuple.
  void set_inside(const Key& key, const Path& path, const std::string& path_text,
                  EncodedValue value);
  // Errors: kTypeMismatch for a list.
  void erase(const Key& key);
  void rename(const Key& from, const Key& to);
  // A set's members are never found by their numbers. Errors: kTypeMismatch for a set.
  void refuse_set();
  // Makes an empty dict where the table's root leads to nothing; with each=, the parent too and in
  // it an empty list.
  void make_root();

  Store& store() noexcept { return session_.store(); }
  WriteTransaction& transaction() noexcept { return scope_.transaction(); }
  void commit() { scope_.commit(); }

 private:
  void set_index(const NodeView& list, const Key& key, EncodedValue value);
  void set_path(const Member& start, const Path& path, const std::string& path_text,
                EncodedValue value);
  Member make_dict(const NodeView& parent, const PathStep& step, const std::string& path_text);
  void set_step(const NodeView& parent, const PathStep& step, const std::string& path_text,
                EncodedValue value);
  void make_parent();
  std::string place() const;  // where the row lies, in words
  [[noreturn]] void refuse_change(const NodeView& node) const;

  Table& table_;
  Session& session_;
  WriteScope scope_;
  std::optional<Key> parent_;
};

}  // namespace oocmap::sql
