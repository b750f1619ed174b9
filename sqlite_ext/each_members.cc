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
    if (!container()) {
      ++counters_.values_rendered;
      const Member member = unpack_scalar(packed_);
      return result_scalar(context, member, member.payload());
    }
    Buffer json;
    write_json_packed(packed_, json);
    count_json(counters_, {tag_of(WordKind::kTuple), 0}, json.size());
    result_json_text(context, json);
  }
  const char* type() override { return type_; }
  bool container() override {
    Bytes rest = packed_;
    return read_shown(rest).has_members();
  }
  std::optional<Key> key() override { return Key::integer(index_); }

 private:
  std::shared_ptr<Session> session_;
  Counters& counters_;
  DictWalk walk_;
  uint64_t left_;
  Buffer packed_;  // the member
  const char* type_ = "";
  int64_t index_ = -1;
};

class TextMembers final : public Members {
 public:
  TextMembers(Document document, Document::Node container)
      : document_(std::move(document)), container_(container) {}

  bool next() override {
    at_ = started_ ? document_.next(*at_) : document_.first_child(container_);
    index_ += started_ ? 1 : 0;
    started_ = true;
    return at_.has_value();
  }
  void value(sqlite3_context* context) override {
    const Member member = document_.value(*at_);
    if (!member.container()) return result_scalar(context, member, member.payload());
    Buffer json;
    document_.write(*at_, json);
    result_json_text(context, json);
  }
  const char* type() override { return type_name(document_.value(*at_)); }
  bool container() override { return document_.value(*at_).container(); }
  std::optional<Key> key() override {
    if (document_.value(container_).tag == tag_of(WordKind::kList)) return Key::integer(index_);
    return literal_text_key(document_.key(*at_));
  }

 private:
  Document document_;
  Document::Node container_;
  std::optional<Document::Node> at_;
  int64_t index_ = 0;
  bool started_ = false;
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

// An array: one row, as its elements have no place of their own in the store.
class StoredArray final : public Members {
 public:
  StoredArray(std::shared_ptr<Session> session, Counters& counters, const Member& member)
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

 private:
  std::shared_ptr<Session> session_;
  Counters& counters_;
  Member member_;
  bool done_ = false;
};

}  // namespace

std::unique_ptr<Members> members_of(Subject& subject, const Subject::Place& place) {
  if (!place.member.container()) return std::make_unique<SingleValue>(subject, place.member);
  if (!subject.stored()) return std::make_unique<TextMembers>(subject.take_document(), place.node);
  if (place.member.tag == tag_of(WordKind::kArray)) {
    return std::make_unique<StoredArray>(subject.session(), subject.counters(), place.member);
  }
  const NodeView node = subject.session()->store().locate(subject.transaction(), place.member.word);
  if (is_set(node.container_kind())) {
    return std::make_unique<SetMembers>(subject.session(), subject.counters(), node);
  }
  return std::make_unique<StoredMembers>(subject.session(), subject.counters(), node);
}

}  // namespace oocmap::sql
