// Registered objects as keys, and packed.
#include <gtest/gtest.h>

#include <functional>

#include "core/base/error.h"
#include "core/format/key_encoding.h"
#include "core/format/packed.h"

namespace oocmap {
namespace {

using Pack = std::function<void(Buffer&)>;

Pack number(int64_t value) {
  return [=](Buffer& to) { pack_int(to, value); };
}
Pack text(const char* value) {
  return [=](Buffer& to) { pack_payload(to, PayloadKind::kStr, value); };
}
Pack object(const char* name, uint8_t flags, const Pack& value) {
  return [=](Buffer& to) {
    pack_registered(to, name, flags);
    value(to);
  };
}
Pack tuple(const Pack& member) {
  return [=](Buffer& to) {
    pack_tuple(to, 1);
    member(to);
  };
}

Buffer packed(const Pack& pack) {
  Buffer to;
  pack(to);
  return to;
}
Key key(const Pack& pack) { return Key::packed(packed(pack)); }

TEST(RegisteredKeyTest, ComesBackAsItWasWritten) {
  for (const uint8_t flags : {0, 1, 2}) {
    for (const Pack& value : {number(1), text("t"), tuple(number(2)), object("y", 0, number(1)),
                              object("y", kEqualsItsValue, text("u"))}) {
      for (const Pack& pack : {object("x", flags, value), tuple(object("x", flags, value))}) {
        const Key made = key(pack);
        EXPECT_EQ(made.pack(), packed(pack));
        EXPECT_FALSE(made.is_plain());
        const Key again = Key::stored(made.order(), made.form(), made.explicit_packed());
        EXPECT_EQ(again.pack(), packed(pack));
        Buffer element;
        append_element(element, made.order());
        Bytes rest = element;
        EXPECT_EQ(read_element(rest), made.order());
        EXPECT_TRUE(rest.empty());
      }
    }
  }
}

TEST(RegisteredKeyTest, EqualsItsValueWhereItSaysSo) {
  const auto equal = [](const Pack& value) { return object("x", kEqualsItsValue, value); };
  for (const Pack& value : {number(1), text("t"), tuple(number(2)), object("y", 0, number(1))}) {
    EXPECT_EQ(key(equal(value)), key(value));
    EXPECT_EQ(key(equal(equal(value))), key(value));
    EXPECT_EQ(key(tuple(equal(value))), key(tuple(value)));
    EXPECT_FALSE(key(object("x", 0, value)) == key(value));
    EXPECT_FALSE(key(object("x", 0, value)) == key(object("z", 0, value)));
    EXPECT_EQ(key(object("x", 0, equal(value))), key(object("x", 0, value)));
  }
}

TEST(RegisteredKeyTest, OrderIsByNameThenValueBehindAllOthers) {
  const Key rising[] = {key(number(1)),
                        key(text("t")),
                        key(tuple(text("t"))),
                        key(object("a", 0, number(1))),
                        key(object("a", 0, number(2))),
                        key(object("a", 0, text(""))),
                        key(object("a\x01", 0, number(0))),
                        key(object("b", 0, number(0)))};
  for (size_t i = 1; i < std::size(rising); ++i) {
    EXPECT_LT(rising[i - 1].order(), rising[i].order()) << i;
  }
}

TEST(RegisteredKeyTest, ShowsItsValue) {
  const Buffer bytes = packed(object("x", 0, object("y", 1, number(7))));
  Bytes rest = bytes;
  const Packed head = read_shown(rest);
  EXPECT_EQ(head.tag, tag_of(WordKind::kInt));
  EXPECT_EQ(head.word, 7u);
  EXPECT_TRUE(rest.empty());
  EXPECT_FALSE(is_packed_plain(bytes));
  EXPECT_TRUE(is_packed_plain(packed(tuple(number(1)))));
}

TEST(RegisteredKeyTest, ManyLevelsTakeNoStack) {
  Buffer bytes;
  for (int i = 0; i < 90'000; ++i) pack_registered(bytes, "x", i % 2 == 0 ? kEqualsItsValue : 0);
  pack_int(bytes, 1);
  const Key deep = Key::packed(bytes);
  EXPECT_EQ(deep.pack(), bytes);
  Bytes rest = bytes;
  EXPECT_EQ(read_shown(rest).word, 1u);
}

// Bytes that no writer makes: an error or a value, never a crash.
TEST(RegisteredKeyTest, MalformedBytesAreRefused) {
  const Buffer good = packed(object("name", kValueIsDict, tuple(number(1))));
  for (size_t size = 0; size < good.size(); ++size) {
    const std::string cut(good.substr(0, size));
    EXPECT_THROW(Key::packed(cut), Error) << size;
  }
  Buffer flags = good;
  flags[1] = 4;
  EXPECT_THROW(Key::packed(flags), Error);
  Buffer name = good;
  name[2] = static_cast<char>(heap_tag(PayloadKind::kBytes));
  EXPECT_THROW(Key::packed(name), Error);
  const char other = static_cast<char>(kClassOther);
  const char subclass = static_cast<char>(kOtherRegistered);
  const std::string none{other, subclass, '\0'};
  const std::string named{other, subclass, '\x30', 'x', '\0', '\0'};
  const std::string unnamed{other, subclass, '\x1a', '\0', '\x1a', '\0', '\0'};
  const std::string three{other, subclass, '\x30', 'x', '\0', '\x1a', '\0', '\x1a', '\0', '\0'};
  for (const std::string& order : {none, named, unnamed, three}) {
    EXPECT_THROW(unpack_order(order), Error);
  }
  const std::string whole{other, subclass, '\x30', 'x', '\0', '\x1a', '\0', '\0'};
  EXPECT_EQ(unpack_order(whole), packed(object("x", 0, number(0))));
  for (size_t i = 0; i < good.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      Buffer changed = good;
      changed[i] = static_cast<char>(byte);
      try {
        Key::packed(changed).pack();
      } catch (const Error&) {
      }
    }
  }
}

}  // namespace
}  // namespace oocmap
