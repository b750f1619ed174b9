// A cursor over a table's rows. It outlives transactions: SQLite goes on reading after a commit or
// a rollback, so nothing it keeps points into the store unless the stamp says so.
#pragma once

#include <limits>
#include <memory>
#include <vector>

#include "sqlite_ext/row_source.h"
#include "sqlite_ext/table.h"

namespace oocmap::sql {

// What SQLite calls a cursor by.
struct Rows : sqlite3_vtab_cursor {
  explicit Rows(Table& of) : sqlite3_vtab_cursor{}, table(of) {}
  virtual ~Rows() = default;
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  static Rows& of(sqlite3_vtab_cursor* cursor) { return *static_cast<Rows*>(cursor); }

  Table& table;
  virtual bool eof() const noexcept = 0;
  virtual void filter(int plan, const std::vector<sqlite3_value*>& values) = 0;
  virtual void next() = 0;
  virtual void column(sqlite3_context* context, int index) = 0;
};

struct TableCursor final : Rows {
  explicit TableCursor(Table& of);
  ~TableCursor() override;

  bool eof() const noexcept override { return eof_; }
  void filter(int plan, const std::vector<sqlite3_value*>& values) override;
  void next() override;
  void column(sqlite3_context* context, int index) override;
  const Key& key() const { return entry_.key; }

 private:
  void advance(const Transaction& transaction);
  std::optional<Member> member(const Transaction& transaction);
  const Key& row_key() const;  // of the root's member
  void column_of_value(sqlite3_context* context, const Column& column);

  // Kept by itself: SQLite may drop the table's other users first.
  std::shared_ptr<Session> session_;
  std::unique_ptr<RowSource> rows_;
  Identity container_ = 0;
  DictEntry entry_;
  Stamp stamp_;  // under which entry_.value was read
  uint64_t left_ = std::numeric_limits<uint64_t>::max();
  bool eof_ = true;
};

}  // namespace oocmap::sql
