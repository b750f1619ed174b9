#include "core/store/backup.h"

#include "core/base/error.h"
#include "core/format/meta.h"
#include "core/lmdb/backup.h"
#include "core/store/store_id.h"

namespace oocmap {

uint64_t back_up(Session& session, const BackupOptions& options) {
  Store& store = session.store();
  if (session.closed()) {
    throw Error(ErrorCode::kClosed, "the map '" + store.path() + "' is closed");
  }
  BackupRequest request;
  request.target = options.path;
  request.overwrite = options.overwrite;
  request.progress = options.progress;
  request.change = [&store](WriteTransaction& transaction) {
    store.locate(transaction, store.root());
    const StoreId id = random_store_id();
    transaction.put(Database::kMeta, kMetaStoreId, Bytes(id.data(), id.size()));
  };
  return back_up(store.environment(), request);
}

}  // namespace oocmap
