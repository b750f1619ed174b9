// SELECT oocmap_schema('temp.people', 'data.ooc', '$.people');
#include "sqlite_ext/schema.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/store/dict.h"
#include "core/store/list.h"
#include "core/store/registered.h"
#include "sqlite_ext/arguments.h"
#include "sqlite_ext/file_policy.h"
#include "sqlite_ext/keys.h"
#include "sqlite_ext/schema_columns.h"
#include "sqlite_ext/table.h"
#include "sqlite_ext/values.h"

namespace oocmap::sql {
namespace {

constexpr uint64_t kSampleAtAnEnd = 1000;

// An argument as a C string could hold it.
std::string text_argument(const char* name, sqlite3_value* value) {
  const bool is_text = sqlite3_value_type(value) == SQLITE_TEXT;
  std::string text(is_text ? text_bytes(value) : Bytes());
  if (!text.empty() && text.find('\0') == std::string::npos) return text;
  throw Error(ErrorCode::kInvalidArgument, std::string("oocmap_schema(table, file [, root]): ") +
                                               name +
                                               " must be text that is not empty, without a NUL");
}

std::string quoted_text(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

struct TableName {
  std::string schema;  // empty: none is given
  std::string name;
};

// 'name' or 'schema.name', the latter where the connection has such a schema: a name may have a
// dot.
TableName split_name(sqlite3* db, const std::string& text) {
  const size_t dot = text.find('.');
  if (dot == std::string::npos || dot + 1 == text.size()) return {"", text};
  const std::string schema = text.substr(0, dot);
  // temp has no file before it is first used, and then this says it is not there.
  const bool is_schema =
      sqlite3_stricmp(schema.c_str(), "temp") == 0 || sqlite3_db_readonly(db, schema.c_str()) >= 0;
  return is_schema ? TableName{schema, text.substr(dot + 1)} : TableName{"", text};
}

// What the statement is made of.
struct Sample {
  ColumnSample columns;
  bool keys_are_ints = true;
};

// The first and the last members of a dict.
void sample_dict(Store& store, const Transaction& transaction, const NodeView& dict,
                 Sample& sample) {
  const uint64_t first = std::min(dict.count(), kSampleAtAnEnd);
  const uint64_t last = std::min(dict.count() - first, kSampleAtAnEnd);
  DictWalk forwards(store, dict.identity());
  DictWalk backwards(store, dict.identity(), true);
  const auto add = [&](const DictEntry& entry) {
    sample.columns.add(entry.value);
    if (key_type_name(entry.key) != std::string_view("int")) sample.keys_are_ints = false;
  };
  DictEntry entry;
  for (uint64_t i = 0; i < first && forwards.next(transaction, entry); ++i) add(entry);
  for (uint64_t i = 0; i < last && backwards.next(transaction, entry); ++i) add(entry);
  if (dict.count() == 0) sample.keys_are_ints = false;
}

void sample_list(Store& store, const Transaction& transaction, const NodeView& list,
                 Sample& sample) {
  const uint64_t first = std::min(list.count(), kSampleAtAnEnd);
  const uint64_t last = std::min(list.count() - first, kSampleAtAnEnd);
  Member member;
  for (const uint64_t start : {uint64_t{0}, list.count() - last}) {
    ListWalk walk(store, list.identity(), start);
    const uint64_t count = start == 0 ? first : last;
    for (uint64_t i = 0; i < count && walk.next(transaction, member); ++i) {
      sample.columns.add(member);
    }
  }
}

// The members that `root` leads to, as far as they are looked at.
Sample sample_root(Store& store, const Transaction& transaction, const std::string& root) {
  const auto found = get_path(store, transaction, map_member(store), Path::parse(root));
  const auto fail = [&](ErrorCode code, const std::string& what) {
    throw Error(code, "oocmap_schema: the root '" + root + "' leads to " + what + " in '" +
                          store.path() + "', not to a dict, list or tuple");
  };
  if (!found) fail(ErrorCode::kInvalidArgument, "nothing");
  const bool is_dict = found->tag == tag_of(WordKind::kDict);
  const bool is_list =
      found->tag == tag_of(WordKind::kList) || found->tag == tag_of(WordKind::kTuple);
  if (!is_dict && !is_list) {
    fail(ErrorCode::kTypeMismatch,
         std::string("a value of type ") + type_name(store, transaction, *found));
  }
  const NodeView node = store.locate(transaction, found->word);
  Sample sample{ColumnSample(store, transaction)};
  (is_dict ? sample_dict : sample_list)(store, transaction, node, sample);
  return sample;
}

std::string statement(const TableName& table, const std::string& file, const std::string& root,
                      const Sample& sample) {
  std::string sql = "CREATE VIRTUAL TABLE ";
  if (!table.schema.empty()) sql += quoted_name(table.schema) + ".";
  sql += quoted_name(table.name) + " USING oocmap(" + quoted_text(file);
  if (root != "$") sql += ", root=" + quoted_text(root);
  // Clients that bind every key as text need it; of other keys it would change the meaning.
  if (sample.keys_are_ints) sql += ", key INTEGER";
  for (const SuggestedColumn& column : sample.columns.columns(table.name)) {
    sql += ",\n  " + quoted_name(column.name) + " " + column.type;
    if (!column.type.empty()) sql += " ";
    sql += "PATH " + quoted_text(column.path);
  }
  return sql + ")";
}

}  // namespace

void schema(Connection& connection, sqlite3_context* context, int argc, sqlite3_value** argv) {
  if (argc < 2 || argc > 3) {
    throw Error(ErrorCode::kInvalidArgument,
                "wrong number of arguments to function oocmap_schema(): it takes table, file "
                "[, root], and was given " +
                    std::to_string(argc));
  }
  const TableName table = split_name(connection.db, text_argument("table", argv[0]));
  const std::string file = text_argument("file", argv[1]);
  const std::string root = argc == 3 ? text_argument("root", argv[2]) : "$";
  // Relative as it will be for the table that the text makes.
  const std::string path =
      resolved_path(connection.db, table.schema.empty() ? "main" : table.schema, file);
  const auto session = connection.open_session(path, false);
  const ReadScope scope(*session, View::kSession);
  const Sample sample = sample_root(session->store(), scope.transaction(), root);
  result_text(context, statement(table, file, root, sample));
}

}  // namespace oocmap::sql
