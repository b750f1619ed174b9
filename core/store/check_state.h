// One check under way. check.cc goes through the databases; check_nodes.cc looks at the members of
// one container, check_spilled.cc at the rows of one that has spilled.
#pragma once

#include <string>

#include "core/store/check.h"
#include "core/store/check_places.h"

namespace oocmap {

class StoreCheck {
 public:
  StoreCheck(Store& store, const Transaction& transaction, const CheckOptions& options,
             CheckReport& report)
      : store_(store), transaction_(transaction), options_(options), report_(report) {}
  void run();

 private:
  void check_meta();
  void list_records();
  void list_immutables();
  void check_records();
  void check_index();
  void check_graveyard();
  void check_owners(Database database);
  void find_orphans();
  void find_holes();

  // check_nodes.cc
  void list_record(uint64_t id, Bytes record);
  void check_record(uint64_t id, Bytes record);
  void check_node(const NodeView& node, bool immutable);
  void check_keys(const NodeView& node);
  void check_shape(const NodeView& node);
  void check_member(const std::string& place, const Member& member, bool only_immutables);
  void refer(const std::string& place, const Member& member, bool only_immutables);
  void check_immutable(uint64_t id, Bytes row);

  // check_spilled.cc
  void check_spilled_dict(const NodeView& node);
  uint64_t check_entries(const NodeView& node);
  uint64_t check_order(const NodeView& node);
  void check_spilled_list(const NodeView& node);
  void check_array(const NodeView& node);
  void check_loose_rows(Identity container, Tag tag);
  uint64_t count_rows(Database database, Identity container);

  void problem(const std::string& place, const std::string& text);
  // Runs `work`; what it finds not to decode is a problem at `place`.
  template <typename Work>
  void guarded(const std::string& place, const Work& work) {
    try {
      work();
    } catch (const Error& error) {
      note(place, error);
    }
  }
  void note(const std::string& place, const Error& error);
  void step();
  void count_member();

  Store& store_;
  const Transaction& transaction_;
  const CheckOptions& options_;
  CheckReport& report_;
  ContainerPlaces containers_;
  ImmutablePlaces immutables_;
  uint64_t done_ = 0;
  uint64_t total_ = 0;
  uint64_t members_ = 0;
  uint64_t sweeping_ = 0;  // garbage with records below may have lost what it refers to (barrier.h)
  bool holes_ = false;     // something refers to one of those that is not there
  uint64_t last_record_ = 0;
  uint64_t last_immutable_ = 0;
  uint64_t shape_ = 0;  // the last one looked at, and its keys
  uint64_t shape_keys_ = 0;
};

std::string place_of(Identity identity);

}  // namespace oocmap
