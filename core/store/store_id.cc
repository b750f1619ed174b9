#include "core/store/store_id.h"

#include <sys/random.h>

#include <cerrno>

#include "core/base/error.h"

namespace oocmap {

StoreId random_store_id() {
  StoreId id;
  size_t done = 0;
  while (done < id.size()) {
    const ssize_t got = getrandom(id.data() + done, id.size() - done, 0);
    if (got > 0) done += static_cast<size_t>(got);
    if (got < 0 && errno != EINTR) {
      throw Error(ErrorCode::kIo, "getrandom failed while a map was created", errno, "");
    }
  }
  return id;
}

}  // namespace oocmap
