#include "core/store/check.h"

#include "core/base/error.h"
#include "core/format/meta.h"
#include "core/store/check_state.h"
#include "core/store/marks.h"
#include "core/store/reference_walk.h"

namespace oocmap {
namespace {

constexpr uint64_t kStepsBetweenProgress = 4096;
constexpr uint64_t kMembersBetweenProgress = 1 << 16;
constexpr Bytes kCorruptBytes = "corrupt bytes in the store: ";

// Says what a value refers to that is not there.
class Missing final : public References {
 public:
  Missing(ContainerPlaces& containers, std::function<void(Identity)> report)
      : containers_(containers), marks_(UINT64_MAX, 0), report_(std::move(report)) {}
  // Marks say of a record that all of it is reached, whatever slots it has had.
  bool wanted(Identity identity) override {
    const uint8_t* const place = containers_.find(identity);
    return place == nullptr || *place == 0 || !marks_.reached(identity);
  }
  bool enter(Identity identity, Bytes record) override { return marks_.reach(identity, record); }
  void immutable(uint64_t) override {}
  void missing(Identity identity) override { report_(identity); }

 private:
  ContainerPlaces& containers_;
  Marks marks_;
  std::function<void(Identity)> report_;
};

}  // namespace

std::string place_of(Identity identity) {
  return "record " + std::to_string(record_of(identity)) + ", slot " +
         std::to_string(slot_of(identity));
}

void StoreCheck::problem(const std::string& place, const std::string& text) {
  ++report_.problem_count;
  if (report_.problems.size() < options_.max_problems) report_.problems.push_back({place, text});
}

void StoreCheck::note(const std::string& place, const Error& error) {
  switch (error.code()) {
    case ErrorCode::kStaleHandle:
      return problem(place, "a slot that is dead, or never was");
    case ErrorCode::kCorrupt:
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kTypeMismatch:
    case ErrorCode::kFormatVersion: {
      // What throw_corrupt() puts before it goes without saying here.
      Bytes text = error.message();
      if (text.starts_with(kCorruptBytes)) text.remove_prefix(kCorruptBytes.size());
      return problem(place, std::string(text));
    }
    default:
      throw error;
  }
}

void StoreCheck::step() {
  if (++done_ % kStepsBetweenProgress == 0 && options_.progress) options_.progress(done_, total_);
}

// One record can have millions: who waits is told, and may end it.
void StoreCheck::count_member() {
  if (++members_ % kMembersBetweenProgress == 0 && options_.progress) {
    options_.progress(done_, total_);
  }
}

void StoreCheck::run() {
  for (const Database database : {Database::kRecords, Database::kImmutables}) {
    total_ += 2 * transaction_.size(database);
  }
  for (const Database database : {Database::kEntries, Database::kOrder, Database::kChunks,
                                  Database::kImmutableIndex, Database::kGraveyard}) {
    total_ += transaction_.size(database);
  }
  list_records();
  list_immutables();
  check_meta();
  check_records();
  check_index();
  check_graveyard();
  check_owners(Database::kEntries);
  check_owners(Database::kOrder);
  check_owners(Database::kChunks);
  find_orphans();
  if (holes_) guarded("what the root refers to", [this] { find_holes(); });
}

// Rows that this version does not know are left alone.
void StoreCheck::check_meta() {
  const auto row = [this](Bytes key) {
    const auto found = transaction_.get(Database::kMeta, key);
    if (!found) throw_corrupt("the row is missing");
    return *found;
  };
  const auto check = [&](Bytes key, const auto& work) {
    guarded("meta, row '" + std::string(key) + "'", [&] { work(row(key)); });
  };
  const auto above = [](Bytes key, Bytes value, uint64_t last) {
    const uint64_t next = decode_meta_u64(key, value);
    if (next <= last) {
      throw Error(ErrorCode::kCorrupt, "the next id is " + std::to_string(next) + ", and " +
                                           std::to_string(last) + " was given out already");
    }
  };
  for (const Bytes key : {kMetaVacuumRecords, kMetaVacuumImmutables, kMetaVacuumSweeping}) {
    if (!transaction_.get(Database::kMeta, key)) continue;
    check(key, [&](Bytes value) {
      const uint64_t id = decode_meta_u64(key, value);
      if (key == kMetaVacuumSweeping) sweeping_ = id;
    });
  }
  Cursor touched(transaction_, Database::kMeta);
  for (bool found = touched.seek(kMetaVacuumTouched);
       found && touched.key().starts_with(kMetaVacuumTouched); found = touched.next()) {
    guarded("meta", [&] { decode_touched_key(touched.key()); });
  }
  check(kMetaFormatVersion, [](Bytes value) { decode_format_version(value); });
  check(kMetaFlags, [](Bytes value) { decode_features(value); });
  check(kMetaStoreId, [](Bytes value) { decode_store_id(value); });
  check(kMetaNextRecord, [&](Bytes value) {
    above(kMetaNextRecord, value, last_record_);
    decode_next_record(value);
  });
  check(kMetaNextImmutable,
        [&](Bytes value) { above(kMetaNextImmutable, value, last_immutable_); });
  check(kMetaDurability, [](Bytes value) {
    if (decode_meta_u8(kMetaDurability, value) > 2) throw_corrupt("it is none of 0, 1 and 2");
  });
  check(kMetaRoot, [](Bytes value) {
    if (decode_meta_u64(kMetaRoot, value) != kRootIdentity)
      throw_corrupt("it is not record 1, slot 0");
  });
  const uint8_t* const root = containers_.find(kRootIdentity);
  if (root == nullptr || (*root & kPlaceKind) != place_kind(tag_of(WordKind::kDict)) ||
      (*root & kPlaceSpilled) == 0) {
    problem(place_of(kRootIdentity), "the root is no spilled dict");
  }
}

void StoreCheck::list_records() {
  Cursor cursor(transaction_, Database::kRecords);
  for (bool found = cursor.first(); found; found = cursor.next()) {
    step();
    ++report_.records;
    last_record_ = cursor.integer_key();
    const Bytes record = cursor.value();
    guarded("record " + std::to_string(last_record_), [&] { list_record(last_record_, record); });
  }
}

void StoreCheck::list_immutables() {
  Cursor cursor(transaction_, Database::kImmutables);
  for (bool found = cursor.first(); found; found = cursor.next()) {
    step();
    ++report_.immutables;
    last_immutable_ = cursor.integer_key();
    const Bytes row = cursor.value();
    guarded("immutable " + std::to_string(last_immutable_),
            [&] { check_immutable(last_immutable_, row); });
  }
}

void StoreCheck::check_records() {
  Cursor cursor(transaction_, Database::kRecords);
  for (bool found = cursor.first(); found; found = cursor.next()) {
    step();
    const uint64_t id = cursor.integer_key();
    const Bytes record = cursor.value();
    guarded("record " + std::to_string(id), [&] { check_record(id, record); });
  }
}

// That each row leads to what has its hash; the other way was looked at with the immutables.
void StoreCheck::check_index() {
  Cursor cursor(transaction_, Database::kImmutableIndex);
  for (bool found = cursor.first(); found; found = cursor.next()) {
    step();
    const Bytes key = cursor.key();
    const Bytes value = cursor.value();
    guarded("immutable_index", [&] {
      const uint64_t id = index_id(key);
      const uint64_t hash = load_be64(key.data());
      const auto space = static_cast<uint8_t>(key[sizeof hash]);
      const bool text = space == static_cast<uint8_t>(IndexSpace::kImmutables);
      if (!text && space != static_cast<uint8_t>(IndexSpace::kRecords)) {
        throw_corrupt("a row has an unknown space");
      }
      const std::string what =
          "the row of " + std::string(text ? "immutable " : "record ") + std::to_string(id);
      const auto row = transaction_.get(text ? Database::kImmutables : Database::kRecords, id);
      if (!value.empty()) throw Error(ErrorCode::kCorrupt, what + " has a value");
      if (!row) throw Error(ErrorCode::kCorrupt, what + " leads to nothing");
      bool same = false;
      if (text) {
        const Immutable immutable = decode_immutable(*row);
        same = (immutable.flags & kImmutableIndexed) != 0 &&
               payload_hash(immutable.kind, immutable.payload) == hash;
      } else {
        same = (record_flags(*row) & kRecordImmutable) != 0 && record_hash(*row) == hash;
      }
      if (!same) throw Error(ErrorCode::kCorrupt, what + " has another hash, or should not be");
    });
  }
}

void StoreCheck::check_graveyard() {
  Cursor cursor(transaction_, Database::kGraveyard);
  for (bool found = cursor.first(); found; found = cursor.next()) {
    step();
    ++report_.graveyard;
    const Identity identity = cursor.integer_key();
    const Bytes value = cursor.value();
    const std::string place = "graveyard, " + place_of(identity);
    guarded(place, [&] {
      const bool rows_only = value.size() == 2 && value[1] == 1;
      if (value.empty() || (value.size() != 1 && !rows_only) ||
          !is_container(static_cast<Tag>(value[0]))) {
        throw_corrupt("the row is malformed");
      }
      const auto tag = static_cast<Tag>(value[0]);
      uint8_t* const there = containers_.find(identity);
      const bool alive = there != nullptr && *there != 0;
      if (rows_only) {
        if (alive) throw_corrupt("its node is said to be gone, and is there");
        check_loose_rows(identity, tag);
      } else if (!alive) {
        // A vacuum that was cut off may have erased it without its grave, which does no harm.
        if (record_of(identity) >= sweeping_) throw_corrupt("it is not there");
      } else if ((*there & kPlaceKind) != place_kind(tag)) {
        throw_corrupt("it is of another kind");
      } else {
        *there |= kPlaceBuried;
      }
    });
  }
}

// That the rows of each container have one that may have them. Goes from container to container.
void StoreCheck::check_owners(Database database) {
  Cursor cursor(transaction_, database);
  bool found = cursor.first();
  while (found) {
    Bytes key = cursor.key();
    Identity container = 0;
    try {
      container = read_container(key);
    } catch (const Error& error) {
      note("a key of a spilled container's row", error);
      found = cursor.next();
      continue;
    }
    const uint8_t* const place = containers_.find(container);
    const bool alive = place != nullptr && *place != 0;
    bool may = false;
    if (alive) {
      may = (*place & kPlaceSpilled) != 0 &&
            has_keys(kind_of_place(*place)) == (database != Database::kChunks);
    } else {
      const auto grave = transaction_.get(Database::kGraveyard, container);
      may = grave && grave->size() == 2;
    }
    if (!may) {
      problem(place_of(container), "there are rows of it in '" +
                                       std::string(database == Database::kEntries ? "entries"
                                                   : database == Database::kOrder ? "order"
                                                                                  : "chunks") +
                                       "', and it has none or is gone");
    }
    if (container == UINT64_MAX) return;
    found = cursor.seek(entry_prefix(container + 1));
  }
}

void StoreCheck::find_orphans() {
  containers_.each([this](Identity identity, uint8_t place) {
    if (place == 0 || identity == kRootIdentity) return;
    const bool referenced = (place & kPlaceReferenced) != 0;
    const bool shared = (place & kPlaceShared) != 0;
    const bool buried = (place & kPlaceBuried) != 0;
    if (referenced && buried && !shared) {
      problem(place_of(identity), "it is in the graveyard, and something refers to it");
    }
    if (referenced || buried) return;
    ++report_.unreferenced;
    if (!shared) ++report_.leaked;
  });
  for (size_t i = 0; i < immutables_.size(); ++i) {
    if ((immutables_.place(i) & kTextReferenced) != 0) continue;
    ++report_.unreferenced;
    if ((immutables_.place(i) & kTextShared) == 0) ++report_.leaked;
  }
}

// A vacuum under way, or one that was cut off, leaves garbage that refers to what it has erased.
// What the root reaches does not.
void StoreCheck::find_holes() {
  Missing missing(containers_, [this](Identity identity) {
    problem("what the root refers to", place_of(identity) + " is not there");
  });
  ReferenceWalk walk(missing);
  walk.add(store_.root());
  while (walk.run(transaction_, kStepsBetweenProgress)) {
    if (options_.progress) options_.progress(done_, total_);
  }
}

std::string CheckReport::summary(size_t most) const {
  std::string text;
  for (size_t i = 0; i < problems.size() && i < most; ++i) {
    if (i > 0) text += "; ";
    text += problems[i].words();
  }
  if (problem_count > most) text += "; and " + std::to_string(problem_count - most) + " more";
  return text;
}

CheckReport check_store(Store& store, const CheckOptions& options) {
  const ReadTransaction transaction = store.environment().begin_read();
  CheckReport report;
  StoreCheck(store, transaction, options, report).run();
  return report;
}

CheckReport check_file_and_store(Store& store, const CheckOptions& options) {
  PageReport pages;
  try {
    pages = check_pages(store.environment(), options.progress);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCorrupt) throw;
    CheckReport report;
    report.problem_count = 1;
    report.problems.push_back({"", error.message()});
    return report;
  }
  CheckReport report = check_store(store, options);
  report.pages = pages;
  return report;
}

}  // namespace oocmap
