#include "sqlite_ext/debug.h"

#include <string>

#include "core/base/version.h"
#include "core/lmdb/environment.h"
#include "sqlite_ext/values.h"

namespace oocmap::sql {
namespace {

// A JSON object, member by member.
class Object {
 public:
  void add(Bytes name, Bytes text) {
    start(name);
    append_text(text);
  }
  void add(Bytes name, uint64_t number) {
    start(name);
    json_ += std::to_string(number);
  }
  Buffer finish() { return std::move(json_ += '}'); }

 private:
  void start(Bytes name) {
    json_.push_back(json_.empty() ? '{' : ',');
    append_text(name);
    json_.push_back(':');
  }
  // Names and versions: nothing in them needs an escape.
  void append_text(Bytes text) { json_ += '"' + std::string(text) + '"'; }
  Buffer json_;
};

}  // namespace

void debug(Connection& connection, sqlite3_context* context, int, sqlite3_value**) {
  const Counters& counters = connection.counters;
  Object object;
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
  result_json_text(context, object.finish());
}

}  // namespace oocmap::sql
