// Objects of registered classes to paths and JSON text: their value in their place.
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/json/literal.h"
#include "core/json/path.h"
#include "core/json/writer.h"
#include "tests/core/store/container_fixture.h"

namespace oocmap {
namespace {

class RegisteredTextTest : public ContainerTest {
 protected:
  Member store_fed(ValueEncoder& to) {
    dict_set(store(), txn(), store().root(), key_from("v"), to.finish());
    return *member(store().root(), "v");
  }
  std::string json(const Member& value) {
    Buffer text;
    write_json(store(), txn(), value, text);
    return text;
  }
};

TEST_F(RegisteredTextTest, ObjectsInObjectsAreShownAsTheInnermostValue) {
  ValueEncoder to;
  to.begin_registered("outer");
  to.begin_registered("inner");
  to.begin_list();
  to.integer(1);
  to.begin_registered("member");
  to.payload(PayloadKind::kStr, "text");
  to.end();
  to.end();
  to.end();
  to.end();
  const Member object = store_fed(to);
  EXPECT_EQ(json(object), R"([1,"text"])");
  const auto found = get_path(store(), txn(), object, Path::parse("$[1]"));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->payload(), "text");
  EXPECT_EQ(get_path(store(), txn(), object, Path::parse("$"))->tag, tag_of(WordKind::kList));
}

TEST_F(RegisteredTextTest, AnObjectInsideItselfHasNoText) {
  ValueEncoder to;
  const size_t self = to.begin_registered("x");
  to.again(self);
  to.end();
  const Member object = store_fed(to);
  EXPECT_THROW(json(object), Error);
  EXPECT_THROW(get_path(store(), txn(), object, Path::parse("$.a")), Error);
}

Key key_of_object(uint8_t flags) {
  Buffer packed;
  pack_registered(packed, "it's", flags);
  pack_int(packed, 7);
  return Key::packed(packed);
}

TEST(RegisteredLiteralTest, NamesTheClassWhereTheValueAloneIsAnotherKey) {
  const Buffer literal = key_literal(key_of_object(0));
  EXPECT_EQ(literal, R"x(registered("it's", 7))x");
  size_t at = 0;
  EXPECT_EQ(read_literal_key(literal, at), key_of_object(0));
  EXPECT_EQ(at, literal.size());
  EXPECT_EQ(key_literal(key_of_object(kEqualsItsValue)), "7");
}

TEST(RegisteredLiteralTest, MalformedOnesAreRefused) {
  for (const char* text :
       {"registered(", "registered()", "registered('x')", "registered('x',)", "registered(1, 2)",
        "registered('x', 1", "registered('x', 1, 2)", "registered(b'x', 1)"}) {
    size_t at = 0;
    EXPECT_THROW(read_literal_key(text, at), Error) << text;
  }
}

TEST(RegisteredJsonKeyTest, IsItsValues) {
  for (const uint8_t flags : {uint8_t{0}, kEqualsItsValue}) {
    Buffer text;
    write_json_key(key_of_object(flags), text);
    EXPECT_EQ(text, R"("7")");
  }
}

}  // namespace
}  // namespace oocmap
