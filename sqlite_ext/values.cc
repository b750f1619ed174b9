#include "sqlite_ext/values.h"

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/format/handle.h"
#include "core/format/other_payload.h"
#include "core/format/packed.h"
#include "core/json/number.h"
#include "core/json/other_text.h"
#include "core/json/reader.h"
#include "core/json/writer.h"
#include "core/store/registered.h"
#include "sqlite_ext/connection.h"
#include "sqlite_ext/keys.h"
#include "sqlite_ext/subject.h"

namespace oocmap::sql {
namespace {

// kStr or kWtf8.
PayloadKind kind_of_text(Bytes text) {
  switch (text_form(text)) {
    case TextForm::kUtf8:
      return PayloadKind::kStr;
    case TextForm::kWtf8:
      return PayloadKind::kWtf8;
    case TextForm::kNone:
      break;
  }
  throw Error(
      ErrorCode::kInvalidArgument,
      "the text is not UTF-8 and cannot be stored as a str; CAST it to BLOB to store bytes");
}

void feed_scalar(const Member& member, ValueEncoder& to) {
  switch (member.tag) {
    case tag_of(WordKind::kNone):
      return to.none();
    case tag_of(WordKind::kFalse):
    case tag_of(WordKind::kTrue):
      return to.boolean(member.tag == tag_of(WordKind::kTrue));
    case tag_of(WordKind::kInt):
      return to.integer(member.as_int());
    case tag_of(WordKind::kFloat):
      return to.floating(member.as_float());
    default:
      return to.payload(member.payload_kind(), member.payload());
  }
}

// A reference in the container's own store; from another one it is copied whole.
void feed_handle(Connection& connection, Session& target, Bytes bytes, ValueEncoder& to) {
  const ResolvedHandle resolved = resolve_handle(connection, bytes);
  const Member& member = resolved.member;
  if (!member.container()) return feed_scalar(member, to);
  Session& from = *resolved.session;
  const ReadScope scope(from, View::kSession);
  from.store().locate(scope.transaction(), member.word);  // a stale handle is not stored
  if (&from == &target) return to.reference(member.word, static_cast<WordKind>(member.tag));
  copy_value(from.store(), scope.transaction(), member, to);
}

bool is_blob(PayloadKind kind) noexcept {
  return kind == PayloadKind::kBytes || kind == PayloadKind::kBytearray;
}

// What a payload that is no BLOB is shown as.
Buffer shown_text(PayloadKind kind, Bytes payload) {
  if (kind == PayloadKind::kBigInt) return big_int_text(payload);
  if (!has_payload_text(kind)) return Buffer(payload);
  Buffer text;
  append_payload_text(kind, payload, text);
  return text;
}

// The text a scalar is shown as; nullopt where it is shown as a number, a BLOB or NULL.
std::optional<Buffer> text_of(Store& store, const Transaction& transaction,
                              const std::optional<Member>& member) {
  if (!member || !(member->has_payload() || member->in_immutables())) return std::nullopt;
  const Bytes payload = store.payload(transaction, *member);
  if (is_blob(member->payload_kind())) return std::nullopt;
  return shown_text(member->payload_kind(), payload);
}

}  // namespace

const char* type_name(const Member& member) {
  if (member.has_payload() || member.in_immutables()) {
    return member.has_payload() ? payload_type_name(member.payload_kind(), member.payload())
                                : payload_type_name(member.payload_kind());
  }
  switch (static_cast<WordKind>(member.tag)) {
    case WordKind::kNone:
      return "NoneType";
    case WordKind::kFalse:
    case WordKind::kTrue:
      return "bool";
    case WordKind::kInt:
      return "int";
    case WordKind::kFloat:
      return "float";
    case WordKind::kDict:
      return "dict";
    case WordKind::kList:
      return "list";
    case WordKind::kTuple:
      return "tuple";
    case WordKind::kArray:
      return "ndarray";
    case WordKind::kSet:
      return "set";
    case WordKind::kFrozenset:
      return "frozenset";
    case WordKind::kRegistered:
      return "registered";
    default:
      throw Error(ErrorCode::kCorrupt, "a value of a kind this version does not know");
  }
}

const char* type_name(Store& store, const Transaction& transaction, const Member& member) {
  const Member shown = shown_member(store, transaction, member);
  if (!shown.in_immutables()) return type_name(shown);
  return payload_type_name(shown.payload_kind(), store.payload(transaction, shown));
}

void result_text(sqlite3_context* context, Bytes text) {
  // A null pointer would be NULL, not ''.
  sqlite3_result_text64(context, text.empty() ? "" : text.data(), text.size(), SQLITE_TRANSIENT,
                        SQLITE_UTF8);
}

void result_blob(sqlite3_context* context, Bytes bytes) {
  sqlite3_result_blob64(context, bytes.empty() ? "" : bytes.data(), bytes.size(), SQLITE_TRANSIENT);
}

void result_json_text(sqlite3_context* context, Bytes json) {
  result_text(context, json);
  sqlite3_result_subtype(context, kJsonSubtype);
}

void result_scalar(sqlite3_context* context, const Member& member, Bytes payload) {
  switch (member.tag) {
    case tag_of(WordKind::kNone):
      return sqlite3_result_null(context);
    case tag_of(WordKind::kFalse):
    case tag_of(WordKind::kTrue):
      return sqlite3_result_int(context, member.tag == tag_of(WordKind::kTrue));
    case tag_of(WordKind::kInt):
      return sqlite3_result_int64(context, member.as_int());
    case tag_of(WordKind::kFloat):
      return sqlite3_result_double(context, member.as_float());
    default:
      break;
  }
  const PayloadKind kind = member.payload_kind();
  if (kind == PayloadKind::kNumpyScalar) {
    const Member plain = unpack_scalar(decode_numpy(payload).plain);
    return result_scalar(context, plain, plain.payload());
  }
  if (is_blob(kind)) return result_blob(context, payload);
  if (kind == PayloadKind::kStr || kind == PayloadKind::kWtf8) return result_text(context, payload);
  result_text(context, shown_text(kind, payload));
}

void count_json(Counters& counters, const Member& member, size_t bytes) noexcept {
  ++counters.values_rendered;
  if (!member.container()) return;
  ++counters.containers_rendered;
  counters.json_bytes += bytes;
}

size_t length_limit(sqlite3_context* context) {
  return static_cast<size_t>(
      sqlite3_limit(sqlite3_context_db_handle(context), SQLITE_LIMIT_LENGTH, -1));
}

void result_value(sqlite3_context* context, Counters& counters, Store& store,
                  const Transaction& transaction, const Member& member) {
  const Member shown = shown_member(store, transaction, member);
  if (shown.container()) return result_json(context, counters, store, transaction, shown);
  ++counters.values_rendered;
  result_scalar(context, shown, scalar_payload(store, transaction, shown));
}

void result_json(sqlite3_context* context, Counters& counters, Store& store,
                 const Transaction& transaction, const Member& member) {
  Buffer json;
  write_json(store, transaction, member, json, length_limit(context));
  count_json(counters, member, json.size());
  result_json_text(context, json);
}

bool json_is(Store& store, const Transaction& transaction, const Member& member, Bytes text) {
  Buffer json;
  try {
    write_json(store, transaction, member, json, text.size());
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kTypeMismatch) return false;  // longer, or without an end
    throw;
  }
  return Bytes(json) == text;
}

bool shows_as(Store& store, const Transaction& transaction, const std::optional<Member>& member,
              sqlite3_value* value) {
  if (member && member->tag == tag_of(WordKind::kRegistered)) {
    return shows_as(store, transaction, shown_member(store, transaction, *member), value);
  }
  const Tag tag = member ? member->tag : tag_of(WordKind::kNone);
  if (member && !is_container(tag) && (member->has_payload() || member->in_immutables()) &&
      member->payload_kind() == PayloadKind::kNumpyScalar) {
    const Bytes payload = scalar_payload(store, transaction, *member);
    return shows_as(store, transaction, unpack_scalar(decode_numpy(payload).plain), value);
  }
  const bool is_bool = tag == tag_of(WordKind::kTrue) || tag == tag_of(WordKind::kFalse);
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
      if (is_bool) return sqlite3_value_int64(value) == (tag == tag_of(WordKind::kTrue) ? 1 : 0);
      return tag == tag_of(WordKind::kInt) && sqlite3_value_int64(value) == member->as_int();
    case SQLITE_FLOAT:
      return tag == tag_of(WordKind::kFloat) && sqlite3_value_double(value) == member->as_float();
    case SQLITE_TEXT: {
      if (!is_container(tag)) return text_of(store, transaction, member) == text_bytes(value);
      return json_is(store, transaction, *member, text_bytes(value));
    }
    case SQLITE_BLOB:
      return member && (member->has_payload() || member->in_immutables()) &&
             is_blob(member->payload_kind()) &&
             scalar_payload(store, transaction, *member) == blob_bytes(value);
    default:
      return tag == tag_of(WordKind::kNone);
  }
}

Bytes scalar_payload(Store& store, const Transaction& transaction, const Member& member) {
  const bool has_bytes = member.has_payload() || member.in_immutables();
  return has_bytes ? store.payload(transaction, member) : Bytes();
}

void pack_scalar(const Member& member, Bytes payload, Buffer& to) {
  switch (member.tag) {
    case tag_of(WordKind::kNone):
      return pack_none(to);
    case tag_of(WordKind::kFalse):
    case tag_of(WordKind::kTrue):
      return pack_bool(to, member.tag == tag_of(WordKind::kTrue));
    case tag_of(WordKind::kInt):
      return pack_int(to, member.as_int());
    case tag_of(WordKind::kFloat):
      return pack_float(to, member.as_float());
    default:
      return pack_payload(to, member.payload_kind(), payload);
  }
}

Member unpack_scalar(Bytes packed) {
  const Packed head = read_shown(packed);
  if (is_container(head.tag)) throw Error(ErrorCode::kCorrupt, "a handle's scalar is a container");
  return {head.tag, head.word, head.payload.data(), static_cast<uint32_t>(head.payload.size())};
}

void result_handle(sqlite3_context* context, Session& session, const Transaction& transaction,
                   const Member& member) {
  Store& store = session.store();
  Handle handle;
  handle.store_id = store.id();
  Buffer packed;
  if (!member.container()) {
    handle.kind = HandleKind::kScalar;
    pack_scalar(member, scalar_payload(store, transaction, member), packed);
    handle.packed = packed;
  } else {
    handle.tag = member.tag;
    handle.identity = member.word;
    if (transaction.writable()) {
      handle.kind = HandleKind::kUncommitted;
      handle.nonce = session.nonce();
      handle.birth = store.birth();
    }
  }
  result_blob(context, encode_handle(handle));
}

void feed_value(Connection& connection, Session& target, sqlite3_value* value, ValueEncoder& to) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
      return to.integer(sqlite3_value_int64(value));
    case SQLITE_FLOAT:
      return to.floating(sqlite3_value_double(value));
    case SQLITE_TEXT:
      return to.payload(kind_of_text(text_bytes(value)), text_bytes(value));
    case SQLITE_BLOB:
      if (is_handle(blob_bytes(value))) {
        return feed_handle(connection, target, blob_bytes(value), to);
      }
      return to.payload(PayloadKind::kBytes, blob_bytes(value));
    default:
      return to.none();
  }
}

EncodedValue encode_value(Connection& connection, Session& target, sqlite3_value* value) {
  switch (sqlite3_value_type(value)) {  // without an encoder, where there is no need of one
    case SQLITE_INTEGER:
      return EncodedValue::integer(sqlite3_value_int64(value));
    case SQLITE_FLOAT:
      return EncodedValue::floating(sqlite3_value_double(value));
    case SQLITE_NULL:
      return EncodedValue::none();
    default:
      break;
  }
  ValueEncoder encoder;
  feed_value(connection, target, value, encoder);
  return encoder.finish();
}

EncodedValue encode_json(sqlite3_value* value) {
  if (sqlite3_value_type(value) == SQLITE_BLOB) {
    throw Error(ErrorCode::kInvalidArgument,
                "the column json takes JSON text, not a BLOB; a handle goes into the column value");
  }
  ValueEncoder encoder;
  read_json(text_bytes(value), encoder);
  return encoder.finish();
}

}  // namespace oocmap::sql
