// SELECT oocmap_get(m, '$.user.name') FROM m;
#include "sqlite_ext/functions.h"

#include <cstring>
#include <string>

#include "core/base/version.h"
#include "sqlite_ext/debug.h"
#include "sqlite_ext/file_policy.h"
#include "sqlite_ext/keys.h"
#include "sqlite_ext/schema.h"
#include "sqlite_ext/slots.h"
#include "sqlite_ext/stats.h"
#include "sqlite_ext/subject.h"
#include "sqlite_ext/table.h"
#include "sqlite_ext/values.h"

#ifndef SQLITE_RESULT_SUBTYPE  // SQLite before 3.45 needs no telling
#define SQLITE_RESULT_SUBTYPE 0x001000000
#endif

namespace oocmap::sql {
namespace {

bool is_null(sqlite3_value* value) { return sqlite3_value_type(value) == SQLITE_NULL; }

Path parse_path(sqlite3_value* value) { return Path::parse(text_bytes(value)); }

// The right side of -> and ->>: a path, or for short a name, an index, [literal]. Empty text is the
// error that it is in SQLite: the key '' is $."".
Path parse_arrow(sqlite3_value* value) {
  if (sqlite3_value_type(value) == SQLITE_INTEGER) {
    return Path::of_index(sqlite3_value_int64(value));
  }
  const Bytes text = text_bytes(value);
  if (text.empty() || text.starts_with('$')) return Path::parse(text);
  if (text.starts_with('[')) return Path::parse("$" + std::string(text));
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == Bytes::npos;
  return digits ? Path::parse("$[" + std::string(text) + "]") : Path::of_name(text);
}

// A path argument, parsed once where it is the same for all rows. Lives as long as the call.
using PathParser = Path (*)(sqlite3_value*);
class PathArgument {
 public:
  PathArgument(sqlite3_context* context, int i, sqlite3_value* value, PathParser parse) {
    path_ = static_cast<const Path*>(sqlite3_get_auxdata(context, i));
    if (path_) return;
    own_ = parse(value);
    path_ = &own_;
    sqlite3_set_auxdata(context, i, new Path(own_),
                        [](void* path) { delete static_cast<Path*>(path); });
  }
  PathArgument(const PathArgument&) = delete;
  PathArgument& operator=(const PathArgument&) = delete;
  const Path& operator*() const { return *path_; }

 private:
  Path own_;
  const Path* path_;
};

// What (x [, path]) leads to. Nothing where an argument is NULL or the path leads nowhere.
class Target {
 public:
  Target(Connection& connection, sqlite3_context* context, int argc, sqlite3_value** argv,
         PathParser parse = parse_path) {
    if (is_null(argv[0]) || (argc > 1 && is_null(argv[1]))) return;
    subject_.emplace(connection, argv[0]);
    if (argc == 1) {
      place_ = subject_->start();
    } else {
      place_ = subject_->find(*PathArgument(context, 1, argv[1], parse));
    }
  }
  explicit operator bool() const { return place_.has_value(); }
  const Subject& subject() const { return *subject_; }
  const Subject::Place& place() const { return *place_; }

 private:
  std::optional<Subject> subject_;
  std::optional<Subject::Place> place_;
};

// Several paths: a JSON array of what they lead to, null for a missing one.
void get_several(Connection& connection, sqlite3_context* context, int argc, sqlite3_value** argv) {
  if (is_null(argv[0])) return;
  const Subject subject(connection, argv[0]);
  const size_t limit = length_limit(context);
  Buffer json = "[";
  for (int i = 1; i < argc; ++i) {
    if (is_null(argv[i])) return;
    const auto place = subject.find(*PathArgument(context, i, argv[i], parse_path));
    if (i > 1) json.push_back(',');
    place ? subject.write_json(*place, json, limit) : void(json += "null");
  }
  json.push_back(']');
  result_json_text(context, json);
}

[[noreturn]] void fail_count(const std::string& name, const std::string& takes, int argc) {
  throw Error(ErrorCode::kInvalidArgument,
              "wrong number of arguments to function " + name + "(): it takes " + takes +
                  ", where x is a handle (the column named like the table) or JSON text, and was "
                  "given " +
                  std::to_string(argc));
}

void check_arguments(const char* name, int argc) {
  if (argc < 1 || argc > 2) fail_count(name, "x [, path]", argc);
}

void get(Connection& connection, sqlite3_context* context, int argc, sqlite3_value** argv) {
  if (argc > 2) return get_several(connection, context, argc, argv);
  if (argc == 0) fail_count("oocmap_get", "x [, path ...]", argc);
  if (const Target target(connection, context, argc, argv); target) {
    target.subject().result(context, target.place());
  }
}

void ref(Connection& connection, sqlite3_context* context, int argc, sqlite3_value** argv) {
  check_arguments("oocmap_ref", argc);
  if (const Target target(connection, context, argc, argv); target) {
    target.subject().result_ref(context, target.place());
  }
}

void json(Connection& connection, sqlite3_context* context, int argc, sqlite3_value** argv) {
  check_arguments("oocmap_json", argc);
  if (const Target target(connection, context, argc, argv); target) {
    target.subject().result_json(context, target.place());
  }
}

void type(Connection& connection, sqlite3_context* context, int argc, sqlite3_value** argv) {
  check_arguments("oocmap_type", argc);
  if (const Target target(connection, context, argc, argv); target) {
    sqlite3_result_text(context, target.subject().type(target.place()), -1, SQLITE_STATIC);
  }
}

void len(Connection& connection, sqlite3_context* context, int argc, sqlite3_value** argv) {
  check_arguments("oocmap_len", argc);
  if (const Target target(connection, context, argc, argv); target) {
    const auto length = target.subject().length(target.place());
    if (length) sqlite3_result_int64(context, static_cast<sqlite3_int64>(*length));
  }
}

void version(Connection&, sqlite3_context* context, int, sqlite3_value**) {
  sqlite3_result_text(context, kVersion, -1, SQLITE_STATIC);
}

// A container is text without the JSON subtype: SQLite lends this function the flags of its own
// ->>, which since 3.45 does not declare that it sets one, and a strict build then makes it an
// error.
void arrow_value(Connection& connection, sqlite3_context* context, int argc, sqlite3_value** argv) {
  const Target target(connection, context, argc, argv, parse_arrow);
  if (!target) return;
  const Subject& subject = target.subject();
  if (!target.place().member.container()) return subject.result(context, target.place());
  Buffer json;
  subject.write_json(target.place(), json, length_limit(context));
  result_text(context, json);
}

void arrow_json(Connection& connection, sqlite3_context* context, int argc, sqlite3_value** argv) {
  if (const Target target(connection, context, argc, argv, parse_arrow); target) {
    target.subject().result_json(context, target.place());
  }
}

struct Definition {
  const char* name;
  int argc;
  int flags;
  SqlFunction (*function)(int slot) noexcept;
};

// None that reads a store is DETERMINISTIC. DIRECTONLY, which no stored schema may call, are what
// opens a file and what widens the rights of a connection; views use the others.
constexpr Definition kFunctions[] = {
    {"oocmap_allow", 1, SQLITE_DIRECTONLY, function_of<allow>},
    {"oocmap_get", -1, SQLITE_RESULT_SUBTYPE, function_of<get>},
    {"oocmap_ref", -1, 0, function_of<ref>},
    {"oocmap_json", -1, SQLITE_RESULT_SUBTYPE, function_of<json>},
    {"oocmap_type", -1, 0, function_of<type>},
    {"oocmap_len", -1, 0, function_of<len>},
    {"oocmap_debug", 0, SQLITE_RESULT_SUBTYPE | SQLITE_INNOCUOUS, function_of<debug>},
    {"oocmap_schema", -1, SQLITE_DIRECTONLY, function_of<schema>},
    {"oocmap_stats", 1, SQLITE_RESULT_SUBTYPE, function_of<stats>},
    {"oocmap_version", 0, SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, function_of<version>},
};

}  // namespace

int define_functions(const std::shared_ptr<Connection>& connection) {
  for (const Definition& definition : kFunctions) {
    const int code = sqlite3_create_function_v2(
        connection->db, definition.name, definition.argc, SQLITE_UTF8 | definition.flags,
        new std::shared_ptr<Connection>(connection), definition.function(connection->slot), nullptr,
        nullptr, [](void* data) { delete static_cast<std::shared_ptr<Connection>*>(data); });
    if (code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

int find_arrow(sqlite3_vtab* table, int argc, const char* name,
               void (**function)(sqlite3_context*, int, sqlite3_value**), void** data) noexcept {
  const bool value = std::strcmp(name, "->>") == 0;
  if (argc != 2 || (!value && std::strcmp(name, "->") != 0)) return 0;
  const std::shared_ptr<Connection>& connection = Table::of(table).connection;
  *function = value ? function_of<arrow_value>(connection->slot)
                    : function_of<arrow_json>(connection->slot);
  *data =
      const_cast<std::shared_ptr<Connection>*>(&connection);  // read only, but SQLite wants void*
  return 1;
}

}  // namespace oocmap::sql
