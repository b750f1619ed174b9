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

RowWrite::RowWrite(Table& table)
    : table_(table), session_(table.session()), scope_(session_, View::kSession) {}

NodeView RowWrite::root() { return table_.root(transaction()); }

std::optional<Member> RowWrite::find(const Key& key) {
  return member_at(store(), transaction(), root(), key);
}

void RowWrite::refuse_tuple() const {
  throw Error(ErrorCode::kTypeMismatch,
              "oocmap: the table " + table_.name + " stands for a tuple, which cannot be changed");
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
      refuse_tuple();
  }
}

void RowWrite::set_index(const NodeView& list, const Key& key, EncodedValue value) {
  const std::optional<int64_t> index = integer_of(key);
  if (!index || *index < 0 || static_cast<uint64_t>(*index) > list.count()) {
    throw Error(ErrorCode::kInvalidArgument,
                "oocmap: " + describe_key(key) + " is no index of the list behind the table " +
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
  if (node.container_kind() == WordKind::kTuple) refuse_tuple();
  if (node.container_kind() == WordKind::kList) {
    throw Error(ErrorCode::kTypeMismatch,
                "oocmap: the table " + table_.name +
                    " stands for a list: SQLite collects the indices of a DELETE first, and each "
                    "one deleted would shift those behind it; store the list without those "
                    "members instead");
  }
  dict_erase(store(), transaction(), node.identity(), key);
}

void RowWrite::rename(const Key& from, const Key& to) {
  dict_rename(store(), transaction(), root().identity(), from, to);
}

void RowWrite::make_root() {
  if (table_.find_root(transaction())) return;
  set_path(map_member(store()), table_.arguments.root, table_.arguments.root_text, empty_dict());
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
