// What oocmap_tree() goes through: a value and all below it, each container before its members, as
// json_tree() does.
//
// It is lazy: of each container on the way down it keeps where it is. Each of these goes on by
// itself after a commit or rollback between two steps; one that is gone by then has no more
// members. Nothing recurs on the C stack.
#pragma once

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/json/path.h"
#include "sqlite_ext/each_members.h"

namespace oocmap::sql {

class TreeWalk final : public Members {
 public:
  // `root`: one row, the value that `path` (whose text is `text`) leads to.
  TreeWalk(std::unique_ptr<Members> root, const Path& path, const std::string& text);

  // Errors: kTypeMismatch where a container is inside itself; kCorrupt.
  bool next() override;
  void value(sqlite3_context* context) override { member().value(context); }
  const char* type() override { return member().type(); }
  bool container() override { return member().container(); }
  void ref(sqlite3_context* context) override { member().ref(context); }
  // Of the first row the last step of the path: NULL for `$`, and for [#-1].
  std::optional<Key> key() override { return at_root() ? root_key_ : member().key(); }
  std::string fullkey(const std::string& root) override;
  std::string path(const std::string& root) override;
  std::optional<int64_t> parent() override;

 private:
  struct Level {
    std::unique_ptr<Members> members;
    int64_t row = 0;          // of the container
    size_t outer_prefix = 0;  // length of prefix_ outside it
  };
  Members& member() { return *levels_.back().members; }
  bool at_root() const noexcept { return levels_.size() == 1; }
  void descend();
  bool step();
  void ascend();

  std::vector<Level> levels_;                // the first has the value itself
  std::unordered_set<Identity> containers_;  // that are being walked
  std::string prefix_;                       // fullkey of the innermost container
  std::optional<Key> root_key_;
  std::string root_path_;
  int64_t row_ = 0;
};

}  // namespace oocmap::sql
