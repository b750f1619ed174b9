// JSON text in memory, for SQL functions that are given text instead of a handle: the same paths
// lead to the same members as in a stored value.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/base/export.h"
#include "core/json/path.h"

namespace oocmap {

class OOCMAP_API Document {
 public:
  // A node's number; the root is 0.
  using Node = size_t;

  // Errors: kInvalidJson. Cost: O(size).
  static Document parse(std::string_view text);

  // Where `path` leads from `start`; nullopt where a step finds nothing.
  // Cost: O(members of the containers on the way).
  std::optional<Node> find(const Path& path, Node start = 0) const;

  // kDict and kList with word = the number of members; scalars as stored members are, their payload
  // viewing this document.
  Member value(Node node) const;
  uint64_t size(Node node) const;  // members of a container
  // Members in order: first_child(), then next() until nullopt.
  std::optional<Node> first_child(Node node) const;
  std::optional<Node> next(Node node) const;
  // The key under which a member of an object stands (kStr or kWtf8 text).
  Bytes key(Node node) const;

  // JSON text, compact; integers exact.
  void write(Node node, Buffer& to) const;

 private:
  friend class DocumentEvents;
  struct Item {
    Member value;  // payload: offset into texts_ in `word`, length in `size`
    size_t key_at = 0;
    uint32_t key_size = 0;
    size_t after = 0;  // number of the first node behind this one and all below it
    size_t parent = 0;
  };
  std::optional<Node> child_named(Node node, const Key& key) const;
  std::optional<Node> child_at(Node node, uint64_t index) const;
  std::vector<Item> items_;  // depth first
  Buffer texts_;
};

}  // namespace oocmap
