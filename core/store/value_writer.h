// The second half of storing a value: from a tape (tape.h) to records, entries and chunks.
#pragma once

#include <cstdint>
#include <vector>

#include "core/store/encoder.h"
#include "core/store/record_draft.h"
#include "core/store/tape.h"

namespace oocmap {

// Walks the containers of a tape, children first, and fills records with their nodes. Used once.
struct ValueWriter {
  // As store_value().
  static Member store(Store& store, WriteTransaction& transaction, EncodedValue& value,
                      RecordEditor* parent, uint64_t parent_record);

 private:
  // Who may decide where a text goes. Interned tuples must come out the same whenever they are
  // written, so the window of recent texts has no say in them.
  enum class Texts { kAsSeen, kSameAlways };
  // What a thread keeps between values, so that writing one allocates nothing.
  struct Scratch {
    RecordDraft filling;   // the record new nodes go to
    RecordDraft separate;  // a record of one container, or of one interned tuple
    NodeBuilder builder;
    Buffer node;
    std::vector<uint32_t> owned;
    // plan(): the stored tag of each member of a node, the one they all have or kMixedTags, the
    // bytes of their words, and the record it is true for.
    std::vector<Tag> stored;
    Tag uniform = kMixedTags;
    size_t words = 0;
    uint64_t planned_for = 0;
  };

  ValueWriter(Store& store, WriteTransaction& transaction, Tape& tape);
  void write_all(RecordEditor* parent, uint64_t parent_record);
  bool may_join(const RecordEditor& parent) const noexcept;
  void write(TapeNode& node);
  void write_interned(TapeNode& tuple);
  void collect_owned(const TapeNode& tuple);
  void add_interned(TapeNode& node);

  // Resolves words and tags in place: children and references to identities, texts to immutables
  // where they go there. heap_bytes is exact afterwards.
  void resolve(TapeNode& node, Texts texts);
  uint64_t immutable_of(PayloadKind kind, Bytes text, Texts texts);
  Identity identity_of_child(uint32_t number);

  // The record `node` goes to, with room for `bytes`. After the node was added to it: placed().
  RecordDraft& draft_for(TapeNode& node, size_t bytes);
  void placed(TapeNode& node, RecordDraft& draft);
  void put_record(RecordDraft& draft);

  void plan(const TapeNode& node, uint64_t record);
  uint64_t local_word(const TapeNode& node, uint64_t i, uint64_t record) const noexcept;
  size_t small_size(const TapeNode& node) const noexcept;
  void write_small(RecordDraft& draft, const TapeNode& node, uint64_t shape);
  void write_members(const TapeNode& node, char* words, char* heap) const noexcept;
  // Dicts of more keys than a shape has, and sets. Returns false where it is too large.
  bool write_keyed(TapeNode& node);
  // Puts the keys into scratch_.builder, which is begun for `node`. Returns the most bytes the node
  // may take; more than kMaxNodeBytes where it must spill.
  size_t build_keys(const TapeNode& node);
  void add_keyed(RecordDraft& draft, const TapeNode& node);

  void write_array(TapeNode& node);
  void put_chunks(const TapeArray& array, const ArrayPlan& plan, Identity identity);

  void spill(TapeNode& node);
  void spill_list(const TapeNode& node, char* at);
  void spill_dict(const TapeNode& node);
  void put_entries(const TapeNode& node, const std::vector<RunKey>& keys);

  std::vector<RunKey> keys_of(const TapeNode& node) const;
  Member member(const TapeNode& node, uint64_t i) const noexcept;
  const Tag* tags(const TapeNode& node) const noexcept { return tape_.tags.data() + node.members; }

  Store& store_;
  WriteTransaction& transaction_;
  Tape& tape_;
  Scratch& scratch_;
  size_t immutables_ = 0;  // references to them in all that was resolved
  size_t expected_ = 0;    // bytes of the nodes not written yet, about
  bool filling_ = false;   // scratch_.filling is begun
};

}  // namespace oocmap
