#include "sqlite_ext/each_members.h"

#include <utility>

#include "core/format/packed.h"
#include "core/json/literal.h"
#include "core/json/writer.h"
#include "core/store/dict.h"
#include "core/store/registered.h"
#include "sqlite_ext/keys.h"
#include "sqlite_ext/row_source.h"
#include "sqlite_ext/values.h"

namespace oocmap::sql {
namespace {

// nullptr for an array, whose elements have no place of their own in the store.
std::unique_ptr<Members> enter_stored(const std::shared_ptr<Session>& session, Counters& counters,
                                      const Transaction& transaction, const Member& stored);

class StoredMembers final : public Members {
 public:
  StoredMembers(std::shared_ptr<Session> session, Counters& counters, const NodeView& container)
      : session_(std::move(session)),
        counters_(counters),
        container_(container.identity()),
        rows_(scan_rows(session_->store(), container)) {
    session_->cursor_opened();
  }
  ~StoredMembers() override { session_->cursor_closed(); }

  bool next() override {
    const ReadScope scope(*session_, View::kSession);
    if (!rows_->next(scope.transaction(), entry_)) return false;
    stamp_ = scope.transaction().stamp();
    return true;
  }
  void value(sqlite3_context* context) override {
    with_member([&](const Transaction& transaction, const Member& member) {
      result_value(context, counters_, session_->store(), transaction, member);
    });
  }
  void ref(sqlite3_context* context) override {
    with_member([&](const Transaction& transaction, const Member& member) {
      result_handle(context, *session_, transaction, member);
    });
  }
  const char* type() override {
    const char* name = "NoneType";
    with_member([&](const Transaction& transaction, const Member& member) {
      name = type_name(session_->store(), transaction, member);
    });
    return name;
  }
  bool container() override {
    bool is_container = false;
    with_member([&](const Transaction& transaction, const Member& member) {
      is_container = shown_member(session_->store(), transaction, member).container();
    });
    return is_container;
  }
  std::optional<Key> key() override { return entry_.key; }
  std::unique_ptr<Members> enter() override {
    std::unique_ptr<Members> inner;
    with_member([&](const Transaction& transaction, const Member& member) {
      inner = enter_stored(session_, counters_, transaction, member);
    });
    return inner;
  }
  Identity identity() const override { return container_; }

 private:
  // Not called where the member was erased since the row was reached.
  template <typename Work>
  void with_member(const Work& work) {
    const ReadScope scope(*session_, View::kSession);
    const Transaction& transaction = scope.transaction();
    if (transaction.stamp() == stamp_) return work(transaction, entry_.value);
    Store& store = session_->store();
    const auto again =
        member_at(store, transaction, store.locate(transaction, container_), entry_.key);
    if (again) work(transaction, *again);
  }

  std::shared_ptr<Session> session_;
  Counters& counters_;
  Identity container_;
  std::unique_ptr<RowSource> rows_;
  DictEntry entry_;
  Stamp stamp_;
};

// The members of a tuple or frozenset inside a set: packed values, which have no place of their
// own.
class PackedMembers final : public Members {
 public:
  PackedMembers(Counters& counters, Bytes container) : counters_(counters), packed_(container) {
    rest_ = packed_;
    left_ = read_shown(rest_).count;
  }

  bool next() override {
    if (left_ == 0) return false;
    --left_;
    ++index_;
    at_ = rest_;
    skip_packed(rest_);
    at_.remove_suffix(rest_.size());
    return true;
  }
  void value(sqlite3_context* context) override { packed_value(context, counters_, at_); }
  const char* type() override {
    Bytes rest = at_;
    const Packed head = read_shown(rest);
    return type_name(
        {head.tag, head.word, head.payload.data(), static_cast<uint32_t>(head.payload.size())});
  }
  bool container() override { return has_packed_members(at_); }
  std::optional<Key> key() override { return Key::integer(index_); }
  std::unique_ptr<Members> enter() override {
    return container() ? std::make_unique<PackedMembers>(counters_, at_) : nullptr;
  }

  static bool has_packed_members(Bytes packed) { return read_shown(packed).has_members(); }
  static void packed_value(sqlite3_context* context, Counters& counters, Bytes packed) {
    if (!has_packed_members(packed)) {
      ++counters.values_rendered;
      const Member member = unpack_scalar(packed);
      return result_scalar(context, member, member.payload());
    }
    Buffer json;
    write_json_packed(packed, json);
    count_json(counters, {tag_of(WordKind::kTuple), 0}, json.size());
    result_json_text(context, json);
  }

 private:
  Counters& counters_;
  Buffer packed_;
  Bytes rest_;  // of packed_, behind at_
  Bytes at_;
  uint64_t left_ = 0;
  int64_t index_ = -1;
};

// The members of a set. Its keys are its values; they are numbered as those of the array that its
// JSON text is.
class SetMembers final : public Members {
 public:
  SetMembers(std::shared_ptr<Session> session, Counters& counters, const NodeView& set)
      : session_(std::move(session)),
        counters_(counters),
        walk_(session_->store(), set.identity()),
        left_(set.count()) {
    session_->cursor_opened();
  }
  ~SetMembers() override { session_->cursor_closed(); }

  // As DictScan: what a write beside it adds stands behind, and the scan ends before that.
  bool next() override {
    if (left_ == 0) return false;
    --left_;
    const ReadScope scope(*session_, View::kSession);
    DictEntry entry;
    if (!walk_.next(scope.transaction(), entry)) return false;
    packed_ = entry.key.pack();
    type_ = key_type_name(entry.key);
    ++index_;
    return true;
  }
  void value(sqlite3_context* context) override {
    PackedMembers::packed_value(context, counters_, packed_);
  }
  const char* type() override { return type_; }
  bool container() override { return PackedMembers::has_packed_members(packed_); }
  std::optional<Key> key() override { return Key::integer(index_); }
  std::unique_ptr<Members> enter() override {
    return container() ? std::make_unique<PackedMembers>(counters_, packed_) : nullptr;
  }

 private:
  std::shared_ptr<Session> session_;
  Counters& counters_;
  DictWalk walk_;
  uint64_t left_;
  Buffer packed_;  // the member
  const char* type_ = "";
  int64_t index_ = -1;
};

// The members of a container in JSON text, or one value there.
class TextMembers final : public Members {
 public:
  TextMembers(std::shared_ptr<const Document> document, Document::Node container)
      : document_(std::move(document)), container_(container) {}
  // One row, the value itself.
  static std::unique_ptr<Members> alone(Document document, Document::Node node) {
    auto self =
        std::make_unique<TextMembers>(std::make_shared<const Document>(std::move(document)), node);
    self->alone_ = true;
    return self;
  }

  bool next() override {
    if (alone_) {
      at_ = container_;
    } else {
      at_ = started_ ? document_->next(*at_) : document_->first_child(container_);
    }
    index_ += started_ ? 1 : 0;
    return at_.has_value() && !(std::exchange(started_, true) && alone_);
  }
  void value(sqlite3_context* context) override {
    const Member member = document_->value(*at_);
    if (!member.container()) return result_scalar(context, member, member.payload());
    Buffer json;
    document_->write(*at_, json);
    result_json_text(context, json);
  }
  const char* type() override { return type_name(document_->value(*at_)); }
  bool container() override { return document_->value(*at_).container(); }
  std::optional<Key> key() override {
    if (alone_) return std::nullopt;
    if (document_->value(container_).tag == tag_of(WordKind::kList)) return Key::integer(index_);
    return literal_text_key(document_->key(*at_));
  }
  std::unique_ptr<Members> enter() override {
    return container() ? std::make_unique<TextMembers>(document_, *at_) : nullptr;
  }

 private:
  std::shared_ptr<const Document> document_;
  Document::Node container_;
  std::optional<Document::Node> at_;
  int64_t index_ = 0;
  bool started_ = false;
  bool alone_ = false;
};

// A value that is no container: one row without a key.
class SingleValue final : public Members {
 public:
  SingleValue(const Subject& subject, const Member& member)
      : session_(subject.session()), counters_(subject.counters()) {
    pack_scalar(member, subject.payload(member), packed_);
  }
  bool next() override { return !std::exchange(done_, true); }
  void value(sqlite3_context* context) override {
    if (session_) ++counters_.values_rendered;
    const Member member = unpack_scalar(packed_);
    result_scalar(context, member, member.payload());
  }
  void ref(sqlite3_context* context) override {
    if (!session_) return;
    const ReadScope scope(*session_, View::kSession);
    result_handle(context, *session_, scope.transaction(), unpack_scalar(packed_));
  }
  const char* type() override { return type_name(unpack_scalar(packed_)); }
  bool container() override { return false; }
  std::optional<Key> key() override { return std::nullopt; }

 private:
  std::shared_ptr<Session> session_;
  Counters& counters_;
  Buffer packed_;
  bool done_ = false;
};

// A stored container itself: one row.
class StoredContainer final : public Members {
 public:
  StoredContainer(std::shared_ptr<Session> session, Counters& counters, const Member& member)
      : session_(std::move(session)), counters_(counters), member_(member) {}
  bool next() override { return !std::exchange(done_, true); }
  void value(sqlite3_context* context) override {
    const ReadScope scope(*session_, View::kSession);
    result_value(context, counters_, session_->store(), scope.transaction(), member_);
  }
  void ref(sqlite3_context* context) override {
    const ReadScope scope(*session_, View::kSession);
    result_handle(context, *session_, scope.transaction(), member_);
  }
  const char* type() override { return type_name(member_); }
  bool container() override { return true; }
  std::optional<Key> key() override { return std::nullopt; }
  std::unique_ptr<Members> enter() override {
    const ReadScope scope(*session_, View::kSession);
    return enter_stored(session_, counters_, scope.transaction(), member_);
  }

 private:
  std::shared_ptr<Session> session_;
  Counters& counters_;
  Member member_;
  bool done_ = false;
};

std::unique_ptr<Members> enter_stored(const std::shared_ptr<Session>& session, Counters& counters,
                                      const Transaction& transaction, const Member& stored) {
  const Member member = shown_member(session->store(), transaction, stored);
  if (!member.container() || member.tag == tag_of(WordKind::kArray)) return nullptr;
  const NodeView node = session->store().locate(transaction, member.word);
  if (is_set(node.container_kind())) return std::make_unique<SetMembers>(session, counters, node);
  return std::make_unique<StoredMembers>(session, counters, node);
}

}  // namespace

std::unique_ptr<Members> members_of(Subject& subject, const Subject::Place& place) {
  if (!place.member.container()) return std::make_unique<SingleValue>(subject, place.member);
  if (!subject.stored()) {
    return std::make_unique<TextMembers>(std::make_shared<const Document>(subject.take_document()),
                                         place.node);
  }
  auto members =
      enter_stored(subject.session(), subject.counters(), subject.transaction(), place.member);
  return members ? std::move(members) : only(subject, place);
}

std::unique_ptr<Members> only(Subject& subject, const Subject::Place& place) {
  if (!place.member.container()) return std::make_unique<SingleValue>(subject, place.member);
  if (!subject.stored()) return TextMembers::alone(subject.take_document(), place.node);
  return std::make_unique<StoredContainer>(subject.session(), subject.counters(), place.member);
}

}  // namespace oocmap::sql
