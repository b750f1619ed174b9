#include "core/store/connections.h"

#include <mutex>
#include <unordered_map>
#include <utility>

#include "core/base/error.h"

namespace oocmap {
namespace {

struct Connections {
  std::mutex mutex;
  std::unordered_map<const void*, SessionMaker> makers;
};

// Never destroyed: connections may outlive static objects.
Connections& connections() {
  static auto* const instance = new Connections;
  return *instance;
}

}  // namespace

void connection_opened(const void* handle, SessionMaker maker) {
  const std::lock_guard lock(connections().mutex);
  connections().makers[handle] = std::move(maker);
}

void connection_closed(const void* handle) noexcept {
  const std::lock_guard lock(connections().mutex);
  connections().makers.erase(handle);
}

std::shared_ptr<Session> session_of(const void* handle, const std::shared_ptr<Store>& store) {
  SessionMaker maker;
  {
    const std::lock_guard lock(connections().mutex);
    const auto found = connections().makers.find(handle);
    if (found != connections().makers.end()) maker = found->second;
  }
  if (!maker) {
    throw Error(ErrorCode::kInvalidArgument,
                "the extension oocmap is not loaded on this SQLite connection");
  }
  return maker(store);
}

}  // namespace oocmap
