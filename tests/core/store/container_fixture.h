// What the tests of containers share: a store in a folder that vanishes, one write transaction, and
// short names for changing and reading containers with plain values.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/store/reclaim.h"
#include "core/store/store.h"
#include "tests/core/store/plain_value.h"

namespace oocmap {

class ContainerTest : public testing::Test {
 protected:
  ContainerTest() {
    std::string folder = (std::filesystem::temp_directory_path() / "oocmap-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) std::abort();
    folder_ = folder;
    open();
    begin();
  }
  ~ContainerTest() override {
    transaction_.reset();
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void open() {
    OpenOptions options;
    options.path = folder_ + "/map.ooc";
    options.durability = Durability::kOff;
    store_ = Store::open(options);
  }
  void begin() {
    transaction_.emplace(store_->environment().begin_write(std::chrono::seconds(5)));
    store_->write_begun(*transaction_);
  }
  void commit() {
    store_->before_commit(*transaction_);
    transaction_->commit();
    transaction_.reset();
    begin();
  }
  void reopen() {
    store_->before_commit(*transaction_);
    transaction_->commit();
    transaction_.reset();
    store_.reset();
    open();
    begin();
  }

  Store& store() { return *store_; }
  WriteTransaction& txn() { return *transaction_; }
  NodeView node(Identity identity) { return store().locate(txn(), identity); }
  NodeKind kind(Identity identity) { return node(identity).kind(); }

  // Stores `value` at the root and returns the container it became.
  Identity make(const Plain& value) {
    const Plain key = "made " + std::to_string(++made_);
    dict_set(store(), txn(), store().root(), key_from(key), encode(value));
    const auto member = dict_get(store(), txn(), node(store().root()), key_from(key));
    return member ? member->word : 0;
  }
  bool set(Identity dict, const Plain& key, const Plain& value) {
    return dict_set(store(), txn(), dict, key_from(key), encode(value));
  }
  bool erase(Identity dict, const Plain& key) {
    return dict_erase(store(), txn(), dict, key_from(key));
  }
  std::optional<Member> member(Identity dict, const Plain& key) {
    return dict_get(store(), txn(), node(dict), key_from(key));
  }
  std::optional<Plain> get(Identity dict, const Plain& key) {
    const std::optional<Member> found = member(dict, key);
    if (!found) return std::nullopt;
    return read_member(store(), txn(), *found);
  }
  Plain at(Identity list, uint64_t i) {
    return read_member(store(), txn(), list_get(store(), txn(), node(list), i));
  }
  Plain read(Identity container) { return read_container(store(), txn(), container); }
  std::vector<Plain> keys(Identity dict, bool reverse = false) {
    std::vector<Plain> all;
    DictWalk walk(store(), dict, reverse);
    for (DictEntry entry; walk.next(txn(), entry);) all.push_back(plain_key(entry.key));
    return all;
  }
  std::vector<Plain> key_order(Identity dict, KeyBounds bounds = {}, bool reverse = false) {
    std::vector<Plain> all;
    KeyWalk walk(store(), dict, std::move(bounds), reverse);
    for (DictEntry entry; walk.next(txn(), entry);) all.push_back(plain_key(entry.key));
    return all;
  }
  // What every write does with what was left behind, once more.
  void drain_some() { drain_graveyard(store(), txn(), 16); }
  uint64_t rows(Database database) { return txn().size(database); }

 private:
  std::string folder_;
  std::shared_ptr<Store> store_;
  std::optional<WriteTransaction> transaction_;
  int made_ = 0;
};

}  // namespace oocmap
