// Every decoder against mutated input: a named error or a valid decode, never a crash. Meant for
// the sanitizers: each input is an allocation of its exact size, and every byte a decode points at
// is read. tests/fuzz/format_fuzz.cc does the same with inputs that are led by coverage.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>

#include "core/base/error.h"
#include "core/format/chunk.h"
#include "tests/core/format/decoders.h"

namespace oocmap {
namespace {

// --- Mutations

Buffer mutate(Buffer bytes, std::mt19937_64& random) {
  static const uint8_t kOdd[] = {0x00, 0x01, 0x12, 0x40, 0x50, 0x7f,
                                 0x80, 0xc8, 0xcf, 0xf0, 0xfe, 0xff};
  for (size_t edits = 1 + random() % 4; edits > 0; --edits) {
    const size_t at = bytes.empty() ? 0 : random() % bytes.size();
    switch (random() % 6) {
      case 0:
        if (!bytes.empty()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
        break;
      case 1:
        if (!bytes.empty()) bytes[at] = static_cast<char>(kOdd[random() % sizeof kOdd]);
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.insert(at, 1 + random() % 3, static_cast<char>(kOdd[random() % sizeof kOdd]));
        break;
      case 4:
        bytes.erase(at, 1 + random() % 3);
        break;
      default:
        if (bytes.size() >= at + 4) store_le(bytes.data() + at, static_cast<uint32_t>(random()));
    }
  }
  return bytes;
}

// Decodes from an allocation of exactly the input's size. Returns whether it decoded.
bool decodes(const Decoder& decoder, const Buffer& input) {
  const auto exact = std::make_unique<char[]>(input.size());
  std::copy(input.begin(), input.end(), exact.get());
  try {
    decoder.use({exact.get(), input.size()});
    return true;
  } catch (const Error& error) {
    const auto& also = decoder.also;
    EXPECT_TRUE(error.code() == ErrorCode::kCorrupt ||
                std::find(also.begin(), also.end(), error.code()) != also.end())
        << decoder.name << ": " << error.what();
    return false;
  }
}

uint64_t rounds() {
  const char* wanted = std::getenv("OOCMAP_HOSTILE_ROUNDS");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 5'000;
}

class HostileBytes : public testing::TestWithParam<Decoder> {};

TEST_P(HostileBytes, MutatedInputIsRefusedOrDecodes) {
  const Decoder& decoder = GetParam();
  std::mt19937_64 random(99);
  for (const Buffer& input : decoder.inputs) {
    EXPECT_TRUE(decodes(decoder, input)) << decoder.name;
    for (uint64_t round = 0; round < rounds(); ++round) decodes(decoder, mutate(input, random));
  }
}

TEST_P(HostileBytes, EveryPrefixIsRefusedOrDecodes) {
  const Decoder& decoder = GetParam();
  for (const Buffer& input : decoder.inputs) {
    for (size_t size = 0; size < input.size(); ++size) decodes(decoder, input.substr(0, size));
  }
}

TEST_P(HostileBytes, RandomBytesAreRefusedOrDecode) {
  const Decoder& decoder = GetParam();
  std::mt19937_64 random(98);
  for (uint64_t round = 0; round < rounds(); ++round) {
    Buffer bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random() % 3 == 0 ? random() % 6 : random());
    decodes(decoder, bytes);
  }
}

std::string name_of(const testing::TestParamInfo<Decoder>& info) {
  std::string name = info.param.name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Decoders, HostileBytes, testing::ValuesIn(decoders()), name_of);

TEST(HostileNode, StringsThatPassTheEndAreCorrupt) {
  NodeBuilder builder;
  builder.reset(NodeKind::kList);
  for (int i = 0; i < 3; ++i)
    builder.add(text_member(heap_tag(PayloadKind::kStr), std::string(500, 'a')));
  Buffer node;
  builder.encode(node);
  for (const size_t i : {0, 1, 2}) {
    Buffer bad = node;
    store_le(bad.data() + kNodeHeader + 2 + 2 * i, uint16_t{1'501});
    const NodeView view = NodeView::parse(bad, make_identity(1, 0), 1);
    EXPECT_THROW((void)view.member(2), Error) << i;
    EXPECT_THROW(builder.load(view), Error) << i;
  }
}

TEST(HostileRecord, OverlappingNodesCannotUnfoldIntoALargeRecord) {
  RecordEditor editor;
  editor.add(some_node(NodeKind::kInlineDict));
  for (int i = 1; i < 50; ++i) editor.add(encode_spilled_dict(1, 1));
  Buffer record = editor.finish();
  // Every slot names the first node, the largest.
  for (size_t slot = 0; slot < 50; ++slot) {
    store_le(record.data() + record.size() - 100 + 2 * slot,
             static_cast<uint16_t>(kRecordHeader / 2));
  }
  EXPECT_NO_THROW(NodeView::locate(record, make_identity(1, 7)));
  EXPECT_THROW(RecordEditor{record}, Error);
}

}  // namespace
}  // namespace oocmap
