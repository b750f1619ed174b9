// Frees what nothing reaches any more, and gives the room of free pages back to the file system:
// what the writes themselves leave (reclaim.h) - pinned records, shared immutables, shapes, cycles.
//
// Safe beside readers and writers of any process, in steps that hold the write lock for
// milliseconds:
//   kFree   the graveyard is drained
//   kTrace  what the root reaches is marked, in one snapshot (tracer.h)
//   kSweep  what was not marked is erased (sweeper.h)
//   kPunch  holes are punched where the file has free pages (core/lmdb/punch.h)
// What others store a second time meanwhile is kept by a barrier (barrier.h). A vacuum that was
// killed leaves nothing half done: the next one begins anew.
//
// What this process's handles hold stays, with all below it. A handle of another process to what is
// freed raises kStaleHandle from then on: ids are never given out twice.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "core/base/export.h"
#include "core/store/session.h"

namespace oocmap {

struct VacuumProgress {
  enum class Step { kFree, kTrace, kSweep, kPunch };
  Step step = Step::kFree;
  // Of this step. kFree: rows of the graveyard looked at; kTrace: containers reached; kSweep: ids
  // looked at; kPunch: bytes given back. `total` is what `done` grows to, 0 where that is not
  // known.
  uint64_t done = 0;
  uint64_t total = 0;
};

struct VacuumOptions {
  // For all steps together, and no longer than about a step beyond it: for a long trace keeps the
  // pages of its moment from being used again. nullopt: none.
  std::optional<std::chrono::milliseconds> time_limit;
  // How long to wait for the write lock, each time; nullopt: as the session does.
  std::optional<std::chrono::milliseconds> timeout;
  // Rows erased in a write transaction of kFree and kSweep, 1 or more.
  uint64_t rows_at_once = 1000;
  // kPunch holds the write lock this long at a time, or for one hole.
  std::chrono::milliseconds punch_at_once{50};
  bool punch = true;  // false: leave out kPunch, but at the begin on a nearly full disk
  // Called at the beginning of each step and then every `report_every`, between transactions and
  // without a lock: it may use the map. Returns false to stop. What it throws ends the vacuum as
  // returning false does, and is thrown on.
  std::function<bool(const VacuumProgress&)> progress;
  std::chrono::milliseconds report_every{100};
};

struct VacuumReport {
  bool finished = false;          // false: stopped by `progress` or the time limit
  uint64_t containers = 0;        // freed by the sweep
  uint64_t immutables = 0;        // likewise: texts, shapes, ...
  uint64_t punched_bytes = 0;     // given back to the file system
  bool can_punch = true;          // false: the file system has no holes; pages are used again only
  uint64_t allocated_before = 0;  // what the file takes on the disk, bytes
  uint64_t allocated_after = 0;
};

// Vacuums the file of `session`. One at a time a file, in all processes.
// Errors: kInvalidArgument inside a transaction of this session, or of the connection it belongs
//         to; kBusy where another vacuum runs, or the write lock is not to be had within the
//         session's timeout (what was done stays; call again); kReadOnly (snapshots too); kClosed;
//         kCorrupt where what the root reaches cannot be read (nothing is erased then); kDiskFull;
//         kIo.
// Cost:   0.1 to 1 us a container reached and id given out so far, about 3 bits of memory an id,
//         and what is erased.
OOCMAP_API VacuumReport vacuum(Session& session, const VacuumOptions& options = {});

}  // namespace oocmap
