// What oocmap_each() goes through: the members of one container, or the one value there is (an
// array is one value).
#pragma once

#include <memory>
#include <optional>

#include "sqlite_ext/subject.h"

namespace oocmap::sql {

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
};

// `place` is in `subject`, which is not to be used afterwards.
std::unique_ptr<Members> members_of(Subject& subject, const Subject::Place& place);

}  // namespace oocmap::sql
