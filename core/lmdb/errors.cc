#include "core/lmdb/errors.h"

#include <lmdb.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "core/lmdb/platform_linux.h"

namespace oocmap {
namespace {

std::string sentence(std::string_view doing, const std::string& path, std::string_view reason,
                     std::string_view outcome = {}) {
  std::string text = "cannot ";
  text.append(doing).append(" '").append(path).append("': ").append(reason);
  if (!outcome.empty()) text.append("; ").append(outcome);
  return text;
}

bool lack_of_space(int error, int fd) {
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) return true;
  return error == EIO && fd >= 0 && platform::filesystem_full(fd);
}

}  // namespace

std::string reason_of(int error) { return std::generic_category().message(error); }

void throw_system(std::string_view doing, const std::string& path, int error) {
  const ErrorCode code = lack_of_space(error, -1) ? ErrorCode::kDiskFull : ErrorCode::kIo;
  throw Error(code, sentence(doing, path, reason_of(error)), error, path);
}

void throw_lmdb(std::string_view doing, const std::string& path, int code, int fd,
                std::string_view outcome) {
  const auto fail = [&](ErrorCode kind, std::string_view reason, int error = 0) {
    throw Error(kind, sentence(doing, path, reason, outcome), error, path);
  };
  switch (code) {
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
      fail(ErrorCode::kCorrupt, mdb_strerror(code));
      break;
    case MDB_MAP_FULL:
      fail(ErrorCode::kMapFull, "it is full at its max_size");
      break;
    case MDB_TXN_FULL:
      fail(ErrorCode::kTransactionTooBig,
           "the savepoints of this transaction have changed more pages than can be held (about "
           "500 MB): commit more often");
      break;
    case MDB_BAD_TXN:
      fail(ErrorCode::kTransactionFailed, "the transaction failed earlier");
      break;
    case MDB_READERS_FULL:
      fail(ErrorCode::kBusy, "too many threads and processes are reading it");
      break;
    case MDB_BAD_VALSIZE:
      fail(ErrorCode::kInvalidArgument, "a key must have 1 to 511 bytes (8 where it is a number)");
      break;
    default:
      break;
  }
  if (code < 0) fail(ErrorCode::kIo, mdb_strerror(code));
  if (lack_of_space(code, fd)) {
    fail(ErrorCode::kDiskFull,
         "no space left (" + reason_of(code) +
             "): make room on the disk, or remove a few entries at a time and vacuum",
         code);
  }
  fail(ErrorCode::kIo, reason_of(code), code);
  __builtin_unreachable();
}

}  // namespace oocmap
