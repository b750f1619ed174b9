// What a commit waits for, as LMDB's flags.
#include <lmdb.h>

#include "core/lmdb/environment.h"
#include "core/lmdb/environment_state.h"

namespace oocmap {

unsigned durability_flags(Durability durability) {
  switch (durability) {
    case Durability::kNormal:
      return MDB_NOMETASYNC;
    case Durability::kOff:
      return MDB_NOSYNC | MDB_NOMETASYNC;
    case Durability::kFull:
      break;
  }
  return 0;
}

const char* durability_name(Durability durability) noexcept {
  switch (durability) {
    case Durability::kNormal:
      return "'normal'";
    case Durability::kOff:
      return "'off'";
    case Durability::kFull:
      break;
  }
  return "'full'";
}

void Environment::set_durability(Durability durability) noexcept {
  durability_.store(durability, std::memory_order_release);
  const unsigned on = durability_flags(durability);
  mdb_env_set_flags(env_, (MDB_NOSYNC | MDB_NOMETASYNC) & ~on, 0);
  mdb_env_set_flags(env_, on, 1);
}

}  // namespace oocmap
