// JSON paths in SQLite's dialect plus `[literal]` for keys that are not strings: docs/sql.md.
//   $  .name  ."odd name"  ."q\"\u0041"  [3]  [#-1]
// and on a dict  [7] [None] [True] [1.5] ['x'] [b'x'] [(1, 'a')] [x'cf4f4b...']
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/export.h"
#include "core/store/dict.h"
#include "core/store/list.h"
#include "core/store/store.h"

namespace oocmap {

struct PathStep {
  enum class Kind { kName, kIndex, kFromEnd, kLiteral };
  Kind kind = Kind::kName;
  int64_t index = 0;       // kIndex: [3]; kFromEnd: [#-1] has 1, [#] has 0
  std::optional<Key> key;  // kName, kLiteral, kIndex: what it is on a dict
};

// A parsed path; cheap to keep and to evaluate often.
class OOCMAP_API Path {
 public:
  // Errors: kInvalidPath; the message quotes the path and gives the position (characters from 0).
  static Path parse(std::string_view text);
  // One step without a path's text, as the right side of SQL's -> and ->> gives it.
  static Path of_name(std::string_view name);
  static Path of_index(int64_t index);
  const std::vector<PathStep>& steps() const noexcept { return steps_; }

 private:
  std::vector<PathStep> steps_;
};

// The member `path` leads to from `start`; nullopt where a step finds nothing or meets a scalar.
// Cost: one dict_get or list_get a step. Errors: kStaleHandle, kCorrupt.
OOCMAP_API std::optional<Member> get_path(Store& store, const Transaction& transaction,
                                          const Member& start, const Path& path);

}  // namespace oocmap
