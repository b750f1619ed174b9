#include "core/json/reader.h"

#include <optional>
#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/json/literal.h"
#include "core/json/parser.h"

namespace oocmap {
namespace {

class EncoderEvents : public JsonEvents {
 public:
  explicit EncoderEvents(ValueEncoder& encoder) : encoder_(encoder) {}
  void null() override { encoder_.none(); }
  void boolean(bool value) override { encoder_.boolean(value); }
  void integer(int64_t value) override { encoder_.integer(value); }
  void floating(double value) override { encoder_.floating(value); }
  void payload(PayloadKind kind, Bytes bytes) override { encoder_.payload(kind, bytes); }
  void begin_object() override { encoder_.begin_dict(); }
  void key(PayloadKind kind, Bytes text) override { encoder_.key(Key::payload(kind, text)); }
  void begin_array() override { encoder_.begin_list(); }
  void end() override { encoder_.end(); }

 private:
  ValueEncoder& encoder_;
};

// Takes note of what stands in one field of the outermost object. Of a name given twice the last
// counts.
class KeyEvents final : public EncoderEvents {
 public:
  KeyEvents(ValueEncoder& encoder, std::string_view field)
      : EncoderEvents(encoder), field_(field) {}

  void null() override {
    if (in_field()) key_ = Key::none();
    EncoderEvents::null();
  }
  void boolean(bool value) override {
    if (in_field()) key_ = Key::boolean(value);
    EncoderEvents::boolean(value);
  }
  void integer(int64_t value) override {
    if (in_field()) key_ = Key::integer(value);
    EncoderEvents::integer(value);
  }
  void floating(double value) override {
    if (in_field()) key_ = Key::floating(value);
    EncoderEvents::floating(value);
  }
  void payload(PayloadKind kind, Bytes bytes) override {
    if (in_field()) key_ = Key::payload(kind, bytes);
    EncoderEvents::payload(kind, bytes);
  }
  void begin_object() override {
    begin();
    if (depth_ == 1) in_object_ = true;
    EncoderEvents::begin_object();
  }
  void begin_array() override {
    begin();
    EncoderEvents::begin_array();
  }
  void key(PayloadKind kind, Bytes text) override {
    at_field_ = depth_ == 1 && text == field_;
    EncoderEvents::key(kind, text);
  }
  void end() override {
    --depth_;
    EncoderEvents::end();
  }

  Key take() {
    if (key_) return std::move(*key_);
    const std::string name = "field " + key_literal(literal_text_key(field_));
    throw Error(ErrorCode::kInvalidArgument,
                found_ ? "the " + name + " holds an array or object, which cannot be a key"
                       : "the document has no " + name + " to take its key from");
  }

 private:
  // Whether the value that comes is the field's.
  bool in_field() noexcept {
    const bool is = depth_ == 1 && in_object_ && at_field_;
    found_ |= is;
    return is;
  }
  void begin() noexcept {
    if (in_field()) key_.reset();
    ++depth_;
  }

  std::string_view field_;
  std::optional<Key> key_;
  size_t depth_ = 0;
  bool in_object_ = false;  // the outermost value is one
  bool at_field_ = false;
  bool found_ = false;
};

}  // namespace

void read_json(std::string_view text, ValueEncoder& to) {
  EncoderEvents events(to);
  parse_json(text, events);
}

Key read_json_and_key(std::string_view text, std::string_view field, ValueEncoder& to) {
  KeyEvents events(to, field);
  parse_json(text, events);
  return events.take();
}

}  // namespace oocmap
