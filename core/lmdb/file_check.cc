#include "core/lmdb/file_check.h"

#include "core/base/error.h"
#include "core/lmdb/file_meta.h"
#include "core/lmdb/page_check.h"

namespace oocmap {

// LMDB may count pages that it never wrote, so a short file may be whole: where no tree has a page
// that is missing.
void check_file(int fd, const std::string& path) {
  constexpr int kAttempts = 5;
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    const FileMeta meta = read_meta(fd, path);
    const uint64_t pages = size_of(fd, path) / meta.page_size;
    if (meta.last_page < pages) return;
    try {
      PageReport report;
      if (check_pages(fd, path, report)) return;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kCorrupt) throw;
      refuse(path, "is truncated, or damaged: it has " + std::to_string(pages) + " pages where " +
                       std::to_string(meta.last_page + 1) + " are in use");
    }
  }
  // Somebody writes to it all the time, and has looked at it when he opened it.
}

}  // namespace oocmap
