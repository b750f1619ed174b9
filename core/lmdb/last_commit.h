// Which transaction a thread committed last: the witness of an order of what several processes did.
#pragma once

#include <cstdint>

#include "core/base/export.h"

namespace oocmap {

// Id of the newest transaction that the calling thread committed, on whatever file; 0: none yet.
OOCMAP_API uint64_t last_commit_of_thread() noexcept;
// Called by WriteTransaction.
void note_commit(uint64_t transaction_id) noexcept;

}  // namespace oocmap
