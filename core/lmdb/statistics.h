// What there is to know of a file as a whole: its pages, and who reads it.
#pragma once

#include <cstdint>

#include "core/base/export.h"
#include "core/lmdb/environment.h"

namespace oocmap {

// At the last commit.
struct Statistics {
  uint64_t transaction = 0;  // id of that commit; each is one more than the one before
  uint64_t page_bytes = 0;
  uint64_t pages = 0;            // of the file that are or were in use
  uint64_t free_pages = 0;       // those of them that later writes take, once no reader needs them
  uint64_t file_bytes = 0;       // st_size
  uint64_t allocated_bytes = 0;  // what the file takes on the disk: st_blocks * 512
  uint64_t max_bytes = 0;        // what the file may grow to
  uint64_t readers = 0;          // read transactions open in any process, without the one for this
  uint64_t oldest_reader = 0;    // commits since the moment the oldest of them reads; 0: none
  // Of that reader, where oldest_reader is not 0:
  uint64_t oldest_reader_process = 0;  // its pid
  double oldest_reader_seconds = 0;    // since the commit after its moment, or less (age_of())
};

// Clears the reader slots of dead processes first. Errors: kClosed, kIo, kCorrupt.
// Cost: a row of the free list for each commit whose pages are free, and a pass over the readers.
OOCMAP_API Statistics read_statistics(Environment& environment);

// The commit that the oldest read transaction of any process reads, UINT64_MAX where there is none.
// The reader slots of dead processes count (Environment::clear_stale_readers).
// Errors: kClosed, kIo. Cost: a pass over the readers.
uint64_t oldest_read_transaction(Environment& environment);

}  // namespace oocmap
