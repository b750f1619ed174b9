#include "core/lmdb/meta_watch.h"

#include <sys/mman.h>

#include <cerrno>

#include "core/lmdb/errors.h"

namespace oocmap {

MetaWatch::MetaWatch(int fd, size_t page_size, const std::string& path) : size_(2 * page_size) {
  pages_ = mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
  if (pages_ == MAP_FAILED) throw_system("map", path, errno);
  for (size_t i = 0; i < 2; ++i) {
    const char* at = static_cast<const char*>(pages_) + i * page_size + kTransactionAt;
    ids_[i] = reinterpret_cast<const uint64_t*>(at);
  }
}

MetaWatch::~MetaWatch() { munmap(pages_, size_); }

}  // namespace oocmap
