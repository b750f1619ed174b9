#include "core/store/durability.h"

#include <string>

#include "core/base/error.h"
#include "core/format/meta.h"

namespace oocmap {
namespace {

// The numbers fall with what is promised.
bool less(Durability a, Durability b) noexcept { return a > b; }

}  // namespace

Durability promised_durability(const Transaction& transaction) {
  const auto row = transaction.get(Database::kMeta, kMetaDurability);
  if (!row) {
    throw Error(ErrorCode::kCorrupt, "not an OOCMap file: its meta has no \"durability\"");
  }
  const uint8_t number = decode_meta_u8(kMetaDurability, *row);
  if (number > static_cast<uint8_t>(Durability::kOff)) {
    throw Error(ErrorCode::kCorrupt,
                "its durability is " + std::to_string(number) + ", and none is above 2");
  }
  return static_cast<Durability>(number);
}

void agree_on_durability(Environment& environment, Durability promised,
                         const OpenOptions& options) {
  const Durability asked = options.durability.value_or(promised);
  const bool too_little = less(asked, promised);
  if (too_little && !options.durability_at_least && !environment.read_only()) {
    const std::string promise = durability_name(promised);
    throw Error(ErrorCode::kInvalidArgument,
                "'" + environment.path() + "' promises durability " + promise +
                    ", and a process that writes with " + durability_name(asked) +
                    " would undo it for all others: open it without a durability, or lower the "
                    "promise first (OOCMap.set_durability)",
                0, environment.path());
  }
  environment.set_durability(too_little ? promised : asked);
}

void promise_durability(Environment& environment, WriteTransaction& transaction,
                        Durability durability) {
  const auto number = static_cast<uint8_t>(durability);
  transaction.put(Database::kMeta, kMetaDurability, encode_meta_u8(number));
  // Before the commit that makes the promise. Undone, it has cost some waiting and nothing else.
  if (less(environment.durability(), durability)) environment.set_durability(durability);
}

void follow_durability(Environment& environment, const Transaction& transaction) {
  const Durability promised = promised_durability(transaction);
  if (less(environment.durability(), promised)) environment.set_durability(promised);
}

}  // namespace oocmap
