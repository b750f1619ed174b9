// Checks the pages of an LMDB data file with pread, without mapping it: LMDB believes what stands
// on a page, and one wrong number there makes it die of a signal, or read and write where it must
// not.
//
// What is checked: every page of every tree (its number, flags, bounds; where its nodes lie, that
// they do not overlap and fill it; the keys' sizes and order, also against the separators above;
// that all leaves are as deep as the tree says; its counts of pages and entries), overflow runs,
// the list of free pages, and that no page is used twice.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/base/export.h"

namespace oocmap {

class Environment;

struct PageReport {
  uint64_t transaction = 0;  // whose state it is
  uint64_t pages = 0;        // of the file that are or were in use, meta pages included
  uint64_t used = 0;         // meta pages, and those of the trees
  uint64_t free = 0;         // those in the list of free pages; what is left is in neither
};

// Told now and then how many pages of how many were looked at. What it throws ends the check.
using PageProgress = std::function<void(uint64_t done, uint64_t pages)>;

// Checks the newest state of the file behind `fd`, which `path` names in messages. Other processes
// may write to it meanwhile: where one replaced that state before the check was through, a problem
// it met may be none.
// Returns: false there; the file has to be checked again in a read transaction (below).
// Errors: kCorrupt, which names the page and what was found there; kIo.
// Cost: a read of each page but those inside overflow runs (about 0.5 us each where the system has
// them in memory); a bit of memory a page.
bool check_pages(int fd, const std::string& path, PageReport& report,
                 const PageProgress& progress = {});

// The same for a file that is open, in a read transaction of its own: nobody reuses the pages of
// the state that it reads. Errors: those, and kClosed.
OOCMAP_API PageReport check_pages(Environment& environment, const PageProgress& progress = {});

// Checks what opening a store reads before anything else can be checked: the main tree, the records
// of the named databases in it, the database `meta`, and the way to the first of `records`. Where a
// writer is at work it looks again, a few times. Errors: kCorrupt, kIo. Cost: a read of each of
// these pages, of which there are about five: 10 us.
void check_entrance(int fd, const std::string& path);

}  // namespace oocmap
