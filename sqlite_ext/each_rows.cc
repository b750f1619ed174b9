#include "sqlite_ext/each_rows.h"

#include <utility>

#include "core/format/handle.h"
#include "core/format/packed.h"
#include "core/json/writer.h"
#include "core/store/registered.h"
#include "sqlite_ext/values.h"

namespace oocmap::sql {
namespace {

// A set's members, as packed values.
class SetRows final : public RowSource {
 public:
  SetRows(Store& store, const NodeView& set, Buffer& packed)
      : walk_(store, set.identity()), left_(set.count()), packed_(packed) {}
  bool next(const Transaction& transaction, DictEntry& entry) override {
    if (left_ == 0) return false;  // what was added since stands behind
    --left_;
    DictEntry member;
    if (!walk_.next(transaction, member)) return false;
    packed_ = member.key.pack();
    entry.key = Key::integer(index_++);
    return true;
  }

 private:
  DictWalk walk_;
  uint64_t left_;
  int64_t index_ = 0;
  Buffer& packed_;
};

class EachRows final : public RowSource {
 public:
  EachRows(Store& store, Identity root, std::unique_ptr<RowSource> parents, const Path& each,
           std::optional<std::vector<Key>> items)
      : store_(store),
        root_(root),
        parents_(std::move(parents)),
        each_(each),
        items_(std::move(items)) {}

  bool next(const Transaction& transaction, DictEntry& entry) override {
    if (members_ && transaction.stamp() != stamp_ && !still_there(transaction)) members_.reset();
    stamp_ = transaction.stamp();
    while (!members_ || !next_member(transaction, entry)) {
      members_.reset();
      DictEntry parent;
      if (!parents_->next(transaction, parent)) return false;
      place_.parent = std::move(parent.key);
      open(transaction, parent.value);
    }
    return true;
  }
  const Place* place() const noexcept override { return &place_; }

 private:
  void open(const Transaction& transaction, const Member& parent) {
    const auto container = container_at(store_, transaction, parent, each_);
    if (!container) return;
    container_ = container->identity();
    place_.packed.clear();
    is_set_ = is_set(container->container_kind());
    if (is_set_) {
      members_ = std::make_unique<SetRows>(store_, *container, place_.packed);
    } else if (items_) {
      members_ = lookup_rows(store_, *container, *items_);
    } else {
      members_ = scan_rows(store_, *container);
    }
  }

  bool next_member(const Transaction& transaction, DictEntry& entry) {
    while (members_->next(transaction, entry)) {
      if (!is_set_ || !items_ || is_wanted(entry.key)) return true;
    }
    return false;
  }

  bool is_wanted(const Key& key) const {
    for (const Key& item : *items_) {
      if (item == key) return true;
    }
    return false;
  }

  // Whether the container that is being read lies where it did; a write may have taken it away.
  bool still_there(const Transaction& transaction) {
    const auto parent =
        member_at(store_, transaction, store_.locate(transaction, root_), place_.parent);
    if (!parent) return false;
    const auto container = container_at(store_, transaction, *parent, each_);
    return container && container->identity() == container_;
  }

  Store& store_;
  Identity root_;
  std::unique_ptr<RowSource> parents_;
  const Path& each_;
  std::optional<std::vector<Key>> items_;
  Place place_;
  std::unique_ptr<RowSource> members_;  // of the parent at hand
  Identity container_ = 0;
  bool is_set_ = false;
  Stamp stamp_;
};

constexpr char kHex[] = "0123456789abcdef";

void append_hex(const Key& key, std::string& to) {
  for (const char c : encode_key_blob(key)) {
    const auto byte = static_cast<uint8_t>(c);
    to += {kHex[byte >> 4], kHex[byte & 15]};
  }
}

int hex_digit(char c) {
  const size_t at = Bytes(kHex, 16).find(c);
  return at == Bytes::npos ? -1 : static_cast<int>(at);
}

std::optional<Key> read_hex(Bytes text) {
  if (text.size() % 2 != 0) return std::nullopt;
  Buffer blob;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    blob.push_back(static_cast<char>(high * 16 + low));
  }
  if (!is_key_blob(blob)) return std::nullopt;
  try {
    return decode_key_blob(blob);
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

std::optional<NodeView> container_at(Store& store, const Transaction& transaction,
                                     const Member& parent, const Path& each) {
  const auto found = get_path(store, transaction, parent, each);
  if (!found) return std::nullopt;
  const Member member = shown_member(store, transaction, *found);
  if (!member.container() || member.tag == tag_of(WordKind::kArray)) return std::nullopt;
  return store.locate(transaction, member.word);
}

std::unique_ptr<RowSource> each_rows(Store& store, const NodeView& root,
                                     std::unique_ptr<RowSource> parents, const Path& each,
                                     std::optional<std::vector<Key>> items) {
  return std::make_unique<EachRows>(store, root.identity(), std::move(parents), each,
                                    std::move(items));
}

std::string row_id(const RowPlace& place) {
  std::string id;
  append_hex(*place.parent, id);
  id += '.';
  append_hex(place.key, id);
  return id;
}

std::optional<RowPlace> read_row_id(sqlite3_value* id) {
  if (sqlite3_value_type(id) != SQLITE_TEXT) return std::nullopt;
  const Bytes text = text_bytes(id);
  const size_t dot = text.find('.');
  if (dot == Bytes::npos) return std::nullopt;
  auto parent = read_hex(text.substr(0, dot));
  auto key = read_hex(text.substr(dot + 1));
  if (!parent || !key) return std::nullopt;
  RowPlace place{std::move(parent), std::move(*key)};
  // A key can be written in several ways; its row has one id.
  return row_id(place) == text ? std::optional(std::move(place)) : std::nullopt;
}

bool is_packed_container(Bytes packed) {
  return !packed.empty() && read_shown(packed).has_members();
}

void result_packed(sqlite3_context* context, const Column& column, Bytes packed) {
  switch (column.kind) {
    case ColumnKind::kType: {
      Bytes rest = packed;
      const bool is_tuple = read_shown(rest).tag == tag_of(WordKind::kTuple);
      return sqlite3_result_text(context, is_tuple ? "tuple" : "frozenset", -1, SQLITE_STATIC);
    }
    case ColumnKind::kValue:
    case ColumnKind::kJson: {
      Buffer json;
      write_json_packed(packed, json);
      return result_json_text(context, json);
    }
    default:
      return;  // NULL
  }
}

}  // namespace oocmap::sql
