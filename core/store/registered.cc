#include "core/store/registered.h"

#include "core/format/corrupt.h"

namespace oocmap {

Bytes registered_name(Store& store, const Transaction& transaction, const NodeView& node) {
  const Member name = node.kind() == NodeKind::kRegistered ? node.member(0) : Member{};
  const bool text =
      (name.has_payload() || name.in_immutables()) && name.payload_kind() == PayloadKind::kStr;
  if (!text) throw_corrupt("a registered object has no name");
  return store.payload(transaction, name);
}

Member shown_member(Store& store, const Transaction& transaction, Member member) {
  for (int depth = 0; member.tag == tag_of(WordKind::kRegistered); ++depth) {
    if (depth == kMaxDepth) throw_corrupt("a registered object is inside itself");
    const NodeView node = store.locate(transaction, member.word);
    if (node.kind() != NodeKind::kRegistered) throw_corrupt("a registered object is none");
    member = node.member(1);
  }
  return member;
}

}  // namespace oocmap
