// Unfriendly surroundings: a file system that is full or read-only, a second name by a bind mount,
// no place left for readers, little address space. Mounts need root and are skipped elsewhere.
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <thread>
#include <vector>

#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

constexpr int kSkip = 77;

struct SurroundingsTest : LmdbTest {
  // In a child: mounts made from here on are seen by nobody else.
  static bool own_mounts() {
    return unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  }
  static void expect_done(Child& child) {
    const int status = child.wait();
    if (status == kSkip) GTEST_SKIP() << "needs the right to mount";
    EXPECT_EQ(status, 0);
  }
};

TEST_F(SurroundingsTest, AReadOnlyFileSystem) {
  put(*open(), "k", "v");
  Child child([&] {
    const char* mounted = folder.path().c_str();
    if (!own_mounts() || mount(mounted, mounted, nullptr, MS_BIND, nullptr) != 0) return kSkip;
    if (mount("none", mounted, nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0) return 1;
    std::shared_ptr<Environment> environment = open(OpenMode::kRead);
    if (get(*environment, "k") != "v") return 2;
    environment.reset();
    const Error error = error_of([&] { open(OpenMode::kWrite); });
    return error.code() == ErrorCode::kIo && error.system_error() == EROFS ? 0 : 3;
  });
  expect_done(child);
}

// A container's read-only volume, which others write to. A reader without a lock file keeps no page
// from being given away, so it must not be there together with writers.
TEST_F(SurroundingsTest, AReadOnlyMountOfAFileThatOthersWriteTo) {
  put(*open(), "k", "v");
  Signal opened;
  Signal tried;
  const std::string elsewhere = folder.file("elsewhere");
  std::filesystem::create_directory(elsewhere);
  const std::string there = elsewhere + "/map.ooc";
  const auto mount_read_only = [&] {
    return own_mounts() &&
           mount(folder.path().c_str(), elsewhere.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
           mount("none", elsewhere.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) ==
               0;
  };
  {
    const auto writer = open();
    Child late([&] {
      if (!mount_read_only()) return kSkip;
      const Error error = error_of([&] { open_file(there, OpenMode::kRead); });
      if (error.code() != ErrorCode::kFilesystem) return 1;
      return error.message().find("mount its folder writable here") == std::string::npos ? 2 : 0;
    });
    const int status = late.wait();
    if (status == kSkip) GTEST_SKIP() << "needs the right to mount";
    EXPECT_EQ(status, 0);
  }
  const auto read = [&](bool first) {
    if (!mount_read_only()) return kSkip;
    const auto reader = open_file(there, OpenMode::kRead);
    if (first) opened.raise();
    if (first) tried.await();
    return get(*reader, "k") == "v" ? 0 : 1;
  };
  Child reader([&] { return read(true); });
  opened.await();
  Child second([&] { return read(false); });
  EXPECT_EQ(second.wait(), 0) << "two readers are welcome";
  const Error error = error_of([&] { open(); });
  EXPECT_EQ(error.code(), ErrorCode::kFilesystem);
  EXPECT_NE(error.message().find("read-only mount"), std::string::npos) << error.message();
  tried.raise();
  EXPECT_EQ(reader.wait(), 0);
  put(*open(), "k", "written");
}

// A map in a container's image: the first opening for writing copies it, and who had it open for
// reading would see the old one for ever, without an error.
TEST_F(SurroundingsTest, AReaderOfAnOverlaySeesWhatIsWritten) {
  Child child([&] {
    const std::string root = folder.file("root");
    std::filesystem::create_directory(root);
    if (!own_mounts() || mount("none", root.c_str(), "tmpfs", 0, "size=64m") != 0) return kSkip;
    for (const char* const name : {"lower", "upper", "work", "merged"}) {
      std::filesystem::create_directory(root + "/" + name);
    }
    put(*open_file(root + "/lower/map.ooc"), "k", "old");
    const std::string layers =
        "lowerdir=" + root + "/lower,upperdir=" + root + "/upper,workdir=" + root + "/work";
    const std::string merged = root + "/merged";
    if (mount("overlay", merged.c_str(), "overlay", 0, layers.c_str()) != 0) return kSkip;
    const std::string there = merged + "/map.ooc";
    const auto reader = open_file(there, OpenMode::kRead);
    if (get(*reader, "k") != "old") return 1;
    Child writer([&] {
      for (int i = 0; i < 20; ++i) put(*open_file(there), "k", "new");
      return 0;
    });
    if (writer.wait() != 0) return 2;
    return get(*reader, "k") == "new" ? 0 : 3;
  });
  expect_done(child);
}

TEST_F(SurroundingsTest, AFullFileSystem) {
  Child child([&] {
    const char* mounted = folder.path().c_str();
    if (!own_mounts() || mount("none", mounted, "tmpfs", 0, "size=4m") != 0) return kSkip;
    const auto environment = open();
    put(*environment, "k", "kept");
    for (int i = 0; i < 3; ++i) {
      const Error error = error_of([&] { put(*environment, "big", std::string(8 << 20, 'x')); });
      if (error.code() != ErrorCode::kDiskFull || error.system_error() == 0) return 1;
    }
    if (get(*environment, "k") != "kept") return 2;
    put(*environment, "k", "usable");
    return get(*environment, "k") == "usable" ? 0 : 3;
  });
  expect_done(child);
}

TEST_F(SurroundingsTest, AFileSizeLimit) {
  Child child([&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {4 << 20, 4 << 20};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    const auto environment = open();
    const Error error = error_of([&] { put(*environment, "big", std::string(8 << 20, 'x')); });
    if (error.code() != ErrorCode::kDiskFull) return 2;
    put(*environment, "k", "usable");
    return get(*environment, "k") == "usable" ? 0 : 3;
  });
  EXPECT_EQ(child.wait(), 0);
}

// The file is made under another name, of which its user never heard.
TEST_F(SurroundingsTest, NoRoomToMakeTheFile) {
  for (const bool empty_file : {false, true}) {
    if (empty_file) write_file(path, "");
    Child child([&] {
      signal(SIGXFSZ, SIG_IGN);
      const rlimit limit = {4 << 10, 4 << 10};
      if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
      const Error error = error_of([&] { open(); });
      if (error.code() != ErrorCode::kDiskFull || error.path() != path) return 2;
      if (error.message().find("'" + path + "'") == std::string::npos) return 3;
      return error.message().find("oocmap-new") == std::string::npos ? 0 : 4;
    });
    EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(std::filesystem::exists(path), empty_file);
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      EXPECT_EQ(entry.path().string(), path);
    }
  }
}

// What a container sees that was given the data file alone: it would make a lock file of its own.
TEST_F(SurroundingsTest, TheFileAloneMountedElsewhere) {
  const auto environment = open();
  const std::string elsewhere = folder.file("elsewhere.ooc");
  write_file(elsewhere, "");
  Child child([&] {
    if (!own_mounts() || mount(path.c_str(), elsewhere.c_str(), nullptr, MS_BIND, nullptr) != 0) {
      return kSkip;
    }
    const Error error = error_of([&] { open_file(elsewhere); });
    return error.code() == ErrorCode::kFilesystem ? 0 : 1;
  });
  expect_done(child);
}

// Containers that share a file and not the PID namespace.
struct PidNamespacesTest : LmdbTest {
  void SetUp() override {
    Child child([] { return unshare(CLONE_NEWPID) == 0 ? 0 : kSkip; });
    if (child.wait() != 0) GTEST_SKIP() << "needs the right to make PID namespaces";
  }
  static void put_soon(Environment& environment) {
    WriteTransaction transaction = environment.begin_write(kSoon);
    transaction.put(Database::kMeta, "k", "v");
    transaction.commit();
  }
  // Runs `body` as process 1 of a PID namespace of its own; to be called in a child.
  template <typename Body>
  static int as_process_one(Body body) {
    if (unshare(CLONE_NEWPID) != 0) return kSkip;
    Child inner([&] {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      return getpid() == 1 ? body() : 98;
    });
    return inner.wait();
  }
};

// LMDB would take the two for one process: each would drop the other's locks.
TEST_F(PidNamespacesTest, TwoProcessesOfOneNumberAreToldApart) {
  open();
  Signal opened;
  Signal tried;
  Child first([&] {
    return as_process_one([&] {
      const auto environment = open();
      opened.raise();
      tried.await();
      put(*environment, "k", "first");
      return 0;
    });
  });
  opened.await();
  Child second([&] {
    return as_process_one([&] {
      for (const OpenMode mode : {OpenMode::kWrite, OpenMode::kRead}) {
        const Error error = error_of([&] { open(mode); });
        if (error.code() != ErrorCode::kSecondImage) return 1;
        if (error.message().find(path) == std::string::npos) return 2;
        if (error.message().find("PID namespace") == std::string::npos) return 3;
      }
      return 0;
    });
  });
  EXPECT_EQ(second.wait(), 0);
  tried.raise();
  EXPECT_EQ(first.wait(), 0);
  EXPECT_EQ(get(*open(), "k"), "first");
}

TEST_F(PidNamespacesTest, ProcessesOfDifferentNumbersShareTheFile) {
  const auto environment = open();
  put(*environment, "k", "outside");
  Signal reading;
  Child inside([&] {
    return as_process_one([&] {
      const auto theirs = open();
      if (get(*theirs, "k") != "outside") return 1;
      put(*theirs, "k", "inside");
      const ReadTransaction transaction = theirs->begin_read();
      reading.raise();
      pause();
      return 2;
    });
  });
  reading.await();
  EXPECT_EQ(get(*environment, "k"), "inside");
  EXPECT_EQ(environment->clear_stale_readers(), 0) << "a reader of another namespace lives";
  put(*environment, "k", "outside again");
  kill(inside.pid(), SIGKILL);
  inside.wait();
  int cleared = 0;  // its process ends a moment after the one that waits for it
  for (int i = 0; i < 1000 && cleared == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    cleared = environment->clear_stale_readers();
  }
  EXPECT_EQ(cleared, 1);
}

// Its number is that of an innocent process here, which nobody shall be told to end.
TEST_F(PidNamespacesTest, AHolderInAnotherNamespaceIsNotTakenForAProcessOfThisOne) {
  const auto environment = open();
  Signal writing;
  Signal done;
  Child inside([&] {
    return as_process_one([&] {
      const auto theirs = open();
      WriteTransaction transaction = theirs->begin_write(kSoon);
      writing.raise();
      done.await();
      return 0;
    });
  });
  writing.await();
  const Error busy = error_of([&] { put_soon(*environment); });
  EXPECT_EQ(busy.code(), ErrorCode::kBusy);
  EXPECT_NE(busy.message().find(", process 1 of another PID namespace (waited"), std::string::npos)
      << busy.message();
  EXPECT_EQ(busy.message().find("kill"), std::string::npos) << busy.message();
  done.raise();
  EXPECT_EQ(inside.wait(), 0);
  put(*environment, "k", "v");
}

TEST_F(PidNamespacesTest, AUserInAnotherNamespaceIsSaidToBeThere) {
  const auto environment = open();
  Signal opened;
  Signal done;
  Child inside([&] {
    return as_process_one([&] {
      const auto theirs = open();
      opened.raise();
      done.await();
      return 0;
    });
  });
  opened.await();
  const Error error = error_of([&] { environment->compact(kSoon, {}); });
  EXPECT_EQ(error.code(), ErrorCode::kBusy);
  EXPECT_NE(error.message().find("process 1 of another PID namespace"), std::string::npos)
      << error.message();
  done.raise();
  EXPECT_EQ(inside.wait(), 0);
}

TEST_F(SurroundingsTest, MoreReadersThanThereIsRoomFor) {
  const auto environment = open();
  std::vector<ReadTransaction> readers;
  const Error error = error_of([&] {
    for (int i = 0; i < 5000; ++i) readers.push_back(environment->begin_read());
  });
  EXPECT_EQ(error.code(), ErrorCode::kBusy) << error.message();
  EXPECT_EQ(readers.size(), 2048u);
  readers.pop_back();
  readers.push_back(environment->begin_read());
}

TEST_F(SurroundingsTest, ReadersOfADeadProcessMakeRoom) {
  Signal reading;
  Child hog([&] {
    const auto environment = open();
    std::vector<ReadTransaction> readers;
    for (int i = 0; i < 2048; ++i) readers.push_back(environment->begin_read());
    reading.raise();
    pause();
    return 0;
  });
  reading.await();
  // Opening needs a place itself.
  EXPECT_EQ(error_of([&] { open(); }).code(), ErrorCode::kBusy);
  kill(hog.pid(), SIGKILL);
  hog.wait();
  put(*open(), "k", "v");
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_F(SurroundingsTest, LittleAddressSpace) {
  Child child([&] {
    const rlimit limit = {rlim_t{2} << 30, rlim_t{2} << 30};
    if (setrlimit(RLIMIT_AS, &limit) != 0) return 1;
    const auto environment = open();
    put(*environment, "k", "v");
    return environment->map_size() < (uint64_t{2} << 30) ? 0 : 2;
  });
  EXPECT_EQ(child.wait(), 0);
}
#endif

}  // namespace
}  // namespace oocmap
