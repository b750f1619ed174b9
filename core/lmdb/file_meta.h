// The two meta pages of an LMDB data file, read with pread. Private to core/lmdb.
#pragma once

#include <string>

#include "core/lmdb/page_layout.h"

namespace oocmap {

struct FileMeta {
  uint32_t page_size = 0;
  uint64_t last_page = 0;
  uint64_t transaction = 0;
  TreeRecord free_list;
  TreeRecord main;
};

// Reads exactly `size` bytes at `offset`, or returns false where the file ends before. Errors: kIo.
bool read_at(int fd, const std::string& path, uint64_t offset, void* to, size_t size);
// Bytes of the file. Errors: kIo.
uint64_t size_of(int fd, const std::string& path);
// Throws kCorrupt: "'<path>' <why>".
[[noreturn]] void refuse(const std::string& path, const std::string& why);

// The meta page LMDB would take: the newer one, which stands where its transaction's number says.
// Both must be sound. Errors: kCorrupt with what was found; kIo. Cost: two reads of 152 bytes.
FileMeta read_meta(int fd, const std::string& path);
// The one of `transaction`, which a read transaction holds; false where later commits have
// overwritten it. Errors: kCorrupt, kIo.
bool read_meta_of(int fd, const std::string& path, uint32_t page_size, uint64_t transaction,
                  FileMeta& meta);

}  // namespace oocmap
