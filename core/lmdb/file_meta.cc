#include "core/lmdb/file_meta.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string_view>

#include "core/lmdb/errors.h"

namespace oocmap {
namespace {

constexpr size_t kMagicAtInLmdb1 = 24;  // its page header is 8 bytes longer

std::string first_bytes(const char* bytes, size_t size) {
  std::string text;
  for (size_t i = 0; i < size; ++i) {
    char hex[4];
    std::snprintf(hex, sizeof hex, i == 0 ? "%02x" : " %02x", static_cast<uint8_t>(bytes[i]));
    text += hex;
  }
  return text;
}

void check_magic(const std::string& path, const char* page) {
  const auto magic = load_le<uint32_t>(page + kPageHeader);
  const auto version = load_le<uint32_t>(page + kPageHeader + 4);
  if (magic == kLmdbMagic && version == kLmdbDataVersion) return;
  if (load_le<uint32_t>(page + kMagicAtInLmdb1) == kLmdbMagic || magic == kLmdbMagic) {
    const uint32_t found =
        magic == kLmdbMagic ? version : load_le<uint32_t>(page + kMagicAtInLmdb1 + 4);
    refuse(path, "is not an OOCMap file: it was written by another LMDB (data version " +
                     std::to_string(found) + "; OOCMap's is 1, of LMDB 0.9)");
  }
  if (load_le<uint32_t>(page) == kLmdbMagic) {
    refuse(path,
           "is not an OOCMap file but the lock file of one, which has the name without '-lock'");
  }
  if (std::string_view(page, 15) == "SQLite format 3") {
    refuse(path, "is not an OOCMap file but a SQLite database");
  }
  refuse(path, "is not an OOCMap file: it begins with the bytes " + first_bytes(page, 16));
}

FileMeta parse_meta(const std::string& path, const char* page) {
  check_magic(path, page);
  FileMeta meta;
  meta.page_size = load_le<uint32_t>(page + kTreesAt);
  meta.free_list = load_tree(page + kTreesAt);
  meta.main = load_tree(page + kTreesAt + kTreeBytes);
  meta.last_page = load_le<uint64_t>(page + kTreesAt + 2 * kTreeBytes);
  meta.transaction = load_le<uint64_t>(page + kTreesAt + 2 * kTreeBytes + 8);
  const uint32_t size = meta.page_size;
  const bool sound = size >= kMinPageSize && size <= kMaxPageSize && (size & (size - 1)) == 0 &&
                     (meta.free_list.flags & kTreeFlags) == kIntegerKeyTree &&
                     (meta.main.flags & kTreeFlags) == 0 &&
                     (load_le<uint16_t>(page + 10) & kMetaPage) != 0;
  if (!sound) {
    refuse(path, "is not an OOCMap file, or damaged: a meta page says page size " +
                     std::to_string(size) + ", flags " + std::to_string(meta.free_list.flags) +
                     " and " + std::to_string(meta.main.flags));
  }
  return meta;
}

}  // namespace

bool read_at(int fd, const std::string& path, uint64_t offset, void* to, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t n =
        pread(fd, static_cast<char*>(to) + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_system("read", path, errno);
    if (n == 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

void refuse(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::kCorrupt, "'" + path + "' " + why, 0, path);
}

FileMeta read_meta(int fd, const std::string& path) {
  char page[kMetaBytes] = {};
  if (!read_at(fd, path, 0, page, sizeof page)) {
    check_magic(path, page);
    refuse(path, "is truncated: it ends within its first page");
  }
  const FileMeta first = parse_meta(path, page);
  if (!read_at(fd, path, first.page_size, page, sizeof page)) {
    refuse(path, "is truncated: it ends before its second page");
  }
  const FileMeta second = parse_meta(path, page);
  if (first.page_size != second.page_size) refuse(path, "is damaged: its meta pages disagree");
  // Of two copies of one state, the one that its number leads to.
  const bool copies = first.transaction == second.transaction &&
                      first.main.root == second.main.root &&
                      first.free_list.root == second.free_list.root;
  const bool is_second =
      copies ? (first.transaction & 1) != 0 : first.transaction < second.transaction;
  const FileMeta& newer = is_second ? second : first;
  // LMDB's readers look for a transaction on the page its number says, and would find another.
  if ((newer.transaction & 1) != (is_second ? 1 : 0)) {
    refuse(path, "is damaged: transaction " + std::to_string(newer.transaction) +
                     " stands on meta page " + std::to_string(is_second ? 1 : 0));
  }
  return newer;
}

bool read_meta_of(int fd, const std::string& path, uint32_t page_size, uint64_t transaction,
                  FileMeta& meta) {
  const uint64_t offset = (transaction & 1) * page_size;
  char page[kMetaBytes] = {};
  char again[kMetaBytes] = {};
  // Twice: a commit may be writing it.
  if (!read_at(fd, path, offset, page, sizeof page) ||
      !read_at(fd, path, offset, again, sizeof again)) {
    refuse(path, "is truncated: it ends within its meta pages");
  }
  if (std::memcmp(page, again, sizeof page) != 0) return false;
  meta = parse_meta(path, page);
  return meta.transaction == transaction;
}

uint64_t size_of(int fd, const std::string& path) {
  struct stat info;
  if (fstat(fd, &info) != 0) throw_system("examine", path, errno);
  return static_cast<uint64_t>(info.st_size);
}

}  // namespace oocmap
