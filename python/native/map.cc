#include "python/native/map.h"

#include <array>
#include <utility>
#include <vector>

#include "core/store/connections.h"
#include "python/native/errors.h"

namespace oocmap::python {

MapState::MapState(PyObject* self) : self_(self) { root.map = this; }

MapState::~MapState() = default;

void MapState::open(const OpenOptions& options, std::chrono::milliseconds timeout) {
  std::shared_ptr<Store> store;
  std::shared_ptr<Session> session;
  {
    const WithoutGil released;  // another process may hold the lock that creation needs
    store = Store::open(options);
    session = Session::create(store);
  }
  take(std::move(store), std::move(session));
  session_->set_read_only(options.mode == OpenMode::kRead);
  session_->set_timeout(timeout);
}

void MapState::open_snapshot(const MapState& map) {
  std::shared_ptr<Session> session;
  const std::shared_ptr<Store> store = map.session_to_keep()->store_ptr();
  {
    const WithoutGil released;  // the environment may have to be opened again
    session = Session::create_snapshot(store);
  }
  moment_ = ReadScope(*session).transaction().stamp();
  take(store, std::move(session));
}

void MapState::take(std::shared_ptr<Store> store, std::shared_ptr<Session> session) {
  path_ = store->path();
  rollbacks_ = store->rollbacks();
  root.identity = store->root();
  root.tag = tag_of(WordKind::kDict);
  store_ = std::move(store);
  session_ = std::move(session);
}

void MapState::reopen(const OpenOptions& options, std::chrono::milliseconds timeout) {
  struct Inherited {
    std::shared_ptr<Store> store;
    std::shared_ptr<Session> session;
    std::shared_ptr<Turn> turn;
  };
  static std::vector<Inherited>& inherited = *new std::vector<Inherited>;
  check_open();
  Inherited parents{store_, session_, turn_};
  inherited.push_back(parents);  // first: nothing of it may be let go, whatever fails
  open(options, timeout);
  if (store_->id() != parents.store->id()) {
    store_ = parents.store;
    session_ = parents.session;
    throw Error(ErrorCode::kClosed, "another map has taken the place of '" + path_ + "'");
  }
  session_->set_auto_vacuum(parents.session->auto_vacuum());
  store_->inherit(*parents.store, parents.session->open_since());
  rollbacks_ = store_->rollbacks();
  turn_ = std::make_shared<Turn>();
  readers_ = 0;
  shapes.clear();
  lookups.clear();
  immutables.clear();
  root.located = false;
}

void MapState::join(void* sqlite3_handle) {
  check_open();
  std::shared_ptr<Session> joined = session_of(sqlite3_handle, store_);
  joined->set_read_only(session_->read_only());
  joined->set_timeout(session_->timeout());
  joined->set_auto_vacuum(session_->auto_vacuum());
  session_->close();
  session_ = std::move(joined);
}

void MapState::close() {
  if (closed()) return;
  closing_ = true;
  {
    const std::shared_ptr<Session> session = session_;
    const WithoutGil released;
    session->close();
  }
  if (readers_ == 0) let_go();
}

void MapState::let_go() noexcept {
  closed_store_ = store_;
  shapes.clear();
  lookups.clear();
  immutables.clear();
  root.located = false;
  std::shared_ptr<Session> session = std::move(session_);
  std::shared_ptr<Store> store = std::move(store_);
  session_ = nullptr;
  store_ = nullptr;
  const WithoutGil released;  // the last user of a store closes its file
  session = nullptr;
  store = nullptr;
}

void MapState::refuse_closed() const {
  throw Error(ErrorCode::kClosed,
              path_.empty()
                  ? "the map is not open"
                  : std::string(moment_ ? "the snapshot" : "the map") + " is closed: " + path_);
}

void MapState::release(Identity identity) noexcept {
  if (store_ != nullptr) {
    store_->release(identity);
  } else if (const auto store = closed_store_.lock()) {
    store->release(identity);  // another map of this process has the file open
  }
}

void MapState::forget(uint64_t rollbacks) noexcept {
  rollbacks_ = rollbacks;
  shapes.clear();
  immutables.clear();
}

uint32_t& size_changes(Identity identity) noexcept {
  static std::array<uint32_t, 4096> counters{};
  return counters[(identity * 0x9E3779B97F4A7C15ull) >> 52];
}

}  // namespace oocmap::python
