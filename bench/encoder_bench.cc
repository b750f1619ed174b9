// Storing documents in C++: encoding alone, and encoding with the puts. The documents are generated
// after the statistics of tweets: about 150 members in 30 containers, 5.9 KB as JSON, texts of
// which some repeat between documents and others do not.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "core/store/encoder.h"
#include "core/store/store.h"

namespace oocmap {
namespace {

// A document as the calls that feed it to an encoder.
struct Call {
  enum Kind { kNone, kBool, kInt, kFloat, kText, kDict, kList, kEnd } kind;
  int64_t number = 0;
  std::string text;
  std::shared_ptr<const ShapeKeys> shape;
};
using Document = std::vector<Call>;

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {
    user_ = shape({"id",
                   "id_str",
                   "name",
                   "screen_name",
                   "location",
                   "description",
                   "url",
                   "entities",
                   "protected",
                   "followers_count",
                   "friends_count",
                   "listed_count",
                   "created_at",
                   "favourites_count",
                   "utc_offset",
                   "time_zone",
                   "geo_enabled",
                   "verified",
                   "statuses_count",
                   "lang",
                   "contributors_enabled",
                   "is_translator",
                   "profile_background_color",
                   "profile_background_image_url",
                   "profile_background_tile",
                   "profile_image_url",
                   "profile_banner_url",
                   "profile_link_color",
                   "profile_sidebar_fill_color",
                   "profile_text_color",
                   "default_profile",
                   "following",
                   "notifications"});
    status_ = shape({"metadata",
                     "created_at",
                     "id",
                     "id_str",
                     "text",
                     "source",
                     "truncated",
                     "in_reply_to_status_id",
                     "in_reply_to_screen_name",
                     "user",
                     "geo",
                     "coordinates",
                     "place",
                     "contributors",
                     "retweet_count",
                     "favorite_count",
                     "entities",
                     "favorited",
                     "retweeted",
                     "lang",
                     "retweeted_status"});
    metadata_ = shape({"result_type", "iso_language_code"});
    entities_ = shape({"hashtags", "symbols", "urls", "user_mentions"});
    mention_ = shape({"screen_name", "name", "id", "id_str", "indices"});
    url_ = shape({"url", "expanded_url", "display_url", "indices"});
    urls_ = shape({"urls"});
    links_ = shape({"url", "description"});
  }

  Document document() {
    out_.clear();
    status(/*retweet=*/true);
    return std::move(out_);
  }

 private:
  static std::shared_ptr<const ShapeKeys> shape(const std::vector<std::string>& names) {
    std::vector<Key> keys;
    for (const std::string& name : names) keys.push_back(Key::text(name));
    return ShapeKeys::from(std::move(keys));
  }
  void add(Call::Kind kind, int64_t number = 0) { out_.push_back({kind, number, {}, {}}); }
  void integer() { add(Call::kInt, static_cast<int64_t>(random_() >> 20)); }
  void boolean() { add(Call::kBool, static_cast<int64_t>(random_() & 1)); }
  void text(std::string text) { out_.push_back({Call::kText, 0, std::move(text), {}}); }
  // `variety`: how many different texts of this kind there are; 0: each is new.
  void text(size_t size, uint64_t variety) {
    std::mt19937_64 letters(variety == 0 ? random_() : random_() % variety + size * 1000);
    std::string made(size, ' ');
    for (char& c : made) c = static_cast<char>('a' + letters() % 26);
    text(std::move(made));
  }
  void begin(const std::shared_ptr<const ShapeKeys>& keys) {
    out_.push_back({Call::kDict, 0, {}, keys});
  }
  void end() { add(Call::kEnd); }
  void indices() {
    add(Call::kList);
    integer();
    integer();
    end();
  }

  void empty_lists(int count) {
    for (int i = 0; i < count; ++i) {
      add(Call::kList);
      end();
    }
  }

  void url_entity() {
    begin(url_);
    text(22, 0);
    text(60, 0);
    text(28, 0);
    indices();
    end();
  }

  void entities() {
    begin(entities_);
    empty_lists(2);
    add(Call::kList);
    url_entity();
    end();
    add(Call::kList);
    begin(mention_);
    text(10, 0);
    text(12, 0);
    integer();
    text(9, 0);
    indices();
    end();
    end();
    end();
  }

  void user() {
    begin(user_);
    integer();
    text(10, 0);
    text(14, 0);
    text(11, 0);
    text(12, 50);
    text(110, 0);
    text(22, 0);
    begin(links_);
    begin(urls_);
    add(Call::kList);
    url_entity();
    end();
    end();
    begin(urls_);
    empty_lists(1);
    end();
    end();
    boolean();
    for (int i = 0; i < 3; ++i) integer();
    text(30, 0);
    integer();
    add(Call::kInt, 32400);
    text(5, 8);
    boolean();
    boolean();
    integer();
    text("ja");
    boolean();
    boolean();
    text(6, 0);
    text(66, 40);
    boolean();
    text(73, 0);
    text(56, 0);
    for (int i = 0; i < 3; ++i) text(6, 0);
    for (int i = 0; i < 3; ++i) boolean();
    end();
  }

  void status(bool retweet) {
    begin(status_);
    begin(metadata_);
    text("recent");
    text("ja");
    end();
    text(30, 0);
    integer();
    text(18, 0);
    text(150, 0);
    text(84, 12);
    boolean();
    add(Call::kNone);
    add(Call::kNone);
    user();
    for (int i = 0; i < 4; ++i) add(Call::kNone);
    integer();
    integer();
    entities();
    boolean();
    boolean();
    text("ja");
    if (retweet) {
      status(false);
    } else {
      add(Call::kNone);
    }
    end();
  }

  std::mt19937_64 random_;
  Document out_;
  std::shared_ptr<const ShapeKeys> user_, status_, metadata_, entities_, mention_, url_, urls_,
      links_;
};

void feed(const Document& document, ValueEncoder& to) {
  for (const Call& call : document) {
    switch (call.kind) {
      case Call::kNone:
        to.none();
        break;
      case Call::kBool:
        to.boolean(call.number != 0);
        break;
      case Call::kInt:
        to.integer(call.number);
        break;
      case Call::kFloat:
        to.floating(static_cast<double>(call.number) / 1e6);
        break;
      case Call::kText:
        to.payload(PayloadKind::kStr, call.text);
        break;
      case Call::kDict:
        to.begin_shaped_dict(call.shape);
        break;
      case Call::kList:
        to.begin_list();
        break;
      case Call::kEnd:
        to.end();
    }
  }
}

std::vector<Document> documents() {
  Generator generator(1);
  std::vector<Document> made(200);
  for (Document& document : made) document = generator.document();
  return made;
}

// About its size as compact JSON, and what is in it.
struct Size {
  double json = 0;
  double members = 0;
  double containers = 0;
};
Size size_of(const Document& document) {
  Size size;
  for (const Call& call : document) {
    if (call.kind == Call::kEnd) continue;
    ++size.members;
    size.json += 1;  // a comma
    if (call.kind == Call::kDict || call.kind == Call::kList) {
      ++size.containers;
      size.json += 2;
    }
    // A packed key is its text and two bytes; in JSON it is its text, quotes and a colon.
    if (call.kind == Call::kDict) {
      size.json += static_cast<double>(call.shape->payload().size() + call.shape->size());
    }
    if (call.kind == Call::kText) size.json += static_cast<double>(call.text.size() + 2);
    if (call.kind == Call::kInt) {
      size.json += static_cast<double>(std::to_string(call.number).size());
    }
    if (call.kind == Call::kNone || call.kind == Call::kBool) size.json += 4;
  }
  return size;
}

// A store in a folder that vanishes, and a transaction that is ended now and then.
class Target {
 public:
  Target() {
    std::string folder = std::filesystem::temp_directory_path().string() + "/oocmap-bench-XXXXXX";
    folder_ = mkdtemp(folder.data());
    OpenOptions options;
    options.path = folder_ + "/map.ooc";
    options.durability = Durability::kOff;
    store_ = Store::open(options);
    begin();
  }
  ~Target() {
    transaction_.abort();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  Store& store() { return *store_; }
  WriteTransaction& transaction() { return transaction_; }
  void again() {
    store_->before_commit(transaction_);
    transaction_.commit();
    begin();
  }
  uint64_t size() const { return store_->environment().allocated_size(); }

 private:
  void begin() {
    transaction_ = store_->environment().begin_write(std::chrono::seconds(1));
    store_->write_begun(transaction_);
  }
  std::string folder_;
  std::shared_ptr<Store> store_;
  WriteTransaction transaction_;
};

void EncodeDocument(benchmark::State& state) {
  const std::vector<Document> made = documents();
  ValueEncoder encoder;
  size_t i = 0;
  for (auto _ : state) {
    feed(made[i++ % made.size()], encoder);
    benchmark::DoNotOptimize(encoder.finish());
  }
  const Size size = size_of(made[0]);
  state.counters["json_bytes"] = size.json;
  state.counters["members"] = size.members;
  state.counters["containers"] = size.containers;
}
BENCHMARK(EncodeDocument)->Unit(benchmark::kMicrosecond);

void StoreDocument(benchmark::State& state) {
  const std::vector<Document> made = documents();
  Target target;
  ValueEncoder encoder;
  size_t i = 0;
  for (auto _ : state) {
    feed(made[i++ % made.size()], encoder);
    EncodedValue value = encoder.finish();
    benchmark::DoNotOptimize(store_value(target.store(), target.transaction(), value));
    if (i % 20'000 == 0) {
      state.PauseTiming();
      target.again();
      state.ResumeTiming();
    }
  }
  target.again();
  state.counters["file_bytes"] = static_cast<double>(target.size()) / static_cast<double>(i);
}
BENCHMARK(StoreDocument)->Unit(benchmark::kMicrosecond)->Iterations(40'000);

// Pairs of floats in lists in a list, as GeoJSON has them.
void StoreCoordinates(benchmark::State& state) {
  Target target;
  ValueEncoder encoder;
  std::mt19937_64 random(1);
  for (auto _ : state) {
    encoder.begin_list();
    for (int i = 0; i < 56'000; ++i) {
      if (i % 112 == 0) encoder.begin_list();
      encoder.begin_list();
      encoder.floating(static_cast<double>(random()));
      encoder.floating(static_cast<double>(random()));
      encoder.end();
      if (i % 112 == 111) encoder.end();
    }
    encoder.end();
    EncodedValue value = encoder.finish();
    benchmark::DoNotOptimize(store_value(target.store(), target.transaction(), value));
  }
}
BENCHMARK(StoreCoordinates)->Unit(benchmark::kMicrosecond)->Iterations(30);

void StoreScalar(benchmark::State& state) {
  Target target;
  for (auto _ : state) {
    EncodedValue value = EncodedValue::integer(5);
    benchmark::DoNotOptimize(store_value(target.store(), target.transaction(), value));
  }
}
BENCHMARK(StoreScalar)->Unit(benchmark::kNanosecond);

}  // namespace
}  // namespace oocmap
