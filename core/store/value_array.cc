// Storing arrays: the encoder's side, which only takes note of them, and the writer's, which puts
// the node and the chunks.

#include <algorithm>
#include <utility>

#include "core/format/chunk.h"
#include "core/store/encoder_state.h"
#include "core/store/value_writer.h"

namespace oocmap {

size_t ValueEncoder::array(ArrayHead head, Bytes data, std::shared_ptr<const void> keep) {
  const ArrayPlan plan(head);
  if (data.size() != plan.bytes) misuse("an array whose data is not what its shape says");
  const size_t number = state_->begin(WordKind::kArray);
  TapeArray array;
  array.head = std::move(head);
  if (keep == nullptr) {
    auto copy = std::make_shared<const Buffer>(data);
    array.data = *copy;
    array.keep = std::move(copy);
  } else {
    array.data = data;
    array.keep = std::move(keep);
  }
  // Nodes come from a stack: the array's one is the last.
  state_->tape->nodes.back().keys = state_->tape->arrays.size();
  state_->tape->arrays.push_back(std::move(array));
  state_->top().heap_bytes = plan.node_size;
  state_->end();
  return number;
}

void ValueWriter::write_array(TapeNode& node) {
  const TapeArray& array = tape_.arrays[node.keys];
  const ArrayPlan plan(array.head);
  RecordDraft& draft = draft_for(node, plan.node_size);
  char* const data = write_array_node(draft.add(plan.node_size), array.head, plan);
  node.identity = draft.last();
  if (plan.chunk_size == 0) {
    array.data.copy(data, array.data.size());
  } else {
    put_chunks(array, plan, node.identity);
  }
  placed(node, draft);
}

void ValueWriter::put_chunks(const TapeArray& array, const ArrayPlan& plan, Identity identity) {
  if (plan.type_apart) {
    transaction_.append(Database::kChunks, chunk_key(identity, 0), array.head.type);
  }
  uint64_t number = 0;
  for (uint64_t at = 0; at < array.data.size(); at += plan.chunk_size) {
    transaction_.append(Database::kChunks, chunk_key(identity, ++number),
                        array.data.substr(at, plan.chunk_size));
  }
  store_.add_credit(number);
}

}  // namespace oocmap
