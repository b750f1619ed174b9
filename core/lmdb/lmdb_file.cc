#include "core/lmdb/lmdb_file.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/lmdb/errors.h"
#include "core/lmdb/lock_file.h"

namespace oocmap {
namespace {

constexpr uint64_t kLargestMap = uint64_t{1} << 40;
constexpr uint64_t kSmallestMap = uint64_t{64} << 20;
constexpr unsigned kMaxReaders = 2048;  // 64 bytes each in the lock file; the first opener decides
constexpr unsigned kMaxDatabases = 16;
constexpr uint64_t kPage = 4096;
// NOTLS: a reader belongs to its handle, not to its thread.
constexpr unsigned kUsualFlags = MDB_NOSUBDIR | MDB_NOTLS;

struct DatabaseSpec {
  const char* name;
  unsigned flags;
};
// By Database's numbers.
constexpr DatabaseSpec kDatabases[kDatabaseCount] = {
    {"meta", 0},
    {"records", MDB_INTEGERKEY},
    {"entries", 0},
    {"order", 0},
    {"chunks", 0},
    {"immutables", MDB_INTEGERKEY},
    {"immutable_index", 0},
    {"graveyard", MDB_INTEGERKEY},
};

uint64_t size_on_disk(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

// One attempt; the error number instead of a map where it fails.
int try_map(const MapRequest& request, uint64_t size, EnvironmentHandle& result) {
  MDB_env* env = nullptr;
  if (const int code = mdb_env_create(&env); code != 0) return code;
  EnvironmentHandle handle(env);
  int code = mdb_env_set_maxreaders(env, kMaxReaders);
  if (code == 0) code = mdb_env_set_maxdbs(env, kMaxDatabases);
  if (code == 0) code = mdb_env_set_mapsize(env, size);
  if (code == 0) {
    code = mdb_env_open(env, request.path.c_str(), kUsualFlags | request.flags, request.mode);
  }
  if (code == 0) {
    // LMDB opens the data file without O_CLOEXEC: a child's exec would keep a writable descriptor.
    int fd = -1;
    code = mdb_env_get_fd(env, &fd);
    if (code == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) code = errno;
  }
  if (code == 0) result = std::move(handle);
  return code;
}

// The data file was read before, so what LMDB does not know is the version of the lock file, which
// it makes anew where nobody else has it.
[[noreturn]] void throw_open(const MapRequest& request, int code) {
  const bool locking = (request.flags & MDB_NOLOCK) == 0;
  if (!locking || (code != MDB_VERSION_MISMATCH && code != MDB_INVALID)) {
    throw_lmdb("open", request.path, code);
  }
  throw Error(ErrorCode::kFilesystem,
              "cannot open '" + request.path +
                  "': it is in use by a program with another version of LMDB (or for another "
                  "processor), whose lock file '" +
                  lock_path_of(request.path) +
                  "' cannot be shared; end that first, or let all use one version",
              0, request.path);
}

[[noreturn]] void not_an_oocmap(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::kCorrupt, "'" + path + "' is an LMDB file, but not an OOCMap: " + why, 0,
              path);
}

struct AbortTransaction {
  void operator()(MDB_txn* txn) const noexcept { mdb_txn_abort(txn); }
};
using RawTransaction = std::unique_ptr<MDB_txn, AbortTransaction>;

RawTransaction begin(MDB_env* env, const std::string& path, unsigned flags) {
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(env, nullptr, flags, &txn);
  if (code == MDB_READERS_FULL) {
    int cleared = 0;
    mdb_reader_check(env, &cleared);
    code = mdb_txn_begin(env, nullptr, flags, &txn);
  }
  if (code != 0) throw_lmdb("read", path, code);
  return RawTransaction(txn);
}

}  // namespace

void CloseEnvironment::operator()(MDB_env* env) const noexcept { mdb_env_close(env); }

EnvironmentHandle map_file(const MapRequest& request) {
  EnvironmentHandle env;
  if (request.max_size) {
    const uint64_t size = (std::max(*request.max_size, kPage) + kPage - 1) / kPage * kPage;
    const int code = try_map(request, size, env);
    if (code == ENOMEM || code == EINVAL) {
      throw Error(ErrorCode::kInvalidArgument,
                  "a max_size of " + std::to_string(*request.max_size) +
                      " bytes is more address space than this process can have");
    }
    if (code != 0) throw_open(request, code);
    return env;
  }
  const uint64_t smallest = std::max(kSmallestMap, 2 * size_on_disk(request.path));
  // Address space can be short: under ulimit -v, valgrind, a sanitizer.
  for (uint64_t size = std::max(kLargestMap, smallest);; size = std::max(size / 2, smallest)) {
    const int code = try_map(request, size, env);
    if (code == 0) return env;
    if ((code != ENOMEM && code != EINVAL) || size == smallest) {
      throw_open(request, code);
    }
  }
}

void open_databases(MDB_env* env, const std::string& path, bool create, unsigned* handles) {
  RawTransaction txn = begin(env, path, create ? 0 : MDB_RDONLY);
  for (int i = 0; i < kDatabaseCount; ++i) {
    const DatabaseSpec& spec = kDatabases[i];
    int code =
        mdb_dbi_open(txn.get(), spec.name, create ? spec.flags | MDB_CREATE : 0, &handles[i]);
    if (code == MDB_NOTFOUND || code == MDB_INCOMPATIBLE) {
      not_an_oocmap(path, std::string("its database '") + spec.name + "' is missing");
    }
    unsigned found = 0;
    if (code == 0) code = mdb_dbi_flags(txn.get(), handles[i], &found);
    if (code != 0) throw_lmdb("open", path, code);
    if (found != spec.flags) {
      not_an_oocmap(path, std::string("its database '") + spec.name + "' has flags " +
                              std::to_string(found) + " instead of " + std::to_string(spec.flags));
    }
  }
  // Also where nothing was written: only a commit keeps the handles.
  if (const int code = mdb_txn_commit(txn.release()); code != 0) throw_lmdb("open", path, code);
}

void check_format_version(MDB_env* env, const std::string& path, uint32_t ours) {
  const RawTransaction txn = begin(env, path, MDB_RDONLY);
  MDB_dbi meta = 0;
  int code = mdb_dbi_open(txn.get(), kDatabases[0].name, 0, &meta);
  if (code == MDB_NOTFOUND || code == MDB_INCOMPATIBLE) {
    not_an_oocmap(path, "its database 'meta' is missing");
  }
  MDB_val key = {std::strlen(kFormatVersionKey), const_cast<char*>(kFormatVersionKey)};
  MDB_val value = {};
  if (code == 0) code = mdb_get(txn.get(), meta, &key, &value);
  if (code == MDB_NOTFOUND) not_an_oocmap(path, "it has no format version");
  if (code != 0) throw_lmdb("read", path, code);
  if (value.mv_size != sizeof(uint32_t)) not_an_oocmap(path, "its format version is no u32");
  const auto found = load_le<uint32_t>(value.mv_data);
  if (found == 0) not_an_oocmap(path, "its format version is 0");
  if (found > ours) {
    throw Error(ErrorCode::kFormatVersion,
                "'" + path + "' has format version " + std::to_string(found) +
                    ", and this OOCMap reads versions up to " + std::to_string(ours) +
                    ": open it with a newer OOCMap",
                0, path);
  }
}

void check_format_version_of(const std::string& path, uint32_t ours) {
  const EnvironmentHandle env =
      map_file({.path = path, .flags = MDB_RDONLY | MDB_NOLOCK, .max_size = {}});
  check_format_version(env.get(), path, ours);
}

}  // namespace oocmap
