// A write of SQL, row by row. A row is written whole or not at all: what can be refused is refused
// before the first put, and a row of several puts stands in a savepoint of its own.
#include "sqlite_ext/update.h"

#include <optional>
#include <string_view>
#include <utility>

#include "core/format/handle.h"
#include "core/json/writer.h"
#include "sqlite_ext/commands.h"
#include "sqlite_ext/each_rows.h"
#include "sqlite_ext/keys.h"
#include "sqlite_ext/new_row.h"
#include "sqlite_ext/row_source.h"
#include "sqlite_ext/row_write.h"
#include "sqlite_ext/values.h"

namespace oocmap::sql {
namespace {

[[noreturn]] void fail_unique(const Table& table) {
  const std::string item = table.arguments.each ? ", " + table.name + ".item" : "";
  throw SqliteError(SQLITE_CONSTRAINT_PRIMARYKEY,
                    "UNIQUE constraint failed: " + table.name + ".key" + item);
}

[[noreturn]] void fail_null(const Table& table, const std::string& hint = {},
                            const char* column = ".key") {
  throw SqliteError(SQLITE_CONSTRAINT_NOTNULL,
                    "NOT NULL constraint failed: " + table.name + column + hint);
}

// A row that is all NULL may be a command that is NULL: SQLite does not tell the two apart.
[[noreturn]] void fail_no_key(const Table& table, const NewRow& row) {
  if (row.whole() || !row.named.empty()) fail_null(table);
  fail_null(table, " (all of the row is NULL; a command in the column " + quoted_name(table.name) +
                       " is text: " + command_names() + ")");
}

// OR REPLACE makes room; any other mode is SQLite's to handle, once it is told.
bool replaces(const Table& table) {
  return sqlite3_vtab_on_conflict(table.connection->db) == SQLITE_REPLACE;
}

Key stored_key(std::optional<Key> key) {
  if (key) return std::move(*key);
  throw Error(ErrorCode::kInvalidArgument,
              "the key is text that is not UTF-8; CAST it to BLOB to store bytes");
}

// The key a cursor showed: as it is, whatever type the column declares.
Key old_key(sqlite3_value* value) { return stored_key(key_from(value)); }

// The key a statement gives.
Key new_key(const Table& table, sqlite3_value* value) {
  return stored_key(written_key(value, table.arguments.key_affinity));
}

// `type` and `key_type` describe: one that is given must agree with what is stored.
void check_described(const std::string& column, sqlite3_value* given, std::string_view actual,
                     const std::string& what, const std::string& hint) {
  if (!has_value(given) || text_bytes(given).empty()) return;  // .import has no NULL
  const Bytes wanted = text_bytes(given);
  if (wanted == actual) return;
  throw Error(ErrorCode::kTypeMismatch, "oocmap: the column " + column + " says '" +
                                            std::string(wanted) + "', but " + what +
                                            " is of type '" + std::string(actual) + "' (" + hint +
                                            "NULL leaves " + column + " open)");
}

void check_type(sqlite3_value* given, std::string_view actual) {
  check_described("type", given, actual, "what is stored", "containers go into the column json; ");
}

void check_key_type(sqlite3_value* given, const Key& key) {
  check_described("key_type", given, key_type_name(key), "the key " + describe_key(key), "");
}

std::string_view type_of_json(sqlite3_value* json) {
  const Bytes text = text_bytes(json);
  const size_t first = text.find_first_not_of(" \t\r\n");
  switch (first == Bytes::npos ? '\0' : text[first]) {
    case '{':
      return "dict";
    case '[':
      return "list";
    case '"':
      return "str";
    case 't':
    case 'f':
      return "bool";
    case 'n':
      return "NoneType";
    default:
      return text.find_first_of(".eE") == Bytes::npos ? "int" : "float";
  }
}

std::string_view type_of_value(sqlite3_value* value) {
  switch (has_value(value) ? sqlite3_value_type(value) : SQLITE_NULL) {
    case SQLITE_INTEGER:
      return "int";
    case SQLITE_FLOAT:
      return "float";
    case SQLITE_TEXT:
      return "str";
    case SQLITE_BLOB:
      break;
    default:
      return "NoneType";
  }
  if (!is_handle(blob_bytes(value))) return "bytes";
  const Handle handle = decode_handle(blob_bytes(value));
  const bool scalar = handle.kind == HandleKind::kScalar;
  return type_name(scalar ? unpack_scalar(handle.packed) : Member{handle.tag, handle.identity});
}

// A DELETE's key has had the column's declared type applied: where the table has shown a key which
// that makes another one, nobody knows whether this one is what the statement found.
void check_keys_fit(const Table& table) {
  if (table.misfit_key.empty()) return;
  throw Error(ErrorCode::kTypeMismatch,
              "oocmap: the table " + table.name + " declares its key " + table.arguments.key_type +
                  ", and SQLite takes the key " + table.misfit_key +
                  " for another one then: DELETE could erase the wrong row; use a table whose "
                  "key has no type");
}

// What `encode` gives; its errors name the row, where that has a key.
template <typename Encode>
EncodedValue encode_for(const std::optional<Key>& key, const Encode& encode) {
  try {
    return encode();
  } catch (const Error& error) {
    if (!key) throw;
    throw in_row(*key, error);
  }
}

// The value a row gives: json before value; named columns alone make a dict.
EncodedValue encode_row(Table& table, const NewRow& row, const std::optional<Key>& key) {
  if (has_value(row.json)) {
    EncodedValue encoded = encode_for(key, [&] { return encode_json(row.json); });
    check_type(row.type, type_of_json(row.json));
    return encoded;
  }
  if (!row.whole() && !row.named.empty()) {
    check_type(row.type, "dict");
    return encode_named(*table.connection, table.session(), row.named);
  }
  check_type(row.type, type_of_value(row.value));
  if (!row.value) return EncodedValue::none();
  return encode_for(key,
                    [&] { return encode_value(*table.connection, table.session(), row.value); });
}

void set_named(Table& table, RowWrite& write, const Key& key, const NamedValue& named) {
  const NamedColumn& column = *named.column;
  if (!has_value(
          named.value)) {  // NULL: None where there is something, else there is nothing to do
    const auto row = write.find(key);
    if (!row || !get_path(write.store(), write.transaction(), *row, column.path)) return;
  }
  write.set_inside(key, column.path, column.path_text, encode_for(key, [&] {
                     return encode_value(*table.connection, table.session(), named.value);
                   }));
}

bool has_root(Table& table) {
  const ReadScope scope(table.session(), View::kSession);
  return table.find_root(scope.transaction()).has_value();
}

// Of an INSERT into a table with each=; nullopt for any other.
std::optional<Key> new_parent(const Table& table, const NewRow& row) {
  if (!table.arguments.each) return std::nullopt;
  if (row.row_id) {
    throw Error(ErrorCode::kInvalidArgument,
                "oocmap: the column rowid of the table " + table.name +
                    " follows from key and item, and is not to be given");
  }
  if (!row.parent) fail_no_key(table, row);
  return new_key(table, row.parent);
}

void insert_encoded(Table& table, const NewRow& row, EncodedValue value) {
  std::optional<Key> parent = new_parent(table, row);
  RowWrite write(table, parent);
  write.make_root();
  const NodeView root = write.root();
  const bool is_dict = root.container_kind() == WordKind::kDict;
  if (!row.key && is_dict && parent) fail_null(table, {}, ".item");
  if (!row.key && is_dict) fail_no_key(table, row);
  Key key = Key::integer(static_cast<int64_t>(root.count()));
  if (row.key) key = parent ? old_key(row.key) : new_key(table, row.key);
  check_key_type(row.key_type, parent ? *parent : key);
  if (write.find(key) && !replaces(table)) fail_unique(table);
  write.set(key, std::move(value));
  if (row.whole()) {
    for (const NamedValue& named : row.named) set_named(table, write, key, named);
  }
  write.commit();
}

void insert_row(Table& table, const NewRow& row) {
  place_inside(table, row, true);
  sqlite3_value* const named_by = table.arguments.each ? row.parent : row.key;
  EncodedValue value = encode_row(
      table, row, named_by ? written_key(named_by, table.arguments.key_affinity) : std::nullopt);
  const bool several =
      table.arguments.each || (row.whole() && !row.named.empty()) || !has_root(table);
  if (!several) return insert_encoded(table, row, std::move(value));
  in_savepoint(table.session(), [&] { insert_encoded(table, row, std::move(value)); });
}

// Gives the row another key, in its place.
void change_key(Table& table, RowWrite& write, const Key& from, const Key& to) {
  if (write.root().container_kind() != WordKind::kDict) {
    throw Error(ErrorCode::kTypeMismatch, "oocmap: the keys of the table " + table.name +
                                              " are a list's indices and cannot be changed");
  }
  if (write.find(to)) {
    if (!replaces(table)) fail_unique(table);
    write.erase(to);
  }
  write.rename(from, to);
}

// Whether the row holds the very container that is to be stored: m[k] = m[k] changes nothing.
bool is_itself(Table& table, RowWrite& write, const Key& key, sqlite3_value* value) {
  if (sqlite3_value_type(value) != SQLITE_BLOB || !is_handle(blob_bytes(value))) return false;
  const Handle handle = decode_handle(blob_bytes(value));
  const auto current = write.find(key);
  return handle.kind != HandleKind::kScalar && handle.store_id == table.session().store().id() &&
         current && current->container() && current->word == handle.identity;
}

void update_encoded(Table& table, const RowPlace& old, const Key& to, const NewRow& row,
                    const std::optional<PlaceInside>& inside, std::optional<EncodedValue> value) {
  const Key& from = old.key;
  RowWrite write(table, old.parent);
  const auto current = write.find(from);
  if (!current) return write.refuse_set();  // erased since the row was read, or a set's member
  check_key_type(row.key_type, old.parent ? *old.parent : to);
  if (!row.whole()) check_type(row.type, type_name(write.store(), write.transaction(), *current));
  if (!(to == from)) change_key(table, write, from, to);
  if (inside) {
    write.set_inside(to, inside->path, inside->text, std::move(*value));
  } else if (value && (row.json || !row.value || !is_itself(table, write, to, row.value))) {
    write.set(to, std::move(*value));
  }
  for (const NamedValue& named : row.named) set_named(table, write, to, named);
  write.commit();
}

bool is_text(sqlite3_value* value, Bytes text) {
  return sqlite3_value_type(value) == SQLITE_TEXT && text_bytes(value) == text;
}

// Forgets the columns of a full row that are as they were.
void drop_unchanged(Table& table, const RowPlace& old, NewRow& row) {
  if (!has_value(row.path)) row.path = nullptr;  // as it was: it is always NULL
  const ReadScope scope(table.session(), View::kSession);
  const Transaction& transaction = scope.transaction();
  Store& store = table.session().store();
  const auto container = table.find_members(transaction, old.parent);
  if (!container || is_set(container->container_kind())) return;
  const auto current = member_at(store, transaction, *container, old.key);
  if (!current) return;
  const auto drop = [](sqlite3_value*& column, bool same) {
    if (column && same) column = nullptr;
  };
  sqlite3_value* const given_json = row.json;
  drop(row.value, row.value && shows_as(store, transaction, current, row.value));
  drop(row.type, row.type && is_text(row.type, type_name(store, transaction, *current)));
  drop(row.key_type,
       row.key_type && is_text(row.key_type, key_type_name(old.parent ? *old.parent : old.key)));
  drop(row.handle, row.handle && sqlite3_value_type(row.handle) == SQLITE_BLOB);
  if (row.json) {
    const bool text = sqlite3_value_type(row.json) == SQLITE_TEXT;
    drop(row.json, text && json_is(store, transaction, *current, text_bytes(row.json)));
  }
  // A value is set at a path, and is all that the row holds at this moment.
  if (row.path && !row.whole()) row.json = given_json;
  std::erase_if(row.named, [&](const NamedValue& named) {
    const auto at = get_path(store, transaction, *current, named.column->path);
    return shows_as(store, transaction, at, named.value);
  });
}

// UPDATE ... FROM gives the key that it leaves alone, too: not to be converted.
Key updated_key(const Table& table, const Key& from, sqlite3_value* given) {
  if (!given || key_from(given) == from) return from;
  return table.arguments.each ? old_key(given) : new_key(table, given);
}

// In a table with each= a row stays in its parent.
void check_parent(const Table& table, const RowPlace& old, const NewRow& row) {
  if (!old.parent) return;
  const bool moves = row.parent && !(has_value(row.parent) && old_key(row.parent) == *old.parent);
  const bool renames = row.row_id && !is_text(row.row_id, row_id(old));
  if (!moves && !renames) return;
  throw Error(ErrorCode::kTypeMismatch,
              "oocmap: the column " + std::string(moves ? "key" : "rowid") + " of the table " +
                  table.name +
                  " says which row of the map a member lies in, and cannot be changed");
}

void update_row(Table& table, const RowPlace& old, const NewRow& row) {
  if (row.key && !has_value(row.key)) fail_null(table, {}, old.parent ? ".item" : ".key");
  check_parent(table, old, row);
  const Key& from = old.key;
  const Key to = updated_key(table, from, row.key);
  const std::optional<PlaceInside> inside = place_inside(table, row, false);
  std::optional<EncodedValue> value;
  if (row.whole()) value = encode_row(table, row, old.parent ? *old.parent : to);
  // A path may take several writes, to make the dicts on its way.
  const size_t writes =
      row.named.size() * 2 + (row.whole() ? 1 : 0) + (inside ? 1 : 0) + (to == from ? 0 : 1);
  if (writes < 2) return update_encoded(table, old, to, row, inside, std::move(value));
  in_savepoint(table.session(),
               [&] { update_encoded(table, old, to, row, inside, std::move(value)); });
}

// The row that an UPDATE or DELETE names by its primary key.
RowPlace old_place(const Table& table, sqlite3_value* primary_key) {
  if (!table.arguments.each) return {std::nullopt, old_key(primary_key)};
  if (auto place = read_row_id(primary_key)) return std::move(*place);
  throw Error(ErrorCode::kInvalidArgument,
              "oocmap: no row of the table " + table.name + " can have the rowid that was given");
}

void run_command_row(Table& table, const NewRow& row, bool insert) {
  if (!insert || row.key || row.parent || row.path || row.whole() || !row.named.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "oocmap: the column " + quoted_name(table.name) +
                                                 " takes commands, alone: INSERT INTO " +
                                                 table.name + "(" + table.name +
                                                 ") VALUES ('lock'); a handle goes into value");
  }
  run_command(table, row.handle);
}

}  // namespace

void update_table(Table& table, const std::vector<sqlite3_value*>& arguments) {
  Session& session = table.session();
  if (!session.in_transaction()) {  // a table made in this transaction gets no xBegin
    table.connection->begin(session);
    table.enlisted = true;
  }
  if (arguments.size() == 1) {
    if (!table.arguments.each) check_keys_fit(table);
    RowPlace old = old_place(table, arguments[0]);
    RowWrite write(table, std::move(old.parent));
    write.erase(old.key);
    return write.commit();
  }
  const bool insert = sqlite3_value_type(arguments[0]) == SQLITE_NULL;
  NewRow row(table, arguments, insert);
  std::optional<RowPlace> old;
  if (!insert) old = old_place(table, arguments[0]);
  if (old && row.full()) drop_unchanged(table, *old, row);
  if (row.handle) return run_command_row(table, row, insert);
  old ? update_row(table, *old, row) : insert_row(table, row);
}

}  // namespace oocmap::sql
