// The annotated bytes of one small store in docs/format.md are those the code writes: this test
// makes the store and compares every row of every database. A row of the page is
//   database: key -> value      # words for the reader
// in hex (the rows of meta have text keys), and goes on in lines that begin with two blanks.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "core/json/reader.h"
#include "core/store/dict.h"
#include "core/store/session.h"

namespace oocmap {
namespace {

constexpr char kDatabases[][16] = {"meta",   "records",    "entries",         "order",
                                   "chunks", "immutables", "immutable_index", "graveyard"};
static_assert(std::size(kDatabases) == kDatabaseCount);

std::string hex(Bytes bytes) {
  std::string out;
  for (const char c : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<uint8_t>(c));
    out += digits;
  }
  return out;
}

// One line a row, in the order of the databases and their keys. The store's id is random.
std::vector<std::string> rows_of(Store& store) {
  std::vector<std::string> rows;
  const ReadTransaction transaction = store.environment().begin_read();
  for (int i = 0; i < kDatabaseCount; ++i) {
    const auto database = static_cast<Database>(i);
    Cursor cursor(transaction, database);
    for (bool at = cursor.first(); at; at = cursor.next()) {
      const bool is_meta = database == Database::kMeta;
      const bool is_id = is_meta && cursor.key() == "store_id";
      rows.push_back(std::string(kDatabases[i]) + ":" +
                     (is_meta ? std::string(cursor.key()) : hex(cursor.key())) + "->" +
                     (is_id ? std::string(2 * cursor.value().size(), '?') : hex(cursor.value())));
    }
  }
  return rows;
}

std::string page() {
  std::ifstream in("docs/format.md");
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The first block of the page in ```language after `heading`.
std::string block(const std::string& text, const std::string& heading,
                  const std::string& language) {
  const std::string fence = "\n```" + language + "\n";
  const size_t section = text.find("\n" + heading + "\n");
  const size_t start = section == std::string::npos ? section : text.find(fence, section);
  if (start == std::string::npos) return "";
  const size_t from = start + fence.size();
  return text.substr(from, text.find("```", from) - from);
}

std::vector<std::string> rows_of(const std::string& text) {
  std::vector<std::string> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const bool goes_on = line.starts_with("  ");
    line.resize(std::min(line.find('#'), line.size()));
    std::erase(line, ' ');
    if (goes_on && !rows.empty()) {
      rows.back() += line;
    } else if (!line.empty()) {
      rows.push_back(line);
    }
  }
  return rows;
}

TEST(FormatDump, ThePageHasTheBytesOfASmallStore) {
  const std::string text = page();
  const std::string json = block(text, "## A small store, byte by byte", "json");
  std::string folder = (std::filesystem::temp_directory_path() / "oocmap-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  OpenOptions options;
  options.path = folder + "/small.ooc";
  auto store = Store::open(options);
  {
    ValueEncoder encoder;
    read_json(json, encoder);
    const auto session = Session::create(store);
    WriteScope scope(*session);
    dict_set(*store, scope.transaction(), store->root(), Key::text("people"), encoder.finish());
    dict_set(*store, scope.transaction(), store->root(), Key::floating(1.5),
             EncodedValue::boolean(true));
    scope.commit();
  }
  const std::vector<std::string> written = rows_of(*store);
  std::string all;
  for (const std::string& row : written) all += row + "\n";
  EXPECT_EQ(rows_of(block(text, "## A small store, byte by byte", "text")), written) << all;
  store.reset();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace oocmap
