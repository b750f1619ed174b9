// What columns the values of a sample suggest.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/store/session.h"

namespace oocmap::sql {

struct SuggestedColumn {
  std::string name;
  std::string type;  // as declared: INTEGER, REAL, BOOLEAN, TEXT, BLOB; empty where they are mixed
  std::string path;
};

// Looks at dicts, and at dicts in them by their text keys, a few levels down: a scalar at a path is
// a column, lists and the like are none.
class ColumnSample {
 public:
  ColumnSample(Store& store, const Transaction& transaction)
      : store_(store), transaction_(transaction) {}

  // A member of the root; what is no dict suggests nothing. Errors: kCorrupt, kStaleHandle.
  void add(const Member& member);
  // The most frequent ones, in the order they were met. No two names are equal without case, nor is
  // one `table` or a name of the table's own.
  std::vector<SuggestedColumn> columns(const std::string& table) const;

 private:
  struct Seen {
    std::string path;
    std::string name;    // the path's steps, joined
    size_t count = 0;    // of scalars; None, too
    unsigned types = 0;  // a bit a type
  };
  void add_dict(const Member& dict, const std::string& path, const std::string& name, int level);
  // What stands at the path; nullptr where no more paths are kept.
  Seen* seen_at(const std::string& path, const std::string& name);

  Store& store_;
  const Transaction& transaction_;
  std::vector<Seen> seen_;
  std::unordered_map<std::string, size_t> index_;  // path to place in seen_
};

}  // namespace oocmap::sql
