#include "core/json/writer.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "core/base/error.h"
#include "core/json/path.h"
#include "core/json/reader.h"
#include "core/store/dict.h"
#include "core/store/session.h"

namespace oocmap {
namespace {

class JsonInStore : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/oocmap-json-XXXXXX";
    folder_ = ::mkdtemp(name);
    store_ = Store::open({.path = folder_ + "/map", .durability = Durability::kOff});
    session_ = Session::create(store_);
  }

  void TearDown() override {
    session_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void put(const Key& key, EncodedValue value) {
    WriteScope scope(*session_);
    dict_set(*store_, scope.transaction(), store_->root(), key, std::move(value));
    scope.commit();
  }

  void put_json(std::string_view key, std::string_view json) {
    ValueEncoder encoder;
    read_json(json, encoder);
    put(Key::text(key), encoder.finish());
  }

  // JSON text of what `path` leads to, "nothing" where it leads nowhere.
  std::string get(const char* path, size_t max_bytes = 1 << 30) {
    ReadScope scope(*session_);
    const Member root{tag_of(WordKind::kDict), store_->root()};
    const auto found = get_path(*store_, scope.transaction(), root, Path::parse(path));
    if (!found) return "nothing";
    Buffer text;
    write_json(*store_, scope.transaction(), *found, text, max_bytes);
    return text;
  }

  std::string folder_;
  std::shared_ptr<Store> store_;
  std::shared_ptr<Session> session_;
};

TEST_F(JsonInStore, TextComesBackAsItWas) {
  const std::string long_text(5000, 'x');
  for (const std::string& json :
       {std::string("null"), std::string("true"), std::string("-5"), std::string("1.5"),
        std::string("\"\""), std::string("[]"), std::string("{}"),
        std::string(R"({"a":[1,{"b":null}],"c":"d"})"),
        std::string("123456789012345678901234567890"), std::string(R"(["\ud800","é😀","a\u0000b"])"),
        "[\"" + long_text + "\",\"" + long_text + "\"]", std::string("[9.0e+999,-9.0e+999]")}) {
    put_json("k", json);
    EXPECT_EQ(get("$.k"), json);
  }
}

TEST_F(JsonInStore, LargeContainersComeBackInOrder) {
  std::string list = "[";
  std::string dict = "{";
  for (int i = 0; i < 5000; ++i) {
    const std::string comma = i ? "," : "";
    list += comma + std::to_string(i);
    dict += comma + "\"k" + std::to_string(i * 7919 % 5000) + "\":" + std::to_string(i);
  }
  put_json("list", list + "]");
  put_json("dict", dict + "}");
  EXPECT_EQ(get("$.list"), list + "]");
  EXPECT_EQ(get("$.dict"), dict + "}");
  EXPECT_EQ(get("$.list[#-1]"), "4999");
  EXPECT_EQ(get("$.list[5000]"), "nothing");
  EXPECT_EQ(get("$.dict.k7919"), "nothing");
  EXPECT_EQ(get("$.dict.k2919"), "1");
}

TEST_F(JsonInStore, ADuplicateKeysLastValueWinsAtTheFirstsPlace) {
  put_json("k", R"({"a":1,"b":2,"a":3})");
  EXPECT_EQ(get("$.k"), R"({"a":3,"b":2})");
}

TEST_F(JsonInStore, WhatJsonLacksHasText) {
  ValueEncoder encoder;
  encoder.begin_dict();
  encoder.key(Key::none());
  encoder.begin_tuple();
  encoder.payload(PayloadKind::kBytes, "hi\xff");
  encoder.end();
  encoder.key(Key::boolean(true));
  encoder.integer(1);
  encoder.key(Key::floating(1.5));
  encoder.floating(0.5);
  encoder.key(Key::integer(7));
  encoder.none();
  Buffer packed;
  pack_tuple(packed, 2);
  pack_int(packed, 1);
  pack_payload(packed, PayloadKind::kStr, "a");
  encoder.key(Key::packed(packed));
  encoder.boolean(false);
  encoder.end();
  put(Key::text("k"), encoder.finish());
  EXPECT_EQ(get("$.k"), R"x({"null":["aGn/"],"true":1,"1.5":0.5,"7":null,"(1, 'a')":false})x");
  EXPECT_EQ(get("$.k[None]"), R"(["aGn/"])");
  EXPECT_EQ(get("$.k[None][0]"), R"("aGn/")");
  EXPECT_EQ(get("$.k[1]"), "1");  // True and 1 are one key
  EXPECT_EQ(get("$.k[(1, 'a')]"), "false");
  EXPECT_EQ(get("$.k.null"), "nothing");
}

TEST_F(JsonInStore, ACycleIsRefusedInWords) {
  ValueEncoder encoder;
  const size_t list = encoder.begin_list();
  encoder.again(list);
  encoder.end();
  put(Key::text("k"), encoder.finish());
  EXPECT_THROW(get("$.k"), Error);
  EXPECT_THROW(get("$.k[0][0]"), Error);
}

TEST_F(JsonInStore, TooMuchTextIsRefusedInWords) {
  put_json("k", "[\"" + std::string(1000, 'x') + "\",1]");
  try {
    get("$.k", 100);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kTypeMismatch);
    EXPECT_NE(error.message().find("longer than 100 bytes"), std::string::npos);
  }
}

TEST_F(JsonInStore, JsonThatDoesNotParseStoresNothing) {
  ValueEncoder encoder;
  EXPECT_THROW(read_json("{\"a\": [1, 2", encoder), Error);
  encoder.reset();
  EXPECT_EQ(get("$.k"), "nothing");
}

TEST_F(JsonInStore, DeepNestingNeedsNoStack) {
  const size_t depth = 50'000;
  const std::string json = std::string(depth, '[') + std::string(depth, ']');
  put_json("k", json);
  EXPECT_EQ(get("$.k"), json);
}

TEST_F(JsonInStore, SetsAreArraysAndNoPathLeadsIntoThem) {
  std::vector<Buffer> members(2);
  pack_tuple(members[0], 2);
  pack_int(members[0], 1);
  pack_tuple(members[0], 0);
  pack_payload(members[1], PayloadKind::kBytes, "bytes");
  Buffer nested;
  pack_frozenset(nested, members);
  ValueEncoder encoder;
  encoder.begin_list();
  encoder.begin_set();
  for (const char* text : {"b", "a", "b"}) encoder.key(Key::text(text));
  encoder.key(Key::packed(nested));
  encoder.key(Key::none());
  encoder.end();
  encoder.begin_frozenset();
  encoder.end();
  encoder.begin_frozenset();  // too large for a node
  for (int64_t i = 299; i >= 0; --i) encoder.key(Key::integer(i));
  encoder.end();
  encoder.end();
  put(Key::text("k"), encoder.finish());
  EXPECT_EQ(get("$.k[0]"), R"(["b","a",["Ynl0ZXM=",[1,[]]],null])");
  EXPECT_EQ(get("$.k[1]"), "[]");
  EXPECT_TRUE(get("$.k[2]").starts_with("[0,1,2,3,"));
  EXPECT_TRUE(get("$.k[2]").ends_with(",298,299]"));
  EXPECT_EQ(get("$.k[0][0]"), "nothing");
  EXPECT_EQ(get("$.k[0].a"), "nothing");
  EXPECT_EQ(get("$.k[2][1]"), "nothing");
}

TEST_F(JsonInStore, AFrozensetKeyIsItsLiteral) {
  std::vector<Buffer> members(2);
  pack_int(members[0], 1);
  pack_payload(members[1], PayloadKind::kStr, "a");
  Buffer packed;
  pack_frozenset(packed, members);
  ValueEncoder encoder;
  encoder.begin_dict();
  encoder.key(Key::packed(packed));
  encoder.integer(5);
  encoder.end();
  put(Key::text("k"), encoder.finish());
  EXPECT_EQ(get("$.k"), R"x({"frozenset({1, 'a'})":5})x");
  EXPECT_EQ(get("$.k[frozenset({'a', 1.0})]"), "5");
}

}  // namespace
}  // namespace oocmap
