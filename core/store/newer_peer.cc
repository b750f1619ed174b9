#include "core/store/newer_peer.h"

#include <string>

#include "core/base/error.h"
#include "core/format/meta.h"

namespace oocmap {
namespace {

Bytes row(const Transaction& transaction, Bytes key) {
  return transaction.get(Database::kMeta, key).value_or(Bytes());
}

}  // namespace

void refuse_newer_peer(const Environment& environment, const Transaction& transaction) {
  try {
    decode_format_version(row(transaction, kMetaFormatVersion));
    decode_features(row(transaction, kMetaFlags));
  } catch (const Error& error) {
    throw Error(error.code(),
                "cannot write to '" + environment.path() + "': " + error.message() +
                    " (another process has changed that while it was open here; what is known here "
                    "can still be read)",
                0, environment.path());
  }
}

}  // namespace oocmap
