// Descriptors: none is left to programs that are started, and too few of them break nothing.
#include <fcntl.h>
#include <sys/resource.h>

#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

using DescriptorsTest = LmdbTest;

// A program that is started has neither the data file, nor the lock file, nor the guard: with one
// of them it would keep locks when its parent is gone.
TEST_F(DescriptorsTest, AProgramThatIsStartedInheritsNone) {
  const auto environment = open();
  put(*environment, "k", "v");
  const WriteTransaction writing = environment->begin_write(kSoon);
  const std::string listed = folder.file("listed");
  Child child([&] {
    const int out = ::open(listed.c_str(), O_WRONLY | O_CREAT, 0600);
    if (out < 0 || dup2(out, STDOUT_FILENO) < 0) return 1;
    execl("/bin/ls", "ls", "-l", "/proc/self/fd", nullptr);
    return 2;
  });
  ASSERT_EQ(child.wait(), 0);
  const std::string text = read_file(listed);
  EXPECT_NE(text.find(listed), std::string::npos) << text;  // it lists what it has
  EXPECT_EQ(text.find(path), std::string::npos) << text;
}

TEST_F(DescriptorsTest, TooFewOfThemAreAnErrorAtEachOpen) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the undefined-behaviour sanitizer needs descriptors to look at an object";
#endif
  put(*open(), "k", "v");
  Child child([&] {
    const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(next);
    int refused = 0;
    for (int more = 0; more < 20; ++more) {
      const auto most = static_cast<rlim_t>(next + more);
      const rlimit limit = {most, 4096};
      if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
      try {
        const auto environment = open();
        put(*environment, "k", "usable");
        return refused > 2 && get(*environment, "k") == "usable" ? 0 : 2;
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kIo || error.system_error() != EMFILE) return 3;
        if (error.message().find("Too many open files") == std::string::npos) return 4;
      }
      ++refused;
    }
    return 5;
  });
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(get(*open(), "k"), "usable");
}

}  // namespace
}  // namespace oocmap
