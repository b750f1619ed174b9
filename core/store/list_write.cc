#include <algorithm>
#include <deque>

#include "core/base/error.h"
#include "core/store/chunk_edit.h"
#include "core/store/list.h"
#include "core/store/reclaim.h"
#include "core/store/rows.h"
#include "core/store/small_edit.h"

namespace oocmap {
namespace {

constexpr size_t kDrainAtOnce = 4;

RecordAt locate_list(const Transaction& transaction, Identity list) {
  RecordAt at(transaction, list);
  if (at.node.container_kind() != WordKind::kList) {
    throw Error(ErrorCode::kTypeMismatch, "the value is not a list");
  }
  return at;
}

[[noreturn]] void out_of_range() {
  throw Error(ErrorCode::kInvalidArgument, "list index out of range");
}

Buffer encode_tree(const ChunkTree& tree) {
  return encode_spilled_list(NodeKind::kSpilledList, tree.height, tree.count, tree.root_chunk,
                             tree.next_chunk);
}

void detach_all(Store& store, WriteTransaction& transaction, const std::vector<Member>& members) {
  for (const Member& member : members) {
    if (needs_detach(member)) detach(store, transaction, member);
  }
}

// Turns the small list under `edit` into a spilled one in place, with what edit.node() holds now;
// its children keep their places.
void spill_list(WriteTransaction& transaction, Identity list, SmallEdit& edit) {
  NodeBuilder& node = edit.node();
  node.make_absolute(edit.record());
  ChunkBuilder chunks(transaction, list);
  for (size_t i = 0; i < node.count(); ++i) chunks.add(node.at(i));
  edit.replace(encode_tree(chunks.finish()));
}

// Puts the edited list, spilled where it has grown too big with its new or changed member `i`.
void put_settled(WriteTransaction& transaction, Identity list, size_t i, SmallEdit& edit) {
  if (edit.settle(i, kMaxInlineList)) return edit.finish();
  spill_list(transaction, list, edit);
}

// A list without members is a small one, whatever it was.
void put_empty(Store& store, WriteTransaction& transaction, Identity list) {
  RecordAt at(transaction, list);
  SmallEdit edit(store, transaction, at);
  edit.node().reset(NodeKind::kList);
  edit.finish();
}

void put_tree(Store& store, WriteTransaction& transaction, Identity list, const ChunkTree& tree) {
  if (tree.count == 0) return put_empty(store, transaction, list);
  put_header(transaction, list, encode_tree(tree));
}

// --- list_set

void set_spilled(Store& store, WriteTransaction& transaction, const NodeView& node, uint64_t i,
                 EncodedValue& value) {
  const Identity list = node.identity();
  const ChunkTree tree = chunk_tree(node);
  LeafAt at = find_leaf(transaction, list, tree, i);
  const Member old = at.leaf.member(i - at.first);
  if (value.refers_to(old)) return;
  const Stamp found = transaction.stamp();
  const Member member = store_value(store, transaction, value);
  if (same_scalar(old, member)) return;
  if (transaction.stamp() != found) at = find_leaf(transaction, list, tree, i);
  ChunkEditor editor(transaction, list, tree);
  editor.set(i, at, member);
  if (editor.tree().next_chunk != tree.next_chunk) {
    put_tree(store, transaction, list, editor.tree());
  }
  if (needs_detach(old)) detach(store, transaction, old);
}

void set(Store& store, WriteTransaction& transaction, Identity list, uint64_t i,
         EncodedValue& value) {
  RecordAt at = locate_list(transaction, list);
  if (i >= at.node.count()) out_of_range();
  if (at.node.spilled()) return set_spilled(store, transaction, at.node, i, value);
  overwrite_small(store, transaction, at, i, value, kMaxInlineList,
                  [&](SmallEdit& edit) { put_settled(transaction, list, i, edit); });
}

// --- list_insert, list_extend

void insert_small(Store& store, WriteTransaction& transaction, RecordAt& at, size_t i,
                  EncodedValue& value) {
  if (!value.has_nodes()) {
    const Member member = store_value(store, transaction, value);
    if (splice_small(transaction, at, i, 0, &member, kMaxInlineList)) return;
    SmallEdit edit(store, transaction, at);
    edit.node().insert(i, member);
    return put_settled(transaction, at.container, i, edit);
  }
  SmallEdit edit(store, transaction, at);
  edit.node().insert(i, edit.place(value));
  put_settled(transaction, at.container, i, edit);
}

void insert_spilled(Store& store, WriteTransaction& transaction, const NodeView& node, uint64_t i,
                    EncodedValue& value) {
  const Identity list = node.identity();
  const ChunkTree tree = chunk_tree(node);
  const Member member = store_value(store, transaction, value);
  ChunkEditor editor(transaction, list, tree);
  if (i < tree.count) {
    editor.insert(i, member);
  } else if (!editor.append(member)) {
    ChunkAppender chunks(transaction, list, tree);
    chunks.add(member);
    return put_tree(store, transaction, list, chunks.finish());
  }
  put_tree(store, transaction, list, editor.tree());
}

void insert(Store& store, WriteTransaction& transaction, RecordAt& at, uint64_t i,
            EncodedValue& value) {
  if (i > at.node.count()) out_of_range();
  if (at.node.spilled()) return insert_spilled(store, transaction, at.node, i, value);
  insert_small(store, transaction, at, i, value);
}

void extend_spilled(Store& store, WriteTransaction& transaction, Identity list,
                    std::vector<EncodedValue>& values, size_t done) {
  ChunkAppender chunks(transaction, list, chunk_tree(store.locate(transaction, list)));
  for (; done < values.size(); ++done) {
    chunks.add(store_value(store, transaction, values[done]));
  }
  put_tree(store, transaction, list, chunks.finish());
}

void extend_small(Store& store, WriteTransaction& transaction, RecordAt& at,
                  std::vector<EncodedValue>& values) {
  const Identity list = at.container;
  SmallEdit edit(store, transaction, at);
  size_t done = 0;
  while (done < values.size()) {
    edit.node().add(edit.place(values[done++]));
    if (edit.settle(edit.node().count() - 1, kMaxInlineList)) continue;
    spill_list(transaction, list, edit);
    if (done < values.size()) extend_spilled(store, transaction, list, values, done);
    return;
  }
  edit.finish();
}

void extend(Store& store, WriteTransaction& transaction, Identity list,
            std::vector<EncodedValue>& values) {
  RecordAt at = locate_list(transaction, list);
  if (values.empty()) return;
  if (values.size() == 1) {
    return insert(store, transaction, at, at.node.count(), values.front());
  }
  if (at.node.spilled()) return extend_spilled(store, transaction, list, values, 0);
  extend_small(store, transaction, at, values);
}

// --- list_erase, list_clear

void erase_small(Store& store, WriteTransaction& transaction, RecordAt& at, size_t i,
                 size_t count) {
  if (count == 1 && splice_small(transaction, at, i, 1, nullptr, kMaxInlineList)) return;
  SmallEdit edit(store, transaction, at);
  for (size_t k = i + count; k > i; --k) edit.node().erase(k - 1);
  edit.finish();
}

void erase(Store& store, WriteTransaction& transaction, Identity list, uint64_t i, uint64_t count) {
  RecordAt at = locate_list(transaction, list);
  if (i > at.node.count() || count > at.node.count() - i) out_of_range();
  if (count == 0) return;
  transaction.count_removed(count);
  std::vector<Member> erased;
  if (at.node.spilled()) {
    ChunkEditor editor(transaction, list, chunk_tree(at.node));
    editor.erase(i, count, erased);
    put_tree(store, transaction, list, editor.tree());
  } else {
    for (uint64_t k = i; k < i + count; ++k) erased.push_back(at.node.member(k));
    erase_small(store, transaction, at, i, count);
  }
  detach_all(store, transaction, erased);
}

void collect_leaf(Bytes chunk, Identity list, std::vector<Member>& members) {
  if (!is_leaf_chunk(chunk)) return;
  const NodeView leaf = leaf_view(chunk, list);
  for (size_t i = 0; i < leaf.count(); ++i) {
    const Member member = leaf.member(i);
    if (needs_detach(member)) members.push_back(member);
  }
}

void clear(Store& store, WriteTransaction& transaction, Identity list) {
  RecordAt at = locate_list(transaction, list);
  if (!at.node.spilled()) return erase(store, transaction, list, 0, at.node.count());
  transaction.count_removed(at.node.count());
  put_empty(store, transaction, list);
  erase_all_rows(store, transaction, Database::kChunks, list, collect_leaf);
}

// --- list_permute

void check_permutation(const std::vector<uint64_t>& order, uint64_t count) {
  std::vector<bool> seen(count);
  if (order.size() != count)
    throw Error(ErrorCode::kInvalidArgument, "not a new order of the list");
  for (const uint64_t i : order) {
    if (i >= count || seen[i]) {
      throw Error(ErrorCode::kInvalidArgument, "not a new order of the list");
    }
    seen[i] = true;
  }
}

void permute_small(Store& store, WriteTransaction& transaction, RecordAt& at,
                   const std::vector<uint64_t>& order) {
  SmallEdit edit(store, transaction, at);
  NodeBuilder sorted;
  sorted.reset(NodeKind::kList);
  for (const uint64_t i : order) sorted.add(edit.node().at(i));
  edit.node() = std::move(sorted);
  edit.finish();
}

// The leaves are copied, and the tree is built anew from them.
void permute_spilled(Store& store, WriteTransaction& transaction, const NodeView& node,
                     const std::vector<uint64_t>& order) {
  const Identity list = node.identity();
  const ChunkTree tree = chunk_tree(node);
  std::deque<Buffer> leaves;  // stay where they are: members view them
  std::vector<Member> members;
  members.reserve(order.size());
  while (members.size() < order.size()) {
    const LeafAt at = find_leaf(transaction, list, tree, members.size());
    leaves.emplace_back(at.leaf.bytes());
    const NodeView copy = leaf_view(leaves.back(), list);
    for (size_t i = 0; i < copy.count(); ++i) members.push_back(copy.member(i));
  }
  if (members.size() != order.size()) throw_corrupt("a list's counts do not add up");
  ChunkEditor editor(transaction, list, tree);
  editor.erase_all();
  ChunkAppender chunks(transaction, list, editor.tree());
  for (const uint64_t i : order) chunks.add(members[i]);
  put_tree(store, transaction, list, chunks.finish());
}

void permute(Store& store, WriteTransaction& transaction, Identity list,
             const std::vector<uint64_t>& order) {
  RecordAt at = locate_list(transaction, list);
  check_permutation(order, at.node.count());
  if (order.empty()) return;
  if (at.node.spilled()) return permute_spilled(store, transaction, at.node, order);
  permute_small(store, transaction, at, order);
}

}  // namespace

void list_set(Store& store, WriteTransaction& transaction, Identity list, uint64_t i,
              EncodedValue value) {
  set(store, transaction, list, i, value);
  drain_graveyard(store, transaction, kDrainAtOnce);
}

void list_insert(Store& store, WriteTransaction& transaction, Identity list, uint64_t i,
                 EncodedValue value) {
  RecordAt at = locate_list(transaction, list);
  insert(store, transaction, at, i, value);
  drain_graveyard(store, transaction, kDrainAtOnce);
}

void list_extend(Store& store, WriteTransaction& transaction, Identity list,
                 std::vector<EncodedValue> values) {
  extend(store, transaction, list, values);
  drain_graveyard(store, transaction, kDrainAtOnce);
}

void list_erase(Store& store, WriteTransaction& transaction, Identity list, uint64_t i,
                uint64_t count) {
  erase(store, transaction, list, i, count);
  drain_graveyard(store, transaction, kDrainAtOnce);
}

void list_clear(Store& store, WriteTransaction& transaction, Identity list) {
  clear(store, transaction, list);
  drain_graveyard(store, transaction, kDrainAtOnce);
}

void list_permute(Store& store, WriteTransaction& transaction, Identity list,
                  const std::vector<uint64_t>& order) {
  permute(store, transaction, list, order);
  drain_graveyard(store, transaction, kDrainAtOnce);
}

}  // namespace oocmap
