// What the tests of vacuum share: a store with a session, plain values under text keys, and a check
// that nothing that is reachable is missing and nothing else is left.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/store/barrier.h"
#include "core/store/check.h"
#include "core/store/tracer.h"
#include "core/store/vacuum.h"
#include "tests/core/lmdb/fixture.h"
#include "tests/core/store/plain_value.h"

namespace oocmap {

// One process's use of the file.
struct VacuumUser {
  explicit VacuumUser(const std::string& path, Durability durability = Durability::kOff) {
    OpenOptions options;
    options.path = path;
    options.durability = durability;
    store = Store::open(options);
    session = Session::create(store);
  }

  void set(const Plain& key, const Plain& value) const { set_in(store->root(), key, value); }
  void set_in(Identity dict, const Plain& key, const Plain& value) const {
    WriteScope scope(*session);
    dict_set(*store, scope.transaction(), dict, key_from(key), encode(value));
    scope.commit();
  }
  void append(Identity list, const Plain& value) const {
    WriteScope scope(*session);
    const uint64_t end = store->locate(scope.transaction(), list).count();
    list_insert(*store, scope.transaction(), list, end, encode(value));
    scope.commit();
  }
  void erase(const Plain& key) const {
    WriteScope scope(*session);
    dict_erase(*store, scope.transaction(), store->root(), key_from(key));
    scope.commit();
  }
  std::optional<Plain> get(const Plain& key) const { return get(key, *session); }
  std::optional<Plain> get(const Plain& key, Session& from) const {
    const ReadScope scope(from);
    const auto found = dict_get(*store, scope.transaction(),
                                store->locate(scope.transaction(), store->root()), key_from(key));
    if (!found) return std::nullopt;
    return read_member(*store, scope.transaction(), *found);
  }
  Identity identity(const Plain& key) const {
    const ReadScope scope(*session);
    const auto found = dict_get(*store, scope.transaction(),
                                store->locate(scope.transaction(), store->root()), key_from(key));
    return found ? found->word : 0;
  }
  Plain read(Identity container) const {
    const ReadScope scope(*session);
    return read_container(*store, scope.transaction(), container);
  }
  bool gone(Identity container) const {
    try {
      const ReadScope scope(*session);
      store->locate(scope.transaction(), container);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kStaleHandle);
      return true;
    }
    return false;
  }
  uint64_t rows(Database database) const {
    return store->environment().begin_read().size(database);
  }
  uint64_t rows_in_all() const {
    uint64_t all = 0;
    for (int i = 0; i < kDatabaseCount; ++i) all += rows(static_cast<Database>(i));
    return all;
  }
  VacuumReport vacuum(const VacuumOptions& options = {}) const {
    return oocmap::vacuum(*session, options);
  }
  // The write transaction of a moment, for its barrier.
  Barrier barrier() const {
    const WriteScope scope(*session);
    return store->barrier();
  }

  std::shared_ptr<Store> store;
  std::shared_ptr<Session> session;
};

struct VacuumTest : testing::Test {
  TemporaryFolder folder;
  std::string path = folder.file("map.ooc");
  std::optional<VacuumUser> user = VacuumUser(path);

  void reopen() {
    user.reset();
    user.emplace(path);
  }

  void expect_check_finds_nothing() const {
    const CheckReport report = check_store(*user->store);
    EXPECT_TRUE(report.ok()) << report.summary(5);
  }

  // Everything the root reaches is there, and (`exact`) there is nothing else but what handles
  // hold.
  void expect_sound(bool exact) const {
    const ReadTransaction now = user->store->environment().begin_read();
    Tracer tracer({UINT64_MAX, UINT64_MAX, 0});
    tracer.add_root(*user->store);
    while (tracer.run(now, 1000)) {
    }
    tracer.add_others(*user->store, now);
    while (tracer.run(now, 1000)) {
    }
    if (exact) {
      EXPECT_FALSE(tracer.holes());
      EXPECT_EQ(now.size(Database::kGraveyard), 0u);
    }
    uint64_t records = 0;
    Cursor cursor(now, Database::kRecords);
    for (bool found = cursor.first(); found; found = cursor.next()) {
      records += tracer.marks().whole(cursor.integer_key());
    }
    uint64_t immutables = 0;
    uint64_t indexed = 0;
    Cursor texts(now, Database::kImmutables);
    for (bool found = texts.first(); found; found = texts.next()) {
      immutables += tracer.marks().reached_immutable(texts.integer_key());
      indexed += (decode_immutable(texts.value()).flags & kImmutableIndexed) != 0;
    }
    Cursor index(now, Database::kImmutableIndex);
    uint64_t of_records = 0;
    for (bool found = index.first(); found; found = index.next()) {
      of_records += index.key()[8] == static_cast<char>(IndexSpace::kRecords);
    }
    EXPECT_EQ(now.size(Database::kImmutableIndex), indexed + of_records);
    for (const Database database : {Database::kEntries, Database::kOrder, Database::kChunks}) {
      Cursor rows(now, database);
      for (bool found = rows.first(); found && exact; found = rows.next()) {
        EXPECT_TRUE(has_container(now, rows.key())) << static_cast<int>(database);
      }
    }
    if (!exact) return;
    EXPECT_EQ(records, now.size(Database::kRecords));
    EXPECT_EQ(immutables, now.size(Database::kImmutables));
  }

 private:
  bool has_container(const Transaction& now, Bytes key) const {
    uint64_t record = 0;
    uint64_t slot = 0;
    if (!read_varint(key, record) || !read_varint(key, slot)) return false;
    const auto stored = now.get(Database::kRecords, record);
    return stored && slot_live(*stored, slot);
  }
};

}  // namespace oocmap
