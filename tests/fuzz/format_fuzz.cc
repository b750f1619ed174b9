// The decoders of core/format. The first byte says which, the rest is its input.
#include <algorithm>
#include <memory>

#include "tests/core/format/decoders.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace oocmap;
  static const std::vector<Decoder> kDecoders = decoders();
  if (size == 0) return 0;
  const Decoder& decoder = kDecoders[data[0] % kDecoders.size()];
  // Of its exact size, so that a read behind it is seen.
  const auto exact = std::make_unique<char[]>(size - 1);
  std::copy(data + 1, data + size, exact.get());
  try {
    decoder.use({exact.get(), size - 1});
  } catch (const Error& error) {
    const auto& also = decoder.also;
    require(error.code() == ErrorCode::kCorrupt ||
                std::find(also.begin(), also.end(), error.code()) != also.end(),
            error.what());
  }
  return 0;
}
