// Checks what a store holds, beyond the pages it stands on (core/lmdb/page_check.h): that every row
// decodes, every reference leads to what it says, counts and orders agree, and nothing is left
// that neither the root nor a later write will ever come to.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/export.h"
#include "core/lmdb/page_check.h"
#include "core/store/store.h"

namespace oocmap {

struct CheckProblem {
  std::string place;  // "record 12, slot 3", "immutable 7", "graveyard, record 3, slot 0"
  std::string text;   // what is wrong there

  std::string words() const { return place.empty() ? text : place + ": " + text; }
};

struct CheckReport {
  PageReport pages;
  // What there is.
  uint64_t records = 0;
  uint64_t containers = 0;
  uint64_t entries = 0;  // members of large dicts and sets
  uint64_t chunks = 0;   // of large lists, tuples and arrays
  uint64_t immutables = 0;
  uint64_t graveyard = 0;  // containers that wait to be freed
  // Containers and immutables that nothing refers to: for vacuum to free.
  uint64_t unreferenced = 0;
  // Of these, neither pinned nor shared. No loss, and only a vacuum that was cut off leaves such,
  // or one beside a process that goes on with handles to what was removed.
  uint64_t leaked = 0;
  uint64_t problem_count = 0;
  std::vector<CheckProblem> problems;  // the first of them

  bool ok() const noexcept { return problem_count == 0; }
  // The first problems in words, for an error's message; empty where there is none.
  std::string summary(size_t most = 3) const;
};

struct CheckOptions {
  size_t max_problems = 100;  // kept in the report; the others are counted
  // Told every few thousand rows how many of about how many were looked at. What it throws ends the
  // check.
  std::function<void(uint64_t done, uint64_t total)> progress;
};

// Checks the records and rows of the newest commit, as one read transaction shows them: others may
// write meanwhile, but what they free is not used again before it ends.
// A page that is damaged ends it: check_pages() comes first.
// Errors: kClosed, kIo, kCorrupt where LMDB says so. Problems of the content are in the report.
// Cost: about a microsecond a row; a byte of memory a container, 16 a record, 9 an immutable.
OOCMAP_API CheckReport check_store(Store& store, const CheckOptions& options = {});

// check_pages() and check_store(): a damaged page is the one problem that is reported then.
OOCMAP_API CheckReport check_file_and_store(Store& store, const CheckOptions& options = {});

}  // namespace oocmap
