#include "core/lmdb/backup.h"

#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>

#include "core/lmdb/creation.h"
#include "core/lmdb/environment_state.h"
#include "core/lmdb/errors.h"
#include "core/lmdb/file_check.h"
#include "core/lmdb/lmdb_file.h"
#include "core/lmdb/locks.h"
#include "core/lmdb/new_file.h"
#include "core/lmdb/page_check.h"
#include "core/lmdb/platform_linux.h"
#include "core/lmdb/registry.h"
#include "core/lmdb/statistics.h"

namespace oocmap {
namespace {

constexpr char kMark[] = ".oocmap-backup-";

[[noreturn]] void refuse(const std::string& target, const std::string& why) {
  throw Error(ErrorCode::kInvalidArgument, "cannot back up to '" + target + "': " + why, 0, target);
}

// By its name, without opening it: closing that would drop the locks this process may have on it.
void check_no_lock_file(const std::string& target) {
  constexpr std::string_view kEnd = "-lock";
  if (!target.ends_with(kEnd)) return;
  const std::string map = target.substr(0, target.size() - kEnd.size());
  struct stat info;
  if (::stat(map.c_str(), &info) == 0) refuse(target, "that is the lock file of '" + map + "'");
}

// What stands at `target`, nullopt where nothing does.
std::optional<struct stat> existing(const Environment& environment, const std::string& target,
                                    bool overwrite) {
  struct stat info;
  check_no_lock_file(target);
  if (::stat(target.c_str(), &info) != 0) {
    if (errno == ENOENT) return std::nullopt;
    throw_system("back up to", target, errno);
  }
  if (info.st_dev == environment.device() && info.st_ino == environment.inode()) {
    refuse(target, "that is the map itself");
  }
  if (!overwrite) throw_system("back up to", target, EEXIST);
  if (S_ISDIR(info.st_mode)) throw_system("back up to", target, EISDIR);
  if (!S_ISREG(info.st_mode)) refuse(target, "that is not a regular file");
  return info;
}

// Gives the copy its name where a file has that already. Who has that open as a map would go on
// with the old one, and its lock file would be another map's: so nobody may.
void replace(const NewFile& file, const std::string& target, const struct stat& old) {
  FileGuard guard(target, /*writable=*/true);
  guard.attach_alone(std::chrono::milliseconds(0), "replace");
  const struct stat locked = guard.status();
  const bool same = locked.st_dev == old.st_dev && locked.st_ino == old.st_ino;
  if (!same || !still_named(target, locked)) {
    throw Error(ErrorCode::kBusy, "cannot replace '" + target + "': somebody else just did", 0,
                target);
  }
  file.keep_permissions_of(guard.fd());
  if (std::rename(file.path().c_str(), target.c_str()) != 0) {
    throw_system("replace", target, errno);
  }
}

}  // namespace

void check_all_pages(int fd, const std::string& path) {
  PageReport report;
  check_pages(fd, path, report);  // nobody writes to it: it is through at the first attempt
}

void check_counts(const Transaction& transaction, const std::string& path) {
  for (int i = 0; i < kDatabaseCount; ++i) {
    const auto database = static_cast<Database>(i);
    Cursor cursor(transaction, database);
    uint64_t found = 0;
    for (bool more = cursor.first(); more; more = cursor.next()) ++found;
    const uint64_t said = transaction.size(database);
    if (found == said) continue;
    throw Error(ErrorCode::kCorrupt,
                "'" + path + "' is damaged: one of its databases (number " + std::to_string(i) +
                    ") has " + std::to_string(found) + " entries and says that it has " +
                    std::to_string(said),
                0, path);
  }
}

void Environment::copy_to(int fd, const std::string& target, const CopyProgress& progress) {
  constexpr int kAttempts = 3;
  for (int i = 1;; ++i) {
    const Statistics now = read_statistics(*this);
    const ReadTransaction use = begin_read();  // it stays open, and sees to its being opened again
    const uint64_t expected = (now.pages - now.free_pages) * now.page_bytes;
    uint64_t bytes = 0;
    const int code = copy_compact(mdb_txn_env(use.raw()), fd, target, expected, progress, bytes);
    if (code == 0) return;
    const bool again = code == MDB_MAP_RESIZED || code == MDB_READERS_FULL;
    if (!again || bytes > 0 || i == kAttempts) throw_lmdb("copy", path_, code);
  }
}

void Environment::change_private_file(const std::string& path, const Initialize& change) {
  const std::shared_ptr<Environment> environment(new Environment);
  environment->path_ = path;
  EnvironmentHandle handle =
      map_file({.path = path, .flags = MDB_NOLOCK | MDB_NOSYNC, .max_size = {}});
  open_databases(handle.get(), path, /*create=*/false, environment->handles_);
  environment->env_ = handle.release();
  environment->serial_ = next_serial();
  WriteTransaction transaction = environment->begin_write(std::chrono::milliseconds(0));
  if (change) change(transaction);
  if (transaction.writes() > 0) transaction.commit();
}

uint64_t back_up(Environment& environment, const BackupRequest& request) {
  const std::string target = resolve_path(request.target);
  const auto old = existing(environment, target, request.overwrite);
  remove_abandoned(target, kMark);
  NewFile file = NewFile::beside(target, kMark);
  environment.copy_to(file.fd(), target, request.progress);
  file.speaking_of_target([&] {
    check_file(file.fd(), file.path());
    check_all_pages(file.fd(), file.path());
    Environment::change_private_file(file.path(), [&](WriteTransaction& transaction) {
      check_counts(transaction, file.path());
      if (request.change) request.change(transaction);
    });
  });
  file.sync();
  struct stat made;
  if (fstat(file.fd(), &made) != 0) throw_system("examine", target, errno);
  if (old) {
    replace(file, target, *old);
  } else {
    const int error = platform::rename_no_replace(file.path().c_str(), target.c_str());
    if (error != 0) throw_system("back up to", target, error);
  }
  file.keep();
  sync_folder(target);
  return static_cast<uint64_t>(made.st_blocks) * 512;
}

}  // namespace oocmap
