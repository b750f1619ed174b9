// A vacuum that makes the file small: what vacuum.h frees, and then a compact copy in the place of
// the file.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "core/base/export.h"
#include "core/store/vacuum.h"

namespace oocmap {

struct FullVacuumOptions {
  // How long to wait until no other process, and no snapshot or query of this one, has the file
  // open, and for another vacuum.
  std::chrono::milliseconds timeout{5000};
  VacuumOptions online;  // of the first part; nothing is punched, but on a nearly full disk
  // Of the second part: bytes written, about how many it will be. It may use the map, but a write
  // of the same thread is refused (kBusy), and one of another waits. What it throws ends the
  // vacuum.
  std::function<void(uint64_t bytes, uint64_t of_about)> copied;
};

// Handles, lazies and connections of this process go on as they are: ids stay. Where the second
// part fails, what the first freed is used by later writes.
// Returns: as vacuum(); not finished where `online` was stopped, and then nothing is copied.
// Errors: those of vacuum(); kBusy after the timeout, naming the processes that have the file open;
//         and those of Environment::compact(). The file is as it was.
// Cost: that of vacuum(), and each page in use is read three times and written once. Other
//       processes wait to open the file meanwhile, for up to 10 s each.
OOCMAP_API VacuumReport full_vacuum(Session& session, const FullVacuumOptions& options);

}  // namespace oocmap
