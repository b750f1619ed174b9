#include "sqlite_ext/subject.h"

#include <algorithm>
#include <vector>

#include "core/base/error.h"
#include "core/format/array.h"
#include "core/format/handle.h"
#include "core/json/writer.h"
#include "core/store/registered.h"
#include "sqlite_ext/connection.h"
#include "sqlite_ext/keys.h"
#include "sqlite_ext/values.h"

namespace oocmap::sql {
namespace {

void check_birth(const Session& session, const Handle& handle) {
  if (handle.nonce != session.nonce()) {
    throw Error(ErrorCode::kStaleHandle,
                "the handle was made inside a transaction of another connection: it is valid there "
                "only");
  }
  if (session.store().rolled_back(handle.birth)) {
    throw Error(ErrorCode::kStaleHandle,
                "the handle is stale: the transaction it was made in was rolled back");
  }
}

bool continues_character(char byte) noexcept { return (byte & 0xc0) == 0x80; }

uint64_t character_count(Bytes text) noexcept {
  const auto inner = std::count_if(text.begin(), text.end(), continues_character);
  return text.size() - static_cast<size_t>(inner);
}

}  // namespace

ResolvedHandle resolve_handle(Connection& connection, Bytes bytes) {
  const Handle handle = decode_handle(bytes);
  if (handle.kind == HandleKind::kScalar) return {nullptr, unpack_scalar(handle.packed)};
  auto session = connection.session_with(handle.store_id);
  if (!session) {
    throw Error(
        ErrorCode::kInvalidArgument,
        "the handle belongs to a map on which no table of this connection is open: create one on "
        "its file (CREATE VIRTUAL TABLE temp.m USING oocmap('data.ooc'))");
  }
  if (handle.kind == HandleKind::kUncommitted) check_birth(*session, handle);
  return {std::move(session), {handle.tag, handle.identity}};
}

Subject::Subject(Connection& connection, sqlite3_value* value) : counters_(connection.counters) {
  if (sqlite3_value_type(value) == SQLITE_BLOB) {
    read_blob(connection, blob_bytes(value));
  } else {
    document_ = Document::parse(text_bytes(value));
  }
}

void Subject::read_blob(Connection& connection, Bytes bytes) {
  if (is_key_blob(bytes)) {
    const Key key = decode_key_blob(bytes);
    key_type_ = key_type_name(key);
    Buffer json;
    write_json_packed(key.pack(), json);
    document_ = Document::parse(json);
    return;
  }
  if (!is_handle(bytes)) {
    throw Error(ErrorCode::kInvalidArgument,
                "expected a handle (the column named like the table) or JSON text, not a BLOB");
  }
  ResolvedHandle resolved = resolve_handle(connection, bytes);
  member_ = resolved.member;
  if (!member_.container()) {
    scalar_handle_ = bytes;
    return;
  }
  session_ = std::move(resolved.session);
  scope_.emplace(*session_, View::kSession);
}

// The value behind the handle itself. A path's first step sees for itself what is there.
Subject::Place Subject::root() const {
  if (!stored()) return {member_};
  const NodeView node = session_->store().locate(transaction(), member_.word);
  if (tag_of(node.container_kind()) != member_.tag) {
    throw Error(ErrorCode::kStaleHandle,
                "not a handle of this map: what it names is of another type");
  }
  return {shown_member(session_->store(), transaction(), member_)};
}

Subject::Place Subject::start() const { return document_ ? Place{document_->value(0), 0} : root(); }

std::optional<Subject::Place> Subject::find(const Path& path) const {
  if (document_) {
    const auto node = document_->find(path);
    return node ? std::optional(Place{document_->value(*node), *node}) : std::nullopt;
  }
  if (path.steps().empty()) return root();
  if (!stored()) return std::nullopt;
  ++counters_.paths_followed;
  const auto member = get_path(session_->store(), transaction(), member_, path);
  return member ? std::optional(Place{*member}) : std::nullopt;
}

Bytes Subject::payload(const Member& member) const {
  return stored() ? scalar_payload(session_->store(), transaction(), member) : member.payload();
}

void Subject::result(sqlite3_context* context, const Place& place) const {
  if (place.member.container()) return result_json(context, place);
  if (!document_) ++counters_.values_rendered;
  result_scalar(context, place.member, payload(place.member));
}

void Subject::result_json(sqlite3_context* context, const Place& place) const {
  Buffer json;
  write_json(place, json, length_limit(context));
  result_json_text(context, json);
}

void Subject::result_ref(sqlite3_context* context, const Place& place) const {
  if (!document_) ++counters_.handles_made;
  if (stored()) return result_handle(context, *session_, transaction(), place.member);
  if (document_) {
    throw Error(ErrorCode::kTypeMismatch,
                "oocmap_ref needs a handle: JSON text is stored nowhere to be referred to");
  }
  result_blob(context, scalar_handle_);
}

void Subject::write_json(const Place& place, Buffer& to, size_t max_bytes) const {
  if (document_) return document_->write(place.node, to);
  const size_t start = to.size();
  if (place.member.container()) {
    oocmap::write_json(session_->store(), transaction(), place.member, to, max_bytes);
  } else {
    write_json_scalar(place.member, payload(place.member), to);
  }
  count_json(counters_, place.member, to.size() - start);
}

const char* Subject::type(const Place& place) const {
  if (key_type_ && place.node == 0) return key_type_;
  return place.member.in_immutables() && session_
             ? type_name(session_->store(), transaction(), place.member)
             : type_name(place.member);
}

std::optional<uint64_t> Subject::length(const Place& place) const {
  const Member& member = place.member;
  if (member.container()) {
    if (document_) return document_->size(place.node);
    const NodeView node = session_->store().locate(transaction(), member.word);
    if (!node.is_array()) return node.count();
    const ArrayView array(node.bytes());
    return array.dimensions() == 0 ? std::nullopt : std::optional(array.length(0));
  }
  if (!member.has_payload() && !member.in_immutables()) return std::nullopt;
  switch (member.payload_kind()) {
    case PayloadKind::kStr:
    case PayloadKind::kWtf8:
      return character_count(payload(member));
    case PayloadKind::kBytes:
    case PayloadKind::kBytearray:
      return payload(member).size();
    default:
      return std::nullopt;
  }
}

}  // namespace oocmap::sql
