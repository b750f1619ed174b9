// Walks from container to container along what they refer to, without recursion: the one place that
// knows where references stand - members, keys, shapes, rows of spilled containers.
#pragma once

#include <cstdint>
#include <vector>

#include "core/format/record.h"
#include "core/lmdb/transaction.h"

namespace oocmap {

// What a walk meets.
class References {
 public:
  virtual ~References() = default;
  // A word names this container. Returns whether to look at it; asked first, as it saves a descent.
  virtual bool wanted(Identity identity) = 0;
  // Its record, which is there. Returns whether to look into it, once: an immutable record is
  // looked into as a whole.
  virtual bool enter(Identity identity, Bytes record) = 0;
  virtual void immutable(uint64_t id) = 0;      // of a text, a shape, ...; as often as it is met
  virtual void missing(Identity identity) = 0;  // a word names it, and it is gone
};

class ReferenceWalk {
 public:
  explicit ReferenceWalk(References& to) : to_(to) {}

  void add(Identity identity) { waiting_.push_back(identity); }
  // A container whose node is gone, and whose rows are left.
  void add_rows(Identity identity, Tag tag);
  // Goes on, for about `steps` containers or rows. Returns whether there is more.
  // May be called with another transaction each time, where what it means is of no moment.
  // Errors: kCorrupt, kIo. Memory: 8 bytes a member of each container on the way down, spilled ones
  // some rows at a time.
  bool run(const Transaction& transaction, uint64_t steps);

 private:
  // A spilled container whose rows are being read.
  struct Rows {
    Identity container;
    Database database;
    Buffer next;  // the key to go on at
  };
  void visit(const Transaction& transaction, Identity identity);
  void look_into(const NodeView& node);
  void meet(const Member& member);
  bool read_rows(const Transaction& transaction, Rows& rows);

  References& to_;
  std::vector<Identity> waiting_;
  std::vector<Rows> rows_;
  // The record visited last, and when.
  uint64_t record_ = 0;
  Stamp stamp_;
  Bytes bytes_;
};

}  // namespace oocmap
