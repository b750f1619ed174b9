// From a nested value to records, in two steps: a ValueEncoder is fed the value depth first and
// touches no store, so a value that cannot be stored leaves nothing behind; store_value() then puts
// what it made. The encoder knows neither Python nor JSON.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/export.h"
#include "core/format/array.h"
#include "core/format/key_encoding.h"
#include "core/format/record.h"
#include "core/format/word.h"
#include "core/store/store.h"

namespace oocmap {

// The keys of dicts that will be stored, prepared once and used for many (the writer's side of a
// shape). At least one and at most kMaxShapeKeys, all different. Immutable: the ids it has in
// stores are cached there (ShapeIds, immutables.h).
class OOCMAP_API ShapeKeys {
 public:
  // Errors: kInvalidArgument for no keys, more than kMaxShapeKeys, or two equal ones.
  static std::shared_ptr<const ShapeKeys> from(std::vector<Key> keys);
  size_t size() const noexcept { return keys_.size(); }
  const Key& key(size_t i) const noexcept { return keys_[i]; }
  Bytes payload() const noexcept { return payload_; }
  uint64_t hash() const noexcept { return hash_; }  // of the payload, as in immutable_index

 private:
  Buffer payload_;
  std::vector<Key> keys_;
  uint64_t hash_ = 0;
};

// What an encoder made: ready to be put, once. Move-only.
class OOCMAP_API EncodedValue {
 public:
  EncodedValue();
  EncodedValue(EncodedValue&&) noexcept;
  EncodedValue& operator=(EncodedValue&&) noexcept;
  ~EncodedValue();
  // Scalars without an encoder (the hot path of m[k] = 5). No allocation but the text's.
  static EncodedValue none();
  static EncodedValue boolean(bool value);
  static EncodedValue integer(int64_t value);
  static EncodedValue floating(double value);
  static EncodedValue payload(PayloadKind kind, Bytes bytes);
  // An existing container of the same store: stored as a reference, its record pinned.
  static EncodedValue reference(Identity identity, WordKind kind);
  bool is_container() const noexcept;
  // Bytes it holds besides itself, about.
  size_t memory() const noexcept;
  // Whether it is a reference to the very container that `member` stands for: m[k] = m[k].
  bool refers_to(const Member& member) const noexcept {
    return reference_ && member.container() && member.word == scalar_.word;
  }
  // Whether storing it makes containers: a scalar is a word or a text, a reference a word.
  bool has_nodes() const noexcept { return is_container() && !reference_; }

 private:
  friend class ValueEncoder;
  friend struct ValueWriter;
  struct Parts;
  Member scalar_;
  Buffer text_;
  bool reference_ = false;
  std::unique_ptr<Parts> parts_;
};

class OOCMAP_API ValueEncoder {
 public:
  ValueEncoder();
  ~ValueEncoder();

  // Each adds one value where it belongs: the whole value, or the next member of the open container
  // (in a dict opened with begin_dict(): after its key()).
  void none();
  void boolean(bool value);
  void integer(int64_t value);
  void floating(double value);
  // kStr to kNumpyScalar. Errors: kInvalidArgument over kMaxValueBytes.
  void payload(PayloadKind kind, Bytes bytes);
  void reference(Identity identity, WordKind kind);

  // Containers. The returned number names the container in again(), for shared and cyclic
  // structures; numbers count from 0 in the order of the begins. Errors: kInvalidArgument past
  // kMaxDepth.
  size_t begin_dict(size_t size_hint = 0);
  size_t begin_shaped_dict(std::shared_ptr<const ShapeKeys> shape);  // values follow in its order
  size_t begin_list(size_t size_hint = 0);
  size_t begin_tuple(size_t size_hint = 0);
  // An object of the registered class `name`: one value follows. Errors: kInvalidArgument for an
  // empty name, one over kMaxClassName bytes, or one that is not UTF-8.
  size_t begin_registered(Bytes name);
  // An array, complete with this call; it is named as containers are. `data`: its elements in the
  // order that `head` says. Where `keep` is given, the data is not copied: it stays as it is until
  // `keep` goes, which may be on another thread and under the store's locks.
  // Errors: kInvalidArgument past the limits of array.h, and for data of another size than the
  // shape's.
  size_t array(ArrayHead head, Bytes data, std::shared_ptr<const void> keep = nullptr);
  // Sets: each member is a key(), and no value follows it.
  size_t begin_set();
  size_t begin_frozenset();
  // A key given twice in one dict or set: the later value replaces the earlier, the key stays.
  void key(const Key& key);
  // Errors: kInvalidArgument where values and keys do not pair.
  void end();
  // A container begun before, finished or still open, once more: the same object, its record
  // pinned.
  void again(size_t container);

  // The finished value; the encoder is empty and can be used again (it keeps its memory).
  // Errors: kInvalidArgument where a container is still open, or there is not exactly one value.
  EncodedValue finish();
  // Forgets a half-fed value.
  void reset() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Puts `value` and returns the member that refers to it. Called once for each value.
// `parent`: the record `parent_record` of a small container that takes the value in, being edited
// (it
//           is put by the caller afterwards). Where the value is one record of new nodes and they
//           fit in it with 64 bytes to spare, they are added to it, their slots renumbered, and
//           nothing is put for them; else, and where it is null, the value gets records of its own.
//           A pin may be put on `parent_record` itself: the caller takes the flags over
//           (record_flags).
// Lifetime: the bytes of a heap member (a text that is not shared) belong to `value`.
// Errors: those of WriteTransaction::put. Cost: about one put a record.
Member store_value(Store& store, WriteTransaction& transaction, EncodedValue& value,
                   RecordEditor* parent = nullptr, uint64_t parent_record = 0);

// Copies a container or scalar from another store (or this one) into an encoder, deep.
// Shared and cyclic structure inside it is kept.
OOCMAP_API void copy_value(Store& from, const Transaction& transaction, const Member& value,
                           ValueEncoder& to);

}  // namespace oocmap
