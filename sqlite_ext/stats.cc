#include "sqlite_ext/stats.h"

#include "core/format/handle.h"
#include "core/json/number.h"
#include "core/lmdb/statistics.h"
#include "sqlite_ext/json_object.h"
#include "sqlite_ext/keys.h"
#include "sqlite_ext/values.h"

namespace oocmap::sql {

Buffer stats_json(Session& session) {
  Store& store = session.store();
  const Statistics file = read_statistics(store.environment());
  const ReadTransaction transaction = store.environment().begin_read();
  JsonObject object;
  object.add("entries", store.locate(transaction, store.root()).count());
  object.add("records", transaction.size(Database::kRecords));
  object.add("immutables", transaction.size(Database::kImmutables));
  object.add("graveyard", transaction.size(Database::kGraveyard));
  object.add("file_bytes", file.file_bytes);
  object.add("allocated_bytes", file.allocated_bytes);
  object.add("max_bytes", file.max_bytes);
  object.add("page_bytes", file.page_bytes);
  object.add("pages", file.pages);
  object.add("free_pages", file.free_pages);
  object.add("transaction", file.transaction);
  object.add("readers", file.readers);
  object.add("oldest_reader", file.oldest_reader);
  object.add("oldest_reader_process", file.oldest_reader_process);
  Buffer seconds;
  write_json_float(file.oldest_reader_seconds, seconds);  // the same in every locale
  object.add_json("oldest_reader_seconds", seconds);
  return object.finish();
}

void stats(Connection& connection, sqlite3_context* context, int, sqlite3_value** argv) {
  const int type = sqlite3_value_type(argv[0]);
  if (type == SQLITE_NULL) return;
  if (type != SQLITE_BLOB || !is_handle(blob_bytes(argv[0]))) {
    throw Error(ErrorCode::kInvalidArgument,
                "oocmap_stats needs a handle: the column named like the table");
  }
  const auto session = connection.session_with(decode_handle(blob_bytes(argv[0])).store_id);
  if (!session) {
    throw Error(
        ErrorCode::kInvalidArgument,
        "the handle belongs to a map on which no table of this connection is open: create one on "
        "its file (CREATE VIRTUAL TABLE temp.m USING oocmap('data.ooc'))");
  }
  result_json_text(context, stats_json(*session));
}

}  // namespace oocmap::sql
