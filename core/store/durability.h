// What a file promises to survive: stored in it (meta "durability"), and kept by all who write to
// it.
//
// A process may do more than the file promises, never less: one that did not wait for the disk
// would undo what the others waited for.
#pragma once

#include "core/base/export.h"
#include "core/lmdb/environment.h"

namespace oocmap {

// Errors: kCorrupt where the row is missing or unknown.
Durability promised_durability(const Transaction& transaction);

// Sets what the environment, opened with `options`, does from now on: what the file promises, or
// the more that is asked for. Errors: kInvalidArgument where less is asked for, unless
// `options.durability_at_least` is set or nothing will be written.
void agree_on_durability(Environment& environment, Durability promised, const OpenOptions& options);

// Changes the promise. More is kept at once: by this process from this commit on, by others from
// their next write on. Less is kept by who opens the file afterwards. Errors: those of put.
OOCMAP_API void promise_durability(Environment& environment, WriteTransaction& transaction,
                                   Durability durability);

// Holding the write lock: takes up a promise that another process has raised. Errors: kCorrupt.
void follow_durability(Environment& environment, const Transaction& transaction);

}  // namespace oocmap
