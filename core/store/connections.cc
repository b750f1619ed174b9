#include "core/store/connections.h"

#include <mutex>
#include <unordered_map>
#include <utility>

#include "core/base/error.h"
#include "core/lmdb/process.h"

namespace oocmap {
namespace {

// Held for no call of what is not ours: makers are run, and let go, outside of it.
std::mutex mutex;

using Makers = std::unordered_map<const void*, SessionMaker>;

// Under the mutex. Never destroyed: connections may outlive static objects.
Makers& makers() {
  static auto* const instance = new Makers;
  return *instance;
}

}  // namespace

void keep_connections_over_forks() { keep_over_forks<mutex>(); }

void connection_opened(const void* handle, SessionMaker maker) {
  keep_connections_over_forks();
  const std::lock_guard lock(mutex);
  makers()[handle].swap(maker);
}

void connection_closed(const void* handle) noexcept {
  Makers::node_type closed;  // let go after the lock
  const std::lock_guard lock(mutex);
  closed = makers().extract(handle);
}

std::shared_ptr<Session> session_of(const void* handle, const std::shared_ptr<Store>& store) {
  SessionMaker maker;
  {
    const std::lock_guard lock(mutex);
    const auto found = makers().find(handle);
    if (found != makers().end()) maker = found->second;
  }
  if (!maker) {
    throw Error(ErrorCode::kInvalidArgument,
                "the extension oocmap is not loaded on this SQLite connection");
  }
  return maker(store);
}

}  // namespace oocmap
