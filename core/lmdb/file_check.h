// Looks at a file's first bytes with pread, before LMDB maps it: LMDB takes a damaged or a foreign
// file for its own and dies of a signal. Private to core/lmdb.
#pragma once

#include <string>

namespace oocmap {

// Checks both meta pages of the file behind `fd`: magic, version, page size, flags, and that the
// pages in use lie within the file.
// Errors: kCorrupt with what was found; kIo. Cost: two reads of 152 bytes; of a file that is
// shorter than its page count says all pages are checked (its last ones may be free and never
// written).
void check_file(int fd, const std::string& path);

}  // namespace oocmap
