#include "core/store/chunk_edit.h"

#include <algorithm>

#include "core/format/corrupt.h"
#include "core/format/key_encoding.h"

namespace oocmap {
namespace {

// A tree of more levels than this was not written by us: 10 levels hold 2^63 members.
constexpr uint16_t kMaxHeight = 32;

Bytes chunk_bytes(const Transaction& transaction, Identity list, uint64_t chunk) {
  const std::optional<Bytes> bytes = transaction.get(Database::kChunks, EntryKey(list, chunk));
  if (!bytes) throw_corrupt("a list has lost a chunk");
  return *bytes;
}

uint64_t sum(const InnerChunk& inner) noexcept {
  uint64_t members = 0;
  for (const auto& [chunk, below] : inner.children) members += below;
  return members;
}

}  // namespace

ChunkTree chunk_tree(const NodeView& node) {
  if (node.height() > kMaxHeight) throw_corrupt("a list's tree is too high");
  return ChunkTree{node.height(), node.count(), node.root_chunk(), node.next_chunk()};
}

LeafAt find_leaf(const Transaction& transaction, Identity list, const ChunkTree& tree, uint64_t i) {
  uint64_t chunk = tree.root_chunk;
  uint64_t first = 0;
  for (int height = tree.height; height > 0; --height) {
    const InnerView inner(chunk_bytes(transaction, list, chunk));
    size_t child = 0;
    while (child + 1 < inner.count() && i - first >= inner.members(child)) {
      first += inner.members(child++);
    }
    chunk = inner.child(child);
  }
  const Bytes bytes = chunk_bytes(transaction, list, chunk);
  const NodeView leaf = leaf_view(bytes, list);
  if (i - first >= leaf.count()) throw_corrupt("a list's counts do not add up");
  return {leaf, first, chunk, bytes};
}

NodeView ChunkEditor::leaf(uint64_t chunk) const {
  return leaf_view(chunk_bytes(transaction_, list_, chunk), list_);
}

void ChunkEditor::put(uint64_t chunk, Bytes bytes) {
  transaction_.put(Database::kChunks, EntryKey(list_, chunk), bytes);
}

// Finds the leaf of member `i` (or, for i == count, the last); `i` becomes the place in it.
uint64_t ChunkEditor::descend(uint64_t& i, std::vector<Step>& path) const {
  uint64_t chunk = tree_.root_chunk;
  for (int height = tree_.height; height > 0; --height) {
    Step step{chunk, Buffer(chunk_bytes(transaction_, list_, chunk)), 0};
    const InnerView inner(step.bytes);
    while (step.child + 1 < inner.count() && i >= inner.members(step.child)) {
      i -= inner.members(step.child++);
    }
    chunk = inner.child(step.child);
    path.push_back(std::move(step));
  }
  return chunk;
}

// Changes one member of a leaf by copying the bytes around it; returns whether that could be done.
bool ChunkEditor::splice_leaf(const NodeView& leaf, uint64_t chunk, size_t i, size_t erase,
                              const Member* insert) {
  thread_local Buffer bytes;
  bytes.clear();
  if (erase == 0 && leaf.count() >= kChunkMembers) return false;
  if (!leaf.splice(i, erase, insert, bytes) || bytes.size() > kMaxLeafBytes) return false;
  put(chunk, bytes);
  return true;
}

// Puts a changed leaf, which has `change` members more than before, as two where it is too full.
void ChunkEditor::put_leaf(const NodeBuilder& members, uint64_t chunk, std::vector<Step>& path,
                           int64_t change) {
  const bool full = members.count() > kChunkMembers || members.encoded_size() > kMaxLeafBytes;
  if (full && members.count() > 1) return split_leaf(members, chunk, path, change);
  put(chunk, encode_leaf(members));
  if (change != 0) put_path(path, change);
}

// Puts the inner chunks above a chunk that has `change` members more than before.
void ChunkEditor::put_path(std::vector<Step>& path, int64_t change) {
  for (Step& step : path) {
    char* const members = step.bytes.data() + InnerView::members_at(step.child);
    store_le(members, load_le<uint64_t>(members) + static_cast<uint64_t>(change));
    put(step.chunk, step.bytes);
  }
}

void ChunkEditor::set(uint64_t i, const LeafAt& at, const Member& member) {
  Buffer bytes(at.bytes);
  if (at.leaf.patch(bytes.data(), i - at.first, member)) return put(at.chunk, bytes);
  if (splice_leaf(at.leaf, at.chunk, i - at.first, 1, &member)) return;
  NodeBuilder members;
  members.load(at.leaf);
  members.set(i - at.first, member);
  std::vector<Step> path;
  descend(i, path);
  put_leaf(members, at.chunk, path, 0);
}

void ChunkEditor::insert(uint64_t i, const Member& member) {
  std::vector<Step> path;
  const uint64_t chunk = descend(i, path);
  const NodeView view = leaf(chunk);
  if (i > view.count()) throw_corrupt("a list's counts do not add up");
  ++tree_.count;
  if (splice_leaf(view, chunk, i, 0, &member)) return put_path(path, 1);
  NodeBuilder members;
  members.load(view);
  members.insert(i, member);
  put_leaf(members, chunk, path, 1);
}

bool ChunkEditor::append(const Member& member) {
  std::vector<Step> path;
  uint64_t i = tree_.count;
  const uint64_t chunk = descend(i, path);
  const NodeView view = leaf(chunk);
  if (i != view.count()) throw_corrupt("a list's counts do not add up");
  if (!splice_leaf(view, chunk, i, 0, &member)) return false;
  ++tree_.count;
  put_path(path, 1);
  return true;
}

// Puts `members`, too many for one leaf, as two.
void ChunkEditor::split_leaf(const NodeBuilder& members, uint64_t chunk, std::vector<Step>& path,
                             int64_t change) {
  const size_t half = members.count() / 2;
  NodeBuilder part;
  part.reset(NodeKind::kList);
  for (size_t i = 0; i < half; ++i) part.add(members.at(i));
  put(chunk, encode_leaf(part));
  part.reset(NodeKind::kList);
  for (size_t i = half; i < members.count(); ++i) part.add(members.at(i));
  const uint64_t right = tree_.next_chunk++;
  put(right, encode_leaf(part));
  add_child(path, half, right, members.count() - half, change);
}

// The chunk at the end of `path` has been split: it has `left_members` now, and `right_chunk`
// follows it. Inner chunks that become too full are split in turn, the root under a new one.
void ChunkEditor::add_child(std::vector<Step>& path, uint64_t left_members, uint64_t right_chunk,
                            uint64_t right_members, int64_t change) {
  while (!path.empty()) {
    Step& step = path.back();
    InnerChunk left = decode_inner(step.bytes);
    auto& children = left.children;
    const auto at = static_cast<std::ptrdiff_t>(step.child);
    children[step.child].second = left_members;
    children.insert(children.begin() + at + 1, {right_chunk, right_members});
    if (children.size() <= kChunkFanOut) {
      put(step.chunk, encode_inner(left));
      path.pop_back();
      if (change != 0) put_path(path, change);
      return;
    }
    InnerChunk right;
    const auto half = static_cast<std::ptrdiff_t>(children.size() / 2);
    right.children.assign(children.begin() + half, children.end());
    children.resize(static_cast<size_t>(half));
    put(step.chunk, encode_inner(left));
    left_members = sum(left);
    right_members = sum(right);
    right_chunk = tree_.next_chunk++;
    put(right_chunk, encode_inner(right));
    path.pop_back();
  }
  const InnerChunk root{{{tree_.root_chunk, left_members}, {right_chunk, right_members}}};
  tree_.root_chunk = tree_.next_chunk++;
  ++tree_.height;
  put(tree_.root_chunk, encode_inner(root));
}

void ChunkEditor::erase(uint64_t i, uint64_t count, std::vector<Member>& erased) {
  while (count > 0) count -= erase_in_leaf(i, count, erased);
  lower_root();
}

// Erases up to `count` members from `i` on, as far as its leaf goes; returns how many.
size_t ChunkEditor::erase_in_leaf(uint64_t i, uint64_t count, std::vector<Member>& erased) {
  std::vector<Step> path;
  const uint64_t chunk = descend(i, path);
  const NodeView view = leaf(chunk);
  if (i >= view.count()) throw_corrupt("a list's counts do not add up");
  const auto end = static_cast<size_t>(std::min(view.count(), i + count));
  for (size_t at = i; at < end; ++at) {
    const Member member = view.member(at);
    erased.push_back({member.tag, member.word, nullptr, 0});
  }
  const size_t gone = end - i;
  tree_.count -= gone;
  if (gone == view.count()) {
    transaction_.erase(Database::kChunks, EntryKey(list_, chunk));
    remove_child(path, gone);
    return gone;
  }
  if (gone != 1 || !splice_leaf(view, chunk, i, 1, nullptr)) {
    NodeBuilder rest;
    rest.reset(NodeKind::kList);
    for (size_t at = 0; at < view.count(); ++at) {
      if (at < i || at >= end) rest.add(view.member(at));
    }
    put(chunk, encode_leaf(rest));
  }
  put_path(path, -static_cast<int64_t>(gone));
  return gone;
}

// The chunk at the end of `path`, of `members`, is gone.
void ChunkEditor::remove_child(std::vector<Step>& path, uint64_t members) {
  while (!path.empty()) {
    Step& step = path.back();
    InnerChunk inner = decode_inner(step.bytes);
    inner.children.erase(inner.children.begin() + static_cast<std::ptrdiff_t>(step.child));
    if (!inner.children.empty()) {
      put(step.chunk, encode_inner(inner));
      path.pop_back();
      return put_path(path, -static_cast<int64_t>(members));
    }
    transaction_.erase(Database::kChunks, EntryKey(list_, step.chunk));
    path.pop_back();
  }
  tree_.root_chunk = 0;
  tree_.height = 0;
}

// A root with one child gives way to it.
void ChunkEditor::lower_root() {
  while (tree_.height > 0) {
    const InnerView root(chunk_bytes(transaction_, list_, tree_.root_chunk));
    if (root.count() > 1) return;
    const uint64_t child = root.child(0);
    transaction_.erase(Database::kChunks, EntryKey(list_, tree_.root_chunk));
    tree_.root_chunk = child;
    --tree_.height;
  }
}

void ChunkEditor::erase_all() {
  if (tree_.root_chunk != 0) erase_below(tree_.root_chunk, tree_.height);
  tree_ = ChunkTree{0, 0, 0, tree_.next_chunk};
}

void ChunkEditor::erase_below(uint64_t chunk, int height) {
  if (height > 0) {
    const InnerChunk inner = decode_inner(chunk_bytes(transaction_, list_, chunk));
    for (const auto& [child, members] : inner.children) erase_below(child, height - 1);
  }
  transaction_.erase(Database::kChunks, EntryKey(list_, chunk));
}

ChunkAppender::ChunkAppender(WriteTransaction& transaction, Identity list, const ChunkTree& tree)
    : transaction_(transaction), list_(list), tree_(tree), levels_(tree.height) {
  leaf_.reset(NodeKind::kList);
  if (tree.root_chunk == 0) return;
  leaf_chunk_ = tree.root_chunk;
  for (size_t level = tree.height; level-- > 0;) {
    Level& edge = levels_[level];
    edge.chunk = leaf_chunk_;
    edge.inner = decode_inner(chunk_bytes(transaction, list, edge.chunk));
    leaf_chunk_ = edge.inner.children.back().first;
    edge.inner.children.pop_back();
    edge.members = sum(edge.inner);
  }
  leaf_.load(leaf_view(chunk_bytes(transaction, list, leaf_chunk_), list));
  leaf_bytes_ = leaf_.encoded_size();
}

void ChunkAppender::add(const Member& member) {
  const size_t bytes = 9 + (is_heap(member.tag) ? member.size : 0);
  if (leaf_.count() >= kChunkMembers ||
      (leaf_.count() > 0 && leaf_bytes_ + bytes > kMaxLeafBytes)) {
    const uint64_t members = leaf_.count();
    const uint64_t chunk = leaf_chunk_;
    put_leaf();
    push(0, chunk, members);
    leaf_chunk_ = 0;
    leaf_.reset(NodeKind::kList);
    leaf_bytes_ = 0;
  }
  if (leaf_chunk_ == 0) leaf_chunk_ = tree_.next_chunk++;
  leaf_.add(member);
  leaf_bytes_ += bytes;
  ++tree_.count;
}

void ChunkAppender::put_leaf() {
  transaction_.put(Database::kChunks, EntryKey(list_, leaf_chunk_), encode_leaf(leaf_));
}

// Adds a finished chunk to the right edge of `level`; a full inner chunk is finished, and another
// begins to its right.
void ChunkAppender::push(size_t level, uint64_t chunk, uint64_t members) {
  if (level == levels_.size()) {
    levels_.emplace_back();
    levels_.back().chunk = tree_.next_chunk++;
  }
  // By value: the level above may make levels_ grow.
  if (levels_[level].inner.children.size() >= kChunkFanOut) {
    const Level full = std::move(levels_[level]);
    transaction_.put(Database::kChunks, EntryKey(list_, full.chunk), encode_inner(full.inner));
    levels_[level] = Level{};
    levels_[level].chunk = tree_.next_chunk++;
    push(level + 1, full.chunk, full.members);
  }
  Level& edge = levels_[level];
  edge.inner.children.emplace_back(chunk, members);
  edge.members += members;
}

ChunkTree ChunkAppender::finish() {
  if (leaf_chunk_ == 0) return tree_;  // nothing was there, nothing was added
  put_leaf();
  uint64_t chunk = leaf_chunk_;
  uint64_t members = leaf_.count();
  for (size_t level = 0; level < levels_.size(); ++level) {
    push(level, chunk, members);
    const Level& edge = levels_[level];
    transaction_.put(Database::kChunks, EntryKey(list_, edge.chunk), encode_inner(edge.inner));
    chunk = edge.chunk;
    members = edge.members;
  }
  tree_.root_chunk = chunk;
  tree_.height = static_cast<uint16_t>(levels_.size());
  return tree_;
}

}  // namespace oocmap
