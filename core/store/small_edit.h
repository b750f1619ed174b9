// Changing a small container: its record and its node, taken apart in memory, and put back as one.
#pragma once

#include <memory>

#include "core/store/encoder.h"
#include "core/store/reclaim.h"
#include "core/store/store.h"

namespace oocmap {

// A container's record and its node in it, at one moment. Lifetime: until the stamp changes.
struct RecordAt {
  // Errors: kStaleHandle, kCorrupt.
  RecordAt(const Transaction& transaction, Identity identity);
  void refresh(const Transaction& transaction);  // where something was written since

  Identity container;
  Stamp stamp;
  Bytes record;
  NodeView node;
};

// One small container under change. Nothing of it is put before finish() or replace(); `at` must
// outlive it.
class SmallEdit {
 public:
  // Errors: kCorrupt; kStaleHandle where `at` had to be refreshed.
  SmallEdit(Store& store, WriteTransaction& transaction, RecordAt& at);
  ~SmallEdit();
  SmallEdit(const SmallEdit&) = delete;
  SmallEdit& operator=(const SmallEdit&) = delete;

  NodeBuilder& node() noexcept { return parts_->node; }
  uint64_t record() const noexcept { return record_of(at_.container); }

  // Stores `value`, in this record while there is room, and returns the member for node().
  // Lifetime: the bytes of a heap member belong to `value`.
  Member place(EncodedValue& value);
  // Whether node(), whose member `i` is new or changed, may stay small: at most `max_members`, and
  // room in node and record. Where only that member's text is in the way, it becomes an immutable.
  // An `i` past the end: no member is new.
  bool settle(size_t i, size_t max_members);

  void finish();             // puts the record with node()
  void replace(Bytes node);  // puts the record with these bytes as the container's node

 private:
  struct Parts {
    RecordEditor editor;
    NodeBuilder node;
    Buffer bytes;
    Buffer record;
  };
  static std::unique_ptr<Parts>& spare();  // kept a thread, so that an edit allocates little
  bool has_room(size_t bytes) const noexcept;
  void load_editor();

  Store& store_;
  WriteTransaction& transaction_;
  RecordAt& at_;
  size_t record_bytes_;  // as loaded, all three
  size_t node_bytes_;
  size_t count_;
  bool editing_ = false;  // whether the other nodes are taken apart too: a child may join them
  std::unique_ptr<Parts> parts_;
};

// Changes one member of a small container where its node allows that without being built anew: the
// `erase` (0 or 1) members at `i` make room for `insert` (null: none), which is no new container.
// The record is copied and put. Returns whether it did; `max_members` as in settle().
bool splice_small(WriteTransaction& transaction, RecordAt& at, size_t i, size_t erase,
                  const Member* insert, size_t max_members);

// Puts another node of the same size in the place of the container's: the header of a spilled one.
void put_header(WriteTransaction& transaction, Identity container, Bytes node);

// Whether anything has to be done when this member leaves its place.
inline bool needs_detach(const Member& member) noexcept {
  return member.container() || member.in_immutables();
}

// Whether both are the same None, bool, int or float: writing one over the other changes nothing.
inline bool same_scalar(const Member& a, const Member& b) noexcept {
  return a.tag == b.tag && a.word == b.word && a.tag < tag_of(WordKind::kDict);
}

// Puts `value` in the place of member `i` of a small container, and detaches what was there.
// `put_settled(edit)` puts the edited node, spilled where it has grown too big.
template <typename PutSettled>
void overwrite_small(Store& store, WriteTransaction& transaction, RecordAt& at, size_t i,
                     EncodedValue& value, size_t max_members, const PutSettled& put_settled) {
  const Member old = at.node.member(i);
  if (value.refers_to(old)) return;
  if (value.has_nodes()) {
    SmallEdit edit(store, transaction, at);
    edit.node().set(i, edit.place(value));
    put_settled(edit);
  } else {
    const Member member = store_value(store, transaction, value);
    if (same_scalar(old, member)) return;
    if (!splice_small(transaction, at, i, 1, &member, max_members)) {
      SmallEdit edit(store, transaction, at);
      edit.node().set(i, member);
      put_settled(edit);
    }
  }
  if (needs_detach(old)) detach(store, transaction, old);
}

}  // namespace oocmap
