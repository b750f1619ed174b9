// Scalar functions know nothing but what the compiler put into them when SQLite calls: not even the
// library that is calling. So each is compiled once a slot, and a slot belongs to one SQLite
// library.
#pragma once

#include <memory>

#include "sqlite_ext/connection.h"

namespace oocmap::sql {

inline constexpr int kSlots = 2;  // Python's sqlite3 and apsw

// The library in a slot.
const sqlite3_api_routines* slot_api(int slot) noexcept;
// The library's slot, taken where it has none yet; -1 where all are taken by others.
int take_slot(const sqlite3_api_routines* api) noexcept;

using FunctionBody = void (*)(Connection&, sqlite3_context*, int, sqlite3_value**);
using SqlFunction = void (*)(sqlite3_context*, int, sqlite3_value**);

// Client data: a std::shared_ptr<Connection>*.
template <int Slot, FunctionBody body>
void slot_function(sqlite3_context* context, int argc, sqlite3_value** argv) noexcept {
  const sqlite3_api_routines* const api = slot_api(Slot);
  guarded(api, api->context_db_handle(context), context, [=] {
    body(**static_cast<std::shared_ptr<Connection>*>(sqlite3_user_data(context)), context, argc,
         argv);
  });
}

// The function of a slot.
template <FunctionBody body>
SqlFunction function_of(int slot) noexcept {
  static_assert(kSlots == 2);
  return slot == 0 ? &slot_function<0, body> : &slot_function<1, body>;
}

}  // namespace oocmap::sql
