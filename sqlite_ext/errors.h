// The table that turns an oocmap::Error into what SQLite reports, and back.
#pragma once

#include <exception>
#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/base/export.h"

struct sqlite3;

namespace oocmap::sql {

// An error SQLite has a code of its own for (constraints): code and message go out as they are.
class SqliteError : public std::exception {
 public:
  SqliteError(int code, std::string message) : code_(code), message_(std::move(message)) {}
  int code() const noexcept { return code_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  int code_;
  std::string message_;
};

// The extended SQLite result code of an error.
OOCMAP_API int sqlite_code(ErrorCode code) noexcept;
// The error that a failed call of SQLite on our behalf stands for (a join).
Error error_of(int sqlite_code, const std::string& message);

struct Failure {
  int code;
  char* message;  // from sqlite3_mprintf; null where even that failed
};
// What the exception being handled says. To be called inside a catch block. In an open transaction
// of `db` a code that makes SQLite end it by itself becomes SQLITE_ERROR: the transaction stays,
// as one that has to be rolled back where it cannot go on, so that no later statement is committed
// without it.
Failure current_failure(sqlite3* db) noexcept;

}  // namespace oocmap::sql
