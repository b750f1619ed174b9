#include "sqlite_ext/errors.h"

#include <cerrno>
#include <new>

#include "sqlite_ext/api.h"

namespace oocmap::sql {
namespace {

struct Row {
  ErrorCode code;
  int sqlite;
};

// One row a code, in the order of core/base/error.h; docs/sql.md has the same table.
constexpr Row kTable[] = {
    {ErrorCode::kInvalidPath, SQLITE_ERROR},
    {ErrorCode::kInvalidJson, SQLITE_ERROR},
    {ErrorCode::kInvalidArgument, SQLITE_ERROR},
    {ErrorCode::kTypeMismatch, SQLITE_ERROR},
    {ErrorCode::kCorrupt, SQLITE_CORRUPT_VTAB},
    {ErrorCode::kFormatVersion, SQLITE_CORRUPT_VTAB},
    {ErrorCode::kMapFull, SQLITE_FULL},
    {ErrorCode::kDiskFull, SQLITE_FULL},
    {ErrorCode::kTransactionTooBig, SQLITE_TOOBIG},
    {ErrorCode::kTransactionFailed, SQLITE_ERROR},
    {ErrorCode::kReadOnly, SQLITE_READONLY},
    {ErrorCode::kBusy, SQLITE_BUSY},
    {ErrorCode::kStaleHandle, SQLITE_ERROR},
    {ErrorCode::kNotAllowed, SQLITE_AUTH},
    {ErrorCode::kClosed, SQLITE_MISUSE},
    {ErrorCode::kSecondImage, SQLITE_ERROR},
    {ErrorCode::kFilesystem, SQLITE_CANTOPEN},
    {ErrorCode::kIo, SQLITE_IOERR},
};

// A file that cannot be opened is CANTOPEN to SQLite's users, whatever call said so.
bool is_open_failure(const Error& error) noexcept {
  switch (error.system_error()) {
    case ENOENT:
    case EACCES:
    case EPERM:
    case EISDIR:
    case ENOTDIR:
    case EEXIST:
    case ELOOP:
    case ENAMETOOLONG:
    case EROFS:
      return error.code() == ErrorCode::kIo;
    default:
      return false;
  }
}

constexpr char kOutOfMemory[] = "out of memory";

Failure failure(int code, const char* message) noexcept {
  return {code, sqlite3_mprintf("%s", message)};
}

}  // namespace

int sqlite_code(ErrorCode code) noexcept {
  for (const Row& row : kTable) {
    if (row.code == code) return row.sqlite;
  }
  return SQLITE_ERROR;
}

Error error_of(int code, const std::string& message) {
  const int primary = code & 0xff;
  switch (primary) {
    case SQLITE_NOMEM:
      throw std::bad_alloc();
    case SQLITE_LOCKED:  // SQLite's own lock on the database file the table is stored in
      return {ErrorCode::kBusy, message};
    case SQLITE_FULL:
      return {ErrorCode::kDiskFull, message};
    case SQLITE_ERROR:
      if (message == kOutOfMemory) throw std::bad_alloc();  // current_failure's
      return {ErrorCode::kInvalidArgument, message};
    default:
      break;
  }
  for (const Row& row : kTable) {
    if ((row.sqlite & 0xff) == primary) return {row.code, message};
  }
  return {ErrorCode::kInvalidArgument, message};
}

namespace {

Failure caught() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    const int code = is_open_failure(error) ? SQLITE_CANTOPEN : sqlite_code(error.code());
    return failure(code, error.what());
  } catch (const SqliteError& error) {
    return failure(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    return {SQLITE_NOMEM, nullptr};
  } catch (const std::exception& error) {
    return failure(SQLITE_INTERNAL, error.what());
  } catch (...) {
    return failure(SQLITE_INTERNAL, "oocmap: an exception of unknown type");
  }
}

// SQLite answers these by ending the transaction (sqlite3VdbeHalt). Whoever goes on all the same
// then commits each statement that follows, and so stores a part of what was to be one.
bool ends_transaction(int code) noexcept {
  const int primary = code & 0xff;
  return primary == SQLITE_FULL || primary == SQLITE_IOERR || primary == SQLITE_NOMEM;
}

}  // namespace

Failure current_failure(sqlite3* db) noexcept {
  Failure failure = caught();
  if (!db || !ends_transaction(failure.code) || sqlite3_get_autocommit(db)) return failure;
  if (failure.code == SQLITE_NOMEM) failure.message = sqlite3_mprintf("%s", kOutOfMemory);
  failure.code = SQLITE_ERROR;
  return failure;
}

}  // namespace oocmap::sql
