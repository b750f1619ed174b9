// JSON paths: the first line is the path, the rest a JSON document that it is followed in.
#include "core/base/error.h"
#include "core/json/document.h"
#include "core/json/path.h"
#include "tests/fuzz/fuzz.h"

namespace oocmap {
namespace {

constexpr std::string_view kDocument =
    R"({"a":[1,{"b":"c","":0,"1":2,"None":3}],"odd \"name\"":{"[":[]},"é":null,"a.b":[[[4]]]})";

void check(std::string_view input) {
  const size_t line = input.find('\n');
  const std::string_view text = input.substr(0, line);
  const std::string_view json = line == input.npos ? kDocument : input.substr(line + 1);
  try {
    const Path path = Path::parse(text);
    const Document document = Document::parse(json);
    if (const auto node = document.find(path)) {
      Buffer out;
      document.write(*node, out);
      require(!out.empty(), "a value is written as nothing");
    }
  } catch (const Error& error) {
    require(error.code() == ErrorCode::kInvalidPath || error.code() == ErrorCode::kInvalidJson ||
                error.code() == ErrorCode::kInvalidArgument,
            error.what());
  }
}

}  // namespace
}  // namespace oocmap

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  oocmap::check(oocmap::input_text(data, size));
  return 0;
}
