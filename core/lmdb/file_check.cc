#include "core/lmdb/file_check.h"

#include <optional>
#include <vector>

#include "core/lmdb/file_meta.h"

namespace oocmap {
namespace {

// Visits the pages in use of a file that is shorter than its last page number says.
class ShortFileWalk {
 public:
  ShortFileWalk(int fd, const std::string& path, const FileMeta& meta, uint64_t pages)
      : fd_(fd), path_(path), page_size_(meta.page_size), pages_(pages) {}

  // Returns whether every page of the tree lies within the file and looks like one.
  bool tree(uint64_t root, int depth = 0) {
    if (root == kNoPage) return true;
    if (root >= pages_ || depth > kMaxTreeDepth || ++visited_ > pages_) return false;
    std::vector<char> page(page_size_);
    if (!read_at(fd_, path_, root * page_size_, page.data(), page.size())) return false;
    const auto flags = load_le<uint16_t>(&page[10]);
    const auto lower = load_le<uint16_t>(&page[12]);
    if ((flags & (kBranchPage | kLeafPage)) == 0 || lower < kPageHeader || lower > page_size_)
      return false;
    for (size_t at = kPageHeader; at + 2 <= lower; at += 2) {
      if (!node(page, load_le<uint16_t>(&page[at]), (flags & kBranchPage) != 0, depth))
        return false;
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
std::optional<std::string> truncation(int fd, const std::string& path, const FileMeta& meta) {
  const uint64_t pages = size_of(fd, path) / meta.page_size;
  if (meta.last_page < pages) return std::nullopt;
  ShortFileWalk walk(fd, path, meta, pages);
  if (walk.tree(meta.free_list.root) && walk.tree(meta.main.root)) return std::nullopt;
  return "is truncated: it has " + std::to_string(pages) + " pages where " +
         std::to_string(meta.last_page + 1) + " are in use";
}

}  // namespace

void check_file(int fd, const std::string& path) {
  constexpr int kAttempts = 5;
  for (int attempt = 1;; ++attempt) {
    const FileMeta meta = read_meta(fd, path);
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
