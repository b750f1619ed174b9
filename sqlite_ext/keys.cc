#include "sqlite_ext/keys.h"

#include "core/base/utf8.h"
#include "core/format/handle.h"
#include "core/format/order_number.h"
#include "core/json/literal.h"
#include "core/json/other_text.h"
#include "sqlite_ext/values.h"

namespace oocmap::sql {
namespace {

constexpr Bytes kKeyBlobBehind("\xcfOL", 3);  // sorts just behind everything that starts so

uint8_t class_of(const Key& key) noexcept { return static_cast<uint8_t>(key.order().front()); }

Buffer class_bytes(uint8_t first, Bytes rest = {}) {
  Buffer out(1, static_cast<char>(first));
  return out.append(rest);
}

bool is_number(uint8_t key_class) noexcept {
  return key_class >= kClassNumberFirst && key_class <= kClassNumberLast;
}

void result_number(sqlite3_context* context, const Key& key) {
  if (key.form() == KeyForm::kExplicit) {
    Bytes packed = key.explicit_packed();
    const Packed head = read_packed(packed);
    if (head.tag == tag_of(WordKind::kFloat)) {  // -0.0
      return sqlite3_result_double(context, Member{head.tag, head.word}.as_float());
    }
  }
  // 2**100 or a Decimal is shown as the number that it equals.
  Bytes order = key.order();
  const OrderNumber number = read_order_number(order, OrderPlace::kKey);
  if (!number.integral) return sqlite3_result_double(context, number.real);
  if (key.form() == KeyForm::kFloat) {
    return sqlite3_result_double(context, static_cast<double>(number.integer));
  }
  sqlite3_result_int64(context, number.integer);
}

}  // namespace

Bytes text_bytes(sqlite3_value* value) {
  const auto* const text = reinterpret_cast<const char*>(sqlite3_value_text(value));
  if (!text) throw std::bad_alloc();
  return {text, static_cast<size_t>(sqlite3_value_bytes(value))};
}

Bytes blob_bytes(sqlite3_value* value) {
  const auto* const bytes = static_cast<const char*>(sqlite3_value_blob(value));
  return bytes ? Bytes(bytes, static_cast<size_t>(sqlite3_value_bytes(value))) : Bytes();
}

std::optional<Key> key_from(sqlite3_value* value) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
      return Key::integer(sqlite3_value_int64(value));
    case SQLITE_FLOAT:
      return Key::floating(sqlite3_value_double(value));
    case SQLITE_TEXT: {
      const Bytes text = text_bytes(value);
      const TextForm form = text_form(text);
      if (form == TextForm::kNone) return std::nullopt;
      return form == TextForm::kUtf8 ? Key::text(text) : Key::payload(PayloadKind::kWtf8, text);
    }
    case SQLITE_BLOB: {
      const Bytes bytes = blob_bytes(value);
      return is_key_blob(bytes) ? decode_key_blob(bytes) : Key::payload(PayloadKind::kBytes, bytes);
    }
    default:
      return std::nullopt;
  }
}

void result_key(sqlite3_context* context, const Key& key) {
  const Bytes order = key.order();
  const uint8_t key_class = class_of(key);
  if (is_number(key_class)) return result_number(context, key);
  if (key_class == kClassText) return result_text(context, order.substr(1));
  if (key_class == kClassBytes && !is_key_blob(order.substr(1))) {
    return result_blob(context, order.substr(1));
  }
  result_blob(context, encode_key_blob(key));
}

const char* key_type_name(const Key& key) {
  if (key.form() == KeyForm::kCanonical) {  // else it is numpy's
    if (class_of(key) == kClassText) return "str";
    if (class_of(key) == kClassBytes) return "bytes";
  }
  const Buffer packed = key.pack();
  Bytes rest = packed;
  const Packed head = read_shown(rest);
  switch (head.tag) {
    case tag_of(WordKind::kNone):
      return "NoneType";
    case tag_of(WordKind::kFalse):
    case tag_of(WordKind::kTrue):
      return "bool";
    case tag_of(WordKind::kFloat):
      return "float";
    case tag_of(WordKind::kTuple):
      return "tuple";
    case tag_of(WordKind::kFrozenset):
      return "frozenset";
    case heap_tag(PayloadKind::kStr):
    case heap_tag(PayloadKind::kWtf8):
      return "str";
    default:
      return is_heap(head.tag)
                 ? payload_type_name(static_cast<PayloadKind>(head.tag & ~kLocationMask),
                                     head.payload)
                 : "int";
  }
}

std::string describe_key(const Key& key) {
  constexpr size_t kLongest = 60;
  std::string text = key_literal(key);
  if (text.size() <= kLongest) return text;
  text.resize(kLongest);
  while (text_form(text) == TextForm::kNone) text.pop_back();  // not in the middle of a character
  return text + "...";
}

Error in_row(const Key& key, const Error& error) {
  return {error.code(), "oocmap: in the row " + describe_key(key) + ": " + error.message(),
          error.system_error(), error.path()};
}

KeyBounds region_bounds(KeyRegion region) {
  KeyBounds bounds;
  bounds.upper_open = true;
  switch (region) {
    case KeyRegion::kPlain:
      bounds.upper = class_bytes(kClassBytes);
      break;
    case KeyRegion::kLowBytes:
      bounds.lower = class_bytes(kClassBytes);
      bounds.upper = class_bytes(kClassBytes, kKeyBlobBehind);
      break;
    case KeyRegion::kOthers:
      bounds.lower = class_bytes(kClassOther);
      bounds.upper_open = false;
      break;
    case KeyRegion::kHighBytes:
      bounds.lower = class_bytes(kClassBytes, kKeyBlobBehind);
      bounds.upper = class_bytes(kClassOther);
      break;
  }
  return bounds;
}

KeyPlace place_of(const Key& key) {
  const uint8_t key_class = class_of(key);
  KeyRegion region = KeyRegion::kPlain;
  if (key_class == kClassOther) region = KeyRegion::kOthers;
  if (key_class == kClassBytes) {
    const bool high = key.order().substr(1) >= kKeyBlobBehind;
    region = high ? KeyRegion::kHighBytes : KeyRegion::kLowBytes;
  }
  return {region, Buffer(key.order())};
}

KeyPlace place_from(sqlite3_value* value) {
  if (sqlite3_value_type(value) == SQLITE_TEXT) {
    // Any text, valid or not: keys are compared with its bytes.
    return {KeyRegion::kPlain, class_bytes(kClassText, text_bytes(value))};
  }
  const std::optional<Key> key = key_from(value);
  return key ? place_of(*key) : KeyPlace();
}

}  // namespace oocmap::sql
