// ValueWriter: deeply immutable tuples and frozensets, each in a record of its own that equal ones
// share.

#include <algorithm>

#include "core/store/immutables.h"
#include "core/store/value_writer.h"

namespace oocmap {
namespace {

// Stands for the record id of an interned tuple until it is known. No store gets this far.
constexpr uint64_t kProvisionalRecord = uint64_t{1} << 47;

}  // namespace

void ValueWriter::collect_owned(const TapeNode& tuple) {
  scratch_.owned.clear();
  size_t i = tuple.position;
  while (i > tuple.first_inside) {
    const uint32_t number = tape_.order[i - 1];
    const TapeNode& inside = tape_.nodes[number];
    if (inside.has(TapeNode::kInterned)) {
      i = inside.first_inside;
    } else {
      scratch_.owned.push_back(number);
      --i;
    }
  }
  std::reverse(scratch_.owned.begin(), scratch_.owned.end());
}

void ValueWriter::add_interned(TapeNode& node) {
  RecordDraft& draft = scratch_.separate;
  if (node.kind == WordKind::kFrozenset) {
    build_keys(node);
    add_keyed(draft, node);
    node.identity = draft.last();
    return;
  }
  if (node.has(TapeNode::kResolve)) resolve(node, Texts::kSameAlways);
  plan(node, draft.id());
  write_small(draft, node, 0);
  node.identity = draft.last();
}

void ValueWriter::write_interned(TapeNode& tuple) {
  RecordDraft& draft = scratch_.separate;
  draft.begin(kProvisionalRecord);
  draft.add_flags(kRecordImmutable);
  collect_owned(tuple);
  uint16_t flags = tuple.has(TapeNode::kAliased) ? kRecordShared : 0;
  for (const uint32_t number : scratch_.owned) {
    add_interned(tape_.nodes[number]);
    if (tape_.nodes[number].has(TapeNode::kAliased)) flags |= kRecordPinned;
  }
  add_interned(tuple);
  const uint64_t id = place_immutable_record(store_, transaction_, draft.finish(), flags);
  for (const uint32_t number : scratch_.owned) {
    tape_.nodes[number].identity = make_identity(id, slot_of(tape_.nodes[number].identity));
  }
  tuple.identity = make_identity(id, slot_of(tuple.identity));
}

}  // namespace oocmap
