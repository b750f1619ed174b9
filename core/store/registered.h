// Objects of classes that their user registered (Python's oocmap.register): the class's name, and
// the one value that the object was turned into. SQL and JSON show the value in its place.
#pragma once

#include "core/base/export.h"
#include "core/store/store.h"

namespace oocmap {

// The class's name, UTF-8. Lifetime: as Store::payload(). Errors: kCorrupt where it is no text.
OOCMAP_API Bytes registered_name(Store& store, const Transaction& transaction,
                                 const NodeView& node);

// `member`, but of a registered object its value, and so on inwards. Errors: kStaleHandle;
// kCorrupt, also for one inside itself. Cost: nothing for any other member.
OOCMAP_API Member shown_member(Store& store, const Transaction& transaction, Member member);

}  // namespace oocmap
