// The files that releases left (tests/fixtures/) are read, and can be written to, by this version.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "core/json/writer.h"
#include "core/store/dict.h"
#include "core/store/session.h"

namespace oocmap {
namespace {

namespace fs = std::filesystem;

class FixtureTest : public testing::TestWithParam<std::string> {
 protected:
  FixtureTest() {
    std::string folder = (fs::temp_directory_path() / "oocmap-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) std::abort();
    folder_ = folder;
    fs::copy_file(fixture(".ooc"), path());
  }
  ~FixtureTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  static std::string fixture(const std::string& extension) {
    return std::string("tests/fixtures/") + GetParam() + extension;
  }
  static std::string expected() {
    std::ifstream in(fixture(".json"));
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  std::string path() const { return folder_ + "/map.ooc"; }
  std::shared_ptr<Store> open(OpenMode mode) const {
    OpenOptions options;
    options.path = path();
    options.mode = mode;
    return Store::open(options);
  }
  static std::string json(Store& store) {
    const ReadTransaction transaction = store.environment().begin_read();
    Buffer text;
    write_json(store, transaction, {tag_of(WordKind::kDict), store.root()}, text);
    return text + "\n";
  }

 private:
  std::string folder_;
};

TEST_P(FixtureTest, ItIsReadAsItWasWritten) {
  for (const OpenMode mode : {OpenMode::kRead, OpenMode::kWrite}) {
    EXPECT_EQ(json(*open(mode)), expected());
  }
}

TEST_P(FixtureTest, ItHasRowsInEveryDatabase) {
  const auto store = open(OpenMode::kRead);
  const ReadTransaction transaction = store->environment().begin_read();
  for (int i = 0; i < kDatabaseCount; ++i) {
    EXPECT_GT(transaction.size(static_cast<Database>(i)), 0u) << "database " << i;
  }
}

TEST_P(FixtureTest, ItCanBeWrittenTo) {
  {
    const auto store = open(OpenMode::kWrite);
    const auto session = Session::create(store);
    for (int i = 0; i < 20; ++i) {  // its graveyard is reclaimed meanwhile
      WriteScope scope(*session);
      dict_set(*store, scope.transaction(), store->root(), Key::text("new"),
               EncodedValue::integer(i));
      scope.commit();
    }
  }
  const std::string before = expected();
  EXPECT_EQ(json(*open(OpenMode::kRead)), before.substr(0, before.size() - 2) + ",\"new\":19}\n");
}

INSTANTIATE_TEST_SUITE_P(Releases, FixtureTest, testing::Values("format_1"),
                         [](const auto& release) { return release.param; });

}  // namespace
}  // namespace oocmap
