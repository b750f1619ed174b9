// What a function is asked about: a stored value by its handle, or a value in JSON text.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "core/json/document.h"
#include "core/json/path.h"
#include "core/store/session.h"
#include "sqlite_ext/api.h"
#include "sqlite_ext/counters.h"

namespace oocmap::sql {

class Connection;

// Where a handle leads. A scalar's member views the handle's bytes and has no session.
struct ResolvedHandle {
  std::shared_ptr<Session> session;
  Member member;
};
// Errors: kStaleHandle where the handle's transaction was rolled back or is not this session's,
// kInvalidArgument where no table of this connection is open on its store, kCorrupt.
ResolvedHandle resolve_handle(Connection& connection, Bytes bytes);

class Subject {
 public:
  // `value`: not NULL; a handle, a key BLOB (keys.h), JSON text, or a number, which is JSON text
  // too. Errors: those of resolve_handle, kInvalidJson, kInvalidArgument for any other BLOB.
  Subject(Connection& connection, sqlite3_value* value);
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;

  // A value inside it; the member's payload may still be in the store.
  struct Place {
    Member member;
    Document::Node node = 0;
  };
  Place start() const;
  std::optional<Place> find(const Path& path) const;

  // The result of oocmap_get, oocmap_json, oocmap_ref for a place.
  void result(sqlite3_context* context, const Place& place) const;
  void result_json(sqlite3_context* context, const Place& place) const;
  void result_ref(sqlite3_context* context, const Place& place) const;
  void write_json(const Place& place, Buffer& to, size_t max_bytes) const;
  // Python's name of its type.
  const char* type(const Place& place) const;
  // Python's len(); nullopt where there is none.
  std::optional<uint64_t> length(const Place& place) const;

  const std::shared_ptr<Session>& session() const noexcept { return session_; }
  const Transaction& transaction() const noexcept { return scope_->transaction(); }
  bool stored() const noexcept { return scope_.has_value(); }
  // The JSON text, parsed; the subject is not to be used afterwards.
  Document take_document() { return std::move(*document_); }
  Bytes payload(const Member& member) const;
  Counters& counters() const noexcept { return counters_; }

 private:
  void read_blob(Connection& connection, Bytes bytes);
  Counters& counters_;
  Place root() const;
  std::shared_ptr<Session> session_;
  std::optional<ReadScope> scope_;    // containers behind a handle
  std::optional<Document> document_;  // JSON text
  const char* key_type_ = nullptr;    // key BLOBs, which are read as JSON text
  Member member_;                     // a scalar's views its handle
  Bytes scalar_handle_;
};

}  // namespace oocmap::sql
