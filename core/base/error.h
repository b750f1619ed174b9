// One exception type for the whole store.
//
// A missing key is never an exception; what cannot happen, what the file refuses and what the
// caller got wrong is. `message` is complete: it names the thing (a file by its path), quotes the
// bad token, says what was expected and, where it matters, what became of the transaction.
#pragma once

#include <exception>
#include <string>
#include <utility>

#include "core/base/export.h"

namespace oocmap {

// g++ 12 takes the names of a scoped enumeration for ones that hide others (format/limits.h has a
// kFormatVersion, too).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

// Each code has one row in sqlite_ext's and one in python's translation table.
enum class ErrorCode {
  kInvalidPath,        // a JSON path that does not parse (message: position in characters from 0)
  kInvalidJson,        // JSON text that does not parse (message: position in bytes from 0)
  kInvalidArgument,    // any other argument the caller got wrong: table arguments, key, index
  kTypeMismatch,       // a value of a type that cannot be stored, or an operation it does not have
  kCorrupt,            // bytes that do not decode, or a file that is not ours
  kFormatVersion,      // a file of a newer format
  kMapFull,            // max_size or the address space is used up
  kDiskFull,           // ENOSPC, EDQUOT, EFBIG, a tmpfs that is full
  kTransactionTooBig,  // too many dirty pages inside savepoints, or too many levels
  kTransactionFailed,  // the transaction was poisoned by an earlier failure: roll it back
  kReadOnly,           // a write through a read-only map
  kBusy,               // the write lock was not to be had within the timeout
  kStaleHandle,        // the value behind a handle is gone
  kNotAllowed,         // a table in a database file names a file outside its folder
  kClosed,             // use after close
  kSecondImage,        // a second copy of oocmap.so in this process
  kFilesystem,         // a file system or a link that LMDB's locks do not survive
  kIo,                 // a system call failed: see system_error()
};

#pragma GCC diagnostic pop

class OOCMAP_API Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}
  // A failed system call: `call` is its name, `path` the file, `system_error` its errno.
  Error(ErrorCode code, std::string message, int system_error, std::string path)
      : code_(code), message_(std::move(message)), path_(std::move(path)), errno_(system_error) {}
  ~Error() override;

  ErrorCode code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }
  const char* what() const noexcept override { return message_.c_str(); }
  // errno of the failing call, 0 where there was none.
  int system_error() const noexcept { return errno_; }
  // The file the failing call was about, empty where there was none.
  const std::string& path() const noexcept { return path_; }

 private:
  ErrorCode code_;
  std::string message_;
  std::string path_;
  int errno_ = 0;
};

}  // namespace oocmap
