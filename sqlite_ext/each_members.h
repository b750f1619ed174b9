// What oocmap_each() and oocmap_tree() go through: the members of one container, or the one value
// there is (an array is one value).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sqlite_ext/subject.h"

namespace oocmap::sql {

// A key as a step of a path, like json_each's: names as they are where a path can have them so.
std::string step_text(const Key& key);

// Each function but next() and ref() is about the member next() went to last.
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

  // Its own members; nullptr for what has none of its own (a scalar, an array) or is gone since.
  virtual std::unique_ptr<Members> enter() { return nullptr; }
  // The stored container these are the members of; 0 where it has no place of its own.
  virtual Identity identity() const { return 0; }

  // Where it is; `root`: the path the function was given.
  virtual std::string fullkey(const std::string& root);
  virtual std::string path(const std::string& root) { return root; }
  virtual std::optional<int64_t> parent() { return std::nullopt; }  // its container's row
};

// `place` is in `subject`, which is not to be used afterwards.
std::unique_ptr<Members> members_of(Subject& subject, const Subject::Place& place);
// The same of the place itself: one row.
std::unique_ptr<Members> only(Subject& subject, const Subject::Place& place);

}  // namespace oocmap::sql
