#include "core/store/reference_walk.h"

#include "core/base/error.h"
#include "core/format/chunk.h"
#include "core/format/entry.h"
#include "core/format/key_encoding.h"

namespace oocmap {
namespace {

constexpr size_t kRowsAtOnce = 64;

}  // namespace

void ReferenceWalk::add_rows(Identity identity, Tag tag) {
  if (tag == tag_of(WordKind::kArray)) return;  // elements are no references
  const bool keyed = has_keys(static_cast<WordKind>(tag));
  rows_.push_back(
      {identity, keyed ? Database::kEntries : Database::kChunks, entry_prefix(identity)});
}

bool ReferenceWalk::run(const Transaction& transaction, uint64_t steps) {
  for (uint64_t i = 0; i < steps; ++i) {
    if (!waiting_.empty()) {
      const Identity identity = waiting_.back();
      waiting_.pop_back();
      if (to_.wanted(identity)) visit(transaction, identity);
    } else if (!rows_.empty()) {
      if (!read_rows(transaction, rows_.back())) rows_.pop_back();
    } else {
      return false;
    }
  }
  return true;
}

void ReferenceWalk::visit(const Transaction& transaction, Identity identity) {
  const uint64_t record = record_of(identity);
  if (record != record_ || transaction.stamp() != stamp_) {
    const auto stored = transaction.get(Database::kRecords, record);
    record_ = stored ? record : 0;
    if (!stored) return to_.missing(identity);
    bytes_ = *stored;
    stamp_ = transaction.stamp();
  }
  NodeView node;
  try {
    node = NodeView::locate(bytes_, identity);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kStaleHandle) throw;
    return to_.missing(identity);
  }
  if (!to_.enter(identity, bytes_)) return;
  if ((record_flags(bytes_) & kRecordImmutable) == 0) return look_into(node);
  for (size_t slot = 0; slot < record_slots(bytes_); ++slot) {
    look_into(NodeView::locate(bytes_, make_identity(record, static_cast<uint16_t>(slot))));
  }
}

void ReferenceWalk::look_into(const NodeView& node) {
  if (node.is_array()) return;
  if (node.spilled()) return add_rows(node.identity(), tag_of(node.container_kind()));
  if (node.kind() == NodeKind::kShapedDict) to_.immutable(node.shape());
  for (size_t i = 0; i < node.count(); ++i) {
    meet(node.member(i));
    if (node.keyed()) meet(node.key(i));
  }
}

void ReferenceWalk::meet(const Member& member) {
  if (member.container()) {
    waiting_.push_back(member.word);
  } else if (member.in_immutables()) {
    to_.immutable(member.word);
  }
}

// Returns whether there are more of them.
bool ReferenceWalk::read_rows(const Transaction& transaction, Rows& rows) {
  const Buffer prefix = entry_prefix(rows.container);
  Cursor cursor(transaction, rows.database);
  bool found = cursor.seek(rows.next);
  for (size_t i = 0; found && cursor.key().starts_with(prefix); ++i) {
    if (i == kRowsAtOnce) {
      rows.next = Buffer(cursor.key());
      return true;
    }
    if (rows.database == Database::kEntries) {
      meet(decode_entry_member(cursor.value()));
    } else if (is_leaf_chunk(cursor.value())) {
      const NodeView leaf = leaf_view(cursor.value(), rows.container);
      for (size_t m = 0; m < leaf.count(); ++m) meet(leaf.member(m));
    }
    found = cursor.next();
  }
  return false;
}

}  // namespace oocmap
