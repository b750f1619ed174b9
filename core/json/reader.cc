#include "core/json/reader.h"

#include "core/json/parser.h"

namespace oocmap {
namespace {

class EncoderEvents final : public JsonEvents {
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

}  // namespace

void read_json(std::string_view text, ValueEncoder& to) {
  EncoderEvents events(to);
  parse_json(text, events);
}

}  // namespace oocmap
