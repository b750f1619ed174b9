#include "core/base/error.h"
#include "core/store/chunk_edit.h"
#include "core/store/list.h"

namespace oocmap {

Member list_get(Store& /*store*/, const Transaction& transaction, const NodeView& node,
                uint64_t i) {
  if (i >= node.count()) throw Error(ErrorCode::kInvalidArgument, "list index out of range");
  if (!node.spilled()) return node.member(i);
  const LeafAt at = find_leaf(transaction, node.identity(), chunk_tree(node), i);
  return at.leaf.member(i - at.first);
}

ListWalk::ListWalk(Store& store, Identity list, uint64_t start)
    : store_(&store), list_(list), index_(start) {}

bool ListWalk::next(const Transaction& transaction, Member& value) {
  if (done_) return false;
  if (transaction.stamp() != stamp_) {
    node_ = store_->locate(transaction, list_);
    leaf_ = NodeView();
    leaf_start_ = index_;
    stamp_ = transaction.stamp();
  }
  if (index_ >= node_.count()) {
    done_ = true;
    return false;
  }
  if (!node_.spilled()) {
    value = node_.member(index_++);
    return true;
  }
  if (index_ - leaf_start_ >= leaf_.count()) {
    const LeafAt at = find_leaf(transaction, list_, chunk_tree(node_), index_);
    leaf_ = at.leaf;
    leaf_start_ = at.first;
  }
  value = leaf_.member(index_++ - leaf_start_);
  return true;
}

}  // namespace oocmap
