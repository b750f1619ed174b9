#include "core/lmdb/writer_thread.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "core/lmdb/environment.h"

namespace oocmap {
namespace {

TEST(WriterThread, RunsTasksOnOneOtherThreadAndWaits) {
  WriterThread writer;
  uint64_t first = 0;
  uint64_t second = 0;
  writer.run([&] { first = this_thread_number(); });
  writer.run([&] { second = this_thread_number(); });
  EXPECT_NE(first, 0u);
  EXPECT_EQ(first, second);
  EXPECT_NE(first, this_thread_number());
}

TEST(WriterThread, ThrowsWhatTheTaskThrows) {
  WriterThread writer;
  EXPECT_THROW(writer.run([] { throw std::runtime_error("no"); }), std::runtime_error);
  int ran = 0;
  writer.run([&] { ++ran; });
  EXPECT_EQ(ran, 1);
}

TEST(WriterThread, ATaskMayRunAnother) {
  WriterThread writer;
  int ran = 0;
  writer.run([&] { writer.run([&] { ++ran; }); });
  EXPECT_EQ(ran, 1);
}

TEST(WriterThread, TakesTasksOfManyThreadsOneAtATime) {
  WriterThread writer;
  int count = 0;  // not atomic: only the writer thread touches it
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) writer.run([&] { ++count; });
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count, 2000);
}

}  // namespace
}  // namespace oocmap
