#include "sqlite_ext/debug.h"

#include "core/base/version.h"
#include "core/lmdb/environment.h"
#include "sqlite_ext/json_object.h"
#include "sqlite_ext/values.h"

namespace oocmap::sql {
void debug(Connection& connection, sqlite3_context* context, int, sqlite3_value**) {
  const Counters& counters = connection.counters;
  JsonObject object;
  object.add("version", kVersion);
  object.add("build", image_build_id());
  object.add("sqlite", sqlite3_libversion());
  object.add("cursors_opened", counters.cursors_opened);
  object.add("rows_visited", counters.rows_visited);
  object.add("member_rows", counters.member_rows);
  object.add("paths_followed", counters.paths_followed);
  object.add("handles_made", counters.handles_made);
  object.add("values_rendered", counters.values_rendered);
  object.add("containers_rendered", counters.containers_rendered);
  object.add("json_bytes", counters.json_bytes);
  if (!connection.last_stats.empty()) object.add_json("stats", connection.last_stats);
  if (!connection.last_vacuum.empty()) object.add_json("vacuum", connection.last_vacuum);
  result_json_text(context, object.finish());
}

}  // namespace oocmap::sql
