// Turns LMDB's and the system's error numbers into oocmap::Error. Private to core/lmdb.
#pragma once

#include <string>
#include <string_view>

#include "core/base/error.h"

namespace oocmap {

// "No space left on device", of an errno.
std::string reason_of(int error);

// A system call about `path` failed with `error` (an errno). The text reads "cannot <doing>
// '<path>': <reason>".
[[noreturn]] void throw_system(std::string_view doing, const std::string& path, int error);

// An LMDB call failed with `code` (LMDB's negative numbers, or an errno). `fd`: the data file,
// which tells a full tmpfs from a broken disk; -1 where there is none. `outcome`: what became of
// the transaction.
[[noreturn]] void throw_lmdb(std::string_view doing, const std::string& path, int code, int fd = -1,
                             std::string_view outcome = {});

}  // namespace oocmap
