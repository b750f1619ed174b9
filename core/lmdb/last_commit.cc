#include "core/lmdb/last_commit.h"

namespace oocmap {
namespace {

thread_local uint64_t last = 0;

}  // namespace

uint64_t last_commit_of_thread() noexcept { return last; }

void note_commit(uint64_t transaction_id) noexcept { last = transaction_id; }

}  // namespace oocmap
