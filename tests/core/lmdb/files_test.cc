// Which files are opened, made and refused.
#include <fcntl.h>
#include <linux/magic.h>
#include <lmdb.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <set>
#include <thread>

#include "core/lmdb/creation.h"
#include "core/lmdb/platform_linux.h"
#include "core/lmdb/registry.h"
#include "tests/core/lmdb/fixture.h"

namespace oocmap {
namespace {

struct FilesTest : LmdbTest {
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      found.insert(entry.path().filename());
    }
    return found;
  }
  void expect_system_error(OpenMode mode, const std::string& file, int expected) const {
    const Error error = error_of([&] { open_file(file, mode); });
    EXPECT_EQ(error.code(), ErrorCode::kIo) << error.message();
    EXPECT_EQ(error.system_error(), expected) << error.message();
    EXPECT_EQ(error.path(), file);
  }
  void expect_corrupt(const std::string& text, OpenMode mode = OpenMode::kCreate) const {
    const Error error = error_of([&] { open(mode); });
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt) << error.message();
    EXPECT_NE(error.message().find(text), std::string::npos) << error.message();
    EXPECT_NE(error.message().find(path), std::string::npos) << error.message();
  }
};

TEST_F(FilesTest, MissingFile) {
  expect_system_error(OpenMode::kRead, path, ENOENT);
  expect_system_error(OpenMode::kWrite, path, ENOENT);
  expect_system_error(OpenMode::kCreate, folder.file("no/such/folder.ooc"), ENOENT);
  expect_system_error(OpenMode::kCreate, "", ENOENT);
  EXPECT_TRUE(names().empty());
}

TEST_F(FilesTest, Folder) {
  for (const auto mode : {OpenMode::kRead, OpenMode::kWrite, OpenMode::kCreate}) {
    expect_system_error(mode, folder.path(), EISDIR);
  }
  expect_system_error(OpenMode::kCreate, folder.file("new/"), EISDIR);
}

// By what statfs says of them: a machine that runs tests has none of these mounted.
TEST_F(FilesTest, FileSystemsThatLocksDoNotSurvive) {
  struct Unsafe {
    uint32_t type;
    std::string name;
  };
  const Unsafe unsafe[] = {
      {NFS_SUPER_MAGIC, "NFS"},   {SMB_SUPER_MAGIC, "SMB"},   {CIFS_SUPER_MAGIC, "CIFS"},
      {SMB2_SUPER_MAGIC, "SMB2"}, {FUSE_SUPER_MAGIC, "FUSE"}, {V9FS_MAGIC, "9p"},
      {CODA_SUPER_MAGIC, "Coda"}, {AFS_SUPER_MAGIC, "AFS"},   {CEPH_SUPER_MAGIC, "Ceph"}};
  for (const Unsafe& its : unsafe) {
    const Error error = error_of([&] { check_filesystem_type(its.type, "/mnt/x.ooc"); });
    EXPECT_EQ(error.code(), ErrorCode::kFilesystem);
    EXPECT_EQ(error.path(), "/mnt/x.ooc");
    EXPECT_EQ(error.message(), "'/mnt/x.ooc' is on a " + its.name +
                                   " file system, where shared memory and locks cannot be relied "
                                   "on; copy it to a local disk (or set OOCMAP_FORCE_FILESYSTEM=1 "
                                   "where only one machine uses it)");
  }
  ASSERT_EQ(setenv("OOCMAP_FORCE_FILESYSTEM", "1", 1), 0);
  for (const Unsafe& its : unsafe) check_filesystem_type(its.type, "/mnt/x.ooc");
  for (const char* const no : {"0", "", "no"}) {
    ASSERT_EQ(setenv("OOCMAP_FORCE_FILESYSTEM", no, 1), 0);
    EXPECT_EQ(error_of([&] { check_filesystem_type(NFS_SUPER_MAGIC, "/mnt/x.ooc"); }).code(),
              ErrorCode::kFilesystem);
  }
  unsetenv("OOCMAP_FORCE_FILESYSTEM");
  constexpr uint32_t kSafe[] = {EXT4_SUPER_MAGIC, TMPFS_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC,
                                OVERLAYFS_SUPER_MAGIC};
  for (const uint32_t type : kSafe) {
    check_filesystem_type(type, "/mnt/x.ooc");
  }
}

// /proc is a file system that statfs tells apart from the one of the tests' folder.
TEST_F(FilesTest, TheTypeOfAFileSystemIsStatfss) {
  int error = -1;
  const int proc = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(platform::filesystem_type(proc, error), uint32_t{PROC_SUPER_MAGIC});
  EXPECT_EQ(error, 0);
  close(proc);
  platform::filesystem_type(-1, error);
  EXPECT_EQ(error, EBADF);
  EXPECT_EQ(error_of([&] { check_filesystem(-1, path); }).code(), ErrorCode::kIo);
}

TEST_F(FilesTest, ExclusiveCreation) {
  open(OpenMode::kExclusive);
  expect_system_error(OpenMode::kExclusive, path, EEXIST);
  write_file(folder.file("empty"), "");
  expect_system_error(OpenMode::kExclusive, folder.file("empty"), EEXIST);
}

TEST_F(FilesTest, UnreadableFile) {
  open();
  ASSERT_EQ(chmod(folder.path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  Child child([&] {
    if (geteuid() == 0 && seteuid(65534) != 0) return 0;
    for (const auto mode : {OpenMode::kRead, OpenMode::kWrite}) {
      const Error error = error_of([&] { open(mode); });
      if (error.code() != ErrorCode::kIo || error.system_error() != EACCES) return 1;
    }
    return 0;
  });
  EXPECT_EQ(child.wait(), 0);
}

TEST_F(FilesTest, CreationIsPrivateAndLeavesNoTemporaryFile) {
  const auto environment = open();
  EXPECT_EQ(names(), (std::set<std::string>{"map.ooc", "map.ooc-lock"}));
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(info.st_nlink, 1u);
}

TEST_F(FilesTest, InitializeRunsOnceInTheFirstTransaction) {
  int calls = 0;
  const auto initialize = [&](WriteTransaction& transaction) {
    ++calls;
    transaction.put(Database::kRecords, 7, "seven");
  };
  OpenOptions options;
  options.path = path;
  for (int i = 0; i < 2; ++i) {
    const auto environment = Environment::open(options, kTestFormat, initialize);
    EXPECT_EQ(environment->begin_read().get(Database::kRecords, 7), "seven");
  }
  EXPECT_EQ(calls, 1);
}

TEST_F(FilesTest, FailedCreationLeavesNothing) {
  OpenOptions options;
  options.path = path;
  const auto fail = [](WriteTransaction&) { throw Error(ErrorCode::kTypeMismatch, "no"); };
  EXPECT_EQ(error_of([&] { Environment::open(options, kTestFormat, fail); }).code(),
            ErrorCode::kTypeMismatch);
  EXPECT_TRUE(names().empty());
}

TEST_F(FilesTest, EmptyFileBecomesAMapAndKeepsItsPermissions) {
  write_file(path, "");
  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  expect_corrupt("is empty", OpenMode::kRead);
  expect_corrupt("is empty", OpenMode::kWrite);
  EXPECT_EQ(names(), std::set<std::string>{"map.ooc"});
  put(*open(), "k", "v");
  EXPECT_EQ(get(*open(OpenMode::kWrite), "k"), "v");
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0640u);
}

// Missing, empty, or without the lock file as after a copy: who comes first makes it, in whatever
// order the others see that.
TEST_F(FilesTest, ManyProcessesMakeOneFile) {
  constexpr int kProcesses = 6;
  const std::string name = "child ";
  const auto expect_all = [&](const std::string& file) {
    const auto environment = open_file(file);
    for (int i = 0; i < kProcesses; ++i) {
      EXPECT_EQ(get(*environment, name + std::to_string(i)), "was here");
    }
  };
  const auto open_in_all = [&](const std::string& file) {
    std::vector<std::unique_ptr<Child>> children;
    children.reserve(kProcesses);
    for (int i = 0; i < kProcesses; ++i) {
      children.push_back(std::make_unique<Child>([&, i] {
        const auto environment = open_file(file);
        for (int j = 0; j < 4; ++j) put(*environment, name + std::to_string(i), "was here");
        return 0;
      }));
    }
    for (const auto& child : children) EXPECT_EQ(child->wait(), 0);
    expect_all(file);
  };
  for (int round = 0; round < 10; ++round) {
    const std::string file = folder.file("missing" + std::to_string(round));
    open_in_all(file);
    std::filesystem::remove(file + "-lock");
    open_in_all(file);
    const std::string empty = folder.file("empty" + std::to_string(round));
    write_file(empty, "");
    open_in_all(empty);
  }
}

// Who finds a name free, and a moment later taken, does not take it for a link.
TEST_F(FilesTest, AFileThatAppearsIsNoDanglingLink) {
  std::atomic<bool> done = false;
  std::thread other([&] {
    while (!done) {
      write_file(path, "");
      std::filesystem::remove(path);
    }
  });
  for (int i = 0; i < 20'000; ++i) EXPECT_EQ(resolve_path(path), path);
  done = true;
  other.join();
}

TEST_F(FilesTest, FilesOfOthers) {
  write_file(path, "hello");
  expect_corrupt("begins with the bytes 68 65 6c 6c 6f");
  write_file(path, std::string("SQLite format 3\0", 16) + std::string(5000, 'x'));
  expect_corrupt("SQLite database");
  write_file(path, std::string(10'000, '\0'));
  expect_corrupt("is not an OOCMap file");
  EXPECT_EQ(names(), std::set<std::string>{"map.ooc"}) << "no lock file beside a file of others";
}

TEST_F(FilesTest, NotARegularFile) {
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  expect_corrupt("not a regular file");
  const Error error = error_of([&] { open_file("/dev/null"); });
  EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
}

TEST_F(FilesTest, DanglingLinkIsNotFollowed) {
  std::filesystem::create_symlink(folder.file("nowhere"), path);
  expect_system_error(OpenMode::kCreate, path, ENOENT);
  const Error error = error_of([&] { open(); });
  EXPECT_NE(error.message().find("is a link to a file that does not exist"), std::string::npos);
  EXPECT_EQ(names(), std::set<std::string>{"map.ooc"});
}

// What was allowed to be opened was looked at: a link put there since leads elsewhere.
TEST_F(FilesTest, AResolvedPathIsNotFollowedElsewhere) {
  const std::string other = folder.file("folder");
  std::filesystem::create_directory(other);
  put(*open_file(other + "/secret.ooc"), "k", "secret");
  std::filesystem::create_symlink(other + "/secret.ooc", folder.file("file-link"));
  std::filesystem::create_symlink(other, folder.file("folder-link"));
  const auto refused = [](const std::string& through) {
    OpenOptions options;
    options.path = through;
    options.resolved = true;
    options.mode = OpenMode::kRead;
    const Error error = error_of([&] { Environment::open(options, kTestFormat, nullptr); });
    EXPECT_EQ(error.code(), ErrorCode::kFilesystem);
    EXPECT_NE(error.message().find("a link was put there"), std::string::npos) << error.message();
  };
  for (const std::string through : {"file-link", "folder-link/secret.ooc"}) {
    refused(folder.file(through));
    EXPECT_EQ(get(*open_file(folder.file(through)), "k"), "secret") << "unless nothing was said";
    const int fd = platform::open_without_links(folder.file(through).c_str(), O_RDONLY);
    EXPECT_EQ(fd, -1);
    EXPECT_EQ(errno, ELOOP);
  }
  const int fd = platform::open_without_links((other + "/secret.ooc").c_str(), O_RDONLY);
  ASSERT_GE(fd, 0);
  EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  close(fd);
  // Nor where it is open in this process already.
  const auto environment = open_file(other + "/secret.ooc");
  refused(folder.file("file-link"));
}

TEST_F(FilesTest, NulInAPath) {
  const Error error = error_of([&] { open_file(std::string("a\0b", 3)); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
}

// Makes an LMDB file that is no OOCMap; `version`: with a format version of ours.
void make_foreign(const std::string& path, std::optional<uint32_t> version) {
  MDB_env* env = nullptr;
  ASSERT_EQ(mdb_env_create(&env), 0);
  ASSERT_EQ(mdb_env_set_maxdbs(env, 4), 0);
  ASSERT_EQ(mdb_env_open(env, path.c_str(), MDB_NOSUBDIR | MDB_NOLOCK, 0600), 0);
  MDB_txn* txn = nullptr;
  MDB_dbi dbi = 0;
  ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
  ASSERT_EQ(mdb_dbi_open(txn, version ? "meta" : "theirs", MDB_CREATE, &dbi), 0);
  if (version) {
    MDB_val key = {14, const_cast<char*>("format_version")};
    MDB_val value = {4, &*version};
    ASSERT_EQ(mdb_put(txn, dbi, &key, &value, 0), 0);
  }
  ASSERT_EQ(mdb_txn_commit(txn), 0);
  mdb_env_close(env);
}

TEST_F(FilesTest, AnLmdbFileThatIsNoOocmap) {
  make_foreign(path, std::nullopt);
  expect_corrupt("an LMDB file, but not an OOCMap");
  EXPECT_EQ(names(), std::set<std::string>{"map.ooc"});
}

TEST_F(FilesTest, AnLmdbFileWithOnlyAVersion) {
  make_foreign(path, kTestFormat);
  expect_corrupt("its database 'records' is missing");
}

TEST_F(FilesTest, NewerFormat) {
  make_foreign(path, kTestFormat + 1);
  const Error error = error_of([&] { open(); });
  EXPECT_EQ(error.code(), ErrorCode::kFormatVersion);
  EXPECT_NE(error.message().find("version 2"), std::string::npos) << error.message();
  EXPECT_NE(error.message().find("up to 1"), std::string::npos) << error.message();
  EXPECT_EQ(names(), std::set<std::string>{"map.ooc"});
}

TEST_F(FilesTest, AFileOfLmdb1) {
  std::string content(16'384, '\0');
  store_le<uint32_t>(&content[24], 0xBEEFC0DE);
  store_le<uint32_t>(&content[28], 3);
  write_file(path, content);
  expect_corrupt("data version 3");
}

TEST_F(FilesTest, DamagedMetaPages) {
  open();
  const std::string sound = read_file(path);
  std::filesystem::remove(path + "-lock");
  const auto damage = [&](size_t at, char byte) {
    std::string content = sound;
    content[at] = byte;
    write_file(path, content);
  };
  damage(16, 0);
  expect_corrupt("is not an OOCMap file");
  damage(4096 + 16, 0);
  expect_corrupt("is not an OOCMap file");
  damage(41, 3);  // page size
  expect_corrupt("page size");
  damage(44, 0x0c);  // DUPSORT
  expect_corrupt("flags");
  EXPECT_EQ(names(), std::set<std::string>{"map.ooc"});
}

TEST_F(FilesTest, TruncatedAtEveryPage) {
  put(*open(), "k", std::string(50'000, 'x'));
  std::filesystem::remove(path + "-lock");
  const std::string sound = read_file(path);
  for (size_t size = 4096; size < sound.size(); size += 4096) {
    write_file(path, sound.substr(0, size));
    expect_corrupt("is truncated");
  }
  write_file(path, sound.substr(0, 100));
  expect_corrupt("is truncated");
  write_file(path, sound);
  EXPECT_EQ(get(*open(), "k")->size(), 50'000u);
}

// LMDB may count pages that it never wrote: those that were taken and freed in one transaction.
TEST_F(FilesTest, AFileThatLacksOnlyFreePagesIsWhole) {
  {
    const auto environment = open();
    WriteTransaction transaction = environment->begin_write(kSoon);
    transaction.put(Database::kMeta, "k", "v");
    for (int i = 0; i < 20; ++i) {
      transaction.put(Database::kMeta, "big" + std::to_string(i), std::string(20'000, 'x'));
    }
    for (int i = 0; i < 20; ++i) transaction.erase(Database::kMeta, "big" + std::to_string(i));
    transaction.commit();
  }
  EXPECT_EQ(get(*open(OpenMode::kWrite), "k"), "v");
  // The same made by hand: a last page number that is larger than the file.
  std::string content = read_file(path);
  for (const size_t meta : {0, 4096}) {
    store_le<uint64_t>(&content[meta + 136], content.size() / 4096 + 50);
  }
  write_file(path, content);
  EXPECT_EQ(get(*open(OpenMode::kRead), "k"), "v");
}

TEST_F(FilesTest, HardLinksAreRefused) {
  open();
  std::filesystem::create_hard_link(path, folder.file("second"));
  const Error error = error_of([&] { open(); });
  EXPECT_EQ(error.code(), ErrorCode::kFilesystem);
  EXPECT_NE(error.message().find("hard link"), std::string::npos) << error.message();
  std::filesystem::remove(folder.file("second"));
  open();
}

TEST_F(FilesTest, LockFileHasThePermissionsOfTheData) {
  open();
  std::filesystem::remove(path + "-lock");
  ASSERT_EQ(chmod(path.c_str(), 0660), 0);
  const mode_t mask = umask(0);
  open();
  umask(mask);
  struct stat info;
  ASSERT_EQ(stat((path + "-lock").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0660u);
}

}  // namespace
}  // namespace oocmap
