#include "sqlite_ext/schema_columns.h"

#include <algorithm>
#include <numeric>

#include "core/base/utf8.h"
#include "core/format/other_payload.h"
#include "core/store/dict.h"
#include "core/store/registered.h"
#include "sqlite_ext/each_members.h"
#include "sqlite_ext/tokens.h"
#include "sqlite_ext/values.h"

namespace oocmap::sql {
namespace {

constexpr int kLevels = 4;             // of dicts
constexpr size_t kMostColumns = 100;   // of a table: what can be looked at
constexpr size_t kMostPaths = 10'000;  // seen; keys that are data, not names, could be any number
constexpr size_t kMostEntries = 500;   // looked at in one dict

// What a value is in SQL.
enum Type : unsigned { kBool = 1, kInt = 2, kReal = 4, kText = 8, kBlob = 16, kContainer = 32 };

unsigned type_of_payload(PayloadKind kind, Bytes payload);

unsigned type_of(const Member& scalar, Bytes payload) {
  switch (static_cast<WordKind>(scalar.tag)) {
    case WordKind::kNone:
      return 0;
    case WordKind::kFalse:
    case WordKind::kTrue:
      return kBool;
    case WordKind::kInt:
      return kInt;
    case WordKind::kFloat:
      return kReal;
    default:
      return type_of_payload(scalar.payload_kind(), payload);
  }
}

unsigned type_of_payload(PayloadKind kind, Bytes payload) {
  switch (kind) {
    case PayloadKind::kBytes:
    case PayloadKind::kBytearray:
      return kBlob;
    case PayloadKind::kNumpyScalar: {
      const Member plain = unpack_scalar(decode_numpy(payload).plain);
      return type_of(plain, plain.payload());
    }
    default:
      return kText;  // an int beyond 64 bits, too: its digits
  }
}

const char* declared(unsigned types) noexcept {
  switch (types) {
    case kBool:
      return "BOOLEAN";
    case kInt:
    case kInt | kBool:
      return "INTEGER";
    case kReal:
    case kReal | kInt:
      return "REAL";
    case kText:
      return "TEXT";
    case kBlob:
      return "BLOB";
    default:
      return "";
  }
}

// A key that can stand in a CREATE statement: str without a NUL.
bool is_name(const Key& key) {
  const Bytes order = key.order();
  return static_cast<uint8_t>(order.front()) == kClassText && order.find('\0') == Bytes::npos &&
         text_form(order.substr(1)) == TextForm::kUtf8;
}

// `name`, or with the first number behind it that makes it a new one.
std::string new_name(const std::string& name, const std::vector<std::string>& taken) {
  const auto is_taken = [&taken](const std::string& wanted) {
    return std::any_of(taken.begin(), taken.end(),
                       [&](const std::string& other) { return same_name(wanted, other); });
  };
  std::string result = name;
  for (int number = 2; is_taken(result); ++number) result = name + "_" + std::to_string(number);
  return result;
}

}  // namespace

void ColumnSample::add(const Member& member) {
  const Member shown = shown_member(store_, transaction_, member);
  if (shown.tag == tag_of(WordKind::kDict)) add_dict(shown, "$", "", 1);
}

void ColumnSample::add_dict(const Member& dict, const std::string& path, const std::string& name,
                            int level) {
  DictWalk walk(store_, dict.word);
  DictEntry entry;
  for (size_t i = 0; i < kMostEntries && walk.next(transaction_, entry); ++i) {
    if (!is_name(entry.key)) continue;
    const std::string inner_path = path + step_text(entry.key);
    const std::string step(entry.key.order().substr(1));
    std::string inner_name = level > 1 ? name + "_" : step.empty() ? "_" : "";
    inner_name += step;
    const Member member = shown_member(store_, transaction_, entry.value);
    if (Seen* const seen = seen_at(inner_path, inner_name)) {
      const bool scalar = !member.container();
      seen->count += scalar ? 1 : 0;
      seen->types |=
          scalar ? type_of(member, scalar_payload(store_, transaction_, member)) : kContainer;
    }
    if (member.tag == tag_of(WordKind::kDict) && level < kLevels) {
      add_dict(member, inner_path, inner_name, level + 1);
    }
  }
}

ColumnSample::Seen* ColumnSample::seen_at(const std::string& path, const std::string& name) {
  const auto known = index_.find(path);
  if (known != index_.end()) return &seen_[known->second];
  if (seen_.size() == kMostPaths) return nullptr;
  index_.emplace(path, seen_.size());
  return &seen_.emplace_back(Seen{path, name});
}

std::vector<SuggestedColumn> ColumnSample::columns(const std::string& table) const {
  std::vector<size_t> order(seen_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [this](size_t a, size_t b) { return seen_[a].count > seen_[b].count; });
  order.resize(std::min(order.size(), kMostColumns));
  std::erase_if(order, [this](size_t i) { return seen_[i].count == 0; });
  std::sort(order.begin(), order.end());
  // Also what would hide the column that UPDATE ... SET path = writes by, and collide with each=.
  std::vector<std::string> taken = {"key",  "value", "type",  "key_type", "json",
                                    "path", "item",  "rowid", table};
  std::vector<SuggestedColumn> columns;
  for (const size_t i : order) {
    const Seen& seen = seen_[i];
    columns.push_back({new_name(seen.name, taken), declared(seen.types), seen.path});
    taken.push_back(columns.back().name);
  }
  return columns;
}

}  // namespace oocmap::sql
