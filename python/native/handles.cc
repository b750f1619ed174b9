#include "python/native/handles.h"

#include "core/format/handle.h"
#include "python/native/convert_out.h"
#include "python/native/keys.h"
#include "python/native/unfinished.h"

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
  Member member;
  member.tag = handle.tag;
  member.word = handle.identity;
  Ref object;
  {
    const MapReading reading(map);
    object = Ref::steal(member_to_python(reading, member));
  }
  if (handle.birth != 0 && is_lazy(object.get())) container_of(object.get()).birth = handle.birth;
  return finished(std::move(object));
}

}  // namespace oocmap::python
