// What nothing reaches goes, what anything reaches stays: also what becomes reachable meanwhile.
#include "core/store/vacuum.h"

#include <random>

#include "core/lmdb/vacuum_lock.h"
#include "tests/core/store/vacuum_fixture.h"

namespace oocmap {
namespace {

using Step = VacuumProgress::Step;
using std::chrono::milliseconds;

Plain text(char fill, size_t size = kIndexedText) { return std::string(size, fill); }

Plain lists(int count, const Plain& each) {
  Plain list = Plain::list();
  for (int i = 0; i < count; ++i) list.items.push_back(Plain::list({i, each}));
  return list;
}

// Runs `body` when a step begins, once.
VacuumOptions at(Step step, std::function<void()> body) {
  VacuumOptions options;
  auto done = std::make_shared<bool>(false);
  options.progress = [step, done, body = std::move(body)](const VacuumProgress& progress) {
    if (progress.step == step && !std::exchange(*done, true)) body();
    return true;
  };
  return options;
}

TEST_F(VacuumTest, ANewMapHasNothingToFree) {
  const VacuumReport report = user->vacuum();
  EXPECT_TRUE(report.finished);
  EXPECT_TRUE(report.can_punch);
  EXPECT_EQ(report.containers, 0u);
  EXPECT_EQ(report.immutables, 0u);
  expect_sound(true);
}

TEST_F(VacuumTest, AnEmptiedMapTakesLittleMoreThanANewOne) {
  const uint64_t fresh = user->store->environment().allocated_size();
  const uint64_t rows = user->rows_in_all();
  for (int i = 0; i < 300; ++i) {
    user->set(i, lists(3, text('x', 600 + static_cast<size_t>(i))));
    user->set(-i - 1, Plain::dict({{"shape " + std::to_string(i), Plain::tuple({i, text('t')})}}));
  }
  EXPECT_GT(user->store->environment().allocated_size(), fresh + 400'000);
  for (int i = 0; i < 300; ++i) {
    user->erase(i);
    user->erase(-i - 1);
  }
  const VacuumReport report = user->vacuum();
  EXPECT_TRUE(report.finished);
  EXPECT_GT(report.immutables, 300u);  // a shape each
  EXPECT_EQ(user->rows_in_all(), rows);
  EXPECT_GT(report.punched_bytes, 400'000u);
  EXPECT_GT(report.allocated_before, fresh + 400'000);
  EXPECT_LT(report.allocated_after, fresh + 48 * 4096);
  expect_sound(true);
}

TEST_F(VacuumTest, SharedGarbageGoes) {
  const uint64_t rows = user->rows_in_all();
  user->set("a", lists(3, text('x')));
  user->set("b", Plain::reference(user->identity("a"), WordKind::kList));
  user->erase("a");
  user->vacuum();
  EXPECT_EQ(user->get("b"), lists(3, text('x')));
  expect_sound(true);
  user->erase("b");
  EXPECT_GT(user->rows_in_all(), rows);  // pinned: deleting alone does not free it
  const VacuumReport report = user->vacuum();
  EXPECT_EQ(report.containers, 4u);
  EXPECT_EQ(user->rows_in_all(), rows);
  expect_sound(true);
}

TEST_F(VacuumTest, CyclesGo) {
  const uint64_t rows = user->rows_in_all();
  user->set("a", Plain::list({1}));
  user->append(user->identity("a"), Plain::reference(user->identity("a"), WordKind::kList));
  user->set("b", Plain::dict({{"x", Plain::list()}}));
  user->set("c", Plain::dict({{"y", Plain::reference(user->identity("b"), WordKind::kDict)}}));
  user->set_in(user->identity("b"), "back", Plain::reference(user->identity("c"), WordKind::kDict));
  user->vacuum();
  expect_sound(true);
  for (const char* key : {"a", "b", "c"}) user->erase(key);
  EXPECT_TRUE(user->vacuum().finished);
  EXPECT_EQ(user->rows_in_all(), rows);
  expect_sound(true);
}

TEST_F(VacuumTest, OfARecordWithAnAliasOnlyTheAliasStays) {
  user->set("a", Plain::list({lists(2, "kept"), lists(50, text('g')), lists(3, "also garbage")}));
  Identity first = 0;
  {
    const ReadScope scope(*user->session);
    first = user->store->locate(scope.transaction(), user->identity("a")).member(0).word;
  }
  user->set("b", Plain::reference(first, WordKind::kList));
  user->erase("a");
  const VacuumReport report = user->vacuum();
  EXPECT_EQ(report.containers, 1u + 1 + 50 + 1 + 3);
  EXPECT_EQ(user->get("b"), lists(2, "kept"));
  expect_sound(true);
}

TEST_F(VacuumTest, SpilledContainersGoWithTheirRows) {
  const uint64_t rows = user->rows_in_all();
  Plain dict = Plain::dict();
  Plain list = Plain::list();
  for (int i = 0; i < 3000; ++i) {
    dict.pairs.emplace_back(i, Plain::list({i, "text of an entry that is long enough to move it " +
                                                   std::to_string(i)}));
    list.items.push_back(Plain::dict({{"a", i}}));
  }
  user->set("both", Plain::list({dict, list, Plain::set({1, 2})}));
  user->append(user->identity("both"),
               Plain::reference(user->identity("both"), WordKind::kList));  // a cycle pins it
  user->set("stays", list);
  user->erase("both");
  VacuumOptions options;
  options.rows_at_once = 100;
  EXPECT_TRUE(user->vacuum(options).finished);
  EXPECT_EQ(user->get("stays"), list);
  expect_sound(true);
  user->erase("stays");
  user->vacuum(options);
  EXPECT_EQ(user->rows_in_all(), rows);
}

TEST_F(VacuumTest, TextsShapesAndTuplesGoWithTheLastThatRefersToThem) {
  const Plain tuple = Plain::tuple({1, 2, Plain::tuple({3, text('t', 40)}), text('u')});
  const Plain dict = Plain::dict({{"k", text('x')}, {"l", tuple}});
  user->set("a", dict);
  user->set("b", dict);
  user->erase("a");
  user->vacuum();
  EXPECT_EQ(user->get("b"), dict);
  expect_sound(true);
  user->erase("b");
  user->vacuum();
  EXPECT_EQ(user->rows(Database::kImmutables), 0u);
  EXPECT_EQ(user->rows(Database::kImmutableIndex), 0u);
  EXPECT_EQ(user->rows(Database::kRecords), 1u);
  user->set("c", dict);  // what this process remembers of them is not used
  EXPECT_EQ(user->get("c"), dict);
  expect_sound(false);
}

TEST_F(VacuumTest, KeysInImmutablesAreReferences) {
  Plain dict = Plain::dict();
  for (int i = 0; i < 100; ++i)
    dict.pairs.emplace_back(std::to_string(i) + std::string(90, 'k'), i);
  user->set("inline", Plain::list({dict}));
  user->set("set", Plain::set({text('k', 5000), text('l', 700)}));
  user->vacuum();
  EXPECT_EQ(user->get("inline"), Plain::list({dict}));
  EXPECT_EQ(user->get("set"), Plain::set({text('k', 5000), text('l', 700)}));
  expect_sound(true);
}

// --- Handles

TEST_F(VacuumTest, WhatAHandleHoldsStaysWithAllBelowIt) {
  user->set("a", lists(3, text('x')));
  const Identity held = user->identity("a");
  user->set("b", Plain::reference(held, WordKind::kList));  // pinned: it does not wait in a grave
  user->store->hold(held);
  user->erase("a");
  user->erase("b");
  user->vacuum();
  EXPECT_EQ(user->read(held), lists(3, text('x')));
  user->set("c", Plain::reference(held, WordKind::kList));
  user->store->release(held);
  user->vacuum();
  EXPECT_EQ(user->get("c"), lists(3, text('x')));
  user->erase("c");
  user->vacuum();
  EXPECT_TRUE(user->gone(held));
  expect_sound(true);
}

TEST_F(VacuumTest, AGraveThatAHandleHoldsStaysToo) {
  user->set("a", lists(3, text('x')));
  const Identity held = user->identity("a");
  user->store->hold(held);
  user->erase("a");
  EXPECT_EQ(user->rows(Database::kGraveyard), 1u);
  EXPECT_TRUE(user->vacuum().finished);
  EXPECT_EQ(user->read(held), lists(3, text('x')));
  user->store->release(held);
  EXPECT_TRUE(user->vacuum().finished);
  EXPECT_TRUE(user->gone(held));
  expect_sound(true);
}

TEST_F(VacuumTest, AHandleOfAnotherProcessIsStaleAfterwards) {
  user->set("a", lists(3, text('x')));
  user->set("b", Plain::reference(user->identity("a"), WordKind::kList));
  Signal held;
  Signal vacuumed;
  Child other([&] {
    const VacuumUser mine(path);
    const Identity handle = mine.identity("a");
    mine.store->hold(handle);
    held.raise();
    vacuumed.await();
    const auto store_it = [&] { mine.set("c", Plain::reference(handle, WordKind::kList)); };
    return mine.gone(handle) && error_of(store_it).code() == ErrorCode::kStaleHandle ? 0 : 1;
  });
  held.await();
  user->erase("a");
  user->erase("b");
  user->vacuum();
  vacuumed.raise();
  EXPECT_EQ(other.wait(), 0);
  EXPECT_EQ(user->get("c"), std::nullopt);
  expect_sound(true);
}

// --- The barrier: each is garbage when it is marked, and is not when it would be erased

TEST_F(VacuumTest, ATextThatIsStoredAgainMeanwhileStays) {
  for (const Step step : {Step::kTrace, Step::kSweep}) {
    user->set("a", Plain::list({text('x'), Plain::tuple({1, text('y'), 3})}));
    user->set("b", Plain::list({text('x'), Plain::tuple({1, text('y'), 3})}));  // shared, now
    user->erase("a");
    user->erase("b");
    const Plain again = Plain::dict(
        {{"list", Plain::list({text('x')})}, {"tuple", Plain::tuple({1, text('y'), 3})}});
    user->vacuum(at(step, [&] { user->set("c", again); }));
    EXPECT_EQ(user->get("c"), again);
    expect_sound(true);
    user->erase("c");
    EXPECT_EQ(user->barrier().records, 0u);
  }
}

TEST_F(VacuumTest, AWindowTextAndAShapeThatAreStoredAgainMeanwhileStay) {
  const Plain dict = Plain::dict({{"some", Plain::list({text('w', 100)})}, {"keys", 2}});
  for (int i = 0; i < 3; ++i) user->set(i, dict);  // the second sighting makes an immutable
  for (int i = 0; i < 3; ++i) user->erase(i);
  const uint64_t immutables = user->rows(Database::kImmutables);
  user->vacuum(at(Step::kTrace, [&] { user->set("c", dict); }));
  EXPECT_EQ(user->rows(Database::kImmutables), immutables);
  EXPECT_EQ(user->get("c"), dict);
  expect_sound(true);
}

TEST_F(VacuumTest, WhatAnotherProcessStoresAgainMeanwhileStays) {
  const Plain value = Plain::list({text('x'), Plain::dict({{"k", Plain::tuple({1, text('y')})}})});
  for (const Step step : {Step::kTrace, Step::kSweep}) {
    user->set("a", value);
    user->set("b", value);
    user->erase("a");
    user->erase("b");
    user->vacuum(at(step, [&] {
      Child other([&] {
        VacuumUser(path).set("c", value);
        return 0;
      });
      EXPECT_EQ(other.wait(), 0);
    }));
    EXPECT_EQ(user->get("c"), value);
    expect_sound(true);
    user->erase("c");
  }
}

// Another process holds a handle to what is garbage, and stores it in the middle of a vacuum: whole
// or not at all, whatever has been erased by then.
TEST_F(VacuumTest, AHandleOfAnotherProcessIsStoredWholeOrNotAtAll) {
  Plain below = Plain::list();  // some records, so that there is something between all and nothing
  for (int i = 0; i < 200; ++i) below.items.push_back(lists(20, text('x', 600)));
  int kept = 0;
  int refused = 0;
  for (int when = 0; when < 12; ++when) {
    user->set("a", below);
    user->set("b", Plain::reference(user->identity("a"), WordKind::kList));
    Signal held;
    Signal now;
    Signal done;
    Child other([&] {
      const VacuumUser mine(path);
      const Identity handle = mine.identity("a");
      held.raise();
      now.await();
      int result = 0;
      try {
        mine.set("c", Plain::reference(handle, WordKind::kList));
      } catch (const Error& error) {
        result = error.code() == ErrorCode::kStaleHandle ? 1 : 2;
      }
      done.raise();
      return result;
    });
    held.await();
    user->erase("a");
    user->erase("b");
    VacuumOptions options;
    options.rows_at_once = 1;
    options.report_every = milliseconds(0);
    int calls = 0;
    options.progress = [&](const VacuumProgress& progress) {
      const bool due = progress.step == Step::kTrace || progress.step == Step::kSweep;
      if (due && calls++ == when) {
        now.raise();
        done.await();
      }
      return true;
    };
    EXPECT_TRUE(user->vacuum(options).finished);
    now.raise();  // where it never came to that
    const int result = other.wait();
    ASSERT_LE(result, 1);
    (result == 0 ? kept : refused) += 1;
    if (result == 0) {
      EXPECT_EQ(user->get("c"), below) << when;
    } else {
      EXPECT_EQ(user->get("c"), std::nullopt) << when;
    }
    expect_sound(true);
    user->erase("c");
  }
  EXPECT_GT(kept, 0);
  EXPECT_GT(refused, 0);
}

// --- Interrupted

TEST_F(VacuumTest, StoppedWhereverItIsTheNextOneFinishes) {
  const uint64_t rows = user->rows_in_all();
  for (int when = 0; when < 25; ++when) {
    user->set("stays", lists(5, text('s')));
    for (int i = 0; i < 4; ++i) {
      const Plain key = "cycle " + std::to_string(i);
      user->set(key, lists(5, text('c')));
      user->append(user->identity(key), Plain::reference(user->identity(key), WordKind::kList));
      user->erase(key);
    }
    VacuumOptions options;
    options.rows_at_once = 2;
    options.report_every = milliseconds(0);
    int calls = 0;
    options.progress = [&](const VacuumProgress&) { return calls++ != when; };
    user->vacuum(options);
    EXPECT_EQ(user->get("stays"), lists(5, text('s')));
    EXPECT_EQ(user->barrier().records, 0u);
    expect_sound(false);
    expect_check_finds_nothing();
    options.progress = nullptr;
    EXPECT_TRUE(user->vacuum(options).finished);
    EXPECT_EQ(user->barrier().sweeping, 0u);
    expect_sound(true);
    user->erase("stays");
  }
  user->vacuum();
  EXPECT_EQ(user->rows_in_all(), rows);
}

TEST_F(VacuumTest, WhatProgressThrowsEndsIt) {
  user->set("a", Plain::list({text('x')}));
  struct Stop {};
  VacuumOptions options;
  options.progress = [](const VacuumProgress& progress) -> bool {
    if (progress.step == Step::kSweep) throw Stop();
    return true;
  };
  EXPECT_THROW(user->vacuum(options), Stop);
  EXPECT_FALSE(VacuumLock::held(user->store->environment()));
  user->set("b", 1);  // takes the barrier down
  EXPECT_EQ(user->barrier().records, 0u);
  EXPECT_TRUE(user->vacuum().finished);
  expect_sound(true);
}

TEST_F(VacuumTest, TheTimeLimitEndsIt) {
  VacuumOptions options;
  options.time_limit = milliseconds(0);
  user->set("a", Plain::list({text('x')}));
  user->erase("a");
  EXPECT_FALSE(user->vacuum(options).finished);
  expect_sound(false);
  options.time_limit = milliseconds(60'000);
  EXPECT_TRUE(user->vacuum(options).finished);
  expect_sound(true);
}

TEST_F(VacuumTest, KilledWhereverItIsNothingIsLostAndTheNextOneFinishes) {
  const uint64_t rows = user->rows_in_all();
  int killed = 0;
  for (int when = 0; when < 24; ++when) {
    user->set("stays", lists(5, text('s')));
    for (int i = 0; i < 12; ++i) {
      const Plain key = "cycle " + std::to_string(i);
      user->set(key, lists(5, text('c')));
      user->append(user->identity(key), Plain::reference(user->identity(key), WordKind::kList));
      user->erase(key);
    }
    Child vacuumer([&] {
      const VacuumUser mine(path);
      VacuumOptions options;
      options.rows_at_once = 1;
      options.report_every = milliseconds(0);
      int calls = 0;
      options.progress = [&](const VacuumProgress&) {
        if (calls++ == when) kill(getpid(), SIGKILL);
        return true;
      };
      mine.vacuum(options);
      return 0;
    });
    killed += vacuumer.wait() == 1000 + SIGKILL;
    EXPECT_EQ(user->get("stays"), lists(5, text('s')));
    expect_sound(false);
    expect_check_finds_nothing();
    user->set("again", lists(5, text('c')));
    EXPECT_EQ(user->barrier().records, 0u);  // nobody's: that write took it down
    EXPECT_EQ(user->get("again"), lists(5, text('c')));
    user->erase("again");
    EXPECT_TRUE(user->vacuum().finished);
    EXPECT_EQ(user->barrier().sweeping, 0u);
    expect_sound(true);
    user->erase("stays");
  }
  EXPECT_GT(killed, 10);
  user->vacuum();
  EXPECT_EQ(user->rows_in_all(), rows);
}

// What a killed vacuum has begun to erase is never stored again, however long ago that was.
TEST_F(VacuumTest, AHandleToWhatAKilledVacuumBeganToEraseIsRefused) {
  const Plain value = lists(20'000, "x");
  int refused = 0;
  for (int when = 1; when < 5; ++when) {
    user->set("a", Plain::list({value}));
    user->set("b", Plain::reference(user->identity("a"), WordKind::kList));
    const Identity handle = user->identity("a");
    user->erase("a");
    user->erase("b");
    Child vacuumer([&] {
      const VacuumUser mine(path);
      VacuumOptions options;
      options.rows_at_once = 1;
      options.report_every = milliseconds(0);
      int calls = 0;
      options.progress = [&](const VacuumProgress& progress) {
        if (progress.step == Step::kSweep && calls++ == when) kill(getpid(), SIGKILL);
        return true;
      };
      mine.vacuum(options);
      return 0;
    });
    ASSERT_EQ(vacuumer.wait(), 1000 + SIGKILL);
    user->set("between", when);
    EXPECT_GT(user->barrier().sweeping, 0u);
    const auto store_it = [&] { user->set("c", Plain::reference(handle, WordKind::kList)); };
    refused += !user->gone(handle);
    EXPECT_EQ(error_of(store_it).code(), ErrorCode::kStaleHandle);
    user->erase("between");
    EXPECT_TRUE(user->vacuum().finished);
    EXPECT_EQ(user->barrier().sweeping, 0u);
    expect_sound(true);
  }
  EXPECT_GT(refused, 0);
}

// --- Beside others

TEST_F(VacuumTest, OneAtATime) {
  std::string message;
  const VacuumReport report = user->vacuum(at(Step::kTrace, [&] {
    const Error error = error_of([&] { user->vacuum(); });
    EXPECT_EQ(error.code(), ErrorCode::kBusy);
    message = error.message();
    Child other([&] {
      const VacuumUser mine(path);
      return error_of([&] { mine.vacuum(); }).code() == ErrorCode::kBusy ? 0 : 1;
    });
    EXPECT_EQ(other.wait(), 0);
  }));
  EXPECT_TRUE(report.finished);
  EXPECT_EQ(message,
            "cannot vacuum '" + path + "': this process does so already; wait for its end");
}

TEST_F(VacuumTest, ASnapshotReadsItsMoment) {
  const Plain value = lists(200, text('x', 700));
  user->set("a", value);
  user->set("b", Plain::reference(user->identity("a"), WordKind::kList));
  const auto snapshot = Session::create_snapshot(user->store);
  user->erase("a");
  user->erase("b");
  user->vacuum();
  user->set("c", lists(200, text('y', 700)));
  EXPECT_EQ(user->get("a", *snapshot), value);
  EXPECT_EQ(user->get("a"), std::nullopt);
  const Error error = error_of([&] { vacuum(*snapshot); });
  EXPECT_EQ(error.code(), ErrorCode::kReadOnly);
}

TEST_F(VacuumTest, InsideATransactionItIsRefused) {
  user->session->begin(View::kThread);
  const Error error = error_of([&] { user->vacuum(); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error.message(),
            "cannot vacuum '" + path + "' inside a transaction: commit or roll it back first");
  user->session->rollback();
  user->session->set_join_hooks({[] { return true; }, [] {}});
  EXPECT_EQ(error_of([&] { user->vacuum(); }).code(), ErrorCode::kInvalidArgument);
  user->session->set_join_hooks({});
  EXPECT_TRUE(user->vacuum().finished);
}

TEST_F(VacuumTest, AWriterThatDoesNotEndMakesItBusy) {
  Signal writing;
  Signal enough;
  Child other([&] {
    const VacuumUser mine(path);
    WriteScope scope(*mine.session);
    writing.raise();
    enough.await();
    return 0;
  });
  writing.await();
  user->session->set_timeout(milliseconds(20));
  EXPECT_EQ(error_of([&] { user->vacuum(); }).code(), ErrorCode::kBusy);
  enough.raise();
  EXPECT_EQ(other.wait(), 0);
  EXPECT_TRUE(user->vacuum().finished);
}

TEST_F(VacuumTest, OfADamagedFileNothingIsErased) {
  user->set("a", lists(100, text('x')));
  user->set("b", Plain::list({text('g')}));
  user->set("c", Plain::reference(user->identity("b"), WordKind::kList));
  user->erase("b");
  user->erase("c");
  const uint64_t record = record_of(user->identity("a"));
  {
    WriteScope scope(*user->session);
    scope.transaction().erase(Database::kRecords, record);
    scope.commit();
  }
  const uint64_t rows = user->rows_in_all();
  const Error error = error_of([&] { user->vacuum(); });
  EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
  EXPECT_NE(error.message().find("record " + std::to_string(record)), std::string::npos)
      << error.message();
  user->set("b", 1);
  EXPECT_EQ(user->rows_in_all(), rows + 2);
}

// --- At random, against a model

TEST_F(VacuumTest, RandomAliasesDeletionsAndVacuums) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::vector<std::optional<Plain>> model(12);
  const auto key = [](size_t i) { return Plain("key " + std::to_string(i)); };
  for (int round = 0; round < 400; ++round) {
    const size_t i = random() % model.size();
    const size_t j = random() % model.size();
    switch (random() % 6) {
      case 0:
      case 1: {
        const int size = static_cast<int>(random() % (random() % 8 == 0 ? 1200 : 20));
        const char fill = static_cast<char>('a' + random() % 4);
        model[i] = lists(size, text(fill, 20 + random() % 3 * 300));
        if (random() % 2 == 0) {
          model[i] = Plain::dict({{"k" + std::to_string(random() % 3), *model[i]},
                                  {"t", Plain::tuple({1, text(fill)})}});
        }
        user->set(key(i), *model[i]);
        break;
      }
      case 2:
        if (!model[i]) break;
        user->set(key(j), Plain::reference(user->identity(key(i)), model[i]->kind == Plain::kDict
                                                                       ? WordKind::kDict
                                                                       : WordKind::kList));
        model[j] = model[i];
        break;
      case 3:
      case 4:
        user->erase(key(i));
        model[i].reset();
        break;
      default: {
        VacuumOptions options;
        options.rows_at_once = 1 + random() % 50;
        options.punch = random() % 8 == 0;
        EXPECT_TRUE(user->vacuum(options).finished);
        expect_sound(true);
      }
    }
    if (round % 20 == 0) reopen();
    ASSERT_EQ(user->get(key(i)), model[i]);
  }
  for (size_t i = 0; i < model.size(); ++i) ASSERT_EQ(user->get(key(i)), model[i]);
}

}  // namespace
}  // namespace oocmap
