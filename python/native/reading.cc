#include "python/native/reading.h"

namespace oocmap::python {

ReadCounters read_counters;

namespace {

[[noreturn]] void refuse_stale() {
  throw Error(ErrorCode::kStaleHandle, "the value behind this object was undone by a rollback");
}

}  // namespace

void find_again(const MapReading& reading, Container& container) {
  Store& store = reading.store();
  const Transaction& transaction = reading.transaction();
  const Stamp stamp = transaction.stamp();
  container.located = false;
  if (!(container.stamp == stamp)) {
    reading.map().forget_rolled_back();
    if (container.birth != 0 && store.rolled_back(container.birth)) refuse_stale();
    container.record = reading.map().records.find(transaction, record_of(container.identity));
    container.stamp = stamp;
  }
  // A missing record is the store's to explain.
  container.node = container.record.empty()
                       ? store.locate(transaction, container.identity)
                       : NodeView::locate(container.record, container.identity);
  container.located = true;
  ++read_counters.containers;
}

}  // namespace oocmap::python
