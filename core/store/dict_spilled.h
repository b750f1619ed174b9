// Spilled dicts: rows in `entries` (by key) and `order` (by insertion), and the header in the
// record.
#pragma once

#include "core/store/dict_find.h"
#include "core/store/encoder.h"
#include "core/store/small_edit.h"

namespace oocmap {

// Turns the small dict under `edit` into a spilled one in place, with what edit.node() holds now
// (an inline dict or a set); its children keep their places.
void spill_dict(Store& store, WriteTransaction& transaction, Identity dict, SmallEdit& edit);

// dict_set, dict_erase, dict_clear and dict_rename of a spilled dict; `node` as located.
bool spilled_set(Store& store, WriteTransaction& transaction, const NodeView& node, const Key& key,
                 EncodedValue& value);
bool spilled_erase(Store& store, WriteTransaction& transaction, const NodeView& node,
                   const Key& key);
void spilled_clear(Store& store, WriteTransaction& transaction, const NodeView& node);
bool spilled_rename(WriteTransaction& transaction, const NodeView& node, const Key& from,
                    const Key& to);

}  // namespace oocmap
