#include "core/store/registered.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/core/store/container_fixture.h"

namespace oocmap {
namespace {

using Feed = std::function<void(ValueEncoder&)>;

class RegisteredTest : public ContainerTest {
 protected:
  // Stores an object of class `name` under the key "v" of the root.
  Member store_object(Bytes name, const Feed& value) {
    return store_fed([&](ValueEncoder& to) {
      to.begin_registered(name);
      value(to);
      to.end();
    });
  }
  Member store_fed(const Feed& feed) {
    ValueEncoder to;
    feed(to);
    dict_set(store(), txn(), store().root(), key_from("v"), to.finish());
    return *member(store().root(), "v");
  }
  Bytes name_of(const Member& object) { return registered_name(store(), txn(), node(object.word)); }
  Member shown(const Member& object) { return shown_member(store(), txn(), object); }
};

ErrorCode code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCode::kIo;
}

TEST_F(RegisteredTest, IsANameAndAValue) {
  for (const size_t size : {1u, 8u, 40u, 200u}) {
    const std::string name(size, 'n');
    store_object(name, [](ValueEncoder& to) { to.integer(7); });
    reopen();
    const Member object = *member(store().root(), "v");
    EXPECT_EQ(object.tag, tag_of(WordKind::kRegistered));
    EXPECT_EQ(kind(object.word), NodeKind::kRegistered);
    EXPECT_EQ(node(object.word).container_kind(), WordKind::kRegistered);
    EXPECT_EQ(name_of(object), name);
    EXPECT_EQ(shown(object).as_int(), 7);
  }
}

TEST_F(RegisteredTest, ACopyIsTheSame) {
  const Member object =
      store_object("a name that is longer than a word of eight bytes is", [](ValueEncoder& to) {
        to.begin_list();
        to.integer(1);
        to.end();
      });
  const Member copy = store_fed([&](ValueEncoder& to) { copy_value(store(), txn(), object, to); });
  EXPECT_NE(copy.word, object.word);
  EXPECT_EQ(name_of(copy), "a name that is longer than a word of eight bytes is");
  EXPECT_EQ(read(shown(copy).word), Plain::list({1}));
}

TEST_F(RegisteredTest, EqualImmutableOnesAreStoredOnce) {
  const std::string text(100, 't');
  const auto feed = [&](ValueEncoder& to) {
    to.begin_list();
    for (int i = 0; i < 2; ++i) {
      to.begin_registered("a class");
      to.payload(PayloadKind::kStr, text);
      to.end();
    }
    to.begin_registered("another");
    to.payload(PayloadKind::kStr, text);
    to.end();
    to.end();
  };
  const NodeView list = node(store_fed(feed).word);
  EXPECT_EQ(list.member(0).word, list.member(1).word);
  EXPECT_NE(list.member(0).word, list.member(2).word);
}

TEST_F(RegisteredTest, WhatIsOverwrittenIsFreed) {
  const auto large = [](ValueEncoder& to) {
    to.begin_list();
    for (int i = 0; i < 5000; ++i) to.floating(i + 0.5);
    to.end();
  };
  store_object("x", large);
  set(store().root(), "v", 1);
  for (int i = 0; i < 200; ++i) drain_some();
  const uint64_t records = rows(Database::kRecords);
  const uint64_t chunks = rows(Database::kChunks);
  store_object("x", large);
  EXPECT_GT(rows(Database::kChunks), chunks);
  set(store().root(), "v", 1);
  for (int i = 0; i < 200; ++i) drain_some();
  EXPECT_EQ(rows(Database::kChunks), chunks);
  EXPECT_LE(rows(Database::kRecords), records + 1);
  EXPECT_EQ(rows(Database::kGraveyard), 0u);
}

TEST_F(RegisteredTest, AnObjectInsideItselfEndsInAnError) {
  const Member object = store_fed([](ValueEncoder& to) {
    const size_t self = to.begin_registered("x");
    to.again(self);
    to.end();
  });
  EXPECT_EQ(code_of([&] { shown(object); }), ErrorCode::kCorrupt);
}

TEST_F(RegisteredTest, MisuseIsRefused) {
  ValueEncoder to;
  for (const std::string& name : {std::string(), std::string(201, 'x'), std::string("\xff")}) {
    EXPECT_EQ(code_of([&] { to.begin_registered(name); }), ErrorCode::kInvalidArgument);
    to.reset();
  }
  to.begin_registered("x");
  EXPECT_EQ(code_of([&] { to.end(); }), ErrorCode::kInvalidArgument);
  to.reset();
  to.begin_registered("x");
  to.none();
  to.none();
  EXPECT_EQ(code_of([&] { to.end(); }), ErrorCode::kInvalidArgument);
}

TEST_F(RegisteredTest, ADictWithSuchAKeyHasNoShape) {
  Buffer packed;
  pack_registered(packed, "x", 0);
  pack_int(packed, 1);
  const Key key = Key::packed(packed);
  const Member dict = store_fed([&](ValueEncoder& to) {
    to.begin_dict();
    to.key(Key::text("a"));
    to.integer(1);
    to.key(key);
    to.integer(2);
    to.end();
  });
  EXPECT_EQ(kind(dict.word), NodeKind::kInlineDict);
  EXPECT_EQ(dict_get(store(), txn(), node(dict.word), key)->as_int(), 2);
  DictWalk walk(store(), dict.word);
  DictEntry entry;
  ASSERT_TRUE(walk.next(txn(), entry));
  ASSERT_TRUE(walk.next(txn(), entry));
  EXPECT_EQ(entry.key.pack(), packed);
}

TEST_F(RegisteredTest, TextAndAnObjectThatEqualsItAreOneKeyOfASmallDict) {
  Buffer packed;
  pack_registered(packed, "x", kEqualsItsValue);
  pack_payload(packed, PayloadKind::kStr, "t");
  const Key object = Key::packed(packed);
  const Member dict = store_fed([&](ValueEncoder& to) {
    to.begin_dict();
    to.key(object);
    to.integer(1);
    to.end();
  });
  const NodeView view = node(dict.word);
  EXPECT_EQ(dict_get(store(), txn(), view, Key::text("t"))->as_int(), 1);
  EXPECT_EQ(dict_get(store(), txn(), view, object)->as_int(), 1);
  EXPECT_FALSE(dict_get(store(), txn(), view, Key::text("u")).has_value());
  EXPECT_FALSE(set(dict.word, "t", 2));
  DictWalk walk(store(), dict.word);
  DictEntry entry;
  ASSERT_TRUE(walk.next(txn(), entry));
  EXPECT_EQ(entry.key.pack(), packed);
}

}  // namespace
}  // namespace oocmap
