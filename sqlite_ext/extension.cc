// The entry point: sqlite3> .load ./oocmap
#include <atomic>
#include <memory>
#include <string>

#include "sqlite_ext/functions.h"
#include "sqlite_ext/module.h"
#include "sqlite_ext/slots.h"

namespace oocmap::sql {
namespace {

std::atomic<const sqlite3_api_routines*> slots[kSlots];

// What the code uses: sqlite3_vtab_in.
constexpr int kLeastVersion = 3'038'000;

void check_library() {
  if (sqlite3_libversion_number() >= kLeastVersion) return;
  throw Error(ErrorCode::kInvalidArgument,
              std::string("oocmap needs SQLite 3.38 or newer; this is ") + sqlite3_libversion());
}

// LMDB must not open a file twice in a process: two images of it would not know of each other.
void check_image() {
  if (const auto other = take_process()) {
    throw Error(ErrorCode::kSecondImage, "oocmap is in this process already, from '" + *other +
                                             "': '" + image_path() +
                                             "' cannot be loaded beside it; load the same file");
  }
}

int slot_of_library(const sqlite3_api_routines* api) {
  const int slot = take_slot(api);
  if (slot >= 0) return slot;
  throw Error(ErrorCode::kInvalidArgument,
              "oocmap is loaded into " + std::to_string(kSlots) +
                  " SQLite libraries of this process already, and can serve no third one");
}

void end_connection(void* data) {
  const std::unique_ptr<std::shared_ptr<Connection>> holder(
      static_cast<std::shared_ptr<Connection>*>(data));
  (*holder)->leave();
}

void check(sqlite3* db, int code) {
  if (code != SQLITE_OK) throw SqliteError(code, sqlite3_errmsg(db));
}

void load(sqlite3* db, const sqlite3_api_routines* api) {
  check_library();
  check_image();
  if (Connection::find(db)) return;  // loaded twice on one connection
  const auto connection = std::make_shared<Connection>(db, api, slot_of_library(api));
  check(db, define_functions(connection));
  const auto define = [&](const char* name, const sqlite3_module& module) {
    check(db, sqlite3_create_module_v2(
                  db, name, &module, new std::shared_ptr<Connection>(connection),
                  [](void* data) { delete static_cast<std::shared_ptr<Connection>*>(data); }));
  };
  define("oocmap_each", kEachModule);
  define("oocmap_tree", kTreeModule);
  check(db, sqlite3_create_module_v2(db, "oocmap", table_module(),
                                     new std::shared_ptr<Connection>(connection), end_connection));
  connection->enter();
}

}  // namespace

const sqlite3_api_routines* slot_api(int slot) noexcept {
  return slots[slot].load(std::memory_order_acquire);
}

int take_slot(const sqlite3_api_routines* api) noexcept {
  for (int i = 0; i < kSlots; ++i) {
    const sqlite3_api_routines* known = nullptr;
    if (slots[i].compare_exchange_strong(known, api) || known == api) return i;
  }
  return -1;
}

}  // namespace oocmap::sql

extern "C" OOCMAP_API int sqlite3_oocmap_init(sqlite3* db, char** error,
                                              const sqlite3_api_routines* api) {
  return oocmap::sql::guarded(api, db, error, [=] { oocmap::sql::load(db, api); });
}
