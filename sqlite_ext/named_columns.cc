#include "sqlite_ext/named_columns.h"

#include "sqlite_ext/values.h"

namespace oocmap::sql {
namespace {

// A dict being planned, or (where `value` is set) one of its values.
struct Branch {
  const Key* key = nullptr;
  sqlite3_value* value = nullptr;
  std::vector<Branch> children;

  Branch& child(const Key& wanted) {
    for (Branch& known : children) {
      if (*known.key == wanted) return known;
    }
    children.emplace_back();
    children.back().key = &wanted;
    return children.back();
  }
};

[[noreturn]] void fail(const NamedColumn& column, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, "oocmap: INSERT cannot make a value from the column " +
                                               quoted_name(column.name) + " at '" +
                                               column.path_text + "': " + why);
}

void add(Branch& root, const NamedValue& named) {
  Branch* at = &root;
  for (const PathStep& step : named.column->path.steps()) {
    if (step.kind != PathStep::Kind::kName) {
      fail(*named.column, "only .name steps make dicts; give the whole value in json");
    }
    if (at->value) fail(*named.column, "another column gives the value it would lie in");
    at = &at->child(*step.key);
  }
  if (at->value || !at->children.empty()) {
    fail(*named.column, "another column gives a value there or inside it");
  }
  at->value = named.value;
}

void encode(Connection& connection, Session& target, const Branch& branch, ValueEncoder& to) {
  if (branch.value) return feed_value(connection, target, branch.value, to);
  to.begin_dict(branch.children.size());
  for (const Branch& child : branch.children) {
    to.key(*child.key);
    encode(connection, target, child, to);
  }
  to.end();
}

}  // namespace

EncodedValue encode_named(Connection& connection, Session& target,
                          const std::vector<NamedValue>& values) {
  Branch root;
  for (const NamedValue& named : values) add(root, named);
  ValueEncoder encoder;
  encode(connection, target, root, encoder);
  return encoder.finish();
}

}  // namespace oocmap::sql
