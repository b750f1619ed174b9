#include "python/native/handles.h"

#include "core/format/handle.h"
#include "python/native/keys.h"

namespace oocmap::python {

Ref handle_of(Container& container) {
  const Reading reading(container);
  Handle handle;
  handle.store_id = reading.store().id();
  handle.tag = container.tag;
  handle.identity = container.identity;
  if (container.birth != 0 && reading.transaction().writable()) {
    handle.kind = HandleKind::kUncommitted;
    handle.nonce = reading.map().session().nonce();
    handle.birth = container.birth;
  }
  const Buffer bytes = encode_handle(handle);
  return Ref::steal(PyBytes_FromStringAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
}

Ref object_of_handle(MapState& map, Bytes bytes) {
  map.check_open();
  if (!is_handle(bytes)) return Ref();
  const Handle handle = decode_handle(bytes);
  if (handle.kind == HandleKind::kScalar) return packed_to_python(handle.packed);
  if (handle.store_id != map.store().id()) return Ref();
  if (handle.kind == HandleKind::kUncommitted &&
      (handle.nonce != map.session().nonce() || map.store().rolled_back(handle.birth))) {
    throw Error(ErrorCode::kStaleHandle, "the value behind this handle was never committed");
  }
  const MapReading reading(map);
  Member member;
  member.tag = handle.tag;
  member.word = handle.identity;
  Ref lazy = Ref::steal(new_lazy(reading, member));
  if (handle.birth != 0) container_of(lazy.get()).birth = handle.birth;
  return lazy;
}

}  // namespace oocmap::python
