#include "core/store/small_edit.h"

#include "core/format/immutable.h"

namespace oocmap {
namespace {

Bytes record_bytes(const Transaction& transaction, uint64_t record) {
  const std::optional<Bytes> bytes = transaction.get(Database::kRecords, record);
  if (!bytes) throw_stale();
  return *bytes;
}

// A text for which its node has no room: an immutable of its own, neither shared nor indexed.
Member make_single(Store& store, WriteTransaction& transaction, const Member& text) {
  const uint64_t id = store.new_immutable_id();
  const PayloadKind kind = text.payload_kind();
  transaction.append(Database::kImmutables, id, encode_immutable(0, kind, text.payload()));
  return Member{immutable_tag(kind), id, nullptr, 0};
}

}  // namespace

SmallEdit::SmallEdit(Store& store, WriteTransaction& transaction, Identity container)
    : store_(store),
      transaction_(transaction),
      record_(record_of(container)),
      slot_(slot_of(container)),
      loaded_(transaction.stamp()) {
  const Bytes bytes = record_bytes(transaction, record_);
  const NodeView view = NodeView::locate(bytes, container);
  editor_.load(bytes);
  node_.load(view);
  loaded_bytes_ = view.bytes().size();
  loaded_count_ = node_.count();
}

Member SmallEdit::place(EncodedValue& value) {
  Member member = store_value(store_, transaction_, value, &editor_, record_);
  if (member.container() && record_of(member.word) == record_) member.word = slot_of(member.word);
  return member;
}

// A node that does not grow may stay, whatever limits it was written under.
bool SmallEdit::has_room(size_t bytes) const noexcept {
  return bytes <= loaded_bytes_ ||
         (bytes <= kMaxNodeBytes && editor_.size_with(slot_, bytes) <= kMaxRecordBytes);
}

bool SmallEdit::settle(size_t i, size_t max_members) {
  if (node_.count() > max_members && node_.count() > loaded_count_) return false;
  const size_t bytes = node_.encoded_size();
  if (has_room(bytes)) return true;
  if (i >= node_.count()) return false;
  const Member member = node_.at(i);
  if (!is_heap(member.tag) || !has_room(bytes - member.size)) return false;
  node_.set(i, make_single(store_, transaction_, member));
  return true;
}

void SmallEdit::finish() {
  Buffer bytes;
  node_.encode(bytes);
  replace(bytes);
}

void SmallEdit::replace(Bytes node) {
  editor_.replace(slot_, node);
  // Storing the new value may have pinned this very record.
  if (transaction_.stamp() != loaded_) {
    editor_.set_flags(editor_.flags() | record_flags(record_bytes(transaction_, record_)));
  }
  Buffer bytes;
  editor_.finish(bytes);
  transaction_.put(Database::kRecords, record_, bytes);
}

bool patch_small(WriteTransaction& transaction, Identity container, size_t i,
                 const Member& member) {
  if (is_heap(member.tag)) return false;
  Buffer record(record_bytes(transaction, record_of(container)));
  if (!patch_member(record.data(), record.size(), container, i, member)) return false;
  transaction.put(Database::kRecords, record_of(container), record);
  return true;
}

void put_header(WriteTransaction& transaction, Identity container, Bytes node) {
  Buffer record(record_bytes(transaction, record_of(container)));
  const NodeView view = NodeView::locate(record, container);
  if (view.bytes().size() != node.size()) throw_corrupt("a spilled node has another size");
  const auto at = static_cast<size_t>(view.bytes().data() - record.data());
  record.replace(at, node.size(), node);
  transaction.put(Database::kRecords, record_of(container), record);
}

}  // namespace oocmap
