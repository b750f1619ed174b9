// What the tests of core/lmdb share: a folder that vanishes, opening with plain options, children.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/base/error.h"
#include "core/lmdb/environment.h"

#ifdef __SANITIZE_THREAD__
// The children that tests fork start threads, which the thread sanitizer only allows when asked.
extern "C" [[gnu::visibility("default"), gnu::used]] inline const char* __tsan_default_options() {
  return "die_after_fork=0";
}
#endif

namespace oocmap {

inline constexpr uint32_t kTestFormat = 1;
inline constexpr std::chrono::milliseconds kSoon{200};

class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& parent = std::filesystem::temp_directory_path()) {
    path_ = parent + "/oocmap-test-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

struct LmdbTest : testing::Test {
  TemporaryFolder folder;
  std::string path = folder.file("map.ooc");

  static std::shared_ptr<Environment> open_file(const std::string& file,
                                                OpenMode mode = OpenMode::kCreate,
                                                Durability durability = Durability::kOff) {
    OpenOptions options;
    options.path = file;
    options.mode = mode;
    options.durability = durability;
    return Environment::open(options, kTestFormat, nullptr);
  }
  std::shared_ptr<Environment> open(OpenMode mode = OpenMode::kCreate) const {
    return open_file(path, mode);
  }
};

inline void put(Environment& environment, Bytes key, Bytes value) {
  WriteTransaction transaction = environment.begin_write(std::chrono::seconds(5));
  transaction.put(Database::kMeta, key, value);
  transaction.commit();
}

inline std::optional<std::string> get(Environment& environment, Bytes key) {
  const ReadTransaction transaction = environment.begin_read();
  const auto value = transaction.get(Database::kMeta, key);
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

inline void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Runs `body` and returns the Error it throws; fails where it throws none.
template <typename Body>
Error error_of(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error was raised";
  return Error(ErrorCode::kInvalidArgument, "none");
}

// A forked child that runs `body` and exits with its result, or with 99 and a message on stderr
// where it throws. Never returns into gtest.
class Child {
 public:
  template <typename Body>
  explicit Child(Body body) : pid_(fork()) {
    if (pid_ != 0) return;
    int status = 99;
    try {
      status = body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
    }
    std::fflush(nullptr);
    _exit(status);
  }
  ~Child() {
    if (pid_ > 0) wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Exit status, or 1000 + the signal that ended it.
  int wait() {
    int status = 0;
    if (waitpid(std::exchange(pid_, 0), &status, 0) < 0) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

// Lets one process tell another that it has come to some point.
class Signal {
 public:
  Signal() {
    if (pipe(ends_) != 0) std::abort();
  }
  ~Signal() {
    close(ends_[0]);
    close(ends_[1]);
  }
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  void raise() { static_cast<void>(!write(ends_[1], "x", 1)); }
  void await() {
    char byte;
    static_cast<void>(!read(ends_[0], &byte, 1));
  }

 private:
  int ends_[2];
};

// A child that does nothing, and ends when this dies: it shares what was open when it was forked.
class Bystander {
 public:
  Bystander()
      : child_([this] {
          end_.await();
          return 0;
        }) {}
  ~Bystander() { end_.raise(); }
  Bystander(const Bystander&) = delete;
  Bystander& operator=(const Bystander&) = delete;

 private:
  Signal end_;
  Child child_;
};

}  // namespace oocmap
