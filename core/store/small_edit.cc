#include "core/store/small_edit.h"

#include <cstring>

#include "core/store/immutables.h"

namespace oocmap {
namespace {

Bytes record_bytes(const Transaction& transaction, uint64_t record) {
  const std::optional<Bytes> bytes = transaction.get(Database::kRecords, record);
  if (!bytes) throw_stale();
  return *bytes;
}

}  // namespace

RecordAt::RecordAt(const Transaction& transaction, Identity identity)
    : container(identity),
      stamp(transaction.stamp()),
      record(record_bytes(transaction, record_of(identity))),
      node(NodeView::locate(record, identity)) {}

void RecordAt::refresh(const Transaction& transaction) {
  if (transaction.stamp() != stamp) *this = RecordAt(transaction, container);
}

std::unique_ptr<SmallEdit::Parts>& SmallEdit::spare() {
  thread_local std::unique_ptr<Parts> parts;
  return parts;
}

SmallEdit::SmallEdit(Store& store, WriteTransaction& transaction, RecordAt& at)
    : store_(store), transaction_(transaction), at_(at), parts_(std::move(spare())) {
  if (parts_ == nullptr) parts_ = std::make_unique<Parts>();
  at.refresh(transaction);
  parts_->node.load(at.node);
  record_bytes_ = at.record.size();
  node_bytes_ = at.node.bytes().size();
  count_ = parts_->node.count();
}

SmallEdit::~SmallEdit() {
  // A spilled list's node may have been large: what is kept is bounded.
  constexpr size_t kKeepBytes = size_t{1} << 20;
  if (parts_->record.capacity() + parts_->bytes.capacity() < kKeepBytes) {
    spare() = std::move(parts_);
  }
}

void SmallEdit::load_editor() {
  at_.refresh(transaction_);
  parts_->editor.load(at_.record);
  editing_ = true;
}

Member SmallEdit::place(EncodedValue& value) {
  if (!value.has_nodes()) return store_value(store_, transaction_, value);
  if (!editing_) load_editor();
  Member member = store_value(store_, transaction_, value, &parts_->editor, record());
  if (member.container() && record_of(member.word) == record()) {
    member.word = slot_of(member.word);
  }
  return member;
}

// A node that does not grow may stay, whatever limits it was written under.
bool SmallEdit::has_room(size_t bytes) const noexcept {
  if (bytes <= node_bytes_) return true;
  const size_t size = editing_ ? parts_->editor.size_with(slot_of(at_.container), bytes)
                               : record_bytes_ + bytes - node_bytes_;
  return bytes <= kMaxNodeBytes && size <= kMaxRecordBytes;
}

bool SmallEdit::settle(size_t i, size_t max_members) {
  NodeBuilder& members = parts_->node;
  if (members.count() > max_members && members.count() > count_) return false;
  const size_t bytes = members.encoded_size();
  if (has_room(bytes)) return true;
  if (i >= members.count()) return false;
  const Member member = members.at(i);
  if (!is_heap(member.tag) || !has_room(bytes - member.size)) return false;
  members.set(i, place_single(store_, transaction_, member));
  return true;
}

void SmallEdit::finish() {
  parts_->bytes.clear();
  parts_->node.encode(parts_->bytes);
  replace(parts_->bytes);
}

void SmallEdit::replace(Bytes node) {
  Buffer& bytes = parts_->record;
  bytes.clear();
  at_.refresh(transaction_);
  if (editing_ || !replace_node(at_.record, at_.node, node, bytes)) {
    if (!editing_) load_editor();
    RecordEditor& editor = parts_->editor;
    editor.replace(slot_of(at_.container), node);
    // Storing the new value may have pinned this very record.
    editor.set_flags(editor.flags() | record_flags(at_.record));
    editor.finish(bytes);
  }
  transaction_.put(Database::kRecords, record(), bytes);
}

bool splice_small(WriteTransaction& transaction, RecordAt& at, size_t i, size_t erase,
                  const Member* insert, size_t max_members) {
  thread_local Buffer node;
  thread_local Buffer record;
  at.refresh(transaction);
  record.assign(at.record);
  const auto node_at = at.node.data() - at.record.data();
  if (erase == 0 || insert == nullptr || !at.node.patch(record.data() + node_at, i, *insert)) {
    node.clear();
    record.clear();
    if (erase == 0 && at.node.count() >= max_members) return false;
    if (!at.node.splice(i, erase, insert, node) ||
        !replace_node(at.record, at.node, node, record)) {
      return false;
    }
    const bool grows = record.size() > at.record.size();
    if (grows && (node.size() > kMaxNodeBytes || record.size() > kMaxRecordBytes)) return false;
  }
  transaction.put(Database::kRecords, record_of(at.container), record);
  return true;
}

void put_header(WriteTransaction& transaction, Identity container, Bytes node) {
  const RecordAt at(transaction, container);
  if (at.node.bytes().size() != node.size()) throw_corrupt("a spilled node has another size");
  thread_local Buffer record;  // 128 KiB at most, as all records
  record.assign(at.record);
  std::memcpy(record.data() + (at.node.data() - at.record.data()), node.data(), node.size());
  transaction.put(Database::kRecords, record_of(container), record);
}

}  // namespace oocmap
