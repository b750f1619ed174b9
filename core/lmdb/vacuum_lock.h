// Who vacuums a file: one at a time, of all processes and of all threads of one.
#pragma once

#include <memory>

#include "core/base/export.h"
#include "core/lmdb/environment.h"

namespace oocmap {

// Held while it lives; given back by the system when the process dies.
class OOCMAP_API VacuumLock {
 public:
  // Errors: kBusy where another vacuum holds it, at once; kReadOnly, kClosed, kIo.
  explicit VacuumLock(Environment& environment);
  ~VacuumLock();
  VacuumLock(const VacuumLock&) = delete;
  VacuumLock& operator=(const VacuumLock&) = delete;

  // Whether anybody holds it. Who asks holds the write lock, where it matters that nobody takes it
  // meanwhile. Cost: a system call.
  static bool held(const Environment& environment) noexcept;

 private:
  Environment& environment_;
};

}  // namespace oocmap
