#include "core/lmdb/file_check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/lmdb/errors.h"

namespace oocmap {
namespace {

// LMDB 0.9's layout on a 64-bit machine. A page: number u64, pad u16, flags u16, lower u16, upper
// u16 (an overflow page: run length u32 in the last two), then u16 offsets of nodes. A meta page
// holds, from byte 16: magic u32, version u32, address u64, map size u64, two trees, last page u64,
// transaction u64. A tree: pad u32 (page size, in the first), flags u16, depth u16, 4 counts, root
// u64.
constexpr uint32_t kMagic = 0xBEEFC0DE;
constexpr uint32_t kDataVersion = 1;
constexpr size_t kPageHeader = 16;
constexpr size_t kTreeBytes = 48;
constexpr size_t kTreesAt = 40;
constexpr size_t kMetaBytes = 152;
constexpr size_t kMagicAtInLmdb1 = 24;  // its page header is 8 bytes longer
constexpr uint16_t kTreeFlags = 0x7f;   // what a tree can be; DUPSORT and the like are never ours
constexpr uint16_t kIntegerKey = 0x08;
constexpr uint64_t kNoPage = ~uint64_t{0};
constexpr int kMaxTreeDepth = 32;  // LMDB's

enum PageFlag : uint16_t { kBranch = 1, kLeaf = 2, kOverflow = 4, kMetaPage = 8 };
enum NodeFlag : uint16_t { kBigData = 1, kSubTree = 2 };

struct Meta {
  uint32_t page_size;
  uint64_t last_page;
  uint64_t transaction;
  uint64_t roots[2];  // the free list's and the main tree's
};

// Reads exactly `size` bytes, or returns false where the file ends before.
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

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::kCorrupt, "'" + path + "' " + why, 0, path);
}

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
  if (magic == kMagic && version == kDataVersion) return;
  if (load_le<uint32_t>(page + kMagicAtInLmdb1) == kMagic || magic == kMagic) {
    const uint32_t found =
        magic == kMagic ? version : load_le<uint32_t>(page + kMagicAtInLmdb1 + 4);
    refuse(path, "is not an OOCMap file: it was written by another LMDB (data version " +
                     std::to_string(found) + "; OOCMap's is 1, of LMDB 0.9)");
  }
  if (std::string_view(page, 15) == "SQLite format 3") {
    refuse(path, "is not an OOCMap file but a SQLite database");
  }
  refuse(path, "is not an OOCMap file: it begins with the bytes " + first_bytes(page, 16));
}

Meta parse_meta(const std::string& path, const char* page) {
  check_magic(path, page);
  Meta meta;
  meta.page_size = load_le<uint32_t>(page + kTreesAt);
  const auto flags = load_le<uint16_t>(page + kTreesAt + 4);
  const auto main_flags = load_le<uint16_t>(page + kTreesAt + kTreeBytes + 4);
  meta.roots[0] = load_le<uint64_t>(page + kTreesAt + kTreeBytes - 8);
  meta.roots[1] = load_le<uint64_t>(page + kTreesAt + 2 * kTreeBytes - 8);
  meta.last_page = load_le<uint64_t>(page + kTreesAt + 2 * kTreeBytes);
  meta.transaction = load_le<uint64_t>(page + kTreesAt + 2 * kTreeBytes + 8);
  const uint32_t size = meta.page_size;
  const bool sound = size >= 512 && size <= 65536 && (size & (size - 1)) == 0 &&
                     (flags & kTreeFlags) == kIntegerKey && (main_flags & kTreeFlags) == 0 &&
                     (load_le<uint16_t>(page + 10) & kMetaPage) != 0;
  if (!sound) {
    refuse(path, "is not an OOCMap file, or damaged: a meta page says page size " +
                     std::to_string(size) + ", flags " + std::to_string(flags) + " and " +
                     std::to_string(main_flags));
  }
  return meta;
}

// The newer of the two meta pages, both of which must be sound.
Meta read_meta(int fd, const std::string& path) {
  char page[kMetaBytes] = {};
  if (!read_at(fd, path, 0, page, sizeof page)) {
    check_magic(path, page);
    refuse(path, "is truncated: it ends within its first page");
  }
  const Meta first = parse_meta(path, page);
  if (!read_at(fd, path, first.page_size, page, sizeof page)) {
    refuse(path, "is truncated: it ends before its second page");
  }
  const Meta second = parse_meta(path, page);
  if (first.page_size != second.page_size) refuse(path, "is damaged: its meta pages disagree");
  return first.transaction < second.transaction ? second : first;
}

uint64_t size_of(int fd, const std::string& path) {
  struct stat info;
  if (fstat(fd, &info) != 0) throw_system("examine", path, errno);
  return static_cast<uint64_t>(info.st_size);
}

// Visits the pages in use of a file that is shorter than its last page number says.
class ShortFileWalk {
 public:
  ShortFileWalk(int fd, const std::string& path, const Meta& meta, uint64_t pages)
      : fd_(fd), path_(path), page_size_(meta.page_size), pages_(pages) {}

  // Returns whether every page of the tree lies within the file and looks like one.
  bool tree(uint64_t root, int depth = 0) {
    if (root == kNoPage) return true;
    if (root >= pages_ || depth > kMaxTreeDepth || ++visited_ > pages_) return false;
    std::vector<char> page(page_size_);
    if (!read_at(fd_, path_, root * page_size_, page.data(), page.size())) return false;
    const auto flags = load_le<uint16_t>(&page[10]);
    const auto lower = load_le<uint16_t>(&page[12]);
    if ((flags & (kBranch | kLeaf)) == 0 || lower < kPageHeader || lower > page_size_) return false;
    for (size_t at = kPageHeader; at + 2 <= lower; at += 2) {
      if (!node(page, load_le<uint16_t>(&page[at]), (flags & kBranch) != 0, depth)) return false;
    }
    return true;
  }

 private:
  // A node: size or page number in 3 (2) u16, flags u16, key size u16, key, data.
  bool node(const std::vector<char>& page, size_t at, bool branch, int depth) {
    if (at < kPageHeader || at + 8 > page.size()) return false;
    const uint64_t low = load_le<uint32_t>(&page[at]);
    const auto flags = load_le<uint16_t>(&page[at + 4]);
    if (branch) return tree(low | uint64_t{flags} << 32, depth + 1);
    const size_t data = at + 8 + load_le<uint16_t>(&page[at + 6]);
    if ((flags & kBigData) != 0) {
      return data + 8 <= page.size() && overflow(load_le<uint64_t>(&page[data]));
    }
    if ((flags & kSubTree) != 0) {
      return data + kTreeBytes <= page.size() &&
             tree(load_le<uint64_t>(&page[data + kTreeBytes - 8]), depth + 1);
    }
    return data + low <= page.size();
  }

  bool overflow(uint64_t number) {
    char header[kPageHeader];
    if (number >= pages_ || !read_at(fd_, path_, number * page_size_, header, sizeof header)) {
      return false;
    }
    return number + load_le<uint32_t>(header + 12) <= pages_;
  }

  int fd_;
  const std::string& path_;
  uint64_t page_size_;
  uint64_t pages_;
  uint64_t visited_ = 0;
};

// Returns nullopt where the file is whole, else what is wrong with it.
std::optional<std::string> truncation(int fd, const std::string& path, const Meta& meta) {
  const uint64_t pages = size_of(fd, path) / meta.page_size;
  if (meta.last_page < pages) return std::nullopt;
  ShortFileWalk walk(fd, path, meta, pages);
  if (walk.tree(meta.roots[0]) && walk.tree(meta.roots[1])) return std::nullopt;
  return "is truncated: it has " + std::to_string(pages) + " pages where " +
         std::to_string(meta.last_page + 1) + " are in use";
}

}  // namespace

void check_file(int fd, const std::string& path) {
  constexpr int kAttempts = 5;
  for (int attempt = 1;; ++attempt) {
    const Meta meta = read_meta(fd, path);
    const auto wrong = truncation(fd, path, meta);
    if (!wrong) return;
    // A writer may have replaced pages under the walk: then the state has moved on, and we look
    // again.
    if (attempt == kAttempts || read_meta(fd, path).transaction == meta.transaction) {
      refuse(path, *wrong);
    }
  }
}

}  // namespace oocmap
