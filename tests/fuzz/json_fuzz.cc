// JSON text: what is taken is written and read again as the same; the document in memory and the
// encoder that stores it agree on what is JSON.
#include "core/base/error.h"
#include "core/json/document.h"
#include "core/json/reader.h"
#include "tests/fuzz/fuzz.h"

namespace oocmap {
namespace {

Buffer written(const Document& document) {
  Buffer text;
  document.write(0, text);
  return text;
}

template <typename Work>
bool taken(const Work& work) {
  try {
    work();
    return true;
  } catch (const Error& error) {
    require(error.code() == ErrorCode::kInvalidJson || error.code() == ErrorCode::kInvalidArgument,
            error.what());
    return false;
  }
}

void check(std::string_view text) {
  Buffer once;
  const bool document = taken([&] { once = written(Document::parse(text)); });
  if (document) require(written(Document::parse(once)) == once, "written JSON reads otherwise");
  ValueEncoder encoder;
  const bool value = taken([&] {
    read_json(text, encoder);
    encoder.finish();
  });
  require(document == value, "one reader takes what the other refuses");
}

}  // namespace
}  // namespace oocmap

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  oocmap::check(oocmap::input_text(data, size));
  return 0;
}
