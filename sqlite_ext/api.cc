#include "sqlite_ext/api.h"

namespace oocmap::sql {

constinit thread_local const sqlite3_api_routines* sqlite3_api = nullptr;

int report_to(char** error, const Failure& failure) noexcept {
  *error = failure.message;
  return failure.code;
}

int report_to(sqlite3_vtab* table, const Failure& failure) noexcept {
  sqlite3_free(table->zErrMsg);
  table->zErrMsg = failure.message;
  return failure.code;
}

int report_to(sqlite3_context* context, const Failure& failure) noexcept {
  if (failure.code == SQLITE_NOMEM) {
    sqlite3_result_error_nomem(context);
  } else {
    sqlite3_result_error(context, failure.message ? failure.message : "out of memory", -1);
    sqlite3_result_error_code(context, failure.code);
  }
  sqlite3_free(failure.message);
  return failure.code;
}

}  // namespace oocmap::sql
