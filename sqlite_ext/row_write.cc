#include "sqlite_ext/row_write.h"

#include <utility>

#include "core/store/registered.h"
#include "sqlite_ext/row_source.h"
#include "sqlite_ext/values.h"

namespace oocmap::sql {
namespace {

EncodedValue empty_dict() {
  ValueEncoder encoder;
  encoder.begin_dict();
  encoder.end();
  return encoder.finish();
}

EncodedValue empty_list() {
  ValueEncoder encoder;
  encoder.begin_list();
  encoder.end();
  return encoder.finish();
}

const char* kind_name(const NodeView& node) {
  return type_name({tag_of(node.container_kind()), node.identity()});
}

[[noreturn]] void fail_missing(const std::string& path_text) {
  throw Error(ErrorCode::kInvalidArgument,
              "oocmap: the path '" + path_text +
                  "' leads to nothing here, and only dicts along its .name steps can be made");
}

// Of a list's member. Only one that is there can be set.
uint64_t step_index(const NodeView& list, const PathStep& step, const std::string& path_text) {
  const auto index = static_cast<uint64_t>(step.index);
  if (step.kind == PathStep::Kind::kIndex && index < list.count()) return index;
  if (step.kind == PathStep::Kind::kFromEnd && index > 0 && index <= list.count()) {
    return list.count() - index;
  }
  fail_missing(path_text);
}

}  // namespace

RowWrite::RowWrite(Table& table, std::optional<Key> parent)
    : table_(table),
      session_(table.session()),
      scope_(session_, View::kSession),
      parent_(std::move(parent)) {}

NodeView RowWrite::root() {
  if (const auto node = table_.find_members(transaction(), parent_)) return *node;
  throw Error(ErrorCode::kTypeMismatch, place() + "no dict or list");
}

std::optional<Member> RowWrite::find(const Key& key) {
  const auto node = table_.find_members(transaction(), parent_);
  if (!node || is_set(node->container_kind())) return std::nullopt;
  return member_at(store(), transaction(), *node, key);
}

std::string RowWrite::place() const {
  if (!parent_) return "oocmap: the table " + table_.name + " stands for ";
  return "oocmap: '" + table_.arguments.each_text + "' leads in the row " + describe_key(*parent_) +
         " of the table " + table_.name + " to ";
}

void RowWrite::refuse_change(const NodeView& node) const {
  throw Error(ErrorCode::kTypeMismatch,
              place() + "a " + kind_name(node) + ", which " +
                  (node.container_kind() == WordKind::kSet ? "has no places to write to"
                                                           : "cannot be changed"));
}

void RowWrite::refuse_set() {
  const auto node = table_.find_members(transaction(), parent_);
  if (node && is_set(node->container_kind())) refuse_change(*node);
}

void RowWrite::set(const Key& key, EncodedValue value) {
  const NodeView node = root();
  switch (node.container_kind()) {
    case WordKind::kDict:
      dict_set(store(), transaction(), node.identity(), key, std::move(value));
      return;
    case WordKind::kList:
      return set_index(node, key, std::move(value));
    default:
      refuse_change(node);
  }
}

void RowWrite::set_index(const NodeView& list, const Key& key, EncodedValue value) {
  const std::optional<int64_t> index = integer_of(key);
  if (!index || *index < 0 || static_cast<uint64_t>(*index) > list.count()) {
    throw Error(ErrorCode::kInvalidArgument,
                "oocmap: " + describe_key(key) + " is no index of the list behind " +
                    (parent_ ? "the row " + describe_key(*parent_) + " of " : "") + "the table " +
                    table_.name + ", which has " + std::to_string(list.count()) + " members");
  }
  const auto i = static_cast<uint64_t>(*index);
  if (i == list.count()) {
    list_insert(store(), transaction(), list.identity(), i, std::move(value));
  } else {
    list_set(store(), transaction(), list.identity(), i, std::move(value));
  }
}

void RowWrite::erase(const Key& key) {
  const NodeView node = root();
  if (node.container_kind() == WordKind::kList) {
    throw Error(ErrorCode::kTypeMismatch,
                place() +
                    "a list: SQLite collects the indices of a DELETE first, and each "
                    "one deleted would shift those behind it; store the list without those "
                    "members instead");
  }
  if (node.container_kind() != WordKind::kDict) refuse_change(node);
  dict_erase(store(), transaction(), node.identity(), key);
}

void RowWrite::rename(const Key& from, const Key& to) {
  dict_rename(store(), transaction(), root().identity(), from, to);
}

void RowWrite::make_root() {
  if (!table_.find_root(transaction())) {
    set_path(map_member(store()), table_.arguments.root, table_.arguments.root_text, empty_dict());
  }
  if (parent_) make_parent();
}

void RowWrite::make_parent() {
  const Path& each = *table_.arguments.each;
  const auto row = [this] {
    return member_at(store(), transaction(), table_.root(transaction()), *parent_);
  };
  const bool empty = each.steps().empty();
  if (!row()) {
    const std::optional<Key> parent = std::exchange(parent_, std::nullopt);
    set(*parent, empty ? empty_list() : empty_dict());
    parent_ = parent;
  }
  if (!empty && !get_path(store(), transaction(), *row(), each)) {
    set_path(*row(), each, table_.arguments.each_text, empty_list());
  }
}

void RowWrite::set_inside(const Key& key, const Path& path, const std::string& path_text,
                          EncodedValue value) {
  if (path.steps().empty()) return set(key, std::move(value));
  const std::optional<Member> row = find(key);
  if (row) set_path(*row, path, path_text, std::move(value));
}

// `path` has a step at least.
void RowWrite::set_path(const Member& start, const Path& path, const std::string& path_text,
                        EncodedValue value) {
  Member at = shown_member(store(), transaction(), start);
  for (size_t i = 0;; ++i) {
    if (!at.container()) {
      throw Error(ErrorCode::kTypeMismatch, "oocmap: the path '" + path_text +
                                                "' cannot be set: it meets a value of type " +
                                                type_name(at) + " on its way");
    }
    const PathStep& step = path.steps()[i];
    const NodeView parent = store().locate(transaction(), at.word);
    if (i + 1 == path.steps().size()) return set_step(parent, step, path_text, std::move(value));
    std::optional<Member> next;
    if (parent.container_kind() == WordKind::kDict) {
      if (step.key) next = dict_get(store(), transaction(), parent, *step.key);
      if (!next) next = make_dict(parent, step, path_text);
    } else if (is_set(parent.container_kind())) {
      fail_missing(path_text);
    } else {
      next = list_get(store(), transaction(), parent, step_index(parent, step, path_text));
    }
    at = shown_member(store(), transaction(), *next);
  }
}

Member RowWrite::make_dict(const NodeView& parent, const PathStep& step,
                           const std::string& path_text) {
  if (step.kind != PathStep::Kind::kName) fail_missing(path_text);
  const Identity dict = parent.identity();
  dict_set(store(), transaction(), dict, *step.key, empty_dict());
  return *dict_get(store(), transaction(), store().locate(transaction(), dict), *step.key);
}

void RowWrite::set_step(const NodeView& parent, const PathStep& step, const std::string& path_text,
                        EncodedValue value) {
  switch (parent.container_kind()) {
    case WordKind::kDict: {
      const bool there =
          step.key && dict_get(store(), transaction(), parent, *step.key).has_value();
      if (!there && step.kind != PathStep::Kind::kName) fail_missing(path_text);
      dict_set(store(), transaction(), parent.identity(), *step.key, std::move(value));
      return;
    }
    case WordKind::kList: {
      const uint64_t index = step_index(parent, step, path_text);
      return list_set(store(), transaction(), parent.identity(), index, std::move(value));
    }
    case WordKind::kSet:
    case WordKind::kFrozenset:
      throw Error(ErrorCode::kTypeMismatch,
                  "oocmap: the path '" + path_text + "' cannot be set: it ends in a " +
                      kind_name(parent) + ", whose members have neither name nor index");
    default:
      throw Error(ErrorCode::kTypeMismatch, "oocmap: the path '" + path_text +
                                                "' cannot be set: it ends in a " +
                                                kind_name(parent) + ", which cannot be changed");
  }
}

}  // namespace oocmap::sql
