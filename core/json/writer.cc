#include "core/json/writer.h"

#include <cmath>
#include <optional>
#include <unordered_set>
#include <vector>

#include "core/base/error.h"
#include "core/base/utf8.h"
#include "core/format/other_payload.h"
#include "core/format/packed.h"
#include "core/json/array_writer.h"
#include "core/json/base64.h"
#include "core/json/literal.h"
#include "core/json/other_text.h"
#include "core/store/dict.h"
#include "core/store/list.h"
#include "core/store/registered.h"

namespace oocmap {
namespace {

// Deeper than this a container is looked up among its ancestors before it is entered: a cycle is
// found soon enough, and flat values pay nothing.
constexpr size_t kCycleCheckFrom = 64;

// A container that is being written. Spilled ones are walked, small ones indexed.
struct Frame {
  NodeView node;
  std::shared_ptr<const Shape> shape;
  std::optional<DictWalk> dict;
  std::optional<ListWalk> list;
  uint64_t next = 0;
};

class Writer {
 public:
  Writer(Store& store, const Transaction& transaction, Buffer& to, size_t max_bytes)
      : store_(store),
        transaction_(transaction),
        to_(to),
        max_bytes_(max_bytes),
        start_(to.size()) {}

  void write(const Member& value) {
    member(value);
    while (!frames_.empty()) {
      check_size();
      if (!step(frames_.back())) close();
    }
  }

 private:
  // Writes the next member of the innermost container; false where there is none left.
  bool step(Frame& frame) {
    const uint64_t i = frame.next++;
    const bool is_dict = frame.node.container_kind() == WordKind::kDict;
    if (is_set(frame.node.container_kind())) return set_member(frame, i);
    if (frame.dict) {
      DictEntry entry;
      if (!frame.dict->next(transaction_, entry)) return false;
      comma(i);
      key(entry.key);
      member(entry.value);
      return true;
    }
    Member value;
    if (frame.list) {
      if (!frame.list->next(transaction_, value)) return false;
    } else {
      if (i >= frame.node.count()) return false;
      value = frame.node.member(i);
    }
    comma(i);
    if (is_dict) small_key(frame, i);
    member(value);  // may grow frames_: `frame` is not used after it
    return true;
  }

  bool set_member(Frame& frame, uint64_t i) {
    DictEntry entry;
    if (frame.dict) {
      if (!frame.dict->next(transaction_, entry)) return false;
    } else {
      if (i >= frame.node.count()) return false;
      const Member key = frame.node.key(i);
      entry.key = key_of(key.tag, key.word, store_.payload(transaction_, key));
    }
    comma(i);
    write_json_packed(entry.key.pack(), to_);
    return true;
  }

  void comma(uint64_t i) {
    if (i > 0) to_.push_back(',');
  }

  void small_key(const Frame& frame, uint64_t i) {
    if (frame.shape) return key(frame.shape->key(i));
    const Member member = frame.node.key(i);
    if (member.has_payload() && member.payload_kind() == PayloadKind::kStr) {
      write_json_text(member.payload(), to_);
      to_.push_back(':');
      return;
    }
    key(key_of(member.tag, member.word, store_.payload(transaction_, member)));
  }

  void key(const Key& key) {
    write_json_key(key, to_);
    to_.push_back(':');
  }

  void member(const Member& value) {
    if (value.tag == tag_of(WordKind::kRegistered)) {
      return member(shown_member(store_, transaction_, value));
    }
    if (value.container()) return open(value.word);
    const bool bytes = value.has_payload() || value.in_immutables();
    write_json_scalar(value, bytes ? store_.payload(transaction_, value) : Bytes(), to_);
  }

  void open(Identity identity) {
    if (frames_.size() >= kCycleCheckFrom && !ancestors_.insert(identity).second) {
      throw Error(ErrorCode::kTypeMismatch, "the value contains itself: it has no JSON text");
    }
    Frame frame;
    frame.node = store_.locate(transaction_, identity);
    if (frame.node.is_array()) {
      if (frames_.size() >= kCycleCheckFrom) ancestors_.erase(identity);
      return write_json_array(transaction_, frame.node, to_, [this] { check_size(); });
    }
    const bool is_dict = frame.node.container_kind() == WordKind::kDict;
    if (frame.node.kind() == NodeKind::kShapedDict) {
      frame.shape = store_.shape(transaction_, frame.node.shape());
      if (frame.shape->size() != frame.node.count()) {
        throw Error(ErrorCode::kCorrupt, "a dict and its shape differ in length");
      }
    } else if (frame.node.spilled()) {
      has_keys(frame.node.container_kind()) ? void(frame.dict.emplace(store_, identity))
                                            : void(frame.list.emplace(store_, identity));
    }
    to_.push_back(is_dict ? '{' : '[');
    frames_.push_back(std::move(frame));
  }

  void close() {
    const Frame& frame = frames_.back();
    to_.push_back(frame.node.container_kind() == WordKind::kDict ? '}' : ']');
    if (frames_.size() > kCycleCheckFrom) ancestors_.erase(frame.node.identity());
    frames_.pop_back();
  }

  void check_size() const {
    if (to_.size() - start_ <= max_bytes_) return;
    throw Error(ErrorCode::kTypeMismatch, "the value's JSON text is longer than " +
                                              std::to_string(max_bytes_) +
                                              " bytes: read parts of it with a path");
  }

  Store& store_;
  const Transaction& transaction_;
  Buffer& to_;
  size_t max_bytes_;
  size_t start_;
  std::vector<Frame> frames_;
  std::unordered_set<Identity> ancestors_;
};

void write_quoted_base64(Bytes bytes, Buffer& to) {
  to.push_back('"');
  append_base64(bytes, to);
  to.push_back('"');
}

// The text of a payload needs no escapes.
void write_quoted_payload_text(PayloadKind kind, Bytes payload, Buffer& to) {
  to.push_back('"');
  append_payload_text(kind, payload, to);
  to.push_back('"');
}

void append_escape(uint32_t unit, Buffer& to) {
  static constexpr char kHex[] = "0123456789abcdef";
  to += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) to.push_back(kHex[unit >> shift & 0xf]);
}

// Whether this byte of a text cannot stand as it is: quotes, backslash, controls, and 0xed, which
// may begin a surrogate.
bool needs_care(uint8_t byte) noexcept {
  return byte < 0x20 || byte == '"' || byte == '\\' || byte == 0xed;
}

void write_careful(Bytes text, size_t& at, Buffer& to) {
  const auto byte = static_cast<uint8_t>(text[at]);
  switch (byte) {
    case '"':
      to += "\\\"";
      break;
    case '\\':
      to += "\\\\";
      break;
    case '\b':
      to += "\\b";
      break;
    case '\f':
      to += "\\f";
      break;
    case '\n':
      to += "\\n";
      break;
    case '\r':
      to += "\\r";
      break;
    case '\t':
      to += "\\t";
      break;
    case 0xed: {
      const uint32_t codepoint = next_codepoint(text, at);
      const bool lone = codepoint >= 0xd800 && codepoint < 0xe000;
      lone ? append_escape(codepoint, to) : append_codepoint(to, codepoint);
      return;
    }
    default:
      append_escape(byte, to);
      break;
  }
  ++at;
}

}  // namespace

void write_json_text(Bytes text, Buffer& to) {
  to.push_back('"');
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && !needs_care(static_cast<uint8_t>(text[end]))) ++end;
    to.append(text, at, end - at);
    at = end;
    if (at < text.size()) write_careful(text, at, to);
  }
  to.push_back('"');
}

void write_json_scalar(const Member& value, Bytes payload, Buffer& to) {
  switch (value.tag) {
    case tag_of(WordKind::kNone):
      to += "null";
      return;
    case tag_of(WordKind::kFalse):
      to += "false";
      return;
    case tag_of(WordKind::kTrue):
      to += "true";
      return;
    case tag_of(WordKind::kInt):
      to += std::to_string(value.as_int());
      return;
    case tag_of(WordKind::kFloat):
      write_json_float(value.as_float(), to);
      return;
    default:
      break;
  }
  switch (value.payload_kind()) {
    case PayloadKind::kStr:
    case PayloadKind::kWtf8:
      return write_json_text(payload, to);
    case PayloadKind::kBytes:
      return write_quoted_base64(payload, to);
    case PayloadKind::kBigInt:
      to += big_int_text(payload);
      return;
    case PayloadKind::kBytearray:
      return write_quoted_base64(payload, to);
    case PayloadKind::kNumpyScalar: {
      Bytes plain = decode_numpy(payload).plain;
      const Packed head = read_packed(plain);
      return write_json_scalar({head.tag, head.word, nullptr, 0}, head.payload, to);
    }
    default:
      return write_quoted_payload_text(value.payload_kind(), payload, to);
  }
}

void write_json_packed(Bytes packed, Buffer& to) {
  std::vector<uint64_t> open;  // members left of each
  for (;;) {
    const Packed value = read_shown(packed);
    if (value.has_members()) {
      to.push_back('[');
      if (value.count > 0) {
        open.push_back(value.count);
        continue;
      }
      to.push_back(']');
    } else {
      write_json_scalar({value.tag, value.word}, value.payload, to);
    }
    while (!open.empty() && --open.back() == 0) {
      to.push_back(']');
      open.pop_back();
    }
    if (open.empty()) return;
    to.push_back(',');
  }
}

void write_json_key(const Key& key, Buffer& to) {
  const Buffer packed = key.pack();
  Bytes rest = packed;
  Packed head = read_packed(rest);
  while (head.registered()) {  // its value in its place
    skip_packed(rest);         // the name
    const Bytes value = rest;
    head = read_packed(rest);
    if (!head.registered()) return write_json_key(Key::packed(value), to);
  }
  if (head.tag == heap_tag(PayloadKind::kNumpyScalar)) {
    Bytes plain = decode_numpy(head.payload).plain;
    head = read_packed(plain);
  }
  switch (head.tag) {
    case heap_tag(PayloadKind::kStr):
    case heap_tag(PayloadKind::kWtf8):
      return write_json_text(head.payload, to);
    case heap_tag(PayloadKind::kBytes):
      return write_quoted_base64(head.payload, to);
    case tag_of(WordKind::kNone):
      to += "\"null\"";
      return;
    case tag_of(WordKind::kFalse):
      to += "\"false\"";
      return;
    case tag_of(WordKind::kTrue):
      to += "\"true\"";
      return;
    default:
      break;
  }
  if (head.tag == tag_of(WordKind::kFloat) && std::isinf(Member{head.tag, head.word}.as_float())) {
    to += static_cast<int64_t>(head.word) < 0 ? "\"-Infinity\"" : "\"Infinity\"";
    return;
  }
  write_json_text(key_literal(key), to);
}

void write_json(Store& store, const Transaction& transaction, const Member& value, Buffer& to,
                size_t max_bytes) {
  Writer(store, transaction, to, max_bytes).write(value);
}

}  // namespace oocmap
