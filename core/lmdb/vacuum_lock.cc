#include "core/lmdb/vacuum_lock.h"

#include <cerrno>

#include "core/base/error.h"
#include "core/lmdb/environment_state.h"
#include "core/lmdb/errors.h"
#include "core/lmdb/platform_linux.h"

namespace oocmap {

VacuumLock::VacuumLock(Environment& environment) : environment_(environment) {
  environment.check_owned();
  const std::string& path = environment.path();
  if (environment.read_only()) {
    throw Error(ErrorCode::kReadOnly, "'" + path + "' is open for reading only", 0, path);
  }
  const auto busy = [&](const char* who) {
    throw Error(ErrorCode::kBusy,
                "cannot vacuum '" + path + "': " + who + " does so already; wait for its end", 0,
                path);
  };
  // The lock on the file belongs to the descriptor, which all threads share.
  if (environment.state_->vacuuming.exchange(true)) busy("this process");
  const int error = platform::try_lock(environment.file_descriptor(),
                                       platform::LockKind::kExclusive, kVacuumByte, 1);
  if (error == 0) return;
  environment.state_->vacuuming.store(false);
  if (error == EAGAIN) busy("another process");
  throw_system("lock", path, error);
}

VacuumLock::~VacuumLock() {
  // In a forked child both are the parent's.
  if (!environment_.owned_by_this_process()) return;
  platform::unlock(environment_.file_descriptor(), kVacuumByte, 1);
  environment_.state_->vacuuming.store(false);
}

bool VacuumLock::held(const Environment& environment) noexcept {
  return environment.state_->vacuuming.load() ||
         platform::locked_by_another(environment.file_descriptor(), kVacuumByte, 1);
}

}  // namespace oocmap
