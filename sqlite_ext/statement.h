// A prepared statement of ours, finalized when it goes.
#pragma once

#include <string>

#include "sqlite_ext/api.h"

namespace oocmap::sql {

class Statement {
 public:
  Statement(sqlite3* db, const std::string& text) {
    sqlite3_prepare_v2(db, text.c_str(), -1, &statement_, nullptr);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  bool prepared() const noexcept { return statement_ != nullptr; }
  int step() noexcept { return sqlite3_step(statement_); }
  sqlite3_stmt* raw() const noexcept { return statement_; }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace oocmap::sql
